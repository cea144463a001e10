//! One payment: the lines of a statement, and the shop's records under the same id.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, civil::Date};
use shared::domain::{
    OrderId, PaymentId, Won,
    order::{Order, Tender},
    provider::ProviderName,
    session::{PaymentSession, Purpose, SessionStatus},
    states::RefundStatus,
    time::start_of_seoul_day,
};

use crate::{
    report::{Difference, Edge, Movement, Problem, Report},
    statement::{Line, LineKind},
};

/// The time around midnight in which the shop and the provider may name different days. The shop learns of money later
/// than the provider, by a lost answer or a late notice.
const EDGE: SignedDuration = SignedDuration::from_hours(1);

/// The most by which the shop's clock may be behind the provider's.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(1);

/// A day in Seoul.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Day {
    pub(crate) date: Date,
    start: Timestamp,
    /// The end of the first hour.
    after_first: Timestamp,
    /// The begin of the last hour.
    before_last: Timestamp,
    end: Timestamp,
    /// The end of the first hour of the next day.
    late: Timestamp,
}

impl Day {
    pub(crate) fn new(date: Date) -> Result<Self, jiff::Error> {
        let (start, end) = (start_of_seoul_day(date)?, start_of_seoul_day(date.tomorrow()?)?);
        let (after_first, before_last) = (start.checked_add(EDGE)?, end.checked_sub(EDGE)?);
        Ok(Self { date, start, after_first, before_last, end, late: end.checked_add(EDGE)? })
    }

    pub(crate) fn has(&self, at: Timestamp) -> bool {
        (self.start..self.end).contains(&at)
    }
}

/// A payment as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct Payment {
    pub(crate) lines: Vec<Line>,
    session: Option<Session>,
    order: Option<PaidOrder>,
    charges: u64,
    charged: i128,
    sent_back: i128,
}

#[derive(Debug)]
struct Session {
    provider: ProviderName,
    status: SessionStatus,
    amount: i64,
    key: Option<String>,
    paid_at: Option<Timestamp>,
    order: Option<OrderId>,
    credited: i128,
    sent_back: i128,
    refunds: Vec<Refund>,
}

#[derive(Debug)]
struct PaidOrder {
    is_paid: bool,
    external: i64,
    refunds: Vec<Refund>,
}

/// Money that goes back through the provider.
#[derive(Debug)]
struct Refund {
    id: String,
    amount: i64,
    status: RefundStatus,
    /// Whether the shop never had a use for the money.
    is_unneeded: bool,
    at: Timestamp,
}

/// Whether a session must have a line of the day: its money came, or went back.
pub(crate) fn session_moved(session: &PaymentSession, day: &Day) -> bool {
    let is_paid = session.has_money() && session.paid_at.is_some_and(|at| day.has(at));
    let is_back = |at, status| status == RefundStatus::Succeeded && day.has(at);
    is_paid || session.refunds.iter().any(|refund| is_back(refund.at, refund.status))
}

/// Whether money of an order went back through the session's provider in the day.
pub(crate) fn order_moved(order: &Order, session: &PaymentId, day: &Day) -> bool {
    order_refunds(order, session).iter().any(|refund| refund.status == RefundStatus::Succeeded && day.has(refund.at))
}

fn order_refunds(order: &Order, session: &PaymentId) -> Vec<Refund> {
    let refunds = order.refunds().into_iter();
    let through = refunds.filter(|refund| refund.to == Tender::External && refund.payment_id.as_ref() == Some(session));
    let fact = |refund: shared::domain::order::Refund| Refund {
        id: refund.refund_id,
        amount: refund.amount.get(),
        status: refund.status,
        is_unneeded: refund.is_unneeded,
        at: refund.at,
    };
    through.map(fact).collect()
}

impl Payment {
    pub(crate) fn add_line(&mut self, line: Line) {
        // Most payments have one line, and a vector would begin with room for four.
        if self.lines.is_empty() {
            self.lines.reserve_exact(1);
        }
        self.lines.push(line);
    }

    pub(crate) fn set_session(&mut self, session: &PaymentSession) {
        let refund = |refund: &shared::domain::session::SessionRefund| Refund {
            id: refund.refund_id.clone(),
            amount: refund.amount.get(),
            status: refund.status,
            is_unneeded: !refund.from_balance,
            at: refund.at,
        };
        self.session = Some(Session {
            provider: session.provider,
            status: session.status,
            amount: session.amount.get(),
            key: session.payment_key.as_ref().map(ToString::to_string),
            paid_at: session.paid_at,
            order: match &session.purpose {
                Purpose::Order { order_id } => Some(order_id.clone()),
                Purpose::TopUp => None,
            },
            credited: session.credited().get().into(),
            sent_back: session.sent_back_from_balance().get().into(),
            refunds: session.refunds.iter().map(refund).collect(),
        });
    }

    pub(crate) fn set_order(&mut self, order: &Order, session: &PaymentId) {
        self.order = Some(PaidOrder {
            is_paid: order.payment_id.as_ref() == Some(session) && order.paid > Won::ZERO,
            external: order.external_amount().get(),
            refunds: order_refunds(order, session),
        });
    }

    pub(crate) fn charge(&mut self, amount: Won) {
        self.charges += 1;
        self.charged += i128::from(amount.get());
    }

    /// Adds a change of the balance by a refund: below zero if won leave, above zero if they come back.
    pub(crate) fn send_back(&mut self, amount: Won) {
        self.sent_back -= i128::from(amount.get());
    }

    /// The memory in use, about, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let refunds = self.session.as_ref().map_or(0, |session| session.refunds.len());
        let of_order = self.order.as_ref().map_or(0, |order| order.refunds.len());
        PAYMENT_WEIGHT + self.lines.len() * LINE_WEIGHT + (refunds + of_order) * REFUND_WEIGHT
    }

    /// Compares the lines with the records.
    pub(crate) fn check(mut self, id: &str, provider: ProviderName, day: &Day, report: &mut Report) {
        let mut check = Check { id, day, report };
        let lines = check.distinct(std::mem::take(&mut self.lines));
        let Some(session) = &self.session else {
            check.each(&lines, |_| Problem::UnknownPayment);
            return self.check_order_alone(&lines, &mut check);
        };
        if session.provider != provider {
            return check.each(&lines, |_| Problem::OtherProvider(session.provider));
        }
        if !session.has_money() {
            let may_follow = matches!(session.status, SessionStatus::Confirming | SessionStatus::WaitingForDeposit);
            for line in &lines {
                if may_follow && line.at >= day.before_last {
                    check.hint(line, Edge::NotYet);
                } else {
                    check.differ(line, Problem::UnknownMoney(session.status));
                }
            }
            return;
        }
        for line in &lines {
            if session.key.as_ref() != Some(&line.payment_key) {
                check.differ(line, Problem::OtherKey(session.key.clone().unwrap_or_else(|| "none".to_owned())));
            }
        }
        let payment = lines.iter().find(|line| line.kind == LineKind::Payment);
        match (payment, session.paid_at) {
            (Some(line), _) => self.check_payment(session, line, &mut check),
            (None, Some(at)) if day.has(at) => check.no_line(LineKind::Payment, session.arrived(), at),
            (None, _) => {}
        }
        let of_order = self.order.iter().flat_map(|order| &order.refunds);
        check.refunds(&lines, session.refunds.iter().chain(of_order).collect());
    }

    /// An order whose session is missing: its refunds still need their lines.
    fn check_order_alone(&self, lines: &[Line], check: &mut Check<'_>) {
        if lines.is_empty() {
            check.refunds(lines, self.order.iter().flat_map(|order| &order.refunds).collect());
        }
    }

    /// The money of a line is in the ledger, paid the order, or goes back.
    fn check_payment(&self, session: &Session, line: &Line, check: &mut Check<'_>) {
        if ![session.amount, session.arrived()].contains(&line.amount) {
            check.differ(line, Problem::OtherAmount(session.amount));
        }
        let is_back = session.refunds.iter().any(Refund::returns_unneeded);
        if let Some(order_id) = &session.order {
            let order = self.order.as_ref();
            let is_back = is_back || order.is_some_and(|order| order.refunds.iter().any(Refund::returns_unneeded));
            match order.filter(|order| order.is_paid) {
                Some(order) if order.external != session.amount => {
                    check.differ(line, Problem::OtherOrderAmount(order_id.clone(), order.external));
                }
                None if !is_back => check.differ(line, Problem::NotPaid(order_id.clone())),
                _ => {}
            }
            return;
        }
        let expected = session.credited;
        if self.charged != expected || self.charges != u64::from(expected > 0) {
            let (entries, found) = (self.charges, self.charged);
            check.differ(line, Problem::Charged { expected, entries, found });
        }
        if self.sent_back != session.sent_back {
            let (expected, found) = (session.sent_back, self.sent_back);
            check.differ(line, Problem::SentBack { expected, found });
        }
        if expected == 0 && !is_back {
            check.differ(line, Problem::NotUsed);
        }
    }
}

/// The weights of a payment with its session, of a line and of a refund, with their texts and the allocator's part.
const PAYMENT_WEIGHT: usize = 600;
const LINE_WEIGHT: usize = 300;
const REFUND_WEIGHT: usize = 120;

impl Session {
    fn has_money(&self) -> bool {
        matches!(self.status, SessionStatus::Paid | SessionStatus::Refunded)
    }

    /// The won that came. Another amount than the session's is never used: all of it goes back at once.
    fn arrived(&self) -> i64 {
        match self.refunds.first() {
            Some(refund) if self.status == SessionStatus::Refunded && refund.is_unneeded => refund.amount,
            _ => self.amount,
        }
    }
}

impl Refund {
    /// Whether money without a use is back or on its way.
    fn returns_unneeded(&self) -> bool {
        self.is_unneeded && self.status != RefundStatus::Failed
    }

    /// The time between a line and the record of this refund; nothing if it was recorded before.
    fn distance(&self, line: &Line) -> Option<SignedDuration> {
        let since = self.at.duration_since(line.at);
        (since >= -CLOCK_SKEW).then(|| since.abs())
    }
}

/// The check of one payment.
struct Check<'a> {
    id: &'a str,
    day: &'a Day,
    report: &'a mut Report,
}

impl Check<'_> {
    fn movement(&self, line: Option<u64>, kind: LineKind, amount: i64) -> Movement {
        Movement { line, payment_id: self.id.to_owned(), kind, amount }
    }

    fn differ(&mut self, line: &Line, problem: Problem) {
        let movement = self.movement(Some(line.number), line.kind, line.amount);
        self.report.differ(Difference::Movement(movement, problem));
    }

    fn hint(&mut self, line: &Line, edge: Edge) {
        let movement = self.movement(Some(line.number), line.kind, line.amount);
        self.report.hint(movement, edge);
    }

    fn each(&mut self, lines: &[Line], problem: impl Fn(&Line) -> Problem) {
        lines.iter().for_each(|line| self.differ(line, problem(line)));
    }

    /// Names a movement that the shop recorded in this day and that has no line.
    fn no_line(&mut self, kind: LineKind, amount: i64, at: Timestamp) {
        let movement = self.movement(None, kind, amount);
        if at < self.day.after_first {
            self.report.hint(movement, Edge::DayBefore(at));
        } else {
            self.report.differ(Difference::Movement(movement, Problem::NoLine(at)));
        }
    }

    /// The lines without those that repeat another one. A payment comes once, and a transaction has one line.
    fn distinct(&mut self, lines: Vec<Line>) -> Vec<Line> {
        let (mut distinct, mut transactions, mut payment) = (Vec::new(), BTreeMap::new(), None);
        for line in lines {
            let first = transactions.get(&line.transaction_key).copied();
            match first.or(payment.filter(|_| line.kind == LineKind::Payment)) {
                Some(first) => self.differ(&line, Problem::Repeated(first)),
                None => {
                    transactions.insert(line.transaction_key.clone(), line.number);
                    if line.kind == LineKind::Payment {
                        payment = Some(line.number);
                    }
                    distinct.push(line);
                }
            }
        }
        distinct
    }

    /// Gives each cancellation its refund, and names the rest of both.
    fn refunds(&mut self, lines: &[Line], mut left: Vec<&Refund>) {
        let mut cancels: Vec<&Line> = lines.iter().filter(|line| line.kind == LineKind::Cancel).collect();
        cancels.sort_by_key(|line| (line.at, line.number));
        for line in cancels {
            self.cancel(line, &mut left);
        }
        for refund in left {
            if refund.status == RefundStatus::Succeeded && self.day.has(refund.at) {
                self.no_line(LineKind::Cancel, refund.amount, refund.at);
            }
        }
    }

    /// A cancellation belongs to the refund of its amount that was recorded next. Refunds of earlier days had their lines.
    fn cancel(&mut self, line: &Line, left: &mut Vec<&Refund>) {
        let of_status = |status| {
            let fits = move |refund: &&Refund| refund.amount == line.amount && refund.status == status;
            let found = left.iter().enumerate().filter(|(_, refund)| fits(refund));
            let is_success = status == RefundStatus::Succeeded;
            found
                .filter_map(|(place, refund)| match refund.distance(line) {
                    None if is_success => None,
                    distance => Some((distance, place)),
                })
                .min()
                .map(|(_, place)| place)
        };
        if let Some(place) = of_status(RefundStatus::Succeeded) {
            let refund = left.swap_remove(place);
            if refund.at >= self.day.late {
                self.hint(line, Edge::Late(refund.at));
            }
        } else if let Some(place) = of_status(RefundStatus::Requested) {
            let refund = left.swap_remove(place);
            if line.at >= self.day.before_last {
                self.hint(line, Edge::NotYet);
            } else {
                self.differ(line, Problem::NotRecorded(refund.id.clone()));
            }
        } else if let Some(place) = of_status(RefundStatus::Failed) {
            let refund = left.swap_remove(place);
            self.differ(line, Problem::Failed(refund.id.clone()));
        } else {
            self.differ(line, Problem::UnknownRefund);
        }
    }
}
