//! The end of a run: the shop quiesces, and then the books must be right.

use std::{collections::BTreeMap, time::Duration};

use audit::Scope;
use functions::schedule::sweep::Task;
use jiff::SignedDuration;
use serde_json::Value;
use shared::{domain::order::Order, store::keys};
use tokio::time::{Instant, sleep};

use super::{
    bestsellers, books, consumers, desk, exports,
    lists::{self, List},
    outside, recounts,
    world::World,
};
use crate::{TABLE, limits::Chance};

/// Longer than any hold or order sheet lasts, by any clock.
const UNTIL_ALL_HAS_EXPIRED: Duration = Duration::from_secs(31 * 60);

/// The time between two sweeps of tickets: longer than a function may hold one.
const BETWEEN_SWEEPS: Duration = Duration::from_secs(36);

/// The longest pause between two looks at one thing: that of an idle one that could not be hastened.
const LONGEST_PAUSE: Duration = Duration::from_secs(65 * 60);

/// Lets everything with an end reach it.
pub(super) async fn quiesce(world: &World) {
    sleep(UNTIL_ALL_HAS_EXPIRED).await;
    drain(world).await;
    // An order is in one list at a time: one whose hold ends with the last sweep may have an open refund then.
    for round in 0..MOST_ROUNDS {
        settle_payments(world).await;
        books::retry_refunds(world).await;
        settle_payments(world).await;
        // The hold of an order whose deposit has not come ends with the last sweep, by some clocks.
        sleep(Duration::from_millis(SKEW_MS.unsigned_abs())).await;
        // Things without their message. A sweep takes as many calls as a third of a run, so it runs only if it has work.
        if still_waiting(&world.table.latest()).next().is_none() {
            break;
        }
        consumers::sweep(world, Task::Expiry, world.chance_of(&format!("last sweep {round}"))).await;
        consumers::sweep(world, Task::Sheets, world.chance_of(&format!("last sweep of sheets {round}"))).await;
        drain(world).await;
    }
    for sweep in 0..8 {
        let items = world.table.latest();
        if orphaned_tickets(&items).is_empty() && counters_behind(&items).is_empty() {
            break;
        }
        consumers::sweep(world, Task::Tickets, world.chance_of(&format!("last sweep of tickets {sweep}"))).await;
        sleep(if sweep < 5 { BETWEEN_SWEEPS } else { LONGEST_PAUSE }).await;
    }
    for sweep in 0..8 {
        if sweep > 2 && !has_orphans(&world.table.latest()) {
            break;
        }
        consumers::sweep(world, Task::Inventory, world.chance_of(&format!("last sweep of shelves {sweep}"))).await;
        sleep(if sweep < 5 { BETWEEN_SWEEPS } else { LONGEST_PAUSE }).await;
    }
    confirm_and_erase(world).await;
    consumers::sweep(world, Task::Coupons, world.chance_of("last marks of coupons")).await;
    if rebuild(&world.table.latest()).is_some_and(|rebuild| phase(rebuild) != "DONE") {
        consumers::rebuild_sales(world, world.chance_of("last rebuild")).await;
    }
    drain(world).await;
}

/// The longest wait for planned confirmations and erasures: that of a window of a day, which ends with the next one.
/// Those that are planned later stay.
const UNTIL_ALL_IS_CONFIRMED: SignedDuration = SignedDuration::from_hours(50);

/// The most sweeps of confirmations and erasures: more than a run has orders with lines that arrived at different times.
const MOST_PLANS: u32 = 40;

/// Lets the shop confirm the lines of silent customers, and erase the data of users who left.
async fn confirm_and_erase(world: &World) {
    let last = (world.now() + UNTIL_ALL_IS_CONFIRMED).as_millisecond();
    for sweep in 0..MOST_PLANS {
        let Some(next) = recounts::next_plan(&world.table.latest()).filter(|next| *next < last) else { return };
        let wait = (next - world.now().as_millisecond() + SKEW_MS).max(0);
        sleep(Duration::from_millis(wait.unsigned_abs())).await;
        for task in [Task::Confirmations, Task::Erasures] {
            consumers::sweep(world, task, world.chance_of(&format!("last sweep of {} {sweep}", task.name()))).await;
        }
        drain(world).await;
    }
}

/// The most rounds of sweeps until nothing waits: a hold ends, and then a refund.
const MOST_ROUNDS: u32 = 3;

/// The most sweeps until no payment is open: their pauses grow to an hour, and deposits and refunds take days.
const MOST_SWEEPS: u32 = 100;

/// The step by which the pauses between them grow.
const BETWEEN_PAYMENT_SWEEPS: Duration = Duration::from_secs(5 * 60);

/// More than clocks differ.
const SKEW_MS: i64 = 11_000;

/// The instant of the next look at an open payment or refund, in milliseconds; none if none is open.
fn next_look(world: &World) -> Option<i64> {
    let look = |item: &Value| {
        let list = text(item, "byDuePk").split('#').next().unwrap_or_default();
        let at = if list == "SESSIONS" { "lookAt" } else { "refundsLookAt" };
        matches!(list, "SESSIONS" | "REFUNDS").then(|| number(item, at))
    };
    world.table.latest().iter().filter_map(look).min()
}

/// Sweeps open payments in the last minutes with faults.
pub(super) async fn sweep_payments_with_faults(world: &World) {
    for minute in 0..3 {
        if next_look(world).is_some() {
            sleep(Duration::from_secs(60)).await;
            consumers::sweep_payments(world, world.chance_of(&format!("sweep of payments {minute}"))).await;
        }
    }
}

/// Sweeps payments until none is open at the provider.
async fn settle_payments(world: &World) {
    for sweep in 0..MOST_SWEEPS {
        let Some(next) = next_look(world) else { return };
        let wait = next - world.now().as_millisecond() + SKEW_MS;
        let wait = Duration::from_millis(wait.max(0).unsigned_abs());
        // A sweep takes many calls, so those that few sessions need are far from each other.
        sleep(wait.max(BETWEEN_PAYMENT_SWEEPS * sweep)).await;
        consumers::sweep_payments(world, world.chance_of(&format!("last sweep of payments {sweep}"))).await;
        drain(world).await;
    }
}

/// Waits until nothing is on its way.
async fn drain(world: &World) {
    // The time of the last of a hundred receives, a quarter of an hour after each other.
    for _ in 0..4_600 {
        sleep(Duration::from_secs(20)).await;
        if world.busy() == 0 && world.bus.waiting() == 0 && world.outside.is_silent() && world.is_read() {
            return;
        }
    }
    let waiting = world.bus.waiting();
    world.report_violation(format!(
        "the shop does not quiesce: {} invocations run, {waiting} messages wait",
        world.busy()
    ));
}

/// Checks that the books are right, that nothing waits, and that the external systems received all events.
pub(super) async fn check(world: &World) {
    let client = world.table.dynamo().client();
    match audit::audit(&client, TABLE, Scope::Everything, world.now()).await {
        Ok(report) if report.is_clean() => {}
        Ok(report) => report.to_string().lines().for_each(|line| world.report_violation(line.to_owned())),
        Err(error) => world.report_violation(error.to_string()),
    }
    for letter in world.bus.dead_letters() {
        world.report_violation(format!("a dead letter: {letter}"));
    }
    walk_some_lists(world).await;
    bestsellers::check(world, world.chance_of("last bestsellers")).await;
    let items = world.table.latest();
    orphaned_tickets(&items).into_iter().for_each(|violation| world.report_violation(violation));
    counters_behind(&items).into_iter().for_each(|violation| world.report_violation(violation));
    check_rebuild(world, &items);
    recounts::violations(world, &items).into_iter().for_each(|violation| world.report_violation(violation));
    desk::violations(&items).into_iter().for_each(|violation| world.report_violation(violation));
    exports::violations(world, &items).into_iter().for_each(|violation| world.report_violation(violation));
    still_waiting(&items).for_each(|violation| world.report_violation(format!("{violation} still waits")));
    let unseen = world.known.lock().unwrap().registers.violations_at_rest(&items, Instant::now());
    unseen.into_iter().for_each(|violation| world.report_violation(violation));
    let sums = world.known.lock().unwrap().tally.violations(&items);
    sums.into_iter().for_each(|violation| world.report_violation(violation));
    let orders: BTreeMap<&str, &Value> =
        items.iter().filter(|item| item["sk"]["S"] == "ORDER").map(|order| (text(order, "orderId"), order)).collect();
    let received = world.outside.received();
    for (id, order) in &orders {
        check_published(world, id, order, &received);
    }
    books::orders(&items).for_each(|order| check_money_outside(world, &order));
    books::violations(world, &items).into_iter().for_each(|violation| world.report_violation(violation));
    for order in world.outside.paid_orders().iter().filter(|order| !orders.contains_key(order.as_str())) {
        world.report_violation(format!("order {order} was paid, and is not there"));
    }
}

/// Without changes, lists must equal a recount.
async fn walk_some_lists(world: &World) {
    let mut chance = world.chance_of("last walks");
    let (user, other) = (world.shape.user(&mut chance), world.shape.user(&mut chance));
    let mut walks = vec![
        List::Products,
        List::ProductPages,
        List::Orders(user),
        List::Coupons(user, "ALL"),
        List::Coupons(other, "USABLE"),
        List::Entries(other),
        List::Cart(user),
        List::RecentProducts,
        List::DeskProducts(None, None),
        List::DeskProducts(None, Some("HIDDEN")),
        List::DeskProducts(Some(world.shape.seller(&mut chance)), None),
        List::DeskCampaigns,
        List::AllOrders(None),
        List::AllOrders(Some("PAID")),
        List::DeskLines(None, None),
        List::DeskLines(None, Some("PREPARING")),
        List::DeskLines(Some(world.shape.seller(&mut chance)), None),
        List::DeskLines(Some(world.shape.seller(&mut chance)), Some("PREPARING")),
        List::DeskLines(Some(world.shape.seller(&mut chance)), Some("CANCELLED")),
    ];
    let orders = world.known.lock().unwrap().orders.clone();
    walks.extend(orders.into_iter().take(2).map(|order| List::Payments(order.user, order.id)));
    for list in walks {
        lists::walk(world, "last walk", &list, Chance::new(chance.bits())).await;
    }
}

/// A rebuild that ran among concurrent counts ends, and finds nothing to correct.
fn check_rebuild(world: &World, items: &[Value]) {
    let Some(rebuild) = rebuild(items) else { return };
    if phase(rebuild) != "DONE" {
        world.report_violation(format!("the rebuild is still at {}", phase(rebuild)));
    }
    let corrected = number(&rebuild["figures"]["M"], "corrected");
    if corrected != 0 {
        world.report_violation(format!("the rebuild corrected {corrected} counts that were right"));
    }
}

fn rebuild(items: &[Value]) -> Option<&Value> {
    items.iter().find(|item| item["sk"]["S"] == "REBUILD")
}

fn phase(rebuild: &Value) -> &str {
    text(&rebuild["phase"]["M"], "name")
}

/// The data platform has one event for each order that was paid, failed or ended unpaid, however often messages came.
fn check_published(world: &World, id: &str, order: &Value, received: &[Value]) {
    let paid = usize::from(order["paidAt"].is_object());
    let failed = usize::from(text(order, "status") == "PAYMENT_FAILED");
    let cancelled = usize::from(text(order, "status") == "CANCELLED");
    for (kind, expected) in [("OrderPaid", paid), ("OrderPaymentFailed", failed), ("OrderCancelled", cancelled)] {
        let count = received.iter().filter(|event| event["aggregateId"] == id && event["type"] == kind).count();
        if count != expected {
            world
                .report_violation(format!("the data platform has {count} events {kind} of order {id}, not {expected}"));
        }
    }
}

/// The external payment system has the money of an order's payments that paid it or whose way back is not done.
fn check_money_outside(world: &World, order: &Order) {
    let id = order.order_id.as_str();
    let is_of_bus = |payment: &str| order.session_id().is_none_or(|session| session.as_str() != payment);
    let has_paid = order.payment_id.as_ref().is_some_and(|payment| is_of_bus(payment.as_str()));
    let unneeded: i64 = order.refunds().iter().filter(|it| it.is_unneeded).map(|it| it.amount.get()).sum();
    let used = unneeded + if has_paid { order.external_amount().get() } else { 0 } - books::returned(order, is_of_bus);
    let held = world.outside.paid_for(id) - world.outside.refunded_for(id);
    if held != used {
        world.report_violation(format!("of order {id} the payment system has {held} won, not {used}"));
    }
    let of_bus =
        order.refunds().into_iter().filter(|it| it.payment_id.as_ref().is_some_and(|it| is_of_bus(it.as_str())));
    for refund in of_bus.filter(|refund| !outside::is_refund_requested(world, &refund.refund_id)) {
        world.report_violation(format!("of order {id} the refund {} was never requested", refund.refund_id));
    }
}

/// The keys of items that wait for their expiry. Campaigns and products are swept again and again, and the desk's lines
/// never expire, so they are left out.
fn still_waiting(items: &[Value]) -> impl Iterator<Item = &str> {
    // Campaigns and products are swept for ever, and erasures and confirmations wait for hours and days.
    let is_patient = |item: &Value| ["CAMPAIGN", "PRODUCT", "ERASURE", "CONFIRMATION"].contains(&text(item, "sk"));
    let is_listed = |item: &Value| text(item, "sk").starts_with(keys::DESK_PREFIX);
    let waits = move |item: &&Value| item["byDuePk"].is_object() && !is_patient(item) && !is_listed(item);
    items.iter().filter(waits).map(|item| text(item, "pk"))
}

/// The counters with allocated tickets that have no claim record: orphans that no sweep found.
fn orphaned_tickets(items: &[Value]) -> Vec<String> {
    let mut orphaned = Vec::new();
    for counter in items.iter().filter(|item| item["sk"]["S"] == "COUNTER") {
        let name = text(counter, "pk").trim_start_matches("COUNTER");
        let claims = items.iter().filter(|item| {
            text(item, "pk")
                .strip_prefix("SLOT")
                .and_then(|slot| slot.rsplit_once('#'))
                .is_some_and(|(of, _)| of == name)
        });
        let (claims, allocated) = (claims.count(), number(counter, "next"));
        if i64::try_from(claims).unwrap() != allocated {
            orphaned.push(format!("of {allocated} tickets allocated from {name} {claims} have claim records"));
        }
    }
    orphaned
}

/// The counters that have not followed the last change of their campaign.
fn counters_behind(items: &[Value]) -> Vec<String> {
    let campaigns = items.iter().filter(|item| item["sk"]["S"] == "CAMPAIGN");
    let versions: Vec<(&str, i64)> =
        campaigns.map(|item| (text(item, "pk").trim_start_matches("CAMPAIGN#"), number(item, "version"))).collect();
    let version = |counter: &Value| {
        let (id, _) = text(counter, "pk").strip_prefix("COUNTER#")?.rsplit_once('#')?;
        Some(versions.iter().find(|(campaign, _)| *campaign == id)?.1)
    };
    let counters = items.iter().filter(|item| item["sk"]["S"] == "COUNTER");
    let behind =
        counters.filter(|counter| version(counter).is_some_and(|version| number(counter, "version") < version));
    behind.map(|counter| format!("{} has not followed its campaign", text(counter, "pk"))).collect()
}

/// Whether tickets or units are orphaned, or a change of a campaign is unfinished: a sweep recovers them.
pub(super) fn has_orphans(items: &[Value]) -> bool {
    let has_orphans = !recounts::missing_units(items).is_empty() || !orphaned_tickets(items).is_empty();
    has_orphans || !counters_behind(items).is_empty()
}

/// The product of the shard with this partition key.
pub(super) fn product_of_shard(pk: &str) -> Option<&str> {
    pk.strip_prefix("STOCK#")?.rsplit_once('#').map(|(product, _)| product)
}

pub(super) fn text<'v>(item: &'v Value, name: &str) -> &'v str {
    item[name]["S"].as_str().unwrap_or_default()
}

pub(super) fn number(item: &Value, name: &str) -> i64 {
    item[name]["N"].as_str().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}
