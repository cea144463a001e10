//! Payment sessions: each takes one amount from outside, for a top-up or for an order.
//!
//! A session is written before the provider is asked, so that money which the provider takes is always found again: by
//! the session's id, which the provider knows. The provider alone decides its outcome. A success counts also when it is
//! late: it is used if its purpose still stands, else the money goes back.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    OrderId, PaymentId, Refusal, UserId, Won, is_zero,
    order::attempt_id,
    provider::{Deposit, PaymentKey, ProviderName, ProviderPayment, ProviderState},
    states::RefundStatus,
};

pub use super::states::{SessionAction, SessionStatus};

/// A payment from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentSession {
    /// Names the session, and the payment at the provider.
    pub payment_id: PaymentId,
    /// The user whose balance or order is paid.
    pub user_id: UserId,
    pub purpose: Purpose,
    /// The name of the order's first item, for the provider's page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_item: Option<String>,
    /// The number of the order's further items.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_items: usize,
    pub amount: Won,
    pub provider: ProviderName,
    /// The state without the passing of time.
    pub status: SessionStatus,
    /// The provider's name of the payment that is or was confirmed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_key: Option<PaymentKey>,
    /// The provider's code of the reason for which it declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit: Option<Deposit>,
    /// The proof that a notice of the deposit carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit_secret: Option<String>,
    /// The refunds of its money, oldest first. Refunds of an order that it paid are in the order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<SessionRefund>,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
    /// From this instant on no confirmation begins.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub expires_at: Timestamp,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub updated_at: Timestamp,
    /// The instant at which the money was known to have arrived.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub paid_at: Option<Timestamp>,
    /// The instant of the sweep's next look.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub look_at: Option<Timestamp>,
    /// Counts the changes, from 1.
    pub version: u64,
}

/// The purpose of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
pub enum Purpose {
    /// The user's balance is topped up.
    TopUp,
    Order {
        order_id: OrderId,
    },
}

/// Money of a session that goes back to where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionRefund {
    pub refund_id: String,
    pub amount: Won,
    pub status: RefundStatus,
    /// The number of the attempt to send it back, from 1.
    pub attempt: u32,
    /// Whether its balance gave the money, which it gets back if the refund fails.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_balance: bool,
    /// Whether it has been reported as overdue.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_overdue: bool,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
}

impl SessionRefund {
    /// The id under which this attempt is made.
    pub fn attempt_id(&self) -> String {
        attempt_id(&self.refund_id, self.attempt)
    }
}

/// The effect of the provider's word on a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// It is no news.
    Nothing,
    /// The session alone changes: it is declined, or ended.
    Changed(PaymentSession),
    /// The customer is to transfer the money. An order waits for it.
    Deposit(PaymentSession),
    /// The money of the full amount arrived.
    Arrived(PaymentSession),
    /// Money arrived that the session cannot use: another amount.
    Unusable(PaymentSession),
}

/// The time after a confirmation before the sweep asks: the request itself waits for an answer meanwhile.
const CONFIRM_PATIENCE: SignedDuration = SignedDuration::from_secs(8);

/// The time for which a provider keeps a payment that was begun and not confirmed. After it no money can move any more.
pub const UNCONFIRMED_LIFE: SignedDuration = SignedDuration::from_mins(15);

/// The pause before the sweep's next look at a question that has been open since an instant: as long as that, from 15
/// seconds to an hour.
pub fn pause_since(since: Timestamp, now: Timestamp) -> SignedDuration {
    now.duration_since(since).clamp(SignedDuration::from_secs(15), SignedDuration::from_hours(1))
}

/// The time before the end of a deposit's time at which the sweep looks once more: the hold of its order still lasts.
const LAST_LOOK: SignedDuration = SignedDuration::from_mins(2);

/// The most refunds of one session: a bound of its item.
pub const MAX_REFUNDS: usize = 50;

/// The longest code of a provider that is kept.
const MAX_REASON: usize = 100;

impl PaymentSession {
    /// A session that nobody has confirmed.
    pub fn new(
        payment_id: PaymentId,
        user_id: UserId,
        (purpose, amount): (Purpose, Won),
        provider: ProviderName,
        (created_at, expires_at): (Timestamp, Timestamp),
    ) -> Self {
        Self {
            payment_id,
            user_id,
            purpose,
            first_item: None,
            more_items: 0,
            amount,
            provider,
            status: SessionStatus::Ready,
            payment_key: None,
            reason: None,
            deposit: None,
            deposit_secret: None,
            refunds: Vec::new(),
            created_at,
            expires_at,
            updated_at: created_at,
            paid_at: None,
            look_at: None,
            version: 1,
        }
    }

    /// The session with the sweep's next look put off. The pauses grow with the time since its last change, so that an
    /// open question is asked again soon at first, and at most once an hour for days.
    #[must_use]
    pub fn look_later(&self, now: Timestamp) -> Self {
        let next = now.checked_add(pause_since(self.updated_at, now)).ok();
        let last = self.deposit.as_ref().and_then(|deposit| deposit.due_at.checked_sub(LAST_LOOK).ok());
        let last = last.filter(|last| *last > now);
        let look_at = [next, last].into_iter().flatten().min();
        Self { look_at, version: self.version.saturating_add(1), ..self.clone() }
    }

    /// The session without a further look of the sweep.
    #[must_use]
    pub fn looked_enough(&self) -> Self {
        Self { look_at: None, version: self.version.saturating_add(1), ..self.clone() }
    }

    /// The status at this instant.
    pub fn status(&self, now: Timestamp) -> SessionStatus {
        match self.status {
            SessionStatus::Ready if now >= self.expires_at => SessionStatus::Expired,
            status => status,
        }
    }

    /// The actions possible at this instant.
    pub fn allowed_actions(&self, now: Timestamp) -> Vec<SessionAction> {
        if self.is_confirmable(now) { vec![SessionAction::Confirm] } else { Vec::new() }
    }

    fn is_confirmable(&self, now: Timestamp) -> bool {
        matches!(self.status, SessionStatus::Ready | SessionStatus::Declined) && now < self.expires_at
    }

    /// Begins a confirmation with a payment key of the customer: the provider is to be asked, once the session is written.
    /// Nothing if it was asked already with this key.
    ///
    /// # Errors
    /// [`Refusal::PaymentAmountMismatch`], [`Refusal::PaymentStateConflict`].
    pub fn confirm(&self, key: &PaymentKey, amount: Won, now: Timestamp) -> Result<Option<Self>, Refusal> {
        if amount != self.amount {
            let payment_id = self.payment_id.clone();
            return Err(Refusal::PaymentAmountMismatch { payment_id, amount: self.amount, named: amount });
        }
        if self.payment_key.as_ref() == Some(key) {
            return Ok(None);
        }
        if !self.is_confirmable(now) {
            return Err(self.conflict(now));
        }
        let look_at = now.checked_add(CONFIRM_PATIENCE).ok();
        let session = Self { payment_key: Some(key.clone()), reason: None, look_at, ..self.clone() };
        Ok(Some(session.changed(SessionStatus::Confirming, now)))
    }

    /// The refusal of an action in this state.
    pub fn conflict(&self, now: Timestamp) -> Refusal {
        Refusal::PaymentStateConflict {
            payment_id: self.payment_id.clone(),
            status: self.status(now),
            allowed: self.allowed_actions(now),
        }
    }

    /// Whether the provider has been asked and its answer is open.
    pub fn is_confirming(&self) -> bool {
        self.status == SessionStatus::Confirming
    }

    /// Whether its money has arrived.
    pub fn has_money(&self) -> bool {
        matches!(self.status, SessionStatus::Paid | SessionStatus::Refunded)
    }

    /// The effect of a refusal of the confirmation that is open.
    pub fn refused(&self, code: &str, now: Timestamp) -> Observation {
        if self.is_confirming() { Observation::Changed(self.declined(code, now)) } else { Observation::Nothing }
    }

    /// The effect of a payment as the provider has it. An answer that says nothing new, or that the customer is to transfer
    /// the money when nobody waits for an answer, has none.
    pub fn observed(&self, payment: &ProviderPayment, now: Timestamp) -> Observation {
        if payment.payment_id != self.payment_id || self.has_money() {
            return Observation::Nothing;
        }
        let with_key = || Self { payment_key: Some(payment.payment_key.clone()), ..self.clone() };
        match &payment.state {
            ProviderState::Open => Observation::Nothing,
            ProviderState::Done => {
                let back = Won::checked_sum(payment.cancels.iter().map(|cancel| cancel.amount));
                let left = back.and_then(|back| payment.amount.checked_sub(back)).unwrap_or(payment.amount);
                let session = with_key();
                if left <= Won::ZERO {
                    return session.ended("CANCELED", now);
                }
                if left == self.amount {
                    let paid = session.changed(SessionStatus::Paid, now);
                    return Observation::Arrived(Self { paid_at: Some(now), reason: None, look_at: None, ..paid });
                }
                Observation::Unusable(session.unneeded(left, now))
            }
            ProviderState::WaitingForDeposit { deposit, secret } => {
                if !self.is_confirming() || payment.amount != self.amount {
                    return Observation::Nothing;
                }
                let session = Self {
                    deposit: Some(deposit.clone()),
                    deposit_secret: secret.clone(),
                    expires_at: self.expires_at.max(deposit.due_at),
                    ..with_key()
                };
                Observation::Deposit(session.changed(SessionStatus::WaitingForDeposit, now).look_soon(now))
            }
            ProviderState::Ended { code } => self.ended(code, now),
        }
    }

    /// The effect of a provider that has no payment of the session, or none that was confirmed, so long after the
    /// confirmation that no money can move any more.
    pub fn given_up(&self, now: Timestamp) -> Observation {
        let is_over = [self.expires_at, self.updated_at]
            .iter()
            .all(|since| since.checked_add(UNCONFIRMED_LIFE).is_ok_and(|end| end <= now));
        let waits = matches!(self.status, SessionStatus::Confirming | SessionStatus::WaitingForDeposit);
        if !is_over || !waits {
            return Observation::Nothing;
        }
        Observation::Changed(Self { look_at: None, ..self.clone().changed(SessionStatus::Expired, now) })
    }

    fn ended(&self, code: &str, now: Timestamp) -> Observation {
        match self.status {
            SessionStatus::Confirming | SessionStatus::WaitingForDeposit => {
                Observation::Changed(self.declined(code, now))
            }
            _ => Observation::Nothing,
        }
    }

    /// The session declined for a reason. The customer can try again while it lasts.
    pub fn declined(&self, code: &str, now: Timestamp) -> Self {
        let reason = Some(code.chars().take(MAX_REASON).collect());
        Self { reason, deposit: None, deposit_secret: None, look_at: None, ..self.clone() }
            .changed(SessionStatus::Declined, now)
    }

    /// The session with `amount` won of its money on the way back, since the shop has no use for it.
    pub fn unneeded(&self, amount: Won, now: Timestamp) -> Self {
        let session = Self { paid_at: Some(now), ..self.clone() };
        session.with_refund(amount, false, now).changed(SessionStatus::Refunded, now)
    }

    /// The won that the balance of its user got by it.
    pub fn credited(&self) -> Won {
        let is_used = self.has_money() && self.refunds.iter().all(|refund| refund.from_balance);
        if is_used && self.purpose == Purpose::TopUp { self.amount } else { Won::ZERO }
    }

    /// The won that left the balance again, to where they came from.
    pub fn sent_back_from_balance(&self) -> Won {
        let sent = self.refunds.iter().filter(|refund| refund.from_balance && refund.status != RefundStatus::Failed);
        Won::checked_sum(sent.map(|refund| refund.amount)).unwrap_or_default()
    }

    /// The won of a paid top-up that have not gone back.
    pub fn refundable(&self) -> Won {
        if self.status != SessionStatus::Paid || self.purpose != Purpose::TopUp {
            return Won::ZERO;
        }
        let back = self.refunds.iter().filter(|refund| refund.status != RefundStatus::Failed);
        let back = Won::checked_sum(back.map(|refund| refund.amount));
        back.and_then(|back| self.amount.checked_sub(back)).unwrap_or_default()
    }

    /// The paid top-up with `amount` won of it on the way back from the balance, or the unneeded money whose refund failed
    /// on its way again.
    ///
    /// # Errors
    /// [`Refusal::PaymentStateConflict`], [`Refusal::RefundTooHigh`], [`Refusal::LimitExceeded`].
    pub fn refund(&self, amount: Won, now: Timestamp) -> Result<Self, Refusal> {
        let failed = self.refunds.iter().position(|refund| {
            refund.status == RefundStatus::Failed && !refund.from_balance && self.status == SessionStatus::Refunded
        });
        if let Some(failed) = failed {
            return self.refund_again(failed, amount, now);
        }
        if self.status != SessionStatus::Paid || self.purpose != Purpose::TopUp {
            return Err(self.conflict(now));
        }
        let available = self.refundable();
        if amount > available {
            return Err(Refusal::RefundTooHigh { payment_id: self.payment_id.clone(), requested: amount, available });
        }
        if self.refunds.len() >= MAX_REFUNDS {
            let max = i64::try_from(MAX_REFUNDS).unwrap_or(i64::MAX);
            return Err(Refusal::LimitExceeded { limit: "refunds", max });
        }
        let session = self.with_refund(amount, true, now);
        let status = if session.refundable() == Won::ZERO { SessionStatus::Refunded } else { SessionStatus::Paid };
        Ok(session.changed(status, now))
    }

    fn refund_again(&self, failed: usize, amount: Won, now: Timestamp) -> Result<Self, Refusal> {
        let mut session = self.clone();
        if let Some(refund) = session.refunds.get_mut(failed) {
            if refund.amount != amount {
                let (payment_id, available) = (self.payment_id.clone(), refund.amount);
                return Err(Refusal::RefundTooHigh { payment_id, requested: amount, available });
            }
            refund.status = RefundStatus::Requested;
            refund.attempt = refund.attempt.saturating_add(1);
            refund.is_overdue = false;
            refund.at = now;
        }
        session.look_at = Some(now);
        Ok(session.changed(SessionStatus::Refunded, now))
    }

    fn with_refund(&self, amount: Won, from_balance: bool, now: Timestamp) -> Self {
        let mut session = self.clone();
        let refund_id = format!("{}-r{}", self.payment_id, self.refunds.len().saturating_add(1));
        let status = RefundStatus::Requested;
        let refund = SessionRefund { refund_id, amount, status, attempt: 1, from_balance, is_overdue: false, at: now };
        session.refunds.push(refund);
        session.look_at = Some(now);
        session
    }

    /// The refunds whose results are open.
    pub fn open_refunds(&self) -> impl Iterator<Item = &SessionRefund> {
        self.refunds.iter().filter(|refund| refund.status == RefundStatus::Requested)
    }

    /// The session with the result of a refund; nothing if that is known. With it the won that the balance gets back,
    /// because a top-up that was to leave it could not.
    pub fn refund_settled(&self, refund_id: &str, is_success: bool, now: Timestamp) -> Option<(Self, Option<Won>)> {
        let mut session = self.clone();
        let refund = session.refunds.iter_mut().find(|refund| refund.refund_id == refund_id)?;
        if refund.status != RefundStatus::Requested {
            return None;
        }
        refund.status = if is_success { RefundStatus::Succeeded } else { RefundStatus::Failed };
        refund.at = now;
        let back = (!is_success && refund.from_balance).then_some(refund.amount);
        if session.open_refunds().next().is_none() {
            session.look_at = None;
        }
        let status = if back.is_some() { SessionStatus::Paid } else { session.status };
        Some((session.changed(status, now), back))
    }

    /// The session with an open refund reported as overdue; nothing if it is not open or was reported.
    pub fn refund_overdue(&self, refund_id: &str, now: Timestamp) -> Option<Self> {
        let mut session = self.clone();
        let refund = session.refunds.iter_mut().find(|refund| refund.refund_id == refund_id)?;
        if refund.status != RefundStatus::Requested || refund.is_overdue {
            return None;
        }
        refund.is_overdue = true;
        let status = session.status;
        Some(session.changed(status, now))
    }

    /// The session just changed, with the sweep's first look at it planned.
    fn look_soon(self, now: Timestamp) -> Self {
        Self { look_at: self.look_later(now).look_at, ..self }
    }

    fn changed(self, status: SessionStatus, now: Timestamp) -> Self {
        let version = self.version.saturating_add(1);
        Self { status, version, updated_at: now, ..self }
    }
}

#[cfg(test)]
mod tests;
