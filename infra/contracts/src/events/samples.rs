//! Samples: the events of the API reference's story, derived from its changes by the shop's own rules.

use crate::openapi::samples;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::Serialize;
use shared::{
    domain::{
        PaymentId, Refusal, Won,
        coupon::{Campaign, CouponState, IssuedCoupon},
        order::{
            Actor, Cancellation, ClaimPolicy, ClaimReason, ClaimType, HistoryEvent, Label, LineStatus, NewClaim, Order,
            ParcelStatus, PaymentMethod, Receipt, Refund, UnitCondition,
        },
        product::Product,
        scaling::{ScalingPace, ScalingPolicy},
        sheet::{OrderSheet, SheetState},
    },
    events::{self, Event, InboundKind, PaymentResult, RefundResult, WithdrawalResult},
    platform::trace::TraceId,
    store::StoreError,
};

use super::Error;

/// Events of every kind.
pub(crate) fn events() -> Result<Vec<Event>, Error> {
    let (id, draft) = samples::order()?;
    let now = draft.at;
    let hold_ends = later(now, 10);
    let held = |method| Order::placed(id.clone(), draft.clone(), method, Won::ZERO, hold_ends);
    let one_of_two = Cancellation::Units([(1, 1)].into());

    // The first is paid at once and one unit of it cancelled. The second is delivered, and its return requested.
    let mut stories = vec![vec![Order::paid(id.clone(), draft.clone())]];
    advance(&mut stories, |order| order.cancel(&one_of_two, Actor::Customer, None, later(now, 5)).map(Some))?;
    for status in [LineStatus::Shipped, LineStatus::InDelivery, LineStatus::Delivered, LineStatus::ReturnRequested] {
        advance(&mut stories, |order| order.move_line(1, status, &[Actor::Admin], later(now, 60)))?;
    }
    // One is shipped in a parcel and confirmed; one is returned, one exchanged.
    let label = Label { carrier: "CJ대한통운".to_owned(), tracking_number: "688012345678".to_owned() };
    let all = draft.items.iter().zip(1..).map(|(line, number)| (number, line.quantity.get())).collect();
    stories.push(vec![Order::paid(id.clone(), draft.clone())]);
    advance(&mut stories, |order| order.ship(&all, label.clone(), Actor::Seller, later(now, 60)).map(Some))?;
    for status in [ParcelStatus::InDelivery, ParcelStatus::Delivered] {
        advance(&mut stories, |order| order.move_parcel(1, status, Actor::Seller, later(now, 90)))?;
    }
    let delivered = stories.last().and_then(|story| story.last()).cloned();
    for ways in [
        &[LineStatus::PurchaseConfirmed][..],
        &[LineStatus::ReturnRequested, LineStatus::ReturnInProgress, LineStatus::Returned],
        &[LineStatus::ExchangeRequested, LineStatus::ExchangeInProgress, LineStatus::Exchanged],
    ] {
        stories.push(delivered.iter().cloned().collect());
        for status in ways {
            advance(&mut stories, |order| order.move_line(1, *status, &[Actor::Admin], later(now, 120)))?;
        }
    }
    // Claims: one is withdrawn, one refused, a unit is returned, and one exchanged.
    let claim = |kind| NewClaim { kind, items: [(1, 1)].into(), reason: ClaimReason::Defect, text: None };
    let (receipt, policy) = (Receipt::from([((1, UnitCondition::Sellable), 1)]), ClaimPolicy::DEFAULT);
    stories.push(delivered.iter().cloned().collect());
    for kind in [ClaimType::Return, ClaimType::Exchange] {
        advance(&mut stories, |order| {
            order.request_claim(&claim(kind), &policy, Actor::Customer, later(now, 120)).map(Some)
        })?;
    }
    advance(&mut stories, |order| order.withdraw_claim(1, Actor::Customer, later(now, 130)).map(Some))?;
    advance(&mut stories, |order| order.decide_claim(2, true, None, Actor::Seller, later(now, 140)).map(Some))?;
    advance(&mut stories, |order| order.receive_claim(2, &receipt, Actor::Seller, later(now, 150)).map(Some))?;
    advance(&mut stories, |order| {
        order.ship_replacement(2, &[(1, 1)].into(), label.clone(), Actor::Seller, later(now, 160)).map(Some)
    })?;
    stories.push(delivered.iter().cloned().collect());
    advance(&mut stories, |order| {
        order.request_claim(&claim(ClaimType::Return), &policy, Actor::Customer, later(now, 120)).map(Some)
    })?;
    advance(&mut stories, |order| order.decide_claim(1, true, None, Actor::Seller, later(now, 130)).map(Some))?;
    advance(&mut stories, |order| order.receive_claim(1, &receipt, Actor::Seller, later(now, 140)).map(Some))?;
    // One is refused, one expires unpaid, one is paid outside and to be refunded there, which takes too long.
    stories.push(vec![Order::payment_failed(id.clone(), draft.clone())]);
    stories.push(vec![held(PaymentMethod::Balance)]);
    advance(&mut stories, |order| order.end_unpaid(HistoryEvent::HoldExpired, Actor::System, hold_ends).map(Some))?;
    let outside = held(PaymentMethod::External);
    stories.push(vec![outside.clone(), outside.settle(payment()?, later(now, 1))]);
    advance(&mut stories, |order| order.cancel(&Cancellation::Whole, Actor::Customer, None, later(now, 5)).map(Some))?;
    advance(&mut stories, |order| {
        let late = later(now, 7 * 24 * 60);
        let refund = order.refunds().into_iter().find(Refund::is_open).map(|refund| refund.refund_id);
        Ok(refund.and_then(|id| order.refund_overdue(&id, SignedDuration::from_hours(72), late)))
    })?;

    let mut orders = Vec::new();
    for story in &stories {
        let before = std::iter::once(None).chain(story.iter().map(Some));
        for (old, new) in before.zip(story) {
            orders
                .extend(events::from_change(old, new).map_err(StoreError::from).map_err(crate::openapi::Error::from)?);
        }
    }
    let sheet = samples::sheet()?;
    let abandoned = OrderSheet { state: SheetState::Abandoned, ..sheet.clone() };
    let coupon = samples::issued_coupon()?;
    let revoked =
        IssuedCoupon { state: CouponState::Revoked, revoked_at: Some(later(coupon.issued_at, 1)), ..coupon.clone() };
    let product = samples::stored_product(now)?;
    let step = product.scale().heated(98, later(now, 1), &ScalingPolicy::DEFAULT, &ScalingPace::PRODUCTION);
    let scaled = Product { version: 2, ..product.clone() }.at_scale(step.unwrap_or(product.scale()));
    let campaign = samples::campaign()?;
    let mut grown = Campaign { version: 1, ..campaign.clone() };
    (grown.growth.added_counters, grown.growth.scaled_at) = (3, Some(later(now, 1)));
    let others = [
        events::from_sheet_change(None, &sheet),
        events::from_sheet_change(Some(&sheet), &abandoned),
        events::from_coupon_change(None, &coupon),
        events::from_coupon_change(Some(&coupon), &revoked),
        events::from_withdrawal_change(None, &samples::withdrawal(&sheet.user_id)?),
        events::from_product_change(Some(&product), &scaled),
        events::from_campaign_change(Some(&campaign), &grown),
    ];
    Ok(orders.into_iter().chain(others.into_iter().flatten()).map(|event| event.in_trace(Some(trace()))).collect())
}

/// An event of another system, with the trace of the shop's request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InboundSample {
    #[serde(flatten)]
    result: Outcome,
    trace_id: TraceId,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    Payment(PaymentResult),
    Refund(RefundResult),
    Withdrawal(WithdrawalResult),
}

/// An event that the shop takes: the result of the payment, refund or withdrawal that the story asked for.
pub(crate) fn inbound(kind: InboundKind) -> Result<InboundSample, Error> {
    let (order_id, draft) = samples::order()?;
    let (user, at) = (draft.user_id.clone(), later(draft.at, 1));
    let reason = match kind {
        InboundKind::PaymentFailed => Some("CARD_DECLINED".to_owned()),
        InboundKind::RefundFailed | InboundKind::WithdrawalReturned => Some("ACCOUNT_CLOSED".to_owned()),
        InboundKind::PaymentSucceeded | InboundKind::RefundSucceeded | InboundKind::WithdrawalPaidOut => None,
    };
    let result = match kind {
        InboundKind::PaymentSucceeded | InboundKind::PaymentFailed => {
            let amount = draft.quote.amounts.payable;
            Outcome::Payment(PaymentResult { payment_id: payment()?, order_id, amount, at, reason })
        }
        InboundKind::RefundSucceeded | InboundKind::RefundFailed => {
            Outcome::Refund(RefundResult { refund_id: format!("{order_id}-3-refund"), order_id, at, reason })
        }
        InboundKind::WithdrawalPaidOut | InboundKind::WithdrawalReturned => {
            let withdrawal_id = samples::withdrawal(&user)?.withdrawal_id;
            Outcome::Withdrawal(WithdrawalResult { withdrawal_id, at, reason })
        }
    };
    Ok(InboundSample { result, trace_id: trace() })
}

fn payment() -> Result<PaymentId, Error> {
    Ok(PaymentId::try_from("p-20261120-0001".to_owned()).map_err(crate::openapi::Error::from)?)
}

fn trace() -> TraceId {
    TraceId::from_invocation(None, "4dfb1d32-0b6e-4d3c-9a0f-5a3f5c1c8d7e")
}

/// Makes a step in the last of the stories.
fn advance(stories: &mut [Vec<Order>], step: impl Fn(&Order) -> Result<Option<Order>, Refusal>) -> Result<(), Error> {
    let Some(story) = stories.last_mut() else { return Ok(()) };
    let next = story.last().map(step).transpose().map_err(|refusal| Error::Refused(Box::new(refusal)))?;
    story.extend(next.flatten());
    Ok(())
}

fn later(at: Timestamp, minutes: i64) -> Timestamp {
    at.checked_add(minutes.minutes()).unwrap_or(at)
}
