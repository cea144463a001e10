//! The provider: its books, its faults, and the two sides of its HTTP interface.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};

use crate::{
    books::{Begun, Books, Entry, MAX_AMOUNT, Sums},
    errors::Refusal,
    faults::{Fault, Faults},
    http::{MAX_BODY, Request, Response},
    idempotency::{Answers, Key},
    notices::{Notice, Notices},
    payment::{Method, Payment, Status},
    protocol::Call,
    statement,
};

/// The key of the shop's servers.
pub const SECRET_KEY: &str = "test_sk_local";

/// The key of the shop's pages.
pub const CLIENT_KEY: &str = "test_ck_local";

/// The provider. Equal requests at equal times have equal effects.
///
/// Times may repeat and should not go back; a time that does is taken as it is.
#[derive(Debug, Default)]
pub struct Provider {
    pub(crate) books: Books,
    pub(crate) faults: Faults,
    pub(crate) answers: Answers,
    pub(crate) notices: Notices,
    /// Calls whose effect is late, by its time.
    pub(crate) held: BTreeMap<(Timestamp, u64), Held>,
    pub(crate) held_so_far: u64,
}

#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) call: Call,
    pub(crate) key: Option<Key>,
}

/// A customer's visit to the hosted page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The shop's id of the payment: 1 to 64 letters, digits and `-_=`.
    pub merchant_order_id: String,
    /// 1 to 100 trillion won.
    pub amount: i64,
    pub order_name: String,
    pub method: CheckoutMethod,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckoutMethod {
    /// The issuer approves the confirmation, or declines it.
    Card { is_declined: bool },
    /// An account for one transfer, open for 1 to 168 hours from the confirmation.
    VirtualAccount { valid_hours: i64 },
}

impl Provider {
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers a request. A response that never arrives, or late, says so itself.
    pub fn answer(&mut self, request: &Request, now: Timestamp) -> Response {
        self.advance(now);
        if request.body.len() > MAX_BODY {
            return Refusal::invalid("a body of at most 64 KiB").response();
        }
        let Some(segments) = request.segments() else { return Refusal::from("NOT_FOUND").response() };
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.split_first() {
            Some((&"v1", path)) => self.answer_protocol(path, request, now),
            _ => self.answer_control(&segments, request, now),
        }
    }

    /// Lets the time come: late effects happen, and payments expire.
    pub fn advance(&mut self, now: Timestamp) {
        while let Some(entry) = self.held.first_entry()
            && entry.key().0 <= now
        {
            let ((at, _), held) = entry.remove_entry();
            self.expire(at);
            self.perform_held(&held, at);
        }
        self.expire(now);
    }

    /// The time at which something happens without a request: a notice is due, an effect comes, a payment expires.
    pub fn next_due(&self) -> Option<Timestamp> {
        let held = self.held.keys().next().map(|(at, _)| *at);
        [held, self.books.next_deadline(), self.notices.next_sending()].into_iter().flatten().min()
    }

    /// Takes the notices that are to be posted to the shop by now.
    pub fn take_notices(&mut self, now: Timestamp) -> Vec<Notice> {
        self.advance(now);
        self.notices.take(now)
    }

    /// Posts a notice again after a while, at most seven times: the shop did not answer 200.
    pub fn repeat_notice(&mut self, notice: Notice, now: Timestamp) {
        self.notices.repeat(notice, now);
    }

    /// Does what a customer does on the hosted page, and returns the payment key. Each call is another attempt.
    ///
    /// # Errors
    /// If a field is wrong, the order id is used up, or the books are full.
    pub fn begin(&mut self, checkout: Checkout, now: Timestamp) -> Result<String, Refusal> {
        self.advance(now);
        let begun = Begun::try_from(checkout)?;
        if self.books.is_confirmed(&begun.order_id) {
            return Err("DUPLICATED_ORDER_ID".into());
        }
        if self.books.is_full() {
            return Err("BOOKS_FULL".into());
        }
        Ok(self.books.begin(begun, now))
    }

    /// Transfers the money of a virtual account.
    ///
    /// # Errors
    /// If no payment with this order id waits for a deposit.
    pub fn deposit(&mut self, merchant_order_id: &str, now: Timestamp) -> Result<(), Refusal> {
        self.advance(now);
        let place = self.books.by_order(merchant_order_id).ok_or("NOT_FOUND_PAYMENT")?;
        let is_waiting = |payment: &Payment| payment.status == Status::WaitingForDeposit;
        if !self.books.payment(place).is_some_and(is_waiting) {
            return Err("NOT_WAITING_FOR_DEPOSIT".into());
        }
        self.books.receive(place, now);
        self.tell(place, now);
        Ok(())
    }

    /// Replaces the faults of all payments.
    ///
    /// # Errors
    /// If there are more than 20.
    pub fn set_faults(&mut self, faults: Vec<Fault>) -> Result<(), Refusal> {
        self.faults.set(None, faults)
    }

    /// Replaces the faults of one payment, which need not have begun.
    ///
    /// # Errors
    /// If there are more than 20, or too many payments have faults.
    pub fn set_faults_of(&mut self, merchant_order_id: &str, faults: Vec<Fault>) -> Result<(), Refusal> {
        self.faults.set(Some(merchant_order_id), faults)
    }

    /// Ends all faults. Calls that are held already are still carried out.
    pub fn clear_faults(&mut self) {
        self.faults = Faults::default();
    }

    /// The money of each payment, in the order of their beginning.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        self.books.entries()
    }

    pub fn sums(&self) -> Sums {
        self.books.sums()
    }

    /// The movements of money of a day in Seoul, as CSV with a heading.
    pub fn statement(&self, day: Date) -> String {
        statement::csv(&self.books, day)
    }

    /// Makes the notices of a change of a payment.
    pub(crate) fn tell(&mut self, place: usize, now: Timestamp) {
        if let Some(payment) = self.books.payment(place) {
            let fault = self.faults.strike_notice(&payment.order_id);
            self.notices.tell(payment, fault, now);
        }
    }

    fn expire(&mut self, now: Timestamp) {
        for (at, place) in self.books.expire(now) {
            self.tell(place, at);
        }
    }
}

impl TryFrom<Checkout> for Begun {
    type Error = Refusal;

    fn try_from(checkout: Checkout) -> Result<Self, Refusal> {
        let Checkout { merchant_order_id, amount, order_name, method } = checkout;
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=".contains(&byte);
        if !(1..=64).contains(&merchant_order_id.len()) || !merchant_order_id.bytes().all(is_letter) {
            return Err(Refusal::invalid("merchantOrderId must be 1 to 64 letters, digits and -_="));
        }
        if !(1..=MAX_AMOUNT).contains(&amount) {
            return Err(Refusal::invalid("amount must be 1 to 100000000000000"));
        }
        if !(1..=100).contains(&order_name.chars().count()) || order_name.chars().any(char::is_control) {
            return Err(Refusal::invalid("orderName must be 1 to 100 characters"));
        }
        let (method, valid_hours, is_declined) = match method {
            CheckoutMethod::Card { is_declined } => (Method::Card, 0, is_declined),
            CheckoutMethod::VirtualAccount { valid_hours } => (Method::VirtualAccount, valid_hours, false),
        };
        if method == Method::VirtualAccount && !(1..=168).contains(&valid_hours) {
            return Err(Refusal::invalid("validHours must be 1 to 168"));
        }
        Ok(Self { order_id: merchant_order_id, order_name, amount, method, valid_hours, is_declined })
    }
}

#[cfg(test)]
mod tests;
