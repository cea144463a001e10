use super::*;
use crate::domain::order::{Cancellation, LineStatus, Returned, tests::*};

/// An order of 8,900 won, `balance_amount` of them from the balance, that was paid by a payment from outside.
fn split(balance_amount: i64, payment: &PaymentId) -> Order {
    held(balance_amount).settle(payment.clone(), after(1))
}

fn held(balance_amount: i64) -> Order {
    Order::placed(id(), draft(), PaymentMethod::External, Won::new(balance_amount), after(600))
}

fn by_bus() -> PaymentId {
    payment_id("p1")
}

fn by_session() -> PaymentId {
    held(0).session_id().unwrap()
}

fn cancelled(order: &Order, number: usize, quantity: u16, at: i64) -> Order {
    order.cancel(&units(&[(number, quantity)]), Actor::Customer, None, after(at)).unwrap()
}

fn amounts(order: &Order) -> Vec<(Tender, i64, i64)> {
    order.tenders().iter().map(|part| (part.to, part.amount.get(), part.refunded.get())).collect()
}

fn refunds(order: &Order) -> Vec<(String, i64, Tender, RefundStatus)> {
    let refunds = order.refunds().into_iter();
    refunds.map(|refund| (refund.refund_id, refund.amount.get(), refund.to, refund.status)).collect()
}

#[test]
fn refunds_go_outside_first_to_the_won() {
    use RefundStatus::{Requested, Succeeded};
    use Tender::{Balance, External};

    let order = split(3_000, &by_bus());
    assert_eq!(order.external_amount(), Won::new(5_900));
    assert_eq!(amounts(&order), [(External, 5_900, 0), (Balance, 3_000, 0)]);
    // Two cups cost 4,000 won less their part of the coupon, two teas the rest but the fee, which goes with the last unit.
    let part = cancelled(&order, 2, 2, 2);
    let first = part.refunded.get();
    assert_eq!(amounts(&part), [(External, 5_900, first), (Balance, 3_000, 0)]);
    let all = cancelled(&part, 1, 2, 3);
    assert_eq!(amounts(&all), [(External, 5_900, 5_900), (Balance, 3_000, 3_000)]);
    let refunds = refunds(&all);
    assert_eq!(
        refunds,
        [
            ("order-3-refund".to_owned(), first, External, Requested),
            ("order-4-refund".to_owned(), 5_900 - first, External, Requested),
            ("order-4".to_owned(), 3_000, Balance, Succeeded),
        ]
    );
    assert_eq!((all.returned_to_balance(), all.refunded_or_open()), (Won::new(3_000), Won::new(8_900)));
}

#[test]
fn the_balance_alone_gets_its_refunds_at_once() {
    let part = cancelled(&paid(), 1, 1, 2);
    let refunds = part.refunds();
    assert!(refunds.iter().all(|refund| refund.to == Tender::Balance && !refund.is_open()), "{refunds:?}");
    assert_eq!((part.returned_to_balance(), part.next_refund_look(SignedDuration::ZERO)), (part.refunded, None));
}

#[test]
fn an_unpaid_end_gives_the_balance_its_part_back() {
    let ended = held(3_000).end_unpaid(HistoryEvent::HoldExpired, Actor::System, after(600)).unwrap();
    let expected = ("order-2".to_owned(), 3_000, Tender::Balance, RefundStatus::Succeeded);
    assert_eq!(refunds(&ended), [expected]);
    assert_eq!((ended.refunded, ended.returned_to_balance()), (Won::ZERO, Won::new(3_000)));
    let cancelled = held(3_000).cancel(&Cancellation::Whole, Actor::Customer, None, after(1)).unwrap();
    assert_eq!(cancelled.returned_to_balance(), Won::new(3_000));
    let without = held(0).end_unpaid(HistoryEvent::HoldExpired, Actor::System, after(600)).unwrap();
    assert_eq!(refunds(&without), []);
}

#[test]
fn the_first_result_counts_but_a_success_counts_after_a_failure() {
    let asked = cancelled(&split(0, &by_bus()), 1, 1, 2);
    let name = "order-3-refund";
    let status = |order: &Order| order.refund(name).unwrap().status;
    let failed = asked.refund_settled(name, false, after(3)).unwrap();
    assert_eq!((status(&failed), failed.refunded_or_open()), (RefundStatus::Failed, Won::ZERO));
    assert_eq!(failed.refund_settled(name, false, after(4)), None);
    let succeeded = failed.refund_settled(name, true, after(4)).unwrap();
    assert_eq!((status(&succeeded), succeeded.refunded_or_open()), (RefundStatus::Succeeded, asked.refunded));
    for is_success in [false, true] {
        assert_eq!(succeeded.refund_settled(name, is_success, after(5)), None);
    }
    assert_eq!(asked.refund_settled("order-9-refund", true, after(3)), None);
}

#[test]
fn a_failed_refund_is_sent_again_under_another_id_or_goes_to_the_balance() {
    let asked = cancelled(&split(0, &by_bus()), 1, 1, 2);
    let name = "order-3-refund";
    let conflict = asked.retry_refund(name, Tender::External, Actor::Admin, after(3));
    assert!(matches!(conflict, Err(Refusal::RefundStateConflict { status: RefundStatus::Requested, .. })));
    let unknown = asked.retry_refund("r", Tender::External, Actor::Admin, after(3));
    assert!(matches!(unknown, Err(Refusal::NotFound { entity: Entity::Refund, .. })));

    let failed = asked.refund_settled(name, false, after(3)).unwrap();
    let again = failed.retry_refund(name, Tender::External, Actor::Admin, after(4)).unwrap();
    let refund = again.refund(name).unwrap();
    assert_eq!((refund.status, refund.attempt_id().as_str()), (RefundStatus::Requested, "order-3-refund-2"));
    let done = again.refund_settled("order-3-refund-2", true, after(5)).unwrap();
    assert_eq!(done.refund(name).unwrap().status, RefundStatus::Succeeded);

    let to_balance = failed.retry_refund(name, Tender::Balance, Actor::Admin, after(4)).unwrap();
    let refund = to_balance.refund(name).unwrap();
    assert_eq!((refund.status, refund.to), (RefundStatus::Succeeded, Tender::Balance));
    assert_eq!(to_balance.returned_to_balance(), asked.refunded);
    assert_eq!(amounts(&to_balance), [(Tender::External, 8_900, asked.refunded.get())], "it left its own tender");
}

#[test]
fn money_that_the_order_never_needed_is_no_part_of_its_tenders() {
    let returned = Returned { payment_id: payment_id("p2"), amount: Won::new(500) };
    let order = split(0, &by_bus()).return_payment(returned, after(2));
    let refund = order.refund("order-3-refund").unwrap();
    assert!(refund.is_unneeded && refund.is_open());
    assert_eq!(amounts(&order), [(Tender::External, 8_900, 0)]);
    assert_eq!(order.refunded_or_open(), Won::ZERO);
}

#[test]
fn an_open_refund_is_looked_at_and_reported_once_it_is_overdue() {
    let patience = SignedDuration::from_hours(72);
    let by_session = cancelled(&split(0, &by_session()), 1, 1, 2);
    assert_eq!(by_session.next_refund_look(patience), Some(after(2)), "the shop itself sends it");

    // 1970-01-01 was a Thursday: three business days from then end on Tuesday.
    let by_bus = cancelled(&split(0, &by_bus()), 1, 1, 2);
    let overdue_at = after(2 + 5 * 24 * 3_600);
    assert_eq!(by_bus.next_refund_look(patience), Some(overdue_at));
    let name = "order-3-refund";
    assert_eq!(by_bus.refund_overdue(name, patience, after(3)), None);
    let reported = by_bus.refund_overdue(name, patience, overdue_at).unwrap();
    assert_eq!(reported.refund_overdue(name, patience, overdue_at), None);
    assert_eq!((reported.next_refund_look(patience), reported.refund(name).unwrap().is_open()), (None, true));
    let settled = reported.refund_settled(name, true, overdue_at).unwrap();
    assert_eq!(settled.refund(name).unwrap().status, RefundStatus::Succeeded);
}

#[test]
fn a_deposit_extends_the_hold_for_a_week_at_most() {
    let day = 24 * 3_600;
    for (due, end) in [(day, day), (7 * day, 7 * day), (30 * day, 7 * day)] {
        let waiting = held(0).wait_for_deposit(after(due), after(0)).unwrap();
        assert_eq!((waiting.hold_expires_at, waiting.awaits_deposit), (Some(after(end)), true), "{due}");
        assert!(waiting.awaits(Won::new(8_900), after(end - 1)) && waiting.is_hold_expired(after(end)));
    }
    assert!(held(0).wait_for_deposit(after(0), after(0)).is_err(), "its time is over");
    assert!(held(0).wait_for_deposit(after(day), after(600)).is_err(), "the hold has ended");
    assert!(paid().wait_for_deposit(after(day), after(1)).is_err(), "it waits for nothing");
}

#[test]
fn the_results_of_refunds_change_no_line() {
    let asked = cancelled(&split(0, &by_bus()), 1, 1, 2);
    let settled = asked.refund_settled("order-3-refund", false, after(3)).unwrap();
    let lines = |order: &Order| order.items.iter().map(|line| line.status).collect::<Vec<LineStatus>>();
    assert_eq!((lines(&settled), settled.status), (lines(&asked), asked.status));
    assert_eq!(settled.version, asked.version + 1);
}
