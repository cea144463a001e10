//! The payment provider: the shop's adapter reaches it through a network with faults, and it posts its notices.

use std::{
    sync::{Arc, MutexGuard},
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt as _};
use payment_provider::{Answer, Method, NoAnswer, Request, SecretKey, Toss, Transport};
use payment_system::{
    CLIENT_KEY, CallFault, Fault, FaultKind as Struck, Notice, NoticeFault, On, Provider, SECRET_KEY,
};
use serde_json::{Value, json};
use shared::{app::payments::provider, platform::Clock};
use tokio::{sync::Notify, time::sleep};

use super::{clients::send, connection::Connection, mutants::ProviderBug, plan::FaultKind, shape::call, world::World};
use crate::{fakes::payment_provider::InProcess, limits::Chance};

/// The provider, with the clock of the world.
#[derive(Debug)]
pub(super) struct PaymentProvider {
    in_process: InProcess,
    /// Wakes the sender of notices.
    changed: Notify,
}

impl PaymentProvider {
    pub(super) fn new(clock: Clock) -> Self {
        Self { in_process: InProcess::new(clock), changed: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Provider> {
        self.in_process.provider()
    }

    /// Does something at the provider that may make notices.
    pub(super) fn act<T>(&self, act: impl FnOnce(&mut Provider) -> T) -> T {
        let done = act(&mut self.lock());
        self.changed.notify_one();
        done
    }
}

/// The shop's adapter, for an instance with this connection.
pub(super) fn adapter(connection: &Connection) -> Arc<dyn provider::PaymentProvider> {
    let secret_key = SecretKey::new(SECRET_KEY.to_owned());
    Arc::new(Toss::new(Wire(connection.clone()), CLIENT_KEY.to_owned(), secret_key))
}

/// The network between an instance and the provider.
#[derive(Debug)]
struct Wire(Connection);

impl Transport for Wire {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Answer, NoAnswer>> {
        let Self(connection) = self;
        let on = match (request.method, request.path.ends_with("/cancel")) {
            (Method::Get, _) => On::LookUp,
            (Method::Post, true) => On::Cancel,
            (Method::Post, false) => On::Confirm,
        };
        let name = format!("provider {on:?} {}", request.path);
        async move {
            let asked = connection.call_outside(&name, async |mut chance| {
                let world = connection.world();
                let faults = faults(world, on, &mut chance);
                world.trace.note("provider", || format!("is asked: {name} {faults:?}"));
                world.provider.act(|provider| provider.set_faults(faults)).expect("few faults");
                let bug = world.provider_bug().filter(|bug| bug.strikes(on, connection));
                let answer = match bug {
                    None => world.provider.in_process.send(request).await,
                    Some(bug) => ask_wrongly(world, bug, request).await,
                };
                world.provider.changed.notify_one();
                world.trace.note("provider", || match &answer {
                    Ok(answer) => format!("answers {name}: {} {}", answer.status, shown(answer)),
                    Err(NoAnswer(reason)) => format!("does not answer {name}: {reason}"),
                });
                answer
            });
            asked.await
        }
        .boxed()
    }
}

impl ProviderBug {
    fn strikes(self, on: On, connection: &Connection) -> bool {
        match self {
            Self::AnyAmount => on == On::Confirm,
            Self::BelievedNotice => on == On::LookUp && connection.runs("receive-payment-notice"),
            Self::UnseenSuccess => on == On::LookUp && connection.runs("sweep-payments"),
        }
    }
}

/// Asks the provider as the planted bug does, and answers what the shop would believe.
async fn ask_wrongly(world: &World, bug: ProviderBug, mut request: Request) -> Result<Answer, NoAnswer> {
    let provider = &world.provider.in_process;
    match bug {
        ProviderBug::UnseenSuccess => {
            Ok(Answer { status: 404, body: json!({ "code": "NOT_FOUND_PAYMENT" }).to_string().into_bytes() })
        }
        ProviderBug::BelievedNotice => {
            let answer = provider.send(request).await?;
            let is_paid = json!({ "status": "DONE", "approvedAt": "2026-11-20T15:00:00+09:00", "cancels": null });
            Ok(changed(answer, &is_paid))
        }
        ProviderBug::AnyAmount => {
            let mut body: Value = request.body.as_deref().unwrap_or_default().parse().expect("a confirmation is JSON");
            let key = body["paymentKey"].as_str().unwrap_or_default().to_owned();
            let begun = world.provider.act(|provider| provider.entries().find(|entry| entry.payment_key == key));
            let believed = json!({ "totalAmount": body["amount"] });
            body["amount"] = begun.map_or(Value::Null, |begun| json!(begun.amount));
            request.body = Some(body.to_string());
            Ok(changed(provider.send(request).await?, &believed))
        }
    }
}

/// A payment in an answer with other values.
fn changed(answer: Answer, values: &Value) -> Answer {
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let values = values.as_object().into_iter().flatten();
    values.filter(|_| answer.status == 200).for_each(|(name, value)| body[name] = value.clone());
    Answer { body: body.to_string().into_bytes(), ..answer }
}

/// The status of a payment, or the code of a refusal.
fn shown(answer: &Answer) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    ["status", "code", "totalAmount"].iter().filter_map(|name| Some(format!("{name}={} ", body.get(name)?))).collect()
}

/// The faults of a call, and of the notices of its effect.
fn faults(world: &World, on: On, chance: &mut Chance) -> Vec<Fault> {
    let (call, notice) = (call_fault(world, on, chance), notice_fault(world, chance));
    let notice = notice.map(|fault| Fault { kind: Struck::Notice(fault), times: Some(1) });
    call.map(|fault| Fault::once(on, fault)).into_iter().chain(notice).collect()
}

fn call_fault(world: &World, on: On, chance: &mut Chance) -> Option<CallFault> {
    let (is_struck, roll, ms) = (chance.below(3) == 0, chance.below(10), chance.bits());
    if !is_struck || !world.injects(FaultKind::ProviderFaults) {
        return None;
    }
    let up_to = |most: u64| Duration::from_millis(1 + ms % most);
    Some(match (roll, on) {
        (0, _) => CallFault::FailBefore,
        (1, _) => CallFault::FailAfter,
        (2, _) => CallFault::SilentBefore,
        (3 | 4, _) => CallFault::SilentAfter,
        (5, _) => CallFault::Slow(up_to(8_000)),
        // The provider itself forgets a payment that is not confirmed within ten minutes.
        (6 | 7, On::Confirm | On::Cancel) => CallFault::TakenLater(up_to(900_000)),
        // A look-up that names another amount cannot be told from a payment of that amount.
        (8, On::Confirm) => CallFault::OtherAmount(1 + i64::try_from(ms % 5_000).unwrap()),
        (_, On::Confirm) => CallFault::Decline("REJECT_CARD_PAYMENT".to_owned()),
        (8 | 9, On::Cancel) => CallFault::Decline("REFUND_REJECTED".to_owned()),
        _ => CallFault::FailBefore,
    })
}

fn notice_fault(world: &World, chance: &mut Chance) -> Option<NoticeFault> {
    let (roll, ms) = (chance.below(6), chance.bits());
    match roll {
        _ if !world.injects(FaultKind::NoticeFaults) => None,
        0 | 1 => Some(NoticeFault::Lose),
        2 => Some(NoticeFault::Twice),
        3 => Some(NoticeFault::Late(Duration::from_millis(ms % 1_800_000))),
        _ => None,
    }
}

/// The chance that strikes the notices of a change outside of the shop's calls.
pub(super) fn strike_notices(world: &World, chance: &mut Chance) {
    let fault = notice_fault(world, chance).map(|fault| Fault { kind: Struck::Notice(fault), times: Some(1) });
    world.provider.act(|provider| provider.set_faults(fault.into_iter().collect())).expect("few faults");
}

/// Posts the provider's notices, and repeats those that are not answered with 200.
pub(super) async fn post_notices(world: World) {
    let mut chance = world.chance_of("notices");
    loop {
        let due = world.provider.lock().next_due();
        let wait = due.map_or(Duration::MAX, |due| due.duration_since(world.now()).try_into().unwrap_or_default());
        tokio::select! {
            biased;
            () = world.provider.changed.notified() => {}
            () = sleep(wait) => {}
        }
        for notice in world.provider.lock().take_notices(world.now()) {
            tokio::spawn(post(world.clone(), notice, Chance::new(chance.bits())));
        }
    }
}

async fn post(world: World, notice: Notice, chance: Chance) {
    let name = format!("notice {}", notice.id);
    let posted = call("POST", "/payment-notices/toss").body(notice.body.clone());
    let answer = send(&world, &name, posted.header("content-type", "application/json"), chance).await;
    match answer.map(|answer| (answer.status, answer.body)) {
        Some((200, _)) => return,
        Some((503, _)) | None => {}
        Some((status, body)) => world.report_violation(format!("{name} is answered {status} {body}")),
    }
    world.provider.act(|provider| provider.repeat_notice(notice, world.now()));
}
