//! The operations of customers, sellers and admins, by a weighted model.

mod claims;
mod deliveries;
mod drops;
mod exports;
mod orders;
mod payments;
mod products;
mod reads;
mod users;

use claims::{decide_claim, look_at_claim, receive_claim, request_claim, withdraw_claim};
use deliveries::{look_up_address, move_parcel, set_terms, ship, ship_replacement};
use drops::{ask_for_guarded, enter_drop, get_drop, look_at_line, set_drop, with_ticket};
use exports::{export, look_at_export};
use functions::schedule::sweep::Task;
use jiff::Timestamp;
use orders::{
    add_to_cart, cancel_part, cancel_whole, change_order_without_role, create_sheet, move_line, order_cart,
    order_expecting, order_later, order_many, order_now, order_outside, order_sheet, pay, readdress,
};
use payments::{
    adjust, begin_session, end_withdrawal, forge_notice, look_at_session, pay_in_session, refund_session, retry_refund,
    sweep_payments, top_up, withdraw,
};
use products::{
    SPARE, change_product, change_product_without_role, give_away, rename, restock, restock_much, toggle_sale,
};
use reads::{invalid_call, look, look_at_desk, look_recently, walk};
use serde_json::json;
use users::{
    change_campaign, change_user, charge, charge_much, issue, join, leave, move_house, revoke, set_seller, set_user,
};

use super::{
    known::Known,
    lists::List,
    payers::Session,
    plan::{Theme, pick},
    shape::{Shape, new_coupon, new_product, new_user, post},
    world::World,
};
use crate::{Call, limits::Chance};

/// One operation of a run.
#[derive(Debug)]
pub(super) enum Operation {
    /// A customer, a seller or an admin calls the API.
    Request(Request),
    /// A task of the sweep, each minute.
    Sweep(Task),
    /// The rebuild of the bestsellers.
    RebuildSales,
    /// A client reads a list to its end.
    Walk(List),
    /// A caller with a role calls the API, and repeats that when the role is gone.
    WithoutRole(Request),
    /// The minute's refresh of the ranks.
    RefreshRanks,
    /// A call that is invalid in every state and must be refused.
    Invalid(Call),
    /// A customer pays in a session.
    PayInSession(Session),
    /// The payment system reports the end of a withdrawal.
    EndWithdrawal(String, &'static str),
    /// The minute's sweep of payments.
    SweepPayments,
}

impl Operation {
    /// Whether the reference has it.
    fn is_modelled(&self) -> bool {
        let is_not_modelled = |request: &Request| {
            let function = request.call.function();
            (function.contains("payment") && function != "list-order-payments")
                || ["retry-refund", "create-export", "get-export"].contains(&function)
                || request.call.sent()["balanceAmount"].is_number()
        };
        match self {
            Self::Request(request) => !is_not_modelled(request),
            Self::PayInSession(_) | Self::EndWithdrawal(..) => false,
            _ => true,
        }
    }
}

/// A call of the API.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) who: &'static str,
    pub(super) call: Call,
    /// Whether the call is a POST with an effect, so that a key identifies its repetition.
    pub(super) takes_key: bool,
}

/// Generates an operation, if there is already a thing to operate on.
type Generator = fn(&Scene, &Known, &mut Chance) -> Option<Operation>;

/// The things that operations are chosen among, and the instant.
struct Scene {
    shape: Shape,
    now: Timestamp,
}

/// The generators, each with its weight.
const WEIGHTS: [(u64, Generator); 62] = [
    (16, order_now),
    (8, order_later),
    (9, order_outside),
    (4, order_cart),
    (5, create_sheet),
    (6, order_sheet),
    (7, pay),
    (6, cancel_whole),
    (7, cancel_part),
    (10, move_line),
    (10, ship),
    (12, move_parcel),
    (2, set_terms),
    (2, look_up_address),
    (10, request_claim),
    (12, decide_claim),
    (14, receive_claim),
    (3, withdraw_claim),
    (14, ship_replacement),
    (2, look_at_claim),
    (3, export),
    (8, look_at_export),
    (8, charge),
    (11, issue),
    (3, revoke),
    (4, change_campaign),
    (6, add_to_cart),
    (3, restock),
    (6, change_product),
    (2, set_user),
    (2, set_seller),
    (10, look),
    (2, other),
    (6, sweep),
    (2, rebuild_sales),
    (4, change_user),
    (2, join),
    (4, order_many),
    (6, walk),
    (2, change_order_without_role),
    (2, change_product_without_role),
    (3, rename),
    (2, refresh_ranks),
    (2, give_away),
    (2, invalid_call),
    (4, order_expecting),
    (4, look_at_desk),
    (4, look_recently),
    (4, top_up),
    (9, begin_session),
    (10, pay_in_session),
    (3, look_at_session),
    (3, refund_session),
    (4, retry_refund),
    (2, adjust),
    (3, withdraw),
    (3, end_withdrawal),
    (5, sweep_payments),
    (1, forge_notice),
    (2, leave),
    (4, move_house),
    (4, readdress),
];

/// The generators of a run about payments.
const PAYMENT_WEIGHTS: [(u64, Generator); 21] = [
    (1, order_now),
    (12, order_outside),
    (2, order_sheet),
    (1, create_sheet),
    (6, cancel_whole),
    (6, cancel_part),
    (2, move_line),
    (2, charge),
    (1, set_user),
    (16, top_up),
    (20, begin_session),
    (30, pay_in_session),
    (2, look_at_session),
    (6, refund_session),
    (6, retry_refund),
    (3, adjust),
    (16, sweep_payments),
    (2, sweep),
    (2, forge_notice),
    (2, withdraw),
    (3, end_withdrawal),
];

/// The generators of a run about deliveries, claims and people.
const CLAIM_WEIGHTS: [(u64, Generator); 29] = [
    (14, order_now),
    (2, order_outside),
    (2, order_many),
    (1, issue),
    (6, charge),
    (4, restock_much),
    (3, cancel_part),
    (6, move_line),
    (24, ship),
    (40, move_parcel),
    (2, set_terms),
    (2, look_up_address),
    (30, request_claim),
    (34, decide_claim),
    (34, receive_claim),
    (6, withdraw_claim),
    (30, ship_replacement),
    (2, look_at_claim),
    (2, begin_session),
    (4, pay_in_session),
    (2, sweep_payments),
    (6, sweep),
    (4, leave),
    (2, export),
    (4, look_at_export),
    (2, change_user),
    (3, move_house),
    (3, readdress),
    (3, look),
];

/// The generators of a run about drops.
const DROP_WEIGHTS: [(u64, Generator); 23] = [
    (30, order_now),
    (5, order_later),
    (4, order_outside),
    (3, order_many),
    (3, create_sheet),
    (4, order_sheet),
    (18, issue),
    (4, revoke),
    (26, enter_drop),
    (20, look_at_line),
    (4, get_drop),
    (24, ask_for_guarded),
    (7, set_drop),
    (5, charge_much),
    (3, restock_much),
    (3, restock),
    (4, cancel_whole),
    (3, pay),
    (2, change_product),
    (2, change_campaign),
    (1, set_user),
    (2, toggle_sale),
    (4, sweep),
];

/// The generators of a run about coupons.
const COUPON_WEIGHTS: [(u64, Generator); 10] = [
    (60, issue),
    (8, revoke),
    (5, change_campaign),
    (6, order_now),
    (3, order_later),
    (2, cancel_whole),
    (2, set_drop),
    (3, enter_drop),
    (2, charge_much),
    (6, sweep),
];

/// The generators of a run about products.
const CATALOGUE_WEIGHTS: [(u64, Generator); 16] = [
    (30, order_now),
    (6, order_later),
    (8, order_many),
    (6, pay),
    (4, cancel_whole),
    (4, cancel_part),
    (10, move_line),
    (8, ship),
    (8, move_parcel),
    (24, toggle_sale),
    (3, change_product),
    (6, restock_much),
    (8, charge_much),
    (2, look_at_desk),
    (4, refresh_ranks),
    (4, sweep),
];

/// The generators of a trickle for one product.
const PRODUCT_WEIGHTS: [(u64, Generator); 9] = [
    (16, order_now),
    (6, add_to_cart),
    (2, create_sheet),
    (3, charge_much),
    (3, restock_much),
    (2, rename),
    (2, change_product),
    (4, toggle_sale),
    (1, look),
];

/// The generators of a trickle for one user.
const USER_WEIGHTS: [(u64, Generator); 23] = [
    (6, order_now),
    (6, order_later),
    (2, order_outside),
    (4, pay),
    (3, cancel_whole),
    (3, charge),
    (2, charge_much),
    (3, issue),
    (2, add_to_cart),
    (2, order_cart),
    (2, restock_much),
    (6, set_user),
    (6, change_user),
    (1, look),
    (3, top_up),
    (3, begin_session),
    (6, pay_in_session),
    (2, withdraw),
    (2, end_withdrawal),
    (2, sweep_payments),
    (3, leave),
    (4, move_house),
    (3, readdress),
];

/// Chooses an operation by chance.
pub(super) fn choose(world: &World, theme: Theme, chance: &mut Chance) -> Operation {
    let known = world.known.lock().unwrap();
    let (weights, shape) = match theme {
        Theme::All => (WEIGHTS.as_slice(), world.shape),
        Theme::Product(place) => (PRODUCT_WEIGHTS.as_slice(), world.shape.of_one_product(place)),
        Theme::User(place) => (USER_WEIGHTS.as_slice(), world.shape.of_one_user(place)),
        Theme::Payments => (PAYMENT_WEIGHTS.as_slice(), world.shape),
        Theme::Claims => (CLAIM_WEIGHTS.as_slice(), world.shape),
        Theme::Products => (CATALOGUE_WEIGHTS.as_slice(), world.shape),
        Theme::Coupons => (COUPON_WEIGHTS.as_slice(), world.shape),
        Theme::Drops => (DROP_WEIGHTS.as_slice(), world.shape),
    };
    let scene = &Scene { shape, now: world.now() };
    loop {
        let mut roll = chance.below(weights.iter().map(|(weight, _)| weight).sum());
        for &(weight, generator) in weights {
            if roll < weight {
                // Another generator is tried if there is nothing to operate on yet.
                if let Some(operation) =
                    generator(scene, &known, chance).filter(|it| !world.is_sequential || it.is_modelled())
                {
                    return with_ticket(operation, &known, chance);
                }
                break;
            }
            roll -= weight;
        }
    }
}

fn ask(who: &'static str, call: Call, takes_key: bool) -> Option<Operation> {
    Some(Operation::Request(Request { who, call, takes_key }))
}

fn change(who: &'static str, call: Call) -> Option<Operation> {
    ask(who, call, true)
}

/// One of a list, most likely a late one.
fn some<'a, T>(list: &'a [T], chance: &mut Chance) -> Option<&'a T> {
    let most = list.len().min(if chance.below(4) > 0 { 3 } else { usize::MAX });
    (most > 0).then(|| &list[list.len() - 1 - pick(chance, most)])
}

fn rebuild_sales(_: &Scene, _: &Known, _: &mut Chance) -> Option<Operation> {
    Some(Operation::RebuildSales)
}

fn sweep(_: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    Some(match chance.below(8) {
        0 => Operation::Sweep(Task::Expiry),
        1 => Operation::Sweep(Task::Tickets),
        2 => Operation::Sweep(Task::Coupons),
        3 => Operation::Sweep(Task::Sheets),
        4 => Operation::Sweep(Task::Erasures),
        5 | 6 => Operation::Sweep(Task::Confirmations),
        _ => Operation::Sweep(Task::Inventory),
    })
}

fn other(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, product, coupon) = (scene.shape.user(chance), scene.shape.product(chance), scene.shape.coupon(chance));
    match chance.below(3) {
        0 => change(user, post("/users", &new_user(user))),
        1 => {
            let mut new = new_product(scene.now, chance, &scene.shape, product);
            if chance.below(2) == 0 {
                // In a seeded shop this one is new.
                new["productId"] = json!(SPARE);
                new["sellerId"] = json!(scene.shape.seller_of(SPARE));
                new["status"] = json!("HIDDEN");
            }
            change("admin", post("/products", &new).as_admin())
        }
        _ => change("admin", post("/coupons", &new_coupon(scene.now, &scene.shape, chance, coupon)).as_admin()),
    }
}

fn refresh_ranks(_: &Scene, _: &Known, _: &mut Chance) -> Option<Operation> {
    Some(Operation::RefreshRanks)
}
