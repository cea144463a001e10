//! The shop's adapter against the provider.

use payment_provider::{SecretKey, Toss};
use payment_system::{CLIENT_KEY, CallFault, Checkout, CheckoutMethod, Fault, On, SECRET_KEY};
use shared::{
    app::payments::provider::{Cancellation, Confirmation, PaymentProvider as _, ProviderError},
    domain::{
        PaymentId, Won,
        provider::{PaymentKey, ProviderState},
    },
};

use super::*;

struct World {
    transport: InProcess,
    toss: Toss<InProcess>,
}

impl World {
    /// A world whose time is tokio's.
    fn new() -> Self {
        let began = tokio::time::Instant::now();
        let start: jiff::Timestamp = "2026-11-26T12:00:00Z".parse().unwrap();
        let transport = InProcess::new(Clock::new(move || start + began.elapsed()));
        let toss = Toss::new(transport.clone(), CLIENT_KEY.to_owned(), SecretKey::new(SECRET_KEY.to_owned()));
        Self { transport, toss }
    }

    fn begin(&self, method: CheckoutMethod) -> Confirmation {
        let checkout =
            Checkout { merchant_order_id: "p1".to_owned(), amount: 10_000, order_name: "tea".to_owned(), method };
        let key = self.transport.provider().begin(checkout, self.transport.clock.now()).unwrap();
        Confirmation { payment_id: id(), payment_key: PaymentKey::try_from(key).unwrap(), amount: Won::new(10_000) }
    }

    fn strike(&self, on: On, fault: CallFault) {
        self.transport.provider().set_faults_of("p1", vec![Fault::once(on, fault)]).unwrap();
    }
}

fn id() -> PaymentId {
    PaymentId::try_from("p1".to_owned()).unwrap()
}

const CARD: CheckoutMethod = CheckoutMethod::Card { is_declined: false };

#[tokio::test(start_paused = true)]
async fn the_adapter_confirms_looks_up_and_cancels() {
    let world = World::new();
    assert_eq!(world.toss.look_up(&id()).await, Ok(None));
    let confirmation = world.begin(CARD);
    assert_eq!(world.toss.look_up(&id()).await.unwrap().unwrap().state, ProviderState::Open);
    let paid = world.toss.confirm(&confirmation).await.unwrap();
    assert_eq!((paid.state.clone(), paid.amount), (ProviderState::Done, Won::new(10_000)));
    assert_eq!(world.toss.confirm(&confirmation).await, Ok(paid));
    let payment_key = confirmation.payment_key;
    let cancellation = Cancellation { payment_key, refund_id: "r1".to_owned(), amount: Won::new(3_000) };
    for _ in 0..2 {
        assert!(world.toss.cancel(&cancellation).await.unwrap().has_refund("r1"));
    }
    assert_eq!(world.transport.provider().sums().held, 7_000);
}

#[tokio::test(start_paused = true)]
async fn silence_takes_five_seconds_and_a_look_up_settles_it() {
    let world = World::new();
    let confirmation = world.begin(CARD);
    world.strike(On::Confirm, CallFault::SilentAfter);
    let began = tokio::time::Instant::now();
    assert!(matches!(world.toss.confirm(&confirmation).await, Err(ProviderError::Unknown(_))));
    assert_eq!(began.elapsed(), HttpTransport::TIME_LIMIT);
    assert_eq!(world.toss.look_up(&id()).await.unwrap().unwrap().state, ProviderState::Done);
}

#[tokio::test(start_paused = true)]
async fn the_adapter_understands_each_fault() {
    for (fault, expected) in [
        (CallFault::FailBefore, "unknown"),
        (CallFault::FailAfter, "unknown"),
        (CallFault::SilentBefore, "unknown"),
        (CallFault::Slow(Duration::from_secs(6)), "unknown"),
        (CallFault::Slow(Duration::from_secs(1)), "paid"),
        (CallFault::TakenLater(Duration::from_secs(6)), "unknown"),
        (CallFault::OtherAmount(1), "unknown"),
        (CallFault::Decline("INVALID_STOPPED_CARD".to_owned()), "refused"),
    ] {
        let world = World::new();
        let confirmation = world.begin(CARD);
        world.strike(On::Confirm, fault.clone());
        let outcome = match world.toss.confirm(&confirmation).await {
            Ok(_) => "paid",
            Err(ProviderError::Unknown(_)) => "unknown",
            Err(ProviderError::Refused { .. }) => "refused",
        };
        assert_eq!(outcome, expected, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_adapter_reads_the_notice_of_a_deposit() {
    let world = World::new();
    let confirmation = world.begin(CheckoutMethod::VirtualAccount { valid_hours: 168 });
    let opened = world.toss.confirm(&confirmation).await.unwrap();
    let ProviderState::WaitingForDeposit { secret, .. } = opened.state else { panic!("{opened:?}") };
    let now = world.transport.clock.now();
    world.transport.provider().deposit("p1", now).unwrap();
    let notices = world.transport.provider().take_notices(now);
    let callback = world.toss.read_notice(notices.last().unwrap().body.as_bytes()).unwrap();
    assert_eq!((callback.payment_id, callback.secret), (id(), secret));
    assert_eq!(world.toss.look_up(&id()).await.unwrap().unwrap().state, ProviderState::Done);
}
