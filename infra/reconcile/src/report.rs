//! The report of a reconciliation.

use std::fmt;

use jiff::{Timestamp, civil::Date};
use shared::domain::{OrderId, provider::ProviderName, session::SessionStatus};

use crate::statement::{LineKind, Malformed};

/// The result of a reconciliation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub day: Date,
    pub figures: Figures,
    /// In the order of the lines; those without a line last. At most the first 10,000.
    pub differences: Vec<Difference>,
    /// The number of differences beyond those.
    pub omitted: u64,
    /// Facts at the edges of the day that another day's statement may explain. At most the first 10,000.
    pub hints: Vec<Hint>,
}

/// The figures of a statement: every line that is well formed and of the day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    pub lines: u64,
    pub payments: u64,
    /// The won of the payments. No file has enough lines for an overflow.
    pub paid: i128,
    pub cancels: u64,
    pub cancelled: i128,
}

/// A fact that the statement and the shop do not share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    Malformed(Malformed),
    /// An item of the shop that may be of a payment cannot be read.
    UnreadableItem(String),
    /// A movement on one side, or with other facts on the other side.
    Movement(Movement, Problem),
}

/// A fact that is no difference yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint(pub Movement, pub Edge);

/// A movement of money: of a line, or one that the shop recorded and that has no line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    pub line: Option<u64>,
    pub payment_id: String,
    pub kind: LineKind,
    pub amount: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The line is of another day in Seoul.
    OtherDay(Date),
    /// An earlier line has the same payment, or the same transaction.
    Repeated(u64),
    UnknownPayment,
    OtherProvider(ProviderName),
    /// The session does not know of money.
    UnknownMoney(SessionStatus),
    OtherKey(String),
    /// The amount of the session.
    OtherAmount(i64),
    /// The entries that charge a top-up, and their won.
    Charged {
        expected: i128,
        entries: u64,
        found: i128,
    },
    SentBack {
        expected: i128,
        found: i128,
    },
    /// The money of a session that does not use it is not on its way back.
    NotUsed,
    /// The order that the session is for exists neither paid by it nor with the money on its way back.
    NotPaid(OrderId),
    /// The part of the order that is paid from outside has another amount.
    OtherOrderAmount(OrderId, i64),
    UnknownRefund,
    /// The shop still waits for the result of the refund.
    NotRecorded(String),
    /// The shop takes the refund for failed.
    Failed(String),
    /// The shop recorded it at this instant, and no line has it.
    NoLine(Timestamp),
}

/// The reason why a fact at the edge of a day is only a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edge {
    /// Recorded in the first hour and without a line: the statement of the day before may have it.
    DayBefore(Timestamp),
    /// A line of the last hour that the shop does not know yet.
    NotYet,
    /// The shop recorded it only after the first hour of the next day.
    Late(Timestamp),
}

/// The number of differences that are kept, and of hints.
const MAX_KEPT: usize = 10_000;

impl Report {
    pub(crate) fn new(day: Date) -> Self {
        let (figures, differences, hints) = (Figures::default(), Vec::new(), Vec::new());
        Self { day, figures, differences, omitted: 0, hints }
    }

    pub(crate) fn differ(&mut self, difference: Difference) {
        if self.differences.len() < MAX_KEPT {
            self.differences.push(difference);
        } else {
            self.omitted += 1;
        }
    }

    pub(crate) fn hint(&mut self, movement: Movement, edge: Edge) {
        if self.hints.len() < MAX_KEPT {
            self.hints.push(Hint(movement, edge));
        }
    }

    /// Adds the report of another pass. Only the first pass counts figures.
    pub(crate) fn add(&mut self, other: Self) {
        self.omitted += other.omitted;
        other.differences.into_iter().for_each(|difference| self.differ(difference));
        other.hints.into_iter().for_each(|Hint(movement, edge)| self.hint(movement, edge));
    }

    pub(crate) fn sort(&mut self) {
        self.differences.sort_by_cached_key(|difference| (difference.line(), difference.to_string()));
        self.hints.sort_by_cached_key(|hint| (order_of(hint.0.line), hint.to_string()));
    }

    /// Whether there is no difference. Hints do not count.
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty() && self.omitted == 0
    }
}

impl Figures {
    pub(crate) fn count(&mut self, kind: LineKind, amount: i64) {
        self.lines += 1;
        let (lines, won) = match kind {
            LineKind::Payment => (&mut self.payments, &mut self.paid),
            LineKind::Cancel => (&mut self.cancels, &mut self.cancelled),
        };
        *lines += 1;
        *won += i128::from(amount);
    }
}

/// The status as the API writes it.
fn named(status: SessionStatus) -> &'static str {
    match status {
        SessionStatus::Ready => "READY",
        SessionStatus::Confirming => "CONFIRMING",
        SessionStatus::WaitingForDeposit => "WAITING_FOR_DEPOSIT",
        SessionStatus::Paid => "PAID",
        SessionStatus::Refunded => "REFUNDED",
        SessionStatus::Declined => "DECLINED",
        SessionStatus::Expired => "EXPIRED",
    }
}

/// Facts without a line come last.
fn order_of(line: Option<u64>) -> u64 {
    line.unwrap_or(u64::MAX)
}

impl Difference {
    fn line(&self) -> u64 {
        match self {
            Self::Malformed(malformed) => malformed.number,
            Self::UnreadableItem(_) => u64::MAX,
            Self::Movement(movement, _) => order_of(movement.line),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in &self.differences {
            writeln!(f, "{difference}")?;
        }
        if self.omitted > 0 {
            writeln!(f, "There are {} more differences.", self.omitted)?;
        }
        for hint in &self.hints {
            writeln!(f, "Hint: {hint}")?;
        }
        let Figures { lines, payments, paid, cancels, cancelled } = self.figures;
        let day = self.day;
        writeln!(f, "{day}: {lines} lines; {payments} payments of {paid} won; {cancels} cancels of {cancelled} won.")?;
        if self.is_clean() {
            writeln!(f, "Statement and books agree.")?;
        }
        Ok(())
    }
}

impl fmt::Display for Movement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, payment_id, kind, amount } = self;
        if let Some(line) = line {
            write!(f, "Line {line}: ")?;
        }
        let direction = match kind {
            LineKind::Payment => "paid",
            LineKind::Cancel => "sent back",
        };
        write!(f, "payment {payment_id}, {amount} won {direction}: ")
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0, self.1)
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DayBefore(at) => {
                write!(f, "recorded at {at}, without a line; the statement of the day before may have it.")
            }
            Self::NotYet => f.write_str("of the last hour, and not yet recorded; reconcile again later."),
            Self::Late(at) => write!(f, "recorded only at {at}, after the first hour of the next day."),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(Malformed { number, reason }) => write!(f, "Line {number}: malformed: {reason}."),
            Self::UnreadableItem(key) => write!(f, "The item {key} cannot be read; the auditor names its fault."),
            Self::Movement(movement, problem) => write!(f, "{movement}{problem}."),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherDay(day) => write!(f, "the line is of {day}, another day in Seoul"),
            Self::Repeated(first) => write!(f, "repeats line {first}"),
            Self::UnknownPayment => f.write_str("the shop has no such payment"),
            Self::OtherProvider(provider) => write!(f, "the payment is of another provider, {}", provider.as_str()),
            Self::UnknownMoney(status) => write!(f, "the shop knows of no money, its session is {}", named(*status)),
            Self::OtherKey(key) => write!(f, "the payment key is not that of the session, {key}"),
            Self::OtherAmount(amount) => write!(f, "the session has another amount, {amount} won"),
            Self::Charged { expected, entries, found } => {
                write!(f, "the ledger must charge {expected} won once, and charges {found} won in {entries} entries")
            }
            Self::SentBack { expected, found } => {
                write!(f, "the ledger must send {expected} won back, and sends {found} won back")
            }
            Self::NotUsed => f.write_str("the money is neither in the ledger nor on its way back"),
            Self::NotPaid(order) => {
                write!(f, "the money neither paid order {order} nor is on its way back")
            }
            Self::OtherOrderAmount(order, amount) => {
                write!(f, "order {order} takes another amount from outside, {amount} won")
            }
            Self::UnknownRefund => f.write_str("the shop has no such refund that is left"),
            Self::NotRecorded(refund) => write!(f, "the result of refund {refund} is not yet recorded"),
            Self::Failed(refund) => write!(f, "refund {refund} is recorded as failed"),
            Self::NoLine(at) => write!(f, "recorded at {at}, and no line has it"),
        }
    }
}
