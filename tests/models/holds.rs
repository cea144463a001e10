//! An order that holds its units and its coupon, and waits for its payment. Payment, the end of its hold, cancellation
//! and results of the payment system are concurrent.
//!
//! The decisions are production's: the possible changes of an order, their effects, and the ledger's entry.

use std::{
    collections::BTreeMap,
    hash::{Hash, Hasher},
};

use shared::domain::{
    CouponId, OrderId, PaymentId, UserId, Won,
    account::{Account, Movement},
    ledger::EntryKind,
    order::{
        Actor, Cancellation, Draft, HistoryEvent, Order, OrderEffects, OrderStatus, PaymentMethod, PaymentOutcome,
        PaymentStatus,
    },
};
use stateright::{Model, Property};
use tests::drafts::{PRICE, draft, id};

use crate::explore::{FREE_SHIPPING, at, holds, needed};

/// The order is created at tick 0, and its hold ends at this one.
const END: i64 = 1;
const LAST_TICK: i64 = 2;
const UNITS: u16 = 2;
const BALANCE: i64 = 5_000;
const CHARGED: i64 = 300;

/// A condition, or a check, that the model can forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forgotten {
    /// An order is replaced without regard to its version.
    Version,
    /// A balance is changed without regard to the account's sequence.
    Sequence,
    /// The key of a payment is not noted with it.
    KeyNote,
    /// The result of the payment system is not noted with its effect.
    PaymentNote,
    /// The expiry of the hold is not checked.
    IsExpired,
    /// The hold is never ended.
    Expiry,
}

/// The intention of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Intent {
    /// Pays from the balance. A request with an idempotency key can be repeated.
    Pay {
        has_key: bool,
    },
    Charge,
    Cancel,
    /// By the message of the order, or by the sweep.
    EndHold,
    /// A result of the payment system.
    Result {
        payment: u8,
        outcome: PaymentOutcome,
    },
}

#[derive(Debug, Clone)]
struct Holds {
    method: PaymentMethod,
    /// The intention of each caller, and the ticks by which its clock is ahead.
    intents: Vec<(Intent, i64)>,
    deaths: u8,
    forgotten: Option<Forgotten>,
}

/// An order with a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Image(Order);

impl Hash for Image {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The other fields follow from the history.
        for entry in &self.0.history {
            (entry.event as u8, entry.at).hash(state);
            entry.returned.as_ref().map(|returned| &returned.payment_id).hash(state);
        }
        self.0.payment_id.hash(state);
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Progress {
    Begun,
    /// Has read order and account, at this tick of its clock.
    Seen {
        order: Box<Image>,
        account: Account,
        tick: i64,
    },
    /// There was nothing to do yet at this tick.
    Waits {
        tick: i64,
    },
    Done {
        agreed: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    tick: i64,
    order: Image,
    account: Account,
    /// The sum of all entries of the ledger.
    ledger: i64,
    in_stock: i64,
    coupon_is_usable: bool,
    key_is_noted: bool,
    payments: BTreeMap<PaymentId, PaymentStatusKnown>,
    /// The sum of the payment system's successful payments.
    received: i64,
    progress: Vec<Progress>,
    deaths: u8,
}

/// The result of a payment, as the order notes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum PaymentStatusKnown {
    Paid,
    Failed,
    Returned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Reads, or commits.
    Call(usize),
    /// Dies, before or after the commit, and its caller repeats the request.
    Die(usize),
    Tick,
}

fn placed(method: PaymentMethod) -> Order {
    let draft = draft("mina", &[("tea", i64::from(UNITS))], FREE_SHIPPING, at(0));
    let with_coupon = Draft { coupon_id: Some(id::<CouponId>("welcome")), ..draft };
    Order::placed(id::<OrderId>("o1"), with_coupon, method, Won::ZERO, at(END))
}

impl Holds {
    fn forgot(&self, what: Forgotten) -> bool {
        self.forgotten == Some(what)
    }

    /// The changed order, if it changes, and whether the intention is achieved then.
    fn decide(&self, intent: Intent, order: &Order, tick: i64) -> (Option<Order>, bool) {
        let now = at(tick);
        match intent {
            Intent::Pay { .. } => order.pay(Actor::Customer, now).map_or((None, false), |paid| (Some(paid), true)),
            Intent::Charge => (None, true),
            Intent::Cancel => {
                let cancelled = order.cancel(&Cancellation::Whole, Actor::Customer, None, now);
                cancelled.map_or((None, false), |cancelled| (Some(cancelled), true))
            }
            Intent::EndHold if order.is_hold_expired(now) || self.forgot(Forgotten::IsExpired) => {
                (order.end_unpaid(HistoryEvent::HoldExpired, Actor::System, now).ok(), true)
            }
            Intent::EndHold => (None, order.hold_expires_at.is_none()),
            Intent::Result { payment, outcome } => {
                let settled = order.settled(outcome, &payment_id(payment), Won::new(PRICE * i64::from(UNITS)), now);
                (settled.unwrap().1, true)
            }
        }
    }

    /// One atomic commit; returns whether it was carried out.
    fn commit(&self, state: &mut State, intent: Intent, seen: &Order, seen_account: &Account, tick: i64) -> bool {
        let (changed, _) = self.decide(intent, seen, tick);
        let order_is_as_seen = state.order.0.version == seen.version || self.forgot(Forgotten::Version);
        if changed.is_some() && !order_is_as_seen {
            return false;
        }
        let difference = changed.as_ref().map(|changed| OrderEffects::between(seen, changed));
        let (paid, refunded) = difference.as_ref().map_or((None, None), |it| (it.payment, it.refund));
        let charged = (intent == Intent::Charge).then_some(Won::new(CHARGED));
        let movement = match (charged, paid, refunded) {
            (Some(amount), _, _) => Some((EntryKind::Charge, amount)),
            (_, Some(amount), _) => Some((EntryKind::Payment, amount.negated())),
            (_, _, Some(amount)) => Some((EntryKind::Refund, amount)),
            _ => None,
        };
        if movement.is_some() && state.account.sequence != seen_account.sequence && !self.forgot(Forgotten::Sequence) {
            return false;
        }
        if let Intent::Result { payment, outcome } = intent {
            let status = seen.settled(outcome, &payment_id(payment), Won::new(PRICE * i64::from(UNITS)), at(tick));
            let status = match status.unwrap().0 {
                PaymentStatus::Paid => PaymentStatusKnown::Paid,
                PaymentStatus::Failed => PaymentStatusKnown::Failed,
                _ => PaymentStatusKnown::Returned,
            };
            let there = state.payments.get(&payment_id(payment));
            let may_note = there.is_none_or(|there| *there == PaymentStatusKnown::Failed && status != *there);
            if !may_note && !self.forgot(Forgotten::PaymentNote) {
                return false;
            }
            if there.is_none_or(|there| *there == PaymentStatusKnown::Failed) && status != PaymentStatusKnown::Failed {
                state.received += PRICE * i64::from(UNITS);
            }
            state.payments.insert(payment_id(payment), status);
        }
        if let Some((kind, amount)) = movement {
            let user: UserId = id("mina");
            let (order_id, payment_id, actor, reason) = (None, None, Actor::Customer, None);
            let entry_id = "e".to_owned();
            let movement = Movement { entry_id, kind, amount, order_id, payment_id, actor, reason, at: at(0) };
            state.account = seen_account.book(&user, movement).unwrap().0;
            state.ledger += amount.get();
        }
        if let Some(difference) = &difference {
            state.in_stock += difference.units.values().sum::<i64>();
            state.coupon_is_usable |= difference.coupon.is_some();
        }
        if intent == (Intent::Pay { has_key: true }) && !self.forgot(Forgotten::KeyNote) {
            state.key_is_noted = true;
        }
        if let Some(changed) = changed {
            state.order = Image(changed);
        }
        true
    }

    fn call(&self, state: &mut State, number: usize) {
        let (intent, ahead) = self.intents[number];
        let progress = state.progress[number].clone();
        let noted = match intent {
            Intent::Result { payment, outcome } => {
                let there = state.payments.get(&payment_id(payment));
                let counts = |there: &PaymentStatusKnown| {
                    *there != PaymentStatusKnown::Failed || outcome == PaymentOutcome::Failed
                };
                there.is_some_and(counts) && !self.forgot(Forgotten::PaymentNote)
            }
            Intent::Pay { has_key: true } => state.key_is_noted,
            _ => false,
        };
        state.progress[number] = match progress {
            Progress::Begun | Progress::Waits { .. } if noted => Progress::Done { agreed: true },
            Progress::Begun | Progress::Waits { .. } => {
                let order = Box::new(state.order.clone());
                Progress::Seen { order, account: state.account, tick: state.tick + ahead }
            }
            Progress::Seen { order, account, tick } => {
                let (changed, agreed) = self.decide(intent, &order.0, tick);
                let does_nothing = changed.is_none() && !matches!(intent, Intent::Charge | Intent::Result { .. });
                match intent {
                    Intent::EndHold if does_nothing && !agreed => Progress::Waits { tick: tick - ahead },
                    _ if does_nothing => Progress::Done { agreed },
                    _ if self.commit(state, intent, &order.0, &account, tick) => Progress::Done { agreed: true },
                    _ => Progress::Begun,
                }
            }
            done @ Progress::Done { .. } => done,
        };
    }
}

fn payment_id(number: u8) -> PaymentId {
    id(&format!("p{number}"))
}

fn happened(order: &Order, event: HistoryEvent) -> usize {
    order.history.iter().filter(|entry| entry.event == event).count()
}

impl Model for Holds {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            tick: 0,
            order: Image(placed(self.method)),
            account: Account { balance: Won::new(BALANCE), ..Account::NEW },
            ledger: 0,
            in_stock: 0,
            coupon_is_usable: false,
            key_is_noted: false,
            payments: BTreeMap::new(),
            received: 0,
            progress: vec![Progress::Begun; self.intents.len()],
            deaths: self.deaths,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for (number, (progress, (intent, _))) in state.progress.iter().zip(&self.intents).enumerate() {
            let may_call = match progress {
                Progress::Begun | Progress::Seen { .. } => true,
                Progress::Waits { tick } => *tick < state.tick,
                Progress::Done { .. } => false,
            };
            if may_call && !(*intent == Intent::EndHold && self.forgot(Forgotten::Expiry)) {
                steps.push(Step::Call(number));
            }
            if state.deaths > 0 && !matches!(progress, Progress::Begun | Progress::Waits { .. }) {
                // A client that charges without a key and gets no answer does not repeat it: the effect is unknown.
                if !(*intent == Intent::Charge && matches!(progress, Progress::Done { .. })) {
                    steps.push(Step::Die(number));
                }
            }
        }
        if state.tick < LAST_TICK {
            steps.push(Step::Tick);
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Call(number) => self.call(&mut state, number),
            Step::Die(number) => {
                state.deaths -= 1;
                state.progress[number] = Progress::Begun;
            }
            Step::Tick => state.tick += 1,
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("the balance is the sum of the ledger", |_, state: &State| {
                state.account.balance.get() == BALANCE + state.ledger
            }),
            Property::always("what the order took is what the ledger says", |model, state: &State| {
                let order = &state.order.0;
                let charges = model.intents.iter().zip(&state.progress);
                let charged = charges.filter(|((intent, _), progress)| {
                    *intent == Intent::Charge && matches!(progress, Progress::Done { .. })
                });
                let charged = i64::try_from(charged.count()).unwrap() * CHARGED;
                let from_balance = model.method == PaymentMethod::Balance;
                let taken = if from_balance { order.paid.get() - order.refunded.get() } else { 0 };
                state.ledger == charged - taken
            }),
            Property::always("units are the order's or in stock", |_, state: &State| {
                let held: i64 = state.order.0.items.iter().map(|line| i64::from(line.live_units())).sum();
                state.in_stock + held == i64::from(UNITS)
            }),
            Property::always("the coupon is the order's or usable", |_, state: &State| {
                state.coupon_is_usable == state.order.0.status.is_void()
            }),
            Property::always("paid once or ended unpaid once", |_, state: &State| {
                let order = &state.order.0;
                let paid = happened(order, HistoryEvent::Paid);
                let ended = happened(order, HistoryEvent::HoldExpired) + happened(order, HistoryEvent::PaymentDeclined);
                paid + ended <= 1
            }),
            Property::always("every step builds on the one before", |_, state: &State| {
                usize::try_from(state.order.0.version).unwrap() == state.order.0.history.len()
            }),
            Property::always("nothing is paid after its hold, no hold ends before its time", |_, state: &State| {
                let in_time = |entry: &shared::domain::order::HistoryEntry| match entry.event {
                    HistoryEvent::Paid => entry.at < at(END),
                    HistoryEvent::HoldExpired => entry.at >= at(END),
                    _ => true,
                };
                state.order.0.history.iter().all(in_time)
            }),
            Property::always("a payment with a key is answered as made", |model, state: &State| {
                let own = model
                    .intents
                    .iter()
                    .zip(&state.progress)
                    .filter(|((intent, _), _)| *intent == Intent::Pay { has_key: true });
                let others =
                    model.intents.iter().filter(|(intent, _)| matches!(intent, Intent::Pay { has_key: false }));
                let paid = happened(&state.order.0, HistoryEvent::Paid) > 0;
                let must_be_own = paid && others.count() == 0;
                own.into_iter().all(|(_, progress)| !must_be_own || *progress != Progress::Done { agreed: false })
            }),
            Property::always("money from outside pays or goes back", |model, state: &State| {
                let order = &state.order.0;
                let returned: i64 =
                    order.history.iter().filter_map(|it| it.returned.as_ref()).map(|it| it.amount.get()).sum();
                model.method == PaymentMethod::Balance || state.received == order.paid.get() + returned
            }),
            Property::always("no order waits for ever", |model, state: &State| {
                let mut steps = Vec::new();
                model.actions(state, &mut steps);
                !steps.is_empty() || state.order.0.status != OrderStatus::PendingPayment
            }),
            Property::sometimes("it is paid", |_, state: &State| happened(&state.order.0, HistoryEvent::Paid) > 0),
            Property::sometimes("its hold ends", |_, state: &State| {
                happened(&state.order.0, HistoryEvent::HoldExpired) > 0
            }),
        ]
    }
}

/// Paid from the balance by two requests at once, while the customer cancels and the hold ends. One payment and the end
/// of the hold have clocks that are ahead.
fn from_balance() -> Holds {
    let (keyed, other) = (Intent::Pay { has_key: true }, Intent::Pay { has_key: false });
    let intents = vec![(keyed, 0), (other, 1), (Intent::Cancel, 0), (Intent::EndHold, 1)];
    Holds { method: PaymentMethod::Balance, intents, deaths: 1, forgotten: None }
}

/// Message and sweep end the hold at once, by different clocks.
fn ended_twice() -> Holds {
    let keyed = Intent::Pay { has_key: true };
    Holds { intents: vec![(keyed, 0), (Intent::EndHold, 0), (Intent::EndHold, 1)], deaths: 2, ..from_balance() }
}

fn beside_a_charge() -> Holds {
    let keyed = Intent::Pay { has_key: true };
    let intents = vec![(keyed, 0), (Intent::Charge, 0), (Intent::Cancel, 0), (Intent::EndHold, 0)];
    Holds { intents, deaths: 2, ..from_balance() }
}

/// Paid outside twice, and reported as failed once. The result of a function that dies after its commit comes again.
fn from_outside() -> Holds {
    let result = |payment, outcome| (Intent::Result { payment, outcome }, 0);
    let (one, other) = (result(1, PaymentOutcome::Succeeded), result(2, PaymentOutcome::Succeeded));
    let intents = vec![one, other, result(1, PaymentOutcome::Failed), (Intent::EndHold, 0)];
    Holds { method: PaymentMethod::External, intents, deaths: 2, forgotten: None }
}

#[test]
fn payment_cancellation_and_expiry_of_a_hold_are_exclusive() {
    holds("holds, paid from the balance", from_balance());
}

#[test]
fn message_and_sweep_end_a_hold_once() {
    holds("holds, ended by message and sweep", ended_twice());
}

#[test]
fn a_payment_beside_a_charge_keeps_the_balance() {
    holds("holds, beside a charge", beside_a_charge());
}

#[test]
fn external_results_pay_once_or_are_refunded() {
    holds("holds, paid outside", from_outside());
}

#[test]
fn every_condition_is_needed() {
    let forgetful = [
        (Forgotten::Version, from_balance()),
        (Forgotten::Sequence, beside_a_charge()),
        (Forgotten::KeyNote, beside_a_charge()),
        (Forgotten::PaymentNote, from_outside()),
        (Forgotten::IsExpired, ended_twice()),
        (Forgotten::Expiry, Holds { intents: vec![(Intent::EndHold, 0)], ..from_balance() }),
    ];
    needed(forgetful.map(|(forgotten, model)| (forgotten, Holds { forgotten: Some(forgotten), ..model })));
}
