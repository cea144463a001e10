//! Clients: each sends requests, repeats unanswered ones, and compares the answers.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::{
    consumers,
    known::record,
    lists,
    operations::{Operation, Request, choose},
    payers,
    plan::{FaultKind, Step},
    registers::Ages,
    shape,
    tally::{self, Effect},
    world::World,
};
use crate::{Answer, Call, limits::Chance};

/// The most tries of a client.
const TRIES: u32 = 5;

/// Seeds the shop.
pub(super) async fn seed_data(world: &World) {
    for (call, number) in shape::seed_data(world).into_iter().zip(0..) {
        let chance = world.chance_of(&format!("furniture {number}"));
        if let Some(effect) = Effect::of(&call) {
            world.known.lock().unwrap().tally.enter(effect, tally::Known::Made);
        }
        let writes = world.known.lock().unwrap().registers.begin(&call, Instant::now());
        let answer = send(world, "seed data", call, chance).await;
        world.known.lock().unwrap().registers.end(writes, tally::Known::Made, Instant::now());
        if answer.as_ref().is_none_or(|answer| answer.status >= 300) {
            world.report_violation(format!("the shop cannot be seeded: {answer:?}"));
        }
    }
}

/// Takes a step at its time.
pub(super) async fn take_step(world: World, step: Step, began: Instant) {
    sleep_until(began + step.at).await;
    let mut chance = Chance::new(step.seed);
    match choose(&world, step.theme, &mut Chance::new(step.operation)) {
        Operation::Request(Request { who, call, takes_key }) => {
            let key = (takes_key && chance.below(4) > 0).then(|| format!("key-{}", step.number));
            let call = match &key {
                Some(key) => call.key(key),
                None => call,
            };
            let name = format!("{who} #{}", step.number);
            let twice = world.injects(FaultKind::DoubleClicks) && chance.below(6) == 0;
            let (first, second) = (Chance::new(chance.bits()), Chance::new(chance.bits()));
            let effect = Effect::of(&call);
            let writes = world.known.lock().unwrap().registers.begin(&call, Instant::now());
            let once = ask(&world, who, &name, key.as_deref(), call.clone(), first);
            let known = if twice && key.is_some() {
                let (first, second) = tokio::join!(once, ask(&world, who, &name, key.as_deref(), call, second));
                first.max(second)
            } else {
                once.await
            };
            let mut all = world.known.lock().unwrap();
            all.registers.end(writes, known, Instant::now());
            if let Some(effect) = effect {
                all.tally.enter(effect, known);
            }
        }
        Operation::Walk(list) => lists::walk(&world, &format!("walk #{}", step.number), &list, chance).await,
        Operation::Invalid(call) => send_invalid(&world, &format!("invalid #{}", step.number), &call, chance).await,
        Operation::WithoutRole(Request { who, call, .. }) => {
            let (key, name) = (format!("key-{}", step.number), format!("{who} #{}", step.number));
            let call = call.key(&key);
            let (first, second) = (Chance::new(chance.bits()), Chance::new(chance.bits()));
            let known = ask(&world, who, &name, Some(&key), call.clone(), first).await;
            if let Some(effect) = Effect::of(&call) {
                world.known.lock().unwrap().tally.enter(effect, known);
            }
            repeat_without_role(&world, &name, call, second).await;
        }
        Operation::PayInSession(session) => payers::pay(&world, &session, &format!("#{}", step.number), chance).await,
        sweep => consumers::run(&world, &sweep, chance).await,
    }
}

/// Sends a call that the API forbids in every state: it is refused, and has no effect.
pub(super) async fn send_invalid(world: &World, name: &str, call: &Call, mut chance: Chance) {
    if let Some(answer) = send(world, name, call.clone(), Chance::new(chance.bits())).await
        && !matches!(answer.status, 400 | 503)
    {
        world.report_violation(format!("{name}: {} is answered {} {}", call.line(), answer.status, answer.body));
    }
}

/// Repeats a call with its key by a caller who has lost the role that it needs. The answer must not show its effect.
async fn repeat_without_role(world: &World, name: &str, call: Call, mut chance: Chance) {
    let call = call.header("x-user-role", "CUSTOMER");
    for _ in 0..TRIES {
        let answer = send(world, name, call.clone(), Chance::new(chance.bits())).await;
        if let Some(answer) = answer.filter(|answer| answer.status != 503) {
            // The status shows whether the thing exists only if the role alone does not decide.
            if !matches!(answer.status, 403 | 404) {
                world.report_violation(format!("{name} has lost the role and gets {} {}", answer.status, answer.body));
            }
            return;
        }
        sleep(Duration::from_millis(chance.below(2_000))).await;
    }
}

/// Sends a call until it is answered, and returns the knowledge of its effect. A call without a key is sent once, so
/// the effect of an unanswered one stays unknown.
pub(super) async fn ask(
    world: &World,
    who: &'static str,
    name: &str,
    key: Option<&str>,
    call: Call,
    mut chance: Chance,
) -> tally::Known {
    let tries = if key.is_some() { TRIES } else { 1 };
    let digest = call.digest(who);
    let mut refused = tally::Known::None;
    let began = Instant::now();
    for _ in 0..tries {
        let was_done = digest.as_ref().is_some_and(|digest| world.table.has_effect_of(digest));
        let answer = send(world, name, call.clone(), Chance::new(chance.bits())).await;
        if let Some(answer) = answer.filter(|answer| answer.status != 503) {
            if was_done && answer.status >= 300 {
                world.report_violation(format!(
                    "{name} is refused although its key had its effect: {} {}",
                    answer.status, answer.body
                ));
            }
            record(world, who, name, key, &answer);
            if answer.status < 300 {
                let ages = Ages { name: world.oldest_name(), stock: world.oldest_stock() };
                let violations =
                    world.known.lock().unwrap().registers.violations_in(&call, &answer.body["data"], began, ages);
                violations.into_iter().for_each(|violation| world.report_violation(format!("{name}: {violation}")));
            }
            return if answer.status < 300 { tally::Known::Made } else { refused };
        }
        // A call that was sent may still arrive.
        refused = tally::Known::Perhaps;
        sleep(Duration::from_millis(chance.below(2_000))).await;
    }
    world.trace.note(name, || "gives up".to_owned());
    tally::Known::Perhaps
}

/// Sends a call once; `None` if there is no answer.
pub(super) async fn send(world: &World, name: &str, call: Call, mut chance: Chance) -> Option<Answer> {
    world.trace.note(name, || call.line());
    sleep(Duration::from_millis(chance.below(5))).await;
    let function = call.function();
    let work =
        world.invoke(function.to_owned(), Chance::new(chance.bits()), consumers::FUNCTION, |shop, _| async move {
            call.to(shop).await
        });
    let answer = work.await;
    sleep(Duration::from_millis(chance.below(5))).await;
    if let Some(answer) = &answer {
        let code = answer.body["code"].as_str().filter(|_| answer.status >= 300);
        let code = code.map_or_else(|| answer.status.to_string(), str::to_owned);
        *world.known.lock().unwrap().answers.entry((function, code)).or_default() += 1;
    }
    let is_lost = world.injects(FaultKind::LostAnswers) && chance.below(12) == 0;
    world.trace.note(name, || match &answer {
        None => "gets no answer".to_owned(),
        Some(answer) => {
            let lost = if is_lost { ", which gets lost" } else { "" };
            format!("{} {}{lost}", answer.status, answer.body)
        }
    });
    answer.filter(|_| !is_lost)
}
