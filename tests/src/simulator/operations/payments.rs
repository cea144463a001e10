//! Payment sessions, refunds, adjustments and withdrawals.

use serde_json::json;

use super::{
    super::{
        known::{Known, Order, Withdrawal},
        payers::Session,
        plan::pick,
        shape::{any, call, post},
    },
    Operation, Scene, ask, change,
    orders::order_that,
    some,
};
use crate::limits::Chance;

pub(super) fn top_up(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, amount) = (scene.shape.user(chance), 100 * (1 + chance.below(300)));
    change(user, post("/payments", &json!({ "purpose": { "type": "TOP_UP", "userId": user, "amount": amount } })))
}

/// A session for an order that is paid outside. Now and then it is asked for twice.
pub(super) fn begin_session(_: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let waits = |order: &Order| order.status == "PENDING_PAYMENT" && order.is_external;
    let Order { user, id, .. } = order_that(known, chance, waits)?;
    let body = json!({ "purpose": { "type": "ORDER", "orderId": id } });
    change(user, post("/payments", &body).as_user(user))
}

pub(super) fn pay_in_session(_: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let is_open = |session: &&Session| matches!(session.status.as_str(), "READY" | "DECLINED" | "CONFIRMING");
    let open: Vec<&Session> = known.sessions.iter().filter(is_open).collect();
    let session = if chance.below(8) == 0 { some(&known.sessions, chance) } else { some(&open, chance).copied() };
    session.cloned().map(Operation::PayInSession)
}

pub(super) fn look_at_session(scene: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let other = scene.shape.user(chance);
    match (chance.below(4), some(&known.sessions, chance)) {
        (0, _) | (_, None) => {
            ask(other, call("GET", format!("/payments?userId={other}&limit=3")).as_user(other), false)
        }
        (_, Some(Session { user, id, .. })) => ask(user, call("GET", format!("/payments/{id}")).as_user(user), false),
    }
}

/// An admin sends a part of a top-up back, or again the unneeded money that could not be sent back.
pub(super) fn refund_session(_: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let has_money =
        |session: &&Session| !session.failed_refunds.is_empty() || (session.is_top_up && session.status == "PAID");
    let sessions: Vec<&Session> = known.sessions.iter().filter(has_money).collect();
    let session = some(&sessions, chance)?;
    let amount = match session.failed_refunds.first() {
        Some(amount) if session.status == "REFUNDED" => *amount,
        _ => [session.amount, 1 + session.amount / 3, session.amount + 1][pick(chance, 3)],
    };
    let refund = post(format!("/payments/{}/refund", session.id), &json!({ "amount": amount }));
    change("admin", refund.as_admin())
}

/// An admin sends a failed refund of an order again.
pub(super) fn retry_refund(_: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let order = order_that(known, chance, |order| order.refunds.iter().any(|(_, status)| status == "FAILED"))?;
    let (refund, _) = some(&order.refunds, chance)?;
    let body = match chance.below(3) {
        0 => json!({ "to": "BALANCE" }),
        1 => json!({ "to": "EXTERNAL" }),
        _ => json!({}),
    };
    change("admin", post(format!("/orders/{}/refunds/{refund}/retry", order.id), &body).as_admin())
}

pub(super) fn adjust(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, amount) = (scene.shape.user(chance), i64::try_from(chance.below(9_000)).unwrap() - 5_000);
    let amount = if amount == 0 { 1 } else { amount };
    let body = json!({ "userId": user, "amount": amount, "reason": "a correction" });
    change("admin", post("/balance/adjustments", &body).as_admin())
}

pub(super) fn withdraw(scene: &Scene, _: &Known, chance: &mut Chance) -> Option<Operation> {
    let (user, amount) = (scene.shape.user(chance), 1 + chance.below(40_000));
    let account = json!({ "bank": "088", "number": "110-123", "holder": "김민수" });
    change(user, post("/balance/withdrawals", &json!({ "userId": user, "amount": amount, "account": account })))
}

/// A withdrawal is paid out or comes back, by an admin or by the payment system. Or its user looks.
pub(super) fn end_withdrawal(_: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let Withdrawal { user, id, .. } = some(&known.withdrawals, chance)?;
    let path = format!("/balance/withdrawals/{id}");
    let status = any(chance, &["PAID_OUT", "RETURNED"]);
    match chance.below(6) {
        0 => ask(user, call("GET", path).as_user(user), false),
        1..=3 => ask("admin", call("PATCH", path).json(&json!({ "status": status })).as_admin(), false),
        _ => Some(Operation::EndWithdrawal(id.clone(), status)),
    }
}

/// A stranger posts a notice of a payment that nobody made. It is only a hint.
pub(super) fn forge_notice(_: &Scene, known: &Known, chance: &mut Chance) -> Option<Operation> {
    let Session { id, amount, .. } = some(&known.sessions, chance)?;
    let data = json!({ "orderId": id, "status": "DONE", "totalAmount": amount, "paymentKey": "forged" });
    let notice = match chance.below(2) {
        0 => json!({ "eventType": "PAYMENT_STATUS_CHANGED", "data": data }),
        _ => json!({ "orderId": id, "status": "DONE", "secret": "forged" }),
    };
    ask("stranger", post("/payment-notices/toss", &notice), false)
}

pub(super) fn sweep_payments(_: &Scene, _: &Known, _: &mut Chance) -> Option<Operation> {
    Some(Operation::SweepPayments)
}
