//! Tests of the life of an order, from one end to the other.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::{
    PaymentId, ProductId, Quantity, Refusal,
    coupon::Discount,
    pricing::{ShippingPolicy, quote},
    timed_offer::{QuotaId, QuotaUse},
};

const START: Timestamp = Timestamp::UNIX_EPOCH;

pub(super) fn id() -> OrderId {
    OrderId::try_from("order".to_owned()).unwrap()
}

pub(super) fn line(product: &str, price: i64, quantity: i64) -> OrderLine {
    OrderLine {
        product_id: ProductId::try_from(product.to_owned()).unwrap(),
        seller_id: None,
        name: product.to_owned(),
        quantity: Quantity::try_from(quantity).unwrap(),
        cancelled_quantity: 0,
        limit: None,
        quota: None,
        scrapped: 0,
        unit_price: Won::new(price),
        unit_discount: Won::ZERO,
        coupon_share: Won::ZERO,
        outside_scope: false,
        status: LineStatus::PendingPayment,
    }
}

pub(super) fn draft_of(items: Vec<OrderLine>, discount: i64) -> Draft {
    let priced: Vec<_> = items.iter().map(OrderLine::priced).collect();
    let terms = Discount::Fixed(Won::new(discount)).into();
    let shipping = ShippingPolicy { fee: Won::new(3_000), free_from: Won::new(30_000) };
    Draft {
        user_id: UserId::try_from("mina".to_owned()).unwrap(),
        actor: Actor::Customer,
        items,
        quote: quote(&priced, Some(&terms), shipping).or_else(|_| quote(&priced, None, shipping)).unwrap(),
        coupon_id: None,
        budget_shards: None,
        order_sheet_id: None,
        at: START,
    }
}

/// Two teas and two cups: 6,000 won, 100 off, and 3,000 for shipping.
pub(super) fn draft() -> Draft {
    draft_of(vec![line("tea", 1_000, 2), line("cup", 2_000, 2)], 100)
}

pub(super) fn paid() -> Order {
    Order::paid(id(), draft())
}

fn product(id: &str) -> ProductId {
    ProductId::try_from(id.to_owned()).unwrap()
}

pub(super) fn payment_id(id: &str) -> PaymentId {
    PaymentId::try_from(id.to_owned()).unwrap()
}

pub(super) fn after(seconds: i64) -> Timestamp {
    START + seconds.seconds()
}

fn placed(payment: PaymentMethod) -> Order {
    Order::placed(id(), draft(), payment, Won::ZERO, after(600))
}

pub(super) fn units(units: &[(usize, u16)]) -> Cancellation {
    Cancellation::Units(BTreeMap::from_iter(units.iter().copied()))
}

/// The invariants of every order.
pub(super) fn assert_sound(order: &Order) {
    let (mut status, mut lines) = (None, vec![None; order.items.len()]);
    for (_, _, change) in order.changes() {
        match change {
            Change::Order { from, to } => {
                assert_eq!(from, status);
                status = Some(to);
            }
            Change::Line { number, from, to, .. } => {
                assert_eq!(from, lines[number - 1]);
                lines[number - 1] = Some(to);
            }
        }
    }
    assert_eq!(status, Some(order.status));
    assert_eq!(lines, order.items.iter().map(|line| Some(line.status)).collect::<Vec<_>>());
    assert_eq!(order.history.len(), usize::try_from(order.version).unwrap());
    assert_eq!(order.hold_expires_at.is_some(), order.status == OrderStatus::PendingPayment);
    assert_eq!(Won::checked_sum(order.history.iter().map(|entry| entry.refund)), Some(order.refunded));
    assert!(Won::ZERO <= order.refunded && order.refunded <= order.paid);
    let sold: i64 = order.sales().expect("the history adds up").iter().flat_map(|sale| sale.units.values()).sum();
    let counted: i64 = order.items.iter().map(|line| i64::from(line.counted_units())).sum();
    assert_eq!(sold, if order.paid_at.is_some() { counted } else { 0 });
    if order.status == OrderStatus::FullyRefunded {
        assert_eq!(order.refunded.checked_add(order.fees_kept().unwrap()), Some(order.paid));
    }
}

#[test]
fn the_history_leads_to_what_is() {
    let held = placed(PaymentMethod::Balance);
    let cancelled = paid().cancel(&units(&[(1, 1)]), Actor::Customer, None, after(1)).unwrap();
    for order in [
        paid(),
        Order::payment_failed(id(), draft()),
        held.pay(Actor::Customer, after(1)).unwrap(),
        held.end_unpaid(HistoryEvent::HoldExpired, Actor::System, after(600)).unwrap(),
        held.cancel(&Cancellation::Whole, Actor::Customer, None, after(1)).unwrap(),
        cancelled.cancel(&Cancellation::Whole, Actor::Admin, Some("no tea".to_owned()), after(2)).unwrap(),
        cancelled.move_line(1, LineStatus::Shipped, &[Actor::Seller], after(2)).unwrap().unwrap(),
        cancelled,
        held,
    ] {
        assert_sound(&order);
    }
}

#[test]
fn only_what_is_paid_has_been_paid() {
    let paid = paid();
    assert_eq!((paid.status, paid.paid, paid.amounts.payable), (OrderStatus::Paid, Won::new(8_900), Won::new(8_900)));
    let failed = Order::payment_failed(id(), draft());
    assert_eq!((failed.status, failed.paid, failed.paid_at), (OrderStatus::PaymentFailed, Won::ZERO, None));
    let held = placed(PaymentMethod::Balance);
    assert_eq!((held.status, held.paid, held.paid_at), (OrderStatus::PendingPayment, Won::ZERO, None));
}

#[test]
fn a_held_order_is_paid_before_its_hold_ends_and_not_at_that_instant() {
    let order = placed(PaymentMethod::Balance);
    let paid = order.pay(Actor::Customer, after(599)).unwrap();
    assert_eq!((paid.status, paid.paid, paid.hold_expires_at), (OrderStatus::Paid, Won::new(8_900), None));
    assert!(!order.is_hold_expired(after(599)) && order.is_hold_expired(after(600)));
    let Err(Refusal::OrderStateConflict { status, allowed, .. }) = order.pay(Actor::Customer, after(600)) else {
        panic!("an expired hold can be paid");
    };
    assert_eq!((status, allowed), (OrderStatus::PendingPayment, vec![OrderAction::Cancel]));
    assert!(paid.pay(Actor::Customer, after(1)).is_err());
    assert!(paid.end_unpaid(HistoryEvent::HoldExpired, Actor::System, after(600)).is_err());
}

#[test]
fn the_external_system_pays_only_what_it_was_asked_for_and_in_time() {
    let order = placed(PaymentMethod::External);
    assert!(order.awaits(Won::new(8_900), after(1)));
    assert!(!order.awaits(Won::new(8_901), after(1)));
    assert!(!order.awaits(Won::new(8_900), after(600)));
    assert!(!placed(PaymentMethod::Balance).awaits(Won::new(8_900), after(1)));
    assert!(order.pay(Actor::Customer, after(1)).is_err());

    let paid = order.settle(payment_id("p1"), after(1));
    assert_eq!((paid.status, paid.payment_id.as_ref()), (OrderStatus::Paid, Some(&payment_id("p1"))));
    assert!(!paid.awaits(Won::new(8_900), after(1)));
    let returned = paid.return_payment(Returned { payment_id: payment_id("p1"), amount: Won::new(8_900) }, after(2));
    assert_eq!((returned.status, returned.version), (OrderStatus::Paid, 3));
    assert_sound(&returned);
}

#[test]
fn cancelling_pays_back_each_part_and_the_fee_with_the_last_unit() {
    // 33 of the 100 won off are the teas', and 67 the cups'.
    let one_tea = paid().cancel(&units(&[(1, 1)]), Actor::Customer, None, after(1)).unwrap();
    assert_eq!((one_tea.refunded, one_tea.status), (Won::new(983), OrderStatus::PartiallyCancelled));
    let both_teas = one_tea.cancel(&units(&[(1, 1)]), Actor::Customer, None, after(2)).unwrap();
    assert_eq!((both_teas.refunded, both_teas.items[0].status), (Won::new(1_967), LineStatus::Cancelled));
    let all = both_teas.cancel(&Cancellation::Whole, Actor::Customer, None, after(3)).unwrap();
    assert_eq!((all.refunded, all.status), (Won::new(8_900), OrderStatus::FullyRefunded));
    assert!(all.cancel(&Cancellation::Whole, Actor::Customer, None, after(4)).is_err());
}

#[test]
fn no_more_is_cancelled_than_there_is() {
    let order = paid();
    let refused = |what: &Cancellation| order.cancel(what, Actor::Customer, None, after(1)).unwrap_err();
    assert!(matches!(refused(&units(&[(1, 3)])), Refusal::UnitsNotLeft { requested: 3, available: 2, .. }));
    assert!(matches!(refused(&units(&[(3, 1)])), Refusal::NotFound { .. }));
    assert!(matches!(refused(&units(&[(0, 1)])), Refusal::NotFound { .. }));
    let held = placed(PaymentMethod::Balance);
    let part = held.cancel(&units(&[(1, 1)]), Actor::Customer, None, after(1)).unwrap_err();
    assert!(matches!(part, Refusal::OrderStateConflict { .. }), "what is not paid is cancelled whole");
    let all = held.cancel(&units(&[(1, 2), (2, 2)]), Actor::Customer, None, after(1)).unwrap();
    assert_eq!((all.status, all.refunded), (OrderStatus::Cancelled, Won::ZERO));
}

#[test]
fn a_held_order_is_cancelled_by_naming_all_units_of_each_line() {
    let draft = draft_of(vec![line("tea", 1_000, 2), line("cup", 2_000, 3)], 0);
    let held = Order::placed(id(), draft, PaymentMethod::Balance, Won::ZERO, after(600));
    let cancel = |what: &[(usize, u16)]| held.cancel(&units(what), Actor::Customer, None, after(1));
    assert_eq!(cancel(&[(1, 2), (2, 3)]).unwrap().status, OrderStatus::Cancelled);
    for part in [&[(1, 2)][..], &[(2, 3)], &[(1, 2), (2, 2)], &[(1, 1), (2, 3)], &[(1, 3), (2, 2)]] {
        assert!(matches!(cancel(part), Err(Refusal::OrderStateConflict { .. })), "{part:?}");
    }
}

#[test]
fn the_history_tells_a_cancelled_line_from_one_that_moved_on() {
    for (to, event, units) in
        [(LineStatus::Cancelled, HistoryEvent::Cancelled, 2), (LineStatus::Shipped, HistoryEvent::LineMoved, 0)]
    {
        let moved = paid().move_line(1, to, &[Actor::Seller], after(1)).unwrap().unwrap();
        let entry = moved.history.last().unwrap();
        assert_eq!((entry.event, entry.actor, entry.at), (event, Actor::Seller, after(1)));
        assert_eq!(entry.lines, [LineStep { number: 1, to, units }]);
    }
}

#[test]
fn what_is_shipped_is_not_cancelled_at_once() {
    let shipped = paid().move_line(1, LineStatus::Shipped, &[Actor::Seller], after(1)).unwrap().unwrap();
    let whole = shipped.cancel(&Cancellation::Whole, Actor::Customer, None, after(2)).unwrap_err();
    let Refusal::LineStateConflict { item_id, status, allowed, .. } = whole else { panic!("{whole:?}") };
    assert_eq!((item_id.as_str(), status, allowed), ("1", LineStatus::Shipped, vec![LineStatus::CancelRequested]));
    let cups = shipped.cancel(&units(&[(2, 2)]), Actor::Customer, None, after(2)).unwrap();
    assert_eq!(cups.status, OrderStatus::PartiallyCancelled);
}

#[test]
fn a_line_moves_along_the_table_by_whom_it_allows() {
    let order = paid();
    let refused = |to, actor| order.move_line(1, to, &[actor], after(1)).unwrap_err();
    assert_eq!(refused(LineStatus::Shipped, Actor::Customer), Refusal::Forbidden);
    assert!(matches!(refused(LineStatus::Delivered, Actor::Seller), Refusal::LineStateConflict { .. }));
    assert!(order.move_line(1, LineStatus::Preparing, &[Actor::Seller], after(1)).unwrap().is_none());
    assert_eq!(refused(LineStatus::Preparing, Actor::Customer), Refusal::Forbidden);

    let both = [Actor::Customer, Actor::Seller];
    let shipped = order.move_line(1, LineStatus::Shipped, &both, after(1)).unwrap().unwrap();
    assert_eq!(shipped.history[1].actor, Actor::Seller);
}

#[test]
fn every_pair_of_states_is_either_an_edge_or_refused_with_the_edges() {
    for from in LineStatus::ALL {
        for to in LineStatus::ALL {
            for actor in [Actor::Customer, Actor::Seller, Actor::Admin] {
                let mut order = paid();
                order.items[0].status = *from;
                let allowed = allowed_next(*from, None, actor);
                match order.move_line(1, *to, &[actor], after(1)) {
                    Ok(None) => assert_eq!(from, to),
                    Ok(Some(moved)) => {
                        assert!(allowed.contains(to), "{from:?} to {to:?} by {actor:?}");
                        assert_eq!(moved.items[0].status, *to);
                    }
                    Err(Refusal::Forbidden) => assert!(!allowed.contains(to)),
                    Err(Refusal::LineStateConflict { allowed: named, .. }) => {
                        assert!(!allowed.contains(to));
                        assert_eq!(named, allowed);
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
        }
    }
}

#[test]
fn a_return_pays_back_when_it_is_completed_and_an_exchange_never() {
    let walk = |order: Order, steps: &[(LineStatus, Actor)]| {
        steps.iter().fold(order, |order, (to, actor)| {
            let moved = order.move_line(1, *to, &[*actor], after(1)).unwrap().unwrap();
            assert_sound(&moved);
            moved
        })
    };
    use Actor::{Customer, Seller};
    use LineStatus::{
        Delivered, ExchangeInProgress, ExchangeRequested, Exchanged, ReturnInProgress, ReturnRequested, Returned,
        Shipped,
    };
    let partly = paid().cancel(&units(&[(1, 1)]), Customer, None, after(1)).unwrap();
    let delivered = walk(partly, &[(Shipped, Seller), (Delivered, Seller)]);
    let exchanged =
        walk(delivered.clone(), &[(ExchangeRequested, Customer), (ExchangeInProgress, Seller), (Exchanged, Seller)]);
    assert_eq!(exchanged.refunded, delivered.refunded);
    let coming_back = walk(delivered, &[(ReturnRequested, Customer), (ReturnInProgress, Seller)]);
    assert_eq!(coming_back.refunded, Won::new(983));
    let returned = walk(coming_back, &[(Returned, Seller)]);
    assert_eq!((returned.refunded, returned.items[0].live_units()), (Won::new(1_967), 0));
}

#[test]
fn a_customer_cannot_fill_up_an_order() {
    let name = |number: usize| format!("{}{number:02}", "p".repeat(62));
    let lines: Vec<OrderLine> = (0..50).map(|number| line(&name(number), 1_000_000_000, 999)).collect();
    let one_of_each: Vec<(usize, u16)> = (1..=50).map(|number| (number, 1)).collect();
    let reason = Some("가".repeat(300));
    for (what, reason) in [(units(&[(1, 1)]), reason), (units(&one_of_each), None)] {
        let mut order = Order::paid(id(), draft_of(lines.clone(), 0));
        let mut fill = |actor| {
            loop {
                let next = order.cancel(&what, actor, reason.clone(), after(1)).unwrap();
                match next.check_history(&order, &HistoryBounds::PRODUCTION) {
                    Ok(()) => order = next,
                    Err(refusal) => break assert!(matches!(refusal, Refusal::LimitExceeded { .. })),
                }
            }
        };
        fill(Actor::Customer);
        // The shop can go on, and external money can be returned.
        fill(Actor::Admin);
        let returned = |order: &Order| {
            let returned = Returned { payment_id: payment_id(&"p".repeat(64)), amount: Won::new(1_000_000_000) };
            order.return_payment(returned, after(3))
        };
        loop {
            let next = returned(&order);
            if next.check_history(&order, &HistoryBounds::PRODUCTION).is_err() {
                break;
            }
            order = next;
        }
        let size = serde_json::to_string(&order).unwrap().len();
        assert!(size < 400_000, "{size}");
    }
}

#[test]
fn customers_and_admins_may_pay_and_cancel_as_far_as_the_state_allows() {
    use OrderAction::{Cancel, Pay};
    let held = placed(PaymentMethod::Balance);
    let shipped = paid().move_line(1, LineStatus::Shipped, &[Actor::Seller], after(1)).unwrap().unwrap();
    let cancelled = |what: &Cancellation| paid().cancel(what, Actor::Customer, None, after(1)).unwrap();
    for (order, now, allowed) in [
        (held.clone(), after(599), vec![Pay, Cancel]),
        (held.clone(), after(600), vec![Cancel]),
        (placed(PaymentMethod::External), after(1), vec![Cancel]),
        (held.end_unpaid(HistoryEvent::HoldExpired, Actor::System, after(600)).unwrap(), after(600), vec![]),
        (Order::payment_failed(id(), draft()), after(1), vec![]),
        (paid(), after(1), vec![Cancel]),
        (cancelled(&units(&[(1, 2)])), after(1), vec![Cancel]),
        (cancelled(&Cancellation::Whole), after(1), vec![]),
        (shipped, after(1), vec![]),
    ] {
        for actor in [Actor::Customer, Actor::Admin] {
            assert_eq!(order.allowed_actions(actor, now), allowed, "{:?} {actor:?}", order.status);
        }
        for actor in [Actor::Seller, Actor::System] {
            assert_eq!(order.allowed_actions(actor, now), [], "{:?} {actor:?}", order.status);
        }
    }
}

#[test]
fn a_cancellation_keeps_its_reason_whether_the_order_was_paid_or_not() {
    let reason = || Some("changed my mind".to_owned());
    for order in [paid(), placed(PaymentMethod::Balance)] {
        let cancelled = order.cancel(&Cancellation::Whole, Actor::Customer, reason(), after(1)).unwrap();
        assert_eq!(cancelled.history.last().unwrap().reason, reason(), "{:?}", order.status);
        assert_eq!((cancelled.history[0].reason.as_ref(), cancelled.updated_at), (None, after(1)));
    }
}

#[test]
fn a_request_is_withdrawn_to_the_state_that_it_was_made_in() {
    use LineStatus::{CancelRequested, InDelivery, Preparing, Shipped};
    let moved = |order: &Order, to, actor| order.move_line(1, to, &[actor], after(1)).unwrap().unwrap();
    let in_delivery = moved(&moved(&paid(), Shipped, Actor::Seller), InDelivery, Actor::Seller);
    assert_eq!((in_delivery.status_before(1), in_delivery.status_before(2)), (Some(Shipped), Some(LineStatus::Paid)));

    let requested = moved(&in_delivery, CancelRequested, Actor::Customer);
    assert_eq!(requested.next_statuses(1, &[Actor::Customer]), [InDelivery]);
    let refused = requested.move_line(1, Shipped, &[Actor::Customer], after(2)).unwrap_err();
    assert!(matches!(refused, Refusal::LineStateConflict { .. }), "{refused:?}");

    let withdrawn = moved(&requested, InDelivery, Actor::Customer);
    let again = withdrawn.move_line(1, InDelivery, &[Actor::Customer], after(2));
    assert_eq!(again, Ok(None), "it was withdrawn already");
    let never_requested = in_delivery.move_line(1, InDelivery, &[Actor::Customer], after(2));
    assert_eq!(never_requested, Err(Refusal::Forbidden));
    // Cancelling some of the units moves no line.
    let part = paid().cancel(&units(&[(1, 1)]), Actor::Customer, None, after(1)).unwrap();
    assert_eq!((part.items[0].status, part.status_before(1)), (Preparing, Some(LineStatus::Paid)));
}

#[test]
fn lines_are_numbered_from_one() {
    let order = paid();
    let name = |number| order.line(number).map(|line| line.name.as_str());
    assert_eq!([0, 1, 2, 3].map(name), [None, Some("tea"), Some("cup"), None]);
    assert_eq!(order.next_statuses(0, &[Actor::Admin]), []);
    assert_eq!(order.status_before(3), None);
}

#[test]
fn a_stored_order_that_does_not_add_up_pays_nothing_back() {
    for (paid_before, refunded) in [(Won::new(982), Won::ZERO), (Won::new(8_900), Won::new(5_000))] {
        let order = Order { paid: paid_before, refunded, ..paid() };
        let cancelled = order.cancel(&units(&[(1, 1)]), Actor::Customer, None, after(1)).unwrap();
        let refund = cancelled.history.last().unwrap().refund;
        assert_eq!((cancelled.refunded, refund), (refunded, Won::ZERO), "{paid_before} {refunded}");
    }
    let exactly = Order { paid: Won::new(983), ..paid() };
    let cancelled = exactly.cancel(&units(&[(1, 1)]), Actor::Customer, None, after(1)).unwrap();
    assert_eq!(cancelled.refunded, Won::new(983));
}

#[test]
fn an_entry_weighs_more_by_each_line_and_by_each_40_bytes_of_its_reason() {
    let step = LineStep { number: 1, to: LineStatus::Shipped, units: 0 };
    for (lines, reason, weight) in
        [(0, None, 4), (3, None, 7), (0, Some(1), 5), (0, Some(40), 5), (0, Some(41), 6), (2, Some(81), 9)]
    {
        let entry = HistoryEntry {
            lines: vec![step; lines],
            reason: reason.map(|bytes| "x".repeat(bytes)),
            ..HistoryEntry::new(HistoryEvent::LineMoved, Actor::Seller, START)
        };
        assert_eq!(entry.weight(), weight, "{lines} lines, {reason:?} bytes");
    }
}

#[test]
fn each_actor_may_fill_a_history_to_a_bound_of_their_own() {
    const NONE: HistoryBounds = HistoryBounds { customer: 0, shop: 0, system: 0 };
    let returned = Returned { payment_id: payment_id("p1"), amount: Won::new(1) };
    let cancelled = |actor| paid().cancel(&units(&[(1, 1)]), actor, None, after(1)).unwrap();
    // The entry of the payment weighs 4, a cancelled line 5, a returned payment 4.
    let customer = |customer| HistoryBounds { customer, ..NONE };
    let shop = |shop| HistoryBounds { shop, ..NONE };
    let system = |system| HistoryBounds { system, ..NONE };
    for (order, bounds, max) in [
        (cancelled(Actor::Customer), customer as fn(usize) -> _, 9),
        (cancelled(Actor::Seller), shop, 9),
        (cancelled(Actor::Admin), shop, 9),
        (paid().return_payment(returned.clone(), after(1)), system, 8),
    ] {
        assert_eq!(order.check_history(&paid(), &bounds(max)), Ok(()));
        let refused = Refusal::LimitExceeded { limit: "orderHistory", max: i64::try_from(max).unwrap() - 1 };
        assert_eq!(order.check_history(&paid(), &bounds(max - 1)), Err(refused));
        assert_eq!(order.check_history(&order, &NONE), Ok(()), "nothing was added");
    }

    let held = placed(PaymentMethod::Balance);
    let paid = held.pay(Actor::Customer, after(1)).unwrap();
    let ended = held.end_unpaid(HistoryEvent::HoldExpired, Actor::System, after(600)).unwrap();
    assert_eq!([&paid, &ended].map(|order| order.check_history(&held, &NONE)), [Ok(()), Ok(())]);
    assert!(held.return_payment(returned, after(1)).check_history(&held, &NONE).is_err());
}

#[test]
fn every_step_of_a_history_has_an_id_of_its_own() {
    let cancelled = paid().cancel(&units(&[(1, 1)]), Actor::Customer, None, after(1)).unwrap();
    let returned = Returned { payment_id: payment_id("p1"), amount: Won::new(1) };
    let order = cancelled.return_payment(returned, after(2));
    let steps: Vec<_> = order.steps().into_iter().map(|step| (step.id, step.actor)).collect();
    let expected = [
        ("1", Actor::Customer),
        ("1-1", Actor::Customer),
        ("1-2", Actor::Customer),
        ("1-1-2", Actor::System),
        ("1-2-2", Actor::System),
        ("2", Actor::Customer),
        ("2-1", Actor::Customer),
        // The state of the order stays, and yet the payment is reported.
        ("3", Actor::System),
    ];
    assert_eq!(steps, expected.map(|(id, actor)| (id.to_owned(), actor)));
    let last = order.changes().last().unwrap().2;
    assert_eq!(
        last,
        Change::Order { from: Some(OrderStatus::PartiallyCancelled), to: OrderStatus::PartiallyCancelled }
    );
}

#[test]
fn a_history_moves_only_lines_that_the_order_has() {
    let mut order = paid();
    for number in [0, 3] {
        let step = LineStep { number, to: LineStatus::Shipped, units: 0 };
        let entry = HistoryEntry::new(HistoryEvent::LineMoved, Actor::Seller, after(1));
        order.history.push(HistoryEntry { lines: vec![step], ..entry });
    }
    assert_eq!(order.changes(), paid().changes());
}

/// The effects of a change that touches no other record.
fn no_effects(order: &Order) -> OrderEffects<'_> {
    let (units, taken) = (BTreeMap::new(), BTreeMap::new());
    OrderEffects {
        user: &order.user_id,
        payment: None,
        refund: None,
        released: None,
        deposit: None,
        units,
        taken,
        limits: BTreeMap::new(),
        quotas: BTreeMap::new(),
        coupon: None,
        budget: None,
    }
}

#[test]
fn units_return_to_a_quota_when_they_are_cancelled_in_the_time_of_its_offer() {
    let quota = QuotaId { since: 1, from: START };
    let of_quota = |mut order: Order| {
        order.items[0].quota = Some(QuotaUse { id: quota, part: 3, until: after(10), units: 2 });
        order
    };
    let back = |before: &Order, after: &Order| {
        let effects = OrderEffects::between(before, after).quotas;
        effects
            .into_iter()
            .map(|((product, id, part), units)| (product.to_string(), id, part, units))
            .collect::<Vec<_>>()
    };
    let returned = |units| vec![("tea".to_owned(), quota, 3, units)];
    let (paid, held) = (of_quota(paid()), of_quota(placed(PaymentMethod::Balance)));
    for (at, one, all) in [(after(9), returned(1), returned(2)), (after(10), Vec::new(), Vec::new())] {
        let cancel = |what| paid.cancel(&what, Actor::Customer, None, at).unwrap();
        assert_eq!(back(&paid, &cancel(units(&[(1, 1)]))), one);
        assert_eq!(back(&paid, &cancel(Cancellation::Whole)), all);
        let moved = paid.move_line(1, LineStatus::Cancelled, &[Actor::Admin], at).unwrap().unwrap();
        assert_eq!(back(&paid, &moved), all);
        let ended = held.end_unpaid(HistoryEvent::HoldExpired, Actor::System, at).unwrap();
        assert_eq!(back(&held, &ended), all);
    }
    assert_eq!(back(&paid, &paid.cancel(&units(&[(2, 1)]), Actor::Customer, None, after(1)).unwrap()), []);
    let failed = Order::payment_failed(id(), draft_of(paid.items.clone(), 100));
    assert_eq!(failed.items[0].quota, None);
}

#[test]
fn paying_takes_money_from_the_balance_only_where_the_order_is_paid_from_it() {
    let returned = Returned { payment_id: payment_id("p2"), amount: Won::new(1) };
    for (method, payment, refund) in
        [(PaymentMethod::Balance, Some(Won::new(8_900)), Some(Won::new(983))), (PaymentMethod::External, None, None)]
    {
        let held = placed(method);
        let released = Some(Held { orders: 1, units: 4 });
        let paid = match method {
            PaymentMethod::Balance => held.pay(Actor::Customer, after(1)).unwrap(),
            PaymentMethod::External => held.settle(payment_id("p1"), after(1)),
        };
        let effects = OrderEffects { payment, released, ..no_effects(&held) };
        assert_eq!(OrderEffects::between(&held, &paid), effects);
        let cancelled = paid.cancel(&units(&[(1, 1)]), Actor::Customer, None, after(2)).unwrap();
        let tea = product("tea");
        let effects = OrderEffects { refund, units: BTreeMap::from([(&tea, 1)]), ..no_effects(&held) };
        assert_eq!(OrderEffects::between(&paid, &cancelled), effects);
        for order in [held, paid, cancelled] {
            let noted = order.return_payment(returned.clone(), after(3));
            assert_eq!(OrderEffects::between(&order, &noted), no_effects(&order));
        }
    }
}

#[test]
fn the_end_of_an_order_gives_back_its_units_its_coupon_and_its_share_of_the_caps() {
    let (tea, cup) = (product("tea"), product("cup"));
    let coupon = CouponId::try_from("welcome".to_owned()).unwrap();
    let draft = || Draft { coupon_id: Some(coupon.clone()), ..draft() };
    let all = |order: &Order| order.cancel(&Cancellation::Whole, Actor::Customer, None, after(2)).unwrap();

    let held = Order::placed(id(), draft(), PaymentMethod::Balance, Won::ZERO, after(600));
    let ended = all(&held);
    let released = Some(Held { orders: 1, units: 4 });
    let units_back = BTreeMap::from([(&tea, 2), (&cup, 2)]);
    let effects = OrderEffects { released, units: units_back, coupon: Some(&coupon), ..no_effects(&held) };
    assert_eq!(OrderEffects::between(&held, &ended), effects);

    let paid = Order::paid(id(), draft());
    let part = paid.cancel(&units(&[(1, 1)]), Actor::Customer, None, after(1)).unwrap();
    assert_eq!(OrderEffects::between(&paid, &part).coupon, None, "a part is still an order with the coupon");
    let ended = all(&part);
    let units_back = BTreeMap::from([(&tea, 1), (&cup, 2)]);
    let refund = Some(Won::new(8_900 - 983));
    let effects = OrderEffects { refund, units: units_back, coupon: Some(&coupon), ..no_effects(&paid) };
    assert_eq!(OrderEffects::between(&part, &ended), effects);
    let noted = ended.return_payment(Returned { payment_id: payment_id("p1"), amount: Won::new(1) }, after(3));
    assert_eq!(OrderEffects::between(&ended, &noted), no_effects(&paid), "an order ends once");
}

#[test]
fn two_lines_of_a_product_give_their_units_back_together() {
    let order = Order::paid(id(), draft_of(vec![line("tea", 1_000, 2), line("tea", 500, 3)], 0));
    let cancelled = order.cancel(&Cancellation::Whole, Actor::Customer, None, after(1)).unwrap();
    assert_eq!(OrderEffects::between(&order, &cancelled).units, BTreeMap::from([(&product("tea"), 5)]));
}

#[test]
fn a_payment_from_outside_pays_the_order_that_awaits_it_or_goes_back() {
    use PaymentOutcome::{Failed, Succeeded};
    let external = placed(PaymentMethod::External);
    let (price, p1) = (Won::new(8_900), payment_id("p1"));
    let settled = external.settle(p1.clone(), after(1));
    let declined = external.end_unpaid(HistoryEvent::PaymentDeclined, Actor::System, after(1)).unwrap();
    let returned = |order: &Order, amount| {
        let returned = Returned { payment_id: payment_id("p1"), amount };
        Some(order.return_payment(returned, after(1)))
    };
    let from_balance = placed(PaymentMethod::Balance);
    for (order, outcome, amount, status, after_it) in [
        (&external, Succeeded, price, PaymentStatus::Paid, Some(settled.clone())),
        (&external, Succeeded, Won::new(1), PaymentStatus::RefundRequested, returned(&external, Won::new(1))),
        (&external, Failed, price, PaymentStatus::Failed, Some(declined.clone())),
        (&settled, Succeeded, price, PaymentStatus::RefundRequested, returned(&settled, price)),
        (&settled, Failed, price, PaymentStatus::Failed, None),
        (&declined, Succeeded, price, PaymentStatus::RefundRequested, returned(&declined, price)),
        (&declined, Failed, price, PaymentStatus::Failed, None),
        (&from_balance, Succeeded, price, PaymentStatus::RefundRequested, returned(&from_balance, price)),
        (&from_balance, Failed, price, PaymentStatus::Failed, None),
    ] {
        let settled = order.settled(outcome, &p1, amount, after(1));
        assert_eq!(settled, Ok((status, after_it)), "{:?} {outcome:?} {amount}", order.status);
    }
    let note = external.settled(Succeeded, &p1, Won::new(1), after(1)).unwrap().1.unwrap();
    let expected = Returned { payment_id: p1, amount: Won::new(1) };
    assert_eq!(note.history.last().unwrap().returned, Some(expected));
}

#[test]
fn the_status_of_a_payment_follows_from_the_part_that_was_refunded() {
    let cancelled = |order: &Order, what: &Cancellation| order.cancel(what, Actor::Customer, None, after(1)).unwrap();
    let free = Order::paid(id(), draft_of(vec![line("tea", 0, 30)], 0));
    let amounts = Amounts { payable: Won::ZERO, shipping_fee: Won::ZERO, ..free.amounts };
    let free = Order { amounts, paid: Won::ZERO, ..free };
    // All the money came from the tea; the cup is a gift.
    let gift = Order::paid(id(), draft_of(vec![line("tea", 30_000, 1), line("cup", 0, 1)], 0));
    for (order, status) in [
        (placed(PaymentMethod::External), None),
        (Order::payment_failed(id(), draft()), None),
        (paid(), Some(PaymentStatus::Paid)),
        (cancelled(&paid(), &units(&[(1, 1)])), Some(PaymentStatus::PartiallyRefunded)),
        (cancelled(&paid(), &Cancellation::Whole), Some(PaymentStatus::Refunded)),
        (free.clone(), Some(PaymentStatus::Paid)),
        (cancelled(&free, &Cancellation::Whole), Some(PaymentStatus::Refunded)),
        (cancelled(&gift, &units(&[(1, 1)])), Some(PaymentStatus::Refunded)),
    ] {
        assert_eq!(order.payment_status(), status, "{:?} {}", order.status, order.refunded);
    }
}

#[test]
fn an_order_sells_when_it_is_paid_and_gives_back_when_units_are_cancelled() {
    let held = Order::placed(
        id(),
        draft_of(vec![line("tea", 1_000, 2), line("cup", 0, 2), line("tea", 500, 1)], 0),
        PaymentMethod::Balance,
        Won::ZERO,
        after(600),
    );
    assert_eq!(held.sales(), Some(vec![]), "an unpaid order has sold nothing");
    let paid = held.pay(Actor::Customer, after(1)).unwrap();
    let shipped = paid.move_line(3, LineStatus::Shipped, &[Actor::Seller], after(2)).unwrap().unwrap();
    let free = shipped.cancel(&units(&[(2, 1)]), Actor::Customer, None, after(3)).unwrap();
    let part = free.cancel(&units(&[(1, 1)]), Actor::Customer, None, after(4)).unwrap();
    let sale = |version, at, units| Sale { version, at: after(at), units: BTreeMap::from([(product("tea"), units)]) };
    assert_eq!(part.sales(), Some(vec![sale(2, 1, 3), sale(5, 4, -1)]), "the cup is free, and does not count");
}

#[test]
fn an_order_whose_history_does_not_lead_to_its_lines_has_no_known_sales() {
    let other_line = LineStep { number: 3, to: LineStatus::Cancelled, units: 1 };
    let damages: [fn(&mut Order); 4] = [
        |order| order.paid_at = None,
        |order| order.history.clear(),
        |order| order.items[0].cancelled_quantity = 1,
        |order| order.history[0].event = HistoryEvent::Placed,
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let mut order = paid();
        damage(&mut order);
        assert_eq!(order.sales(), None, "damage {number}");
    }
    for number in [0, 3] {
        let mut order = paid();
        order.history[0].lines.push(LineStep { number, ..other_line });
        assert_eq!(order.sales(), None, "line {number}");
    }
}

#[test]
fn a_line_refunds_the_part_of_its_price_that_was_cancelled_rounded_down() {
    let tea = OrderLine { coupon_share: Won::new(1), ..line("tea", 1_000, 3) };
    for (cancelled, refundable) in [(0, 0), (1, 999), (2, 1_999), (3, 2_999)] {
        let line = OrderLine { cancelled_quantity: cancelled, ..tea.clone() };
        assert_eq!((line.refundable(), line.live_units()), (Some(Won::new(refundable)), 3 - cancelled));
    }
    let discounted = OrderLine { unit_discount: Won::new(100), ..tea };
    assert_eq!(discounted.amount(), Some(Won::new(2_700)));
    let huge = OrderLine { unit_price: Won::new(i64::MAX), ..discounted };
    assert_eq!((huge.amount(), huge.refundable()), (None, None));
}

#[test]
fn units_that_cost_nothing_before_the_coupon_are_not_counted_as_sold() {
    for (price, discount, coupon_share, counted) in
        [(1_000, 0, 0, 2), (1_000, 999, 3, 2), (1_000, 1_000, 0, 0), (0, 0, 0, 0)]
    {
        let line = OrderLine {
            unit_discount: Won::new(discount),
            coupon_share: Won::new(coupon_share),
            cancelled_quantity: 1,
            ..line("tea", price, 3)
        };
        assert_eq!((line.counted_units(), line.is_free()), (counted, counted == 0), "{price} {discount}");
    }
}

#[test]
fn records_of_orders_leave_out_what_is_zero() {
    let whole = json!(paid());
    let cancelled = json!(paid().cancel(&units(&[(1, 1)]), Actor::Customer, None, after(1)).unwrap());
    let shipped = paid().move_line(1, LineStatus::Shipped, &[Actor::Seller], after(1)).unwrap().unwrap();
    let shipped = json!(shipped);
    for (record, path, is_there) in [
        (&whole, "/refunded", false),
        (&cancelled, "/refunded", true),
        (&whole, "/paid", true),
        (&whole, "/items/0/cancelledQuantity", false),
        (&cancelled, "/items/0/cancelledQuantity", true),
        (&shipped, "/history/1/lines/0/units", false),
        (&cancelled, "/history/1/lines/0/units", true),
    ] {
        assert_eq!(record.pointer(path).is_some(), is_there, "{path}");
    }
}

proptest! {
    /// Cancelled in any portions, in any order, some of it returned instead: the refunds are exactly the amount paid.
    #[test]
    fn any_way_to_the_end_pays_back_exactly_what_was_paid(
        lines in proptest::collection::vec((prop_oneof![1 => Just(0_i64), 9 => 0_i64..100_000], 1_i64..=40), 1..8),
        discount in 0_i64..500_000,
        portions in proptest::collection::vec((0_usize..8, 1_u16..=40), 0..200),
        returns in proptest::collection::vec(any::<bool>(), 8),
    ) {
        let items = lines.into_iter().zip(0..).map(|((price, quantity), n)| line(&format!("p{n}"), price, quantity));
        let mut order = Order::paid(id(), draft_of(items.collect(), discount));
        for (line, portion) in portions {
            let number = line % order.items.len() + 1;
            if let Ok(next) = order.cancel(&units(&[(number, portion)]), Actor::Customer, None, after(1)) {
                assert_sound(&next);
                order = next;
            }
        }
        for (number, returned) in (1..=order.items.len()).zip(returns) {
            if returned && order.items[number - 1].live_units() > 0 {
                use LineStatus::{Delivered, ReturnInProgress, ReturnRequested, Returned, Shipped};
                for to in [Shipped, Delivered, ReturnRequested, ReturnInProgress, Returned] {
                    order = order.move_line(number, to, &[Actor::Admin], after(2)).unwrap().unwrap();
                }
                assert_sound(&order);
            }
        }
        if !order.status.is_void() {
            order = order.cancel(&Cancellation::Whole, Actor::Customer, None, after(3)).unwrap();
        }
        assert_sound(&order);
        prop_assert_eq!(order.status, OrderStatus::FullyRefunded);
        prop_assert_eq!(order.refunded, order.amounts.payable);
    }
}
