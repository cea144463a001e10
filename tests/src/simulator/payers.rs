//! Customers who pay in a session: they visit the provider's page, confirm, and transfer deposits, well or badly.

use std::time::Duration;

use futures::future::join_all;
use payment_system::{Checkout, CheckoutMethod};
use serde_json::json;
use tokio::time::sleep;

use super::{
    clients::{ask, send_invalid},
    outside,
    plan::pick,
    provider::strike_notices,
    shape::{call, post},
    world::World,
};
use crate::{Call, limits::Chance};

/// A payment session, as the last answer showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) user: &'static str,
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) status: String,
    pub(super) is_top_up: bool,
    /// The refunds that failed.
    pub(super) failed_refunds: Vec<i64>,
}

/// Pays a session: begins a payment on the provider's page, and confirms it once, often, wrongly, late or never. Then
/// the money of a deposit may come.
pub(super) async fn pay(world: &World, session: &Session, name: &str, mut chance: Chance) {
    for attempt in 0..1 + pick(&mut chance, 2) {
        let name = format!("{} {name}.{attempt}", session.user);
        let Some(key) = check_out(world, session, &mut chance) else { break };
        // Now and then for longer than a hold or a session lasts.
        let late_ms = [50, 3_000, 3_000, 400_000, 2_000_000][pick(&mut chance, 5)];
        sleep(Duration::from_millis(chance.below(late_ms))).await;
        confirm(world, session, &key, &name, &mut chance).await;
        if chance.below(3) > 0 {
            break;
        }
    }
    if chance.below(4) > 0 {
        let late_ms = [2_000, 600_000, 7_200_000][pick(&mut chance, 3)];
        sleep(Duration::from_millis(chance.below(late_ms))).await;
        strike_notices(world, &mut chance);
        let done = world.provider.act(|provider| provider.deposit(&session.id, world.now()));
        world.trace.note("bank", || format!("a deposit for {}: {done:?}", session.id));
    }
}

/// Begins a payment on the provider's page, and returns its key.
fn check_out(world: &World, session: &Session, chance: &mut Chance) -> Option<String> {
    let method = match chance.below(6) {
        0 => CheckoutMethod::Card { is_declined: true },
        1 | 2 => CheckoutMethod::VirtualAccount { valid_hours: 1 + i64::try_from(chance.below(2)).unwrap() },
        _ => CheckoutMethod::Card { is_declined: false },
    };
    // A customer may change the amount on the page, which is in the browser.
    let amount = if chance.below(10) == 0 { 1 + session.amount / 2 } else { session.amount };
    let (merchant_order_id, order_name) = (session.id.clone(), "tea".to_owned());
    let checkout = Checkout { merchant_order_id, amount, order_name, method };
    let begun = world.provider.act(|provider| provider.begin(checkout, world.now()));
    world.trace.note(session.user, || format!("is at the checkout of {}: {begun:?}", session.id));
    begun.ok()
}

async fn confirm(world: &World, session: &Session, key: &str, name: &str, chance: &mut Chance) {
    let Session { user, id, amount, .. } = session;
    let path = format!("/payments/{id}/confirm");
    let with =
        |key: &str, amount: i64| -> Call { post(&path, &json!({ "paymentKey": key, "amount": amount })).as_user(user) };
    let mut calls = vec![with(key, *amount)];
    match chance.below(12) {
        0 => calls.clear(),
        1 => calls.insert(0, with(key, amount + 100)),
        2 => calls.insert(0, with("nonsense", *amount)),
        3 => return confirm_at_once(world, user, &with(key, *amount), name, chance).await,
        4 => calls.push(with(key, *amount)),
        5 => send_invalid(world, name, &with("", *amount), Chance::new(chance.bits())).await,
        6 => calls.push(call("GET", format!("/payments/{id}")).as_user(user)),
        _ => {}
    }
    if !session.is_top_up && chance.below(4) == 0 {
        outside::pay_as_well(world, id.trim_start_matches("order_"), *amount, Chance::new(chance.bits()));
    }
    for call in calls {
        ask(world, user, name, None, call, Chance::new(chance.bits())).await;
    }
}

/// Sends some equal confirmations at once.
async fn confirm_at_once(world: &World, user: &'static str, call: &Call, name: &str, chance: &mut Chance) {
    let many = (0..2 + chance.below(4)).map(|_| ask(world, user, name, None, call.clone(), Chance::new(chance.bits())));
    join_all(many.collect::<Vec<_>>()).await;
}
