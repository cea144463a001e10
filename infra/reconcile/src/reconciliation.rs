//! The reconciliation: takes the lines of a statement and the items of a shop, gives a report.

use std::collections::{BTreeMap, BTreeSet};

use audit::HashRange;
use jiff::civil::Date;
use shared::{
    domain::{
        PaymentId,
        ledger::{EntryKind, LedgerEntry},
        order::Order,
        provider::ProviderName,
        session::{PaymentSession, Purpose},
        time::seoul_day,
    },
    store::{
        Item,
        keys::LEDGER_PREFIX,
        records::{Record, Unreadable},
    },
};

use crate::{
    payment::{Day, Payment, order_moved, session_moved},
    report::{Difference, Movement, Problem, Report},
    statement::{Line, Malformed},
};

/// The day is beyond the range of instants (the year 9999).
#[derive(Debug, thiserror::Error)]
#[error("no instant is in the day {0}")]
pub struct DayOutOfRange(Date);

/// Compares the statement of a day with the items of a shop. All lines come first, then the items in any order, each
/// once.
///
/// Memory is bounded. If the payments do not fit, the reconciliation goes on with the half of them that comes first by
/// hash, and the next pass over statement and items takes the rest ([`Passes`]).
#[derive(Debug)]
pub struct Reconciliation {
    day: Day,
    provider: ProviderName,
    range: HashRange,
    memory: usize,
    weight: usize,
    payments: BTreeMap<Box<str>, Payment>,
    /// Sessions of orders at other providers: the refunds of their orders have no lines here.
    elsewhere: BTreeSet<Box<str>>,
    report: Report,
}

/// The weight of an id in the set, with the allocator's part.
const ID_WEIGHT: usize = 100;

impl Reconciliation {
    /// A reconciliation of all payments, in as much memory as they take.
    ///
    /// # Errors
    /// [`DayOutOfRange`].
    pub fn new(day: Date, provider: ProviderName) -> Result<Self, DayOutOfRange> {
        let bounds = Day::new(day).map_err(|_| DayOutOfRange(day))?;
        Ok(Self::of(bounds, provider, HashRange::ALL, usize::MAX))
    }

    fn of(day: Day, provider: ProviderName, range: HashRange, memory: usize) -> Self {
        let report = Report::new(day.date);
        let (payments, elsewhere) = (BTreeMap::new(), BTreeSet::new());
        Self { day, provider, range, memory, weight: 0, payments, elsewhere, report }
    }

    /// Whether lines are counted and faults of a line by itself are named, as the first pass does.
    fn is_first(&self) -> bool {
        self.range.first == 0
    }

    /// Adds a line of the statement.
    pub fn add_line(&mut self, line: Result<Line, Malformed>) {
        let line = match line {
            Ok(line) => line,
            Err(malformed) if self.is_first() => return self.report.differ(Difference::Malformed(malformed)),
            Err(_) => return,
        };
        let is_of_day = self.day.has(line.at);
        if self.is_first() && is_of_day {
            self.report.figures.count(line.kind, line.amount);
        } else if self.is_first() {
            let Line { number, payment_id, kind, amount, at, .. } = line;
            let movement = Movement { line: Some(number), payment_id, kind, amount };
            return self.report.differ(Difference::Movement(movement, Problem::OtherDay(seoul_day(at))));
        }
        if is_of_day && self.range.has(&line.payment_id, "") {
            let id = line.payment_id.clone();
            self.change(&id, |payment| payment.add_line(line));
        }
    }

    /// Adds an item of the shop.
    pub fn add_item(&mut self, item: Item) {
        if !may_be_of_payment(&item) {
            return;
        }
        match Record::read(item) {
            Ok(Record::Session(record)) => self.add_session(&record.session),
            Ok(Record::Order(record)) => self.add_order(&record.order),
            Ok(Record::LedgerEntry { entry, .. }) => self.add_entry(&entry),
            Ok(_) => {}
            Err(unreadable) if self.is_first() => self.report.differ(Difference::UnreadableItem(name(unreadable))),
            Err(_) => {}
        }
    }

    fn add_session(&mut self, session: &PaymentSession) {
        let id = session.payment_id.as_str();
        if !self.range.has(id, "") {
            return;
        }
        let is_elsewhere = session.provider != self.provider;
        if self.payments.contains_key(id) || (!is_elsewhere && session_moved(session, &self.day)) {
            self.change(id, |payment| payment.set_session(session));
        } else if is_elsewhere && matches!(session.purpose, Purpose::Order { .. }) && self.elsewhere.insert(id.into()) {
            self.weight = self.weight.saturating_add(ID_WEIGHT);
            self.stay_within_memory();
        }
    }

    fn add_order(&mut self, order: &Order) {
        let Some(session) = order.session_id().filter(|id| self.range.has(id.as_str(), "")) else { return };
        if self.payments.contains_key(session.as_str()) || order_moved(order, &session, &self.day) {
            self.change(session.as_str(), |payment| payment.set_order(order, &session));
        }
    }

    fn add_entry(&mut self, entry: &LedgerEntry) {
        let Some(payment) = entry.payment_id.as_ref().map(PaymentId::as_str) else { return };
        let Some(payment) = self.payments.get_mut(payment) else { return };
        match entry.kind {
            EntryKind::Charge => payment.charge(entry.amount),
            _ => payment.send_back(entry.amount),
        }
    }

    /// Changes a payment, and keeps account of its weight.
    fn change(&mut self, id: &str, change: impl FnOnce(&mut Payment)) {
        let before = self.payments.get(id).map_or(0, Payment::weight);
        let payment = self.payments.entry(id.into()).or_default();
        change(payment);
        self.weight = self.weight.saturating_add(payment.weight()).saturating_sub(before);
        self.stay_within_memory();
    }

    /// Leaves half of the payments to a later pass, if all do not fit.
    fn stay_within_memory(&mut self) {
        while self.weight > self.memory {
            let Some(half) = self.range.halved() else { return };
            self.payments.retain(|id, _| half.has(id, ""));
            self.elsewhere.retain(|id| half.has(id, ""));
            self.range = half;
            let payments: usize = self.payments.values().map(Payment::weight).sum();
            self.weight = payments.saturating_add(self.elsewhere.len().saturating_mul(ID_WEIGHT));
        }
    }

    /// The report on all payments.
    pub fn finish(self) -> Report {
        let (mut report, _) = self.finish_pass();
        report.sort();
        report
    }

    /// The report on the payments that fitted, and the first hash of the rest if there is a rest.
    fn finish_pass(self) -> (Report, Option<u64>) {
        let Self { day, provider, range, payments, elsewhere, mut report, .. } = self;
        for (id, payment) in payments {
            if !(payment.lines.is_empty() && elsewhere.contains(&id)) {
                payment.check(&id, provider, &day, &mut report);
            }
        }
        (report, range.next())
    }
}

/// A reconciliation in as many passes as its memory needs. Each pass reads all lines and items again.
#[derive(Debug)]
pub struct Passes {
    day: Day,
    provider: ProviderName,
    memory: usize,
    /// The first hash of the payments that are left.
    next: Option<u64>,
    report: Option<Report>,
    done: u32,
}

impl Passes {
    /// `memory` bounds the payments of a pass, about, in bytes.
    ///
    /// # Errors
    /// [`DayOutOfRange`].
    pub fn new(day: Date, provider: ProviderName, memory: usize) -> Result<Self, DayOutOfRange> {
        let day = Day::new(day).map_err(|_| DayOutOfRange(day))?;
        Ok(Self { day, provider, memory, next: Some(0), report: None, done: 0 })
    }

    /// The reconciliation of the next pass; nothing after the last.
    pub fn next_pass(&self) -> Option<Reconciliation> {
        let range = HashRange::from_first(self.next?);
        Some(Reconciliation::of(self.day, self.provider, range, self.memory))
    }

    /// Adds a pass that has read every line and every item.
    pub fn add(&mut self, pass: Reconciliation) {
        let (report, rest) = pass.finish_pass();
        match &mut self.report {
            Some(all) => all.add(report),
            None => self.report = Some(report),
        }
        self.next = rest;
        self.done += 1;
    }

    /// The number of passes so far.
    pub fn done(&self) -> u32 {
        self.done
    }

    /// The report of all passes.
    pub fn into_report(self) -> Report {
        let mut report = self.report.unwrap_or_else(|| Report::new(self.day.date));
        report.sort();
        report
    }
}

/// Whether the key of an item is that of a session, an order or a ledger entry. Nothing else is parsed.
fn may_be_of_payment(item: &Item) -> bool {
    let text = |name| item.get(name).and_then(|value| value.as_s().ok());
    text("sk").is_none_or(|sk| sk == "SESSION" || sk == "ORDER" || sk.starts_with(LEDGER_PREFIX))
}

fn name(unreadable: Unreadable) -> String {
    match unreadable {
        Unreadable::NoKey => "without a key".to_owned(),
        Unreadable::UnknownKind(key) | Unreadable::WrongShape(key) | Unreadable::Misplaced { found: key, .. } => {
            format!("{} {}", key.pk, key.sk)
        }
    }
}
