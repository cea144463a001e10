//! An order's life, from one end to the other.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

use super::*;
use crate::domain::{
    PaymentId, ProductId, Quantity, Refusal,
    coupon::{CouponKind, Terms},
    pricing::{ShippingPolicy, quote},
};

const START: Timestamp = Timestamp::UNIX_EPOCH;

fn id() -> OrderId {
    OrderId::try_from("order".to_owned()).unwrap()
}

fn line(product: &str, price: i64, quantity: i64) -> OrderLine {
    OrderLine {
        product_id: ProductId::try_from(product.to_owned()).unwrap(),
        seller_id: None,
        name: product.to_owned(),
        quantity: Quantity::try_from(quantity).unwrap(),
        cancelled_quantity: 0,
        unit_price: Won::new(price),
        unit_discount: Won::ZERO,
        coupon_share: Won::ZERO,
        status: LineStatus::PendingPayment,
    }
}

fn draft_of(items: Vec<OrderLine>, discount: i64) -> Draft {
    let priced: Vec<_> = items.iter().map(OrderLine::priced).collect();
    let terms = Terms { kind: CouponKind::Fixed, value: discount, max_discount: None, min_order_amount: None };
    let shipping = ShippingPolicy { fee: Won::new(3_000), free_from: Won::new(30_000) };
    Draft {
        user_id: UserId::try_from("mina".to_owned()).unwrap(),
        actor: Actor::Customer,
        items,
        quote: quote(&priced, Some(&terms), shipping).or_else(|_| quote(&priced, None, shipping)).unwrap(),
        coupon_id: None,
        order_sheet_id: None,
        at: START,
    }
}

/// Two teas and two cups: 6,000 won, 100 off, and 3,000 for shipping.
fn draft() -> Draft {
    draft_of(vec![line("tea", 1_000, 2), line("cup", 2_000, 2)], 100)
}

fn paid() -> Order {
    Order::paid(id(), draft())
}

fn after(seconds: i64) -> Timestamp {
    START + seconds.seconds()
}

fn placed(payment: PaymentMethod) -> Order {
    Order::placed(id(), draft(), payment, after(600))
}

fn units(units: &[(usize, u16)]) -> Cancellation {
    Cancellation::Units(BTreeMap::from_iter(units.iter().copied()))
}

/// What must be true of every order, whatever was done to it.
fn assert_sound(order: &Order) {
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
    let live: i64 = order.items.iter().map(|line| i64::from(line.live_units())).sum();
    assert_eq!(sold, if order.paid_at.is_some() { live } else { 0 });
    if order.status == OrderStatus::FullyRefunded {
        assert_eq!(order.refunded, order.paid);
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
    assert_eq!((paid.status, paid.paid, paid.payable), (OrderStatus::Paid, Won::new(8_900), Won::new(8_900)));
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

    let payment_id = PaymentId::try_from("p1".to_owned()).unwrap();
    let paid = order.settle(payment_id.clone(), after(1));
    assert_eq!((paid.status, paid.payment_id.as_ref()), (OrderStatus::Paid, Some(&payment_id)));
    assert!(!paid.awaits(Won::new(8_900), after(1)));
    let returned = paid.return_payment(Returned { payment_id, amount: Won::new(8_900) }, after(2));
    assert_eq!((returned.status, returned.version), (OrderStatus::Paid, 3));
    assert_sound(&returned);
}

#[test]
fn cancelling_pays_back_each_part_and_the_fee_with_the_last_unit() {
    // Of the 100 won off, 33 are the teas' and 67 the cups'.
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
        // The shop can go on, and what comes from outside can go back.
        fill(Actor::Admin);
        let returned = |order: &Order| {
            let payment_id = PaymentId::try_from("p".repeat(64)).unwrap();
            order.return_payment(Returned { payment_id, amount: Won::new(1_000_000_000) }, after(3))
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

proptest! {
    /// Cancelled in any portions, in any order, some of it returned instead: exactly what was paid comes back.
    #[test]
    fn any_way_to_the_end_pays_back_exactly_what_was_paid(
        lines in proptest::collection::vec((0_i64..100_000, 1_i64..=40), 1..8),
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
        prop_assert_eq!(order.refunded, order.payable);
    }
}
