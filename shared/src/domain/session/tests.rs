use super::*;
use crate::domain::provider::ProviderCancel;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn key(text: &str) -> PaymentKey {
    PaymentKey::try_from(text.to_owned()).unwrap()
}

fn session() -> PaymentSession {
    let payment_id = PaymentId::try_from("p1".to_owned()).unwrap();
    let user_id = UserId::try_from("mina".to_owned()).unwrap();
    let wanted = (Purpose::TopUp, Won::new(10_000));
    PaymentSession::new(payment_id, user_id, wanted, ProviderName::Toss, (at(0), at(1_800)))
}

fn confirming() -> PaymentSession {
    session().confirm(&key("k1"), Won::new(10_000), at(10)).unwrap().expect("nobody asked before")
}

fn paid() -> PaymentSession {
    match confirming().observed(&payment(10_000, ProviderState::Done), at(11)) {
        Observation::Arrived(session) => session,
        other => panic!("{other:?}"),
    }
}

fn payment(amount: i64, state: ProviderState) -> ProviderPayment {
    let (payment_key, payment_id) = (key("k1"), session().payment_id);
    ProviderPayment { payment_key, payment_id, amount: Won::new(amount), state, cancels: Vec::new() }
}

#[test]
fn a_confirmation_names_the_amount_and_one_key_at_a_time() {
    let session = confirming();
    assert_eq!((session.status, session.version, session.look_at), (SessionStatus::Confirming, 2, Some(at(18))));
    assert_eq!(session.confirm(&key("k1"), Won::new(10_000), at(11)), Ok(None));
    assert!(matches!(session.confirm(&key("k2"), Won::new(10_000), at(11)), Err(Refusal::PaymentStateConflict { .. })));
    let mismatch = session.confirm(&key("k1"), Won::new(9_999), at(11));
    assert!(matches!(mismatch, Err(Refusal::PaymentAmountMismatch { .. })));
}

#[test]
fn a_declined_session_can_be_tried_again_until_it_expires() {
    let Observation::Changed(declined) = confirming().refused("REJECT_CARD_PAYMENT", at(12)) else { panic!() };
    assert_eq!((declined.status, declined.look_at), (SessionStatus::Declined, None));
    assert_eq!(declined.reason.as_deref(), Some("REJECT_CARD_PAYMENT"));
    assert_eq!(declined.confirm(&key("k1"), Won::new(10_000), at(13)), Ok(None));
    let again = declined.confirm(&key("k2"), Won::new(10_000), at(1_799));
    assert!(matches!(again, Ok(Some(session)) if session.payment_key == Some(key("k2"))));
    let late = declined.confirm(&key("k2"), Won::new(10_000), at(1_800));
    assert!(matches!(late, Err(Refusal::PaymentStateConflict { allowed, .. }) if allowed.is_empty()));
}

#[test]
fn a_session_expires_the_very_instant() {
    let session = session();
    assert_eq!(session.status(at(1_799)), SessionStatus::Ready);
    assert_eq!(session.status(at(1_800)), SessionStatus::Expired);
    let late = session.confirm(&key("k1"), Won::new(10_000), at(1_800));
    assert!(matches!(late, Err(Refusal::PaymentStateConflict { status: SessionStatus::Expired, .. })));
    assert_eq!(confirming().status(at(9_999)), SessionStatus::Confirming, "the provider decides");
}

#[test]
fn money_arrives_once_and_also_late() {
    let done = payment(10_000, ProviderState::Done);
    assert_eq!(paid().status, SessionStatus::Paid);
    assert_eq!(paid().observed(&done, at(12)), Observation::Nothing);
    let Observation::Changed(expired) = confirming().given_up(at(99_999)) else { panic!() };
    assert_eq!(expired.status, SessionStatus::Expired);
    assert!(matches!(expired.observed(&done, at(100_000)), Observation::Arrived(_)));
    assert!(matches!(session().observed(&done, at(1)), Observation::Arrived(_)), "the shop forgot that it asked");
}

#[test]
fn another_amount_goes_back() {
    for (amount, cancelled, back) in [(9_000, 0, 9_000), (11_000, 0, 11_000), (10_000, 4_000, 6_000)] {
        let mut done = payment(amount, ProviderState::Done);
        if cancelled > 0 {
            done.cancels.push(ProviderCancel { refund_id: None, amount: Won::new(cancelled) });
        }
        let Observation::Unusable(session) = confirming().observed(&done, at(11)) else { panic!("{amount}") };
        assert_eq!((session.status, session.look_at), (SessionStatus::Refunded, Some(at(11))));
        assert_eq!(session.refunds.iter().map(|refund| refund.amount.get()).collect::<Vec<_>>(), [back]);
    }
    let mut cancelled = payment(10_000, ProviderState::Done);
    cancelled.cancels.push(ProviderCancel { refund_id: None, amount: Won::new(10_000) });
    assert!(matches!(confirming().observed(&cancelled, at(11)), Observation::Changed(_)));
}

#[test]
fn a_deposit_extends_the_session() {
    let deposit = Deposit { bank: "088".to_owned(), account: "110".to_owned(), due_at: at(90_000) };
    let state = ProviderState::WaitingForDeposit { deposit: deposit.clone(), secret: Some("s".to_owned()) };
    let waiting = payment(10_000, state);
    let Observation::Deposit(session) = confirming().observed(&waiting, at(11)) else { panic!() };
    assert_eq!((session.expires_at, session.look_at), (at(90_000), Some(at(26))));
    assert_eq!((session.deposit.as_ref(), session.deposit_secret.as_deref()), (Some(&deposit), Some("s")));
    assert_eq!(session.observed(&waiting, at(12)), Observation::Nothing);
    assert!(matches!(session.observed(&payment(10_000, ProviderState::Done), at(13)), Observation::Arrived(_)));
    assert_eq!(session.given_up(at(90_000)), Observation::Nothing, "the bank may be slow");
    assert!(matches!(session.given_up(at(90_900)), Observation::Changed(_)));
}

#[test]
fn the_sweep_looks_less_often_and_once_more_before_a_deposit_ends() {
    let deposit = Deposit { bank: "088".to_owned(), account: "110".to_owned(), due_at: at(90_000) };
    let state = ProviderState::WaitingForDeposit { deposit, secret: None };
    let Observation::Deposit(session) = confirming().observed(&payment(10_000, state), at(0)) else { panic!() };
    for (now, next) in [(26, 52), (1_000, 2_000), (50_000, 53_600), (88_000, 89_880), (89_880, 93_480)] {
        let later = session.look_later(at(now));
        assert_eq!((later.look_at, later.version), (Some(at(next)), session.version + 1), "{now}");
    }
}

#[test]
fn nothing_is_given_up_while_money_can_move() {
    assert_eq!(confirming().given_up(at(1_800)), Observation::Nothing);
    assert_eq!(session().given_up(at(99_999)), Observation::Nothing, "nobody was asked");
    assert_eq!(confirming().observed(&payment(10_000, ProviderState::Open), at(20)), Observation::Nothing);
}

#[test]
fn a_top_up_goes_back_in_parts_up_to_its_amount() {
    let part = paid().refund(Won::new(4_000), at(20)).unwrap();
    assert_eq!((part.status, part.refundable()), (SessionStatus::Paid, Won::new(6_000)));
    let too_much = part.refund(Won::new(6_001), at(21));
    assert!(matches!(too_much, Err(Refusal::RefundTooHigh { available, .. }) if available == Won::new(6_000)));
    let all = part.refund(Won::new(6_000), at(22)).unwrap();
    assert_eq!((all.status, all.refundable()), (SessionStatus::Refunded, Won::ZERO));
    let ids: Vec<&str> = all.refunds.iter().map(|refund| refund.refund_id.as_str()).collect();
    assert_eq!(ids, ["p1-r1", "p1-r2"]);

    let (failed, back) = all.refund_settled("p1-r1", false, at(23)).unwrap();
    assert_eq!(
        (failed.status, back, failed.refundable()),
        (SessionStatus::Paid, Some(Won::new(4_000)), Won::new(4_000))
    );
    assert_eq!(failed.refund_settled("p1-r1", true, at(24)), None, "the money is in the balance again");
    let (done, back) = failed.refund_settled("p1-r2", true, at(25)).unwrap();
    assert_eq!((back, done.look_at), (None, None));
}

#[test]
fn unneeded_money_is_sent_again_under_another_id() {
    let session = confirming().unneeded(Won::new(10_000), at(11));
    let (failed, back) = session.refund_settled("p1-r1", false, at(12)).unwrap();
    assert_eq!((failed.status, back), (SessionStatus::Refunded, None));
    assert!(matches!(failed.refund(Won::new(1), at(13)), Err(Refusal::RefundTooHigh { .. })));
    let again = failed.refund(Won::new(10_000), at(13)).unwrap();
    assert_eq!(again.refunds.iter().map(SessionRefund::attempt_id).collect::<Vec<_>>(), ["p1-r1-2"]);
    assert!(again.refund_settled("p1-r1", true, at(14)).is_some());
}

#[test]
fn an_open_refund_is_overdue_once() {
    let session = confirming().unneeded(Won::new(10_000), at(11));
    let overdue = session.refund_overdue("p1-r1", at(99)).unwrap();
    assert_eq!(overdue.refund_overdue("p1-r1", at(100)), None);
    assert!(overdue.open_refunds().next().is_some());
}
