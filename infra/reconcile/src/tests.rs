//! A shop and a provider with the same facts reconcile clean, and each other fact is named.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde::Serialize;
use serde_json::json;
use shared::{
    domain::{
        OrderId, PaymentId, ProductId, UserId, Won,
        ledger::{EntryHash, EntryKind, LedgerEntry},
        order::{Actor, Cancellation, Draft, LineStatus, Order, OrderLine, PaymentMethod},
        pricing::{self, ShippingPolicy},
        provider::{PaymentKey, ProviderName, ProviderPayment, ProviderState},
        session::{Observation, PaymentSession, Purpose, SessionStatus},
    },
    store::{Item, Key, keys, orders::OrderRecord, sessions::SessionRecord},
};

use crate::{
    Difference, Passes, Problem, Reconciliation, Report,
    statement::{self, LineKind},
};

const DAY: &str = "2026-11-20";
/// Midnight in Seoul, the begin of the day.
const START: &str = "2026-11-19T15:00:00Z";
const HEADER: &str = "paymentKey,merchantOrderId,type,transactionKey,amount,at";

/// A shop, and the statement of its provider.
#[derive(Debug, Clone, Default)]
struct Books {
    items: BTreeMap<(String, String), Item>,
    lines: Vec<String>,
    entries: u64,
}

/// An instant of the day.
fn at(minutes: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
}

fn payment(id: &str) -> PaymentId {
    id.to_owned().try_into().unwrap()
}

fn mina() -> UserId {
    "mina".to_owned().try_into().unwrap()
}

fn won(amount: i64) -> Won {
    Won::new(amount)
}

/// A session that the provider was asked about.
fn confirming(id: &str, purpose: Purpose, amount: i64, minute: i64) -> PaymentSession {
    let times = (at(minute), at(minute + 10));
    let session = PaymentSession::new(payment(id), mina(), (purpose, won(amount)), ProviderName::Toss, times);
    session.confirm(&key(id), won(amount), at(minute)).unwrap().unwrap()
}

fn key(id: &str) -> PaymentKey {
    format!("key-{id}").try_into().unwrap()
}

/// The session after the provider took its money.
fn paid(session: &PaymentSession, minute: i64) -> PaymentSession {
    let payment = ProviderPayment {
        payment_key: session.payment_key.clone().unwrap(),
        payment_id: session.payment_id.clone(),
        amount: session.amount,
        state: ProviderState::Done,
        cancels: Vec::new(),
    };
    match session.observed(&payment, at(minute)) {
        Observation::Arrived(session) => session,
        other => panic!("{other:?}"),
    }
}

impl Books {
    /// A top-up with a refund in part, a split order with a unit cancelled, and a payment that came too late for its order.
    fn equal() -> Self {
        let mut books = Self::default();
        books.top_up("top", 10_000, 600, &[4_000]);
        books.order("o1", 3, 4_000, 660, 1);
        books.late_payment("o2", 5_000, 720);
        books
    }

    fn put(&mut self, key: Key, record: impl Serialize) {
        let mut item: Item = serde_dynamo::to_item(record).unwrap();
        let place: Item = serde_dynamo::to_item(json!({ "pk": &key.pk, "sk": &key.sk })).unwrap();
        item.extend(place);
        self.items.insert((key.pk, key.sk), item);
    }

    fn put_session(&mut self, session: PaymentSession) {
        self.put(keys::session(&session.payment_id), SessionRecord::new(session, "p".to_owned()));
    }

    fn session(&self, id: &str) -> PaymentSession {
        let key = keys::session(&payment(id));
        let record: SessionRecord = serde_dynamo::from_item(self.items[&(key.pk, key.sk)].clone()).unwrap();
        record.session
    }

    fn change_session(&mut self, id: &str, change: impl FnOnce(&mut PaymentSession)) {
        let mut session = self.session(id);
        change(&mut session);
        self.put_session(session);
    }

    fn put_order(&mut self, order: Order) {
        self.put(keys::order(&order.order_id), OrderRecord::new(order, "p".to_owned()));
    }

    fn line(&mut self, id: &str, kind: &str, amount: i64, minute: i64) {
        let transaction = self.lines.len();
        let at = at(minute);
        self.lines.push(format!("key-{id},{id},{kind},t{transaction},{amount},{at}"));
    }

    fn entry(&mut self, id: &str, kind: EntryKind, amount: i64) {
        self.entries += 1;
        let entry = LedgerEntry {
            entry_id: format!("e{}", self.entries),
            sequence: self.entries,
            kind,
            amount: won(amount),
            balance_after: Won::ZERO,
            order_id: None,
            payment_id: Some(payment(id)),
            actor: Some(Actor::Customer),
            reason: None,
            at: at(0),
            before: EntryHash::NONE,
        };
        self.put(keys::ledger_entry(&mina(), self.entries), entry);
    }

    /// Tops a balance up. Its refunds follow, each minutes after the one before.
    fn top_up(&mut self, id: &str, amount: i64, minute: i64, refunds: &[i64]) {
        let mut session = paid(&confirming(id, Purpose::TopUp, amount, minute), minute + 1);
        self.line(id, "PAYMENT", amount, minute);
        self.entry(id, EntryKind::Charge, amount);
        for (back, minute) in refunds.iter().zip((minute + 5..).step_by(5)) {
            session = session.refund(won(*back), at(minute)).unwrap();
            let refund = session.refunds.last().unwrap().refund_id.clone();
            session = session.refund_settled(&refund, true, at(minute + 2)).unwrap().0;
            self.line(id, "CANCEL", *back, minute + 1);
            self.entry(id, EntryKind::Refund, -back);
        }
        self.put_session(session);
    }

    /// Orders units of 7,000 won with shipping of 3,000 won, in part by the balance, and cancels some of them.
    fn order(&mut self, id: &str, units: u16, by_balance: i64, minute: i64, cancelled: u16) {
        let order_id: OrderId = id.to_owned().try_into().unwrap();
        let session_id = PaymentId::from_order(&order_id).unwrap();
        let order =
            Order::placed(order_id.clone(), draft(units), PaymentMethod::External, won(by_balance), at(minute + 10));
        let amount = order.external_amount().get();
        let purpose = Purpose::Order { order_id };
        self.put_session(paid(&confirming(session_id.as_str(), purpose, amount, minute), minute + 1));
        self.line(session_id.as_str(), "PAYMENT", amount, minute);
        let mut order = order.settle(session_id.clone(), at(minute + 1));
        if cancelled > 0 {
            let units = Cancellation::Units([(1, cancelled)].into());
            order = order.cancel(&units, Actor::Customer, None, at(minute + 5)).unwrap();
        }
        for refund in order.refunds().into_iter().filter(|refund| refund.payment_id.is_some()) {
            order = order.refund_settled(&refund.refund_id, true, at(minute + 7)).unwrap();
            self.line(session_id.as_str(), "CANCEL", refund.amount.get(), minute + 6);
        }
        self.put_order(order);
    }

    /// Takes the money of an order that does not exist any more, and sends it back.
    fn late_payment(&mut self, id: &str, amount: i64, minute: i64) {
        let order_id: OrderId = id.to_owned().try_into().unwrap();
        let session_id = PaymentId::from_order(&order_id).unwrap();
        let session = paid(&confirming(session_id.as_str(), Purpose::Order { order_id }, amount, minute), minute + 1);
        let session = session.unneeded(won(amount), at(minute + 1));
        let refund = session.refunds[0].refund_id.clone();
        self.put_session(session.refund_settled(&refund, true, at(minute + 3)).unwrap().0);
        self.line(session_id.as_str(), "PAYMENT", amount, minute);
        self.line(session_id.as_str(), "CANCEL", amount, minute + 2);
    }

    /// The report, the same of one pass and of several.
    fn report(&self) -> Report {
        let text = format!("{HEADER}\n{}\n", self.lines.join("\n"));
        let feed = |pass: &mut Reconciliation| {
            statement::read(text.as_bytes(), |line| pass.add_line(line)).unwrap();
            self.items.values().cloned().for_each(|item| pass.add_item(item));
        };
        let day = DAY.parse().unwrap();
        let mut whole = Reconciliation::new(day, ProviderName::Toss).unwrap();
        feed(&mut whole);
        let mut passes = Passes::new(day, ProviderName::Toss, 2_000).unwrap();
        while let Some(mut pass) = passes.next_pass() {
            feed(&mut pass);
            passes.add(pass);
        }
        let whole = whole.finish();
        let is_many = passes.done() > 1 || self.lines.len() < 5;
        let in_parts = passes.into_report();
        assert!(is_many && whole == in_parts, "{whole}\nin one pass, but in several\n{in_parts}");
        whole
    }

    fn differences(&self) -> Vec<String> {
        self.report().differences.iter().map(ToString::to_string).collect()
    }

    /// The only difference.
    fn difference(&self) -> String {
        let differences = self.differences();
        assert_eq!(differences.len(), 1, "{differences:#?}");
        differences[0].clone()
    }

    fn hints(&self) -> Vec<String> {
        let report = self.report();
        assert!(report.is_clean(), "{report}");
        report.hints.iter().map(ToString::to_string).collect()
    }
}

fn draft(units: u16) -> Draft {
    let line = OrderLine {
        product_id: ProductId::try_from("pot".to_owned()).unwrap(),
        seller_id: None,
        name: "Pot".to_owned(),
        quantity: i64::from(units).try_into().unwrap(),
        cancelled_quantity: 0,
        limit: None,
        quota: None,
        scrapped: 0,
        unit_price: won(7_000),
        unit_discount: Won::ZERO,
        coupon_share: Won::ZERO,
        outside_scope: false,
        status: LineStatus::PendingPayment,
    };
    let shipping = ShippingPolicy { fee: won(3_000), free_from: won(1_000_000) };
    let quote = pricing::quote(&[line.priced()], None, shipping).unwrap();
    let (items, coupon_id, budget_shards, order_sheet_id) = (vec![line], None, None, None);
    Draft { user_id: mina(), actor: Actor::Customer, items, quote, coupon_id, budget_shards, order_sheet_id, at: at(1) }
}

/// The numbers of the lines of [`Books::equal`] in their file.
const TOP: usize = 0;
const TOP_BACK: usize = 1;

#[test]
fn equal_books_reconcile() {
    let report = Books::equal().report();
    assert_eq!(
        report.to_string(),
        "2026-11-20: 6 lines; 3 payments of 35000 won; 3 cancels of 16000 won.\nStatement and books agree.\n"
    );
    assert!(report.is_clean() && report.hints.is_empty());
}

#[test]
fn each_fault_of_a_line_is_named() {
    let changed = |line: usize, from: &str, to: &str| {
        let mut books = Books::equal();
        books.lines[line] = books.lines[line].replace(from, to);
        books.differences()
    };
    let top = "Line 2: payment top, 10000 won paid:";
    assert_eq!(
        changed(TOP, ",10000,", ",9999,"),
        ["Line 2: payment top, 9999 won paid: the session has another amount, 10000 won.",]
    );
    assert_eq!(
        changed(TOP, "key-top", "key-2"),
        [format!("{top} the payment key is not that of the session, key-top.")]
    );
    assert_eq!(
        changed(TOP, ",top,", ",foreign,"),
        [
            "Line 2: payment foreign, 10000 won paid: the shop has no such payment.",
            "payment top, 10000 won paid: recorded at 2026-11-20T01:01:00Z, and no line has it.",
        ]
    );
    assert_eq!(
        changed(TOP_BACK, ",4000,", ",4001,"),
        [
            "Line 3: payment top, 4001 won sent back: the shop has no such refund that is left.",
            "payment top, 4000 won sent back: recorded at 2026-11-20T01:07:00Z, and no line has it.",
        ]
    );
    assert_eq!(
        changed(TOP, ",10000,", ",ten,"),
        [
            "Line 2: malformed: `amount` is not a whole number of won above 0.",
            "payment top, 10000 won paid: recorded at 2026-11-20T01:01:00Z, and no line has it.",
        ]
    );
    assert_eq!(
        changed(TOP, "2026-11-20T", "2026-11-22T"),
        [
            format!("{top} the line is of 2026-11-22, another day in Seoul."),
            "payment top, 10000 won paid: recorded at 2026-11-20T01:01:00Z, and no line has it.".to_owned(),
        ]
    );
}

#[test]
fn the_same_line_twice_is_named() {
    for line in [TOP, TOP_BACK] {
        let mut books = Books::equal();
        books.lines.push(books.lines[line].clone());
        let difference = books.difference();
        assert!(difference.starts_with("Line 8: payment top,"), "{difference}");
        assert!(difference.ends_with(&format!("repeats line {}.", line + 2)), "{difference}");
    }
    let mut books = Books::equal();
    books.line("top", "PAYMENT", 10_000, 700);
    assert_eq!(books.difference(), "Line 8: payment top, 10000 won paid: repeats line 2.");
    let mut books = Books::equal();
    books.line("top", "CANCEL", 4_000, 604);
    let difference = books.difference();
    assert!(
        difference.ends_with("the shop has no such refund that is left."),
        "a refund is matched once: {difference}"
    );
}

#[test]
fn money_that_the_session_does_not_know_of_is_named() {
    for (status, name) in [
        (SessionStatus::Ready, "READY"),
        (SessionStatus::Confirming, "CONFIRMING"),
        (SessionStatus::Declined, "DECLINED"),
        (SessionStatus::Expired, "EXPIRED"),
    ] {
        let mut books = Books::equal();
        books.lines.remove(TOP_BACK);
        books.change_session("top", |session| {
            *session = PaymentSession { status, paid_at: None, refunds: Vec::new(), ..session.clone() };
        });
        let expected = format!("the shop knows of no money, its session is {name}.");
        assert_eq!(books.difference(), format!("Line 2: payment top, 10000 won paid: {expected}"));
    }
}

#[test]
fn a_session_of_another_provider_needs_no_line_and_has_none() {
    let mut books = Books::equal();
    for id in ["top", "order_o1", "order_o2"] {
        books.change_session(id, |session| session.provider = ProviderName::Manual);
    }
    let differences = books.differences();
    assert_eq!(differences.len(), 6);
    assert_eq!(differences[0], "Line 2: payment top, 10000 won paid: the payment is of another provider, MANUAL.");
    books.lines.clear();
    assert_eq!(books.differences(), [] as [&str; 0]);
}

#[test]
fn money_that_is_not_in_the_ledger_once_is_named() {
    let mut books = Books::equal();
    books.entry("top", EntryKind::Charge, 10_000);
    let top = "Line 2: payment top, 10000 won paid: the ledger must";
    assert_eq!(books.difference(), format!("{top} charge 10000 won once, and charges 20000 won in 2 entries."));
    let mut books = Books::equal();
    let key = keys::ledger_entry(&mina(), 1);
    books.items.remove(&(key.pk, key.sk)).unwrap();
    assert_eq!(books.difference(), format!("{top} charge 10000 won once, and charges 0 won in 0 entries."));
    let mut books = Books::equal();
    let key = keys::ledger_entry(&mina(), 2);
    books.items.remove(&(key.pk, key.sk)).unwrap();
    assert_eq!(books.difference(), format!("{top} send 4000 won back, and sends 0 won back."));
}

#[test]
fn money_without_a_use_that_stays_is_named() {
    let mut books = Books::equal();
    let key = keys::order(&OrderId::try_from("o1".to_owned()).unwrap());
    books.items.remove(&(key.pk, key.sk)).unwrap();
    assert_eq!(
        books.differences(),
        [
            "Line 4: payment order_o1, 20000 won paid: the money neither paid order o1 nor is on its way back.",
            "Line 5: payment order_o1, 7000 won sent back: the shop has no such refund that is left.",
        ]
    );
    let mut books = Books::equal();
    books.change_session("order_o2", |session| {
        session.refunds[0].status = shared::domain::states::RefundStatus::Failed;
    });
    assert_eq!(
        books.differences(),
        [
            "Line 6: payment order_o2, 5000 won paid: the money neither paid order o2 nor is on its way back.",
            "Line 7: payment order_o2, 5000 won sent back: refund order_o2-r1 is recorded as failed.",
        ]
    );
}

#[test]
fn a_refund_whose_result_is_open_is_not_yet_recorded() {
    let mut books = Books::equal();
    books.change_session("top", |session| {
        session.refunds[0].status = shared::domain::states::RefundStatus::Requested;
    });
    assert_eq!(
        books.difference(),
        "Line 3: payment top, 4000 won sent back: the result of refund top-r1 is not yet recorded."
    );
}

#[test]
fn a_fact_of_the_shop_without_a_line_is_named() {
    for line in 0..6 {
        let mut books = Books::equal();
        let gone = books.lines.remove(line);
        let (id, kind) = (gone.split(',').nth(1).unwrap(), gone.split(',').nth(2).unwrap());
        let kind = if kind == "PAYMENT" { "paid" } else { "sent back" };
        let difference = books.difference();
        assert!(difference.starts_with(&format!("payment {id}, ")), "{difference}");
        assert!(difference.contains(kind) && difference.ends_with("and no line has it."), "{difference}");
    }
}

#[test]
fn facts_at_the_edges_of_the_day_are_hints() {
    let mut books = Books::default();
    books.top_up("early", 1_000, 50, &[]);
    books.lines.clear();
    assert_eq!(
        books.hints(),
        ["payment early, 1000 won paid: recorded at 2026-11-19T15:51:00Z, without a line; \
         the statement of the day before may have it.",]
    );
    let mut books = Books::default();
    books.put_session(confirming("last", Purpose::TopUp, 1_000, 1_430));
    books.line("last", "PAYMENT", 1_000, 1_430);
    assert_eq!(
        books.hints(),
        ["Line 2: payment last, 1000 won paid: of the last hour, and not yet recorded; reconcile again later.",]
    );
    // Recorded after midnight: the line of the day before is enough, and the next day needs none.
    let mut books = Books::default();
    books.top_up("next", 1_000, 1_439, &[]);
    assert_eq!(books.hints(), [] as [&str; 0]);
    let mut books = Books::equal();
    books.change_session("top", |session| session.refunds[0].at = at(1_600));
    let hints = books.hints();
    assert_eq!(hints.len(), 1);
    assert!(hints[0].contains("after the first hour of the next day"), "{hints:?}");
}

#[test]
fn an_item_that_cannot_be_read_is_named() {
    let mut books = Books::equal();
    books.put(keys::session(&payment("broken")), json!({ "amount": "x" }));
    assert_eq!(books.difference(), "The item SESSION#broken SESSION cannot be read; the auditor names its fault.");
    let mut books = Books::equal();
    books.put(Key { pk: "NEWS".to_owned(), sk: "NEWS".to_owned() }, json!({}));
    assert_eq!(books.differences(), [] as [&str; 0], "other kinds are the auditor's");
}

/// The way in which a line is spoilt.
#[derive(Debug, Clone, Copy)]
enum Spoilt {
    Removed,
    Amount,
    Key,
    Id,
    Doubled,
    Malformed,
}

impl Spoilt {
    const ALL: [Self; 6] = [Self::Removed, Self::Amount, Self::Key, Self::Id, Self::Doubled, Self::Malformed];

    fn spoil(self, books: &mut Books, place: usize) {
        let mut fields: Vec<String> = books.lines[place].split(',').map(str::to_owned).collect();
        match self {
            Self::Removed => {
                books.lines.remove(place);
                return;
            }
            Self::Doubled => return books.lines.push(books.lines[place].clone()),
            Self::Amount => fields[4] = (fields[4].parse::<i64>().unwrap() + 1_000_000).to_string(),
            Self::Key => fields[0].push('x'),
            Self::Id => fields[1].push('x'),
            Self::Malformed => fields[4].push('x'),
        }
        books.lines[place] = fields.join(",");
    }

    /// The differences that must be found.
    fn expected(self, kind: LineKind) -> &'static [&'static str] {
        match (self, kind) {
            (Self::Removed, _) => &["no line"],
            (Self::Amount, LineKind::Payment) => &["other amount"],
            (Self::Amount, LineKind::Cancel) => &["unknown refund", "no line"],
            (Self::Key, _) => &["other key"],
            (Self::Id, _) => &["unknown payment", "no line"],
            (Self::Doubled, _) => &["repeated"],
            (Self::Malformed, _) => &["malformed", "no line"],
        }
    }
}

fn short(difference: &Difference) -> &'static str {
    match difference {
        Difference::Malformed(_) => "malformed",
        Difference::Movement(_, Problem::NoLine(_)) => "no line",
        Difference::Movement(_, Problem::OtherAmount(_)) => "other amount",
        Difference::Movement(_, Problem::OtherKey(_)) => "other key",
        Difference::Movement(_, Problem::UnknownPayment) => "unknown payment",
        Difference::Movement(_, Problem::UnknownRefund) => "unknown refund",
        Difference::Movement(_, Problem::Repeated(_)) => "repeated",
        other => panic!("{other}"),
    }
}

/// A payment: its kind, minute, amount in thousands, and refunds in parts of it.
type Plan = (u8, i64, u8, Vec<u8>);

fn books(plans: &[Plan]) -> Books {
    let mut books = Books::default();
    for ((kind, minute, size, refunds), number) in plans.iter().zip(0..) {
        let size = i64::from(*size) + 1;
        match kind % 3 {
            0 => {
                let refunds: Vec<i64> = refunds.iter().map(|part| i64::from(part % 4 + 1) * size * 50).collect();
                books.top_up(&format!("top{number}"), size * 1_000, *minute, &refunds);
            }
            1 => {
                let units = u16::try_from(size % 9 + 1).unwrap();
                let cancelled = refunds.first().map_or(0, |part| u16::from(*part) % (units + 1));
                books.order(&format!("o{number}"), units, (size % 3) * 1_000, *minute, cancelled);
            }
            _ => books.late_payment(&format!("o{number}"), size * 1_000, *minute),
        }
    }
    books
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn one_spoilt_line_is_exactly_the_difference(
        plans in prop::collection::vec((any::<u8>(), 60_i64..1_300, any::<u8>(), prop::collection::vec(any::<u8>(), 0..5)), 2..8),
        place in any::<prop::sample::Index>(),
        spoilt in prop::sample::select(&Spoilt::ALL[..]),
    ) {
        let mut books = books(&plans);
        let clean = books.report();
        prop_assert!(clean.is_clean() && clean.hints.is_empty(), "{clean}");
        let place = place.index(books.lines.len());
        let line = books.lines[place].clone();
        let kind = if line.contains(",PAYMENT,") { LineKind::Payment } else { LineKind::Cancel };
        spoilt.spoil(&mut books, place);
        let report = books.report();
        let found: Vec<&str> = report.differences.iter().map(short).collect();
        prop_assert_eq!(&found, spoilt.expected(kind), "{:?} of {}: {}", spoilt, line, report);
        prop_assert!(report.hints.is_empty(), "{report}");
        let id = line.split(',').nth(1).unwrap_or_default();
        for difference in &report.differences {
            let is_of_payment = matches!(difference, Difference::Malformed(_)) || difference.to_string().contains(id);
            prop_assert!(is_of_payment, "{difference}");
        }
    }
}
