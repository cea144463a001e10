//! The books: every payment, and every movement of money.

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use crate::{
    payment::{Account, Cancel, Method, Payment, Status, TIME_TO_CONFIRM},
    text,
};

/// The most payments that the books hold. Their sums cannot overflow.
pub(crate) const MAX_PAYMENTS: usize = 50_000;

/// The most cancellations of a payment. They fit into one answer of the protocol.
pub(crate) const MAX_CANCELS: usize = 100;

/// The largest amount of a payment.
pub(crate) const MAX_AMOUNT: i64 = 100_000_000_000_000;

/// The sums of all payments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Sums {
    /// The money that came.
    pub paid: i64,
    /// The money that went back.
    pub cancelled: i64,
    /// The difference of the two, counted payment by payment.
    pub held: i64,
}

/// The money of one payment, for an auditor.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub payment_key: String,
    pub merchant_order_id: String,
    pub status: &'static str,
    /// The amount that the customer agreed to.
    pub amount: i64,
    /// The money that came: all of the amount, or nothing.
    pub paid: i64,
    /// The money that went back.
    pub cancelled: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Payment,
    Cancel,
}

/// Money that came or went back.
#[derive(Debug, Clone)]
pub(crate) struct Movement {
    pub(crate) kind: Kind,
    /// The place of its payment in the books.
    pub(crate) place: usize,
    pub(crate) transaction: String,
    pub(crate) amount: i64,
    pub(crate) at: Timestamp,
}

/// A payment that a customer begins.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) order_id: String,
    pub(crate) order_name: String,
    pub(crate) amount: i64,
    pub(crate) method: Method,
    pub(crate) valid_hours: i64,
    pub(crate) is_declined: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Books {
    payments: Vec<Payment>,
    by_key: HashMap<String, usize>,
    by_order: HashMap<String, usize>,
    /// The end of the time for a confirmation or a deposit, and the place of its payment.
    deadlines: BTreeSet<(Timestamp, usize)>,
    movements: Vec<Movement>,
    /// The number of transaction keys given.
    transactions: u64,
}

impl Books {
    pub(crate) fn is_full(&self) -> bool {
        self.payments.len() >= MAX_PAYMENTS
    }

    pub(crate) fn movements(&self) -> &[Movement] {
        &self.movements
    }

    pub(crate) fn payment(&self, place: usize) -> Option<&Payment> {
        self.payments.get(place)
    }

    pub(crate) fn by_key(&self, key: &str) -> Option<usize> {
        self.by_key.get(key).copied()
    }

    /// The payment of an order id: the confirmed one, or else the latest attempt.
    pub(crate) fn by_order(&self, order_id: &str) -> Option<usize> {
        self.by_order.get(order_id).copied()
    }

    /// Whether an attempt with this order id was confirmed.
    pub(crate) fn is_confirmed(&self, order_id: &str) -> bool {
        self.by_order(order_id).and_then(|place| self.payment(place)).is_some_and(Payment::is_confirmed)
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.payments.iter().map(|payment| {
            let has_paid = payment.approved_at.is_some();
            Entry {
                payment_key: payment.key.clone(),
                merchant_order_id: payment.order_id.clone(),
                status: payment.status.name(),
                amount: payment.amount,
                paid: if has_paid { payment.amount } else { 0 },
                cancelled: if has_paid { payment.cancelled() } else { 0 },
            }
        })
    }

    pub(crate) fn sums(&self) -> Sums {
        self.payments.iter().filter(|payment| payment.approved_at.is_some()).fold(Sums::default(), |sums, payment| {
            Sums {
                paid: sums.paid + payment.amount,
                cancelled: sums.cancelled + payment.cancelled(),
                held: sums.held + payment.held(),
            }
        })
    }

    /// A time at which a payment may expire.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Ends payments whose time is over, and returns each with the end of its time.
    pub(crate) fn expire(&mut self, now: Timestamp) -> Vec<(Timestamp, usize)> {
        let mut expired = Vec::new();
        while let Some(&(at, place)) = self.deadlines.first()
            && at <= now
        {
            self.deadlines.pop_first();
            if let Some(payment) = self.payments.get_mut(place)
                && payment.expires_at() == Some(at)
            {
                payment.status = Status::Expired;
                expired.push((at, place));
            }
        }
        expired
    }

    /// Begins a payment of an order id without a confirmed one, and returns its key.
    pub(crate) fn begin(&mut self, begun: Begun, now: Timestamp) -> String {
        let place = self.payments.len();
        let token = text::token(&["key", &begun.order_id, &place.to_string(), &now.to_string()]);
        let key = format!("tlocal_{token}");
        self.by_key.insert(key.clone(), place);
        self.by_order.insert(begun.order_id.clone(), place);
        self.wait(place, now, TIME_TO_CONFIRM);
        self.payments.push(Payment {
            key: key.clone(),
            order_id: begun.order_id,
            order_name: begun.order_name,
            amount: begun.amount,
            method: begun.method,
            valid_hours: begun.valid_hours,
            is_declined: begun.is_declined,
            status: Status::InProgress,
            requested_at: now,
            approved_at: None,
            account: None,
            cancels: Vec::new(),
            failure: None,
            transaction: None,
        });
        key
    }

    /// Takes the money of a payment, or opens an account for it.
    pub(crate) fn confirm(&mut self, place: usize, now: Timestamp) {
        let Some(payment) = self.payments.get_mut(place) else { return };
        self.by_order.insert(payment.order_id.clone(), place);
        if payment.method == Method::Card {
            return self.receive(place, now);
        }
        let (number, secret) = (text::token(&["account", &payment.key]), text::token(&["secret", &payment.key]));
        let valid_for = SignedDuration::from_hours(payment.valid_hours);
        let due_at = now.saturating_add(valid_for).unwrap_or(now);
        payment.status = Status::WaitingForDeposit;
        payment.account =
            Some(Account { number: format!("X{number:.14}"), due_at, secret: format!("ps_{secret:.20}") });
        self.wait(place, now, valid_for);
    }

    /// Notes that the money of a payment has come.
    pub(crate) fn receive(&mut self, place: usize, now: Timestamp) {
        let transaction = self.next_transaction();
        let Some(payment) = self.payments.get_mut(place) else { return };
        payment.status = Status::Done;
        payment.approved_at = Some(now);
        payment.transaction = Some(transaction.clone());
        let amount = payment.amount;
        self.movements.push(Movement { kind: Kind::Payment, place, transaction, amount, at: now });
    }

    /// Ends a payment without its money.
    pub(crate) fn abort(&mut self, place: usize, code: &str) {
        if let Some(payment) = self.payments.get_mut(place) {
            payment.status = Status::Aborted;
            payment.failure = Some(code.to_owned());
        }
    }

    /// Sends money back, at most the balance of the payment, which the caller has checked. An account without a deposit
    /// is closed and no money moves.
    pub(crate) fn cancel(&mut self, place: usize, amount: i64, reason: String, now: Timestamp) {
        let transaction = self.next_transaction();
        let Some(payment) = self.payments.get_mut(place) else { return };
        payment.cancels.push(Cancel { amount, reason, at: now, transaction: transaction.clone() });
        payment.status = if payment.balance() == 0 { Status::Canceled } else { Status::PartialCanceled };
        payment.transaction = Some(transaction.clone());
        if payment.approved_at.is_some() {
            self.movements.push(Movement { kind: Kind::Cancel, place, transaction, amount, at: now });
        }
    }

    /// Ends the time of a payment after this one. An earlier deadline of it has no effect any more.
    fn wait(&mut self, place: usize, now: Timestamp, time: SignedDuration) {
        self.deadlines.insert((now.saturating_add(time).unwrap_or(now), place));
    }

    fn next_transaction(&mut self) -> String {
        self.transactions += 1;
        text::token(&["transaction", &self.transactions.to_string()])
    }
}
