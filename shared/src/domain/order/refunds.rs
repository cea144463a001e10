//! The refunds of an order: of each its tender, its amount and its result, as the history tells.
//!
//! Money of an order comes from two tenders: outside and the balance. It goes back to the one outside first. A refund to
//! the balance is in the commit that grants it. One to outside is asked for, and its result comes later.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Actor, HistoryEntry, HistoryEvent, Order, PaymentMethod};
use crate::domain::{
    PaymentId, Refusal, Won, invalid::named, refusal::Entity, states::RefundStatus, time::after_business_time,
};

/// A source of an order's money, and the place that it goes back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Tender {
    /// The user's balance.
    Balance,
    /// A payment from outside.
    External,
}

named!(Tender { "BALANCE" => Balance, "EXTERNAL" => External });

/// The part of a tender in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TenderAmount {
    pub to: Tender,
    /// The part of `payable` that it pays.
    pub amount: Won,
    /// The part of it that went back or is on its way back.
    pub refunded: Won,
}

/// Money of an order that goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Unique among all refunds of the shop.
    pub refund_id: String,
    pub amount: Won,
    pub to: Tender,
    pub status: RefundStatus,
    /// The payment from outside that the money came with; for one to the balance, none.
    pub payment_id: Option<PaymentId>,
    /// Whether the payment was never needed, so that no part of the order is paid back by it.
    pub is_unneeded: bool,
    /// The number of the attempt to send it back, from 1.
    pub attempt: u32,
    /// Whether it has been reported as overdue.
    pub is_overdue: bool,
    /// The instant of the last change.
    pub at: Timestamp,
}

/// A step of a refund, in an entry of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundStep {
    pub refund_id: String,
    /// The tender that a retry chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Tender>,
}

impl Refund {
    fn new(refund_id: String, amount: Won, to: Tender, payment_id: Option<PaymentId>, at: Timestamp) -> Self {
        let status = match to {
            Tender::Balance => RefundStatus::Succeeded,
            Tender::External => RefundStatus::Requested,
        };
        Self { refund_id, amount, to, status, payment_id, is_unneeded: false, attempt: 1, is_overdue: false, at }
    }

    /// Whether its result is open.
    pub fn is_open(&self) -> bool {
        self.status == RefundStatus::Requested
    }

    /// The id under which this attempt is made: a provider answers a repeated one as the first time.
    pub fn attempt_id(&self) -> String {
        attempt_id(&self.refund_id, self.attempt)
    }

    /// Whether this is the id of the refund or of one of its attempts.
    fn is_named(&self, id: &str) -> bool {
        (1..=self.attempt).any(|attempt| attempt_id(&self.refund_id, attempt) == id)
    }

    /// The instant from which an open one is overdue.
    pub fn overdue_at(&self, patience: SignedDuration) -> Timestamp {
        after_business_time(self.at, patience)
    }
}

/// The id of an attempt to send a refund.
pub fn attempt_id(refund_id: &str, attempt: u32) -> String {
    if attempt <= 1 { refund_id.to_owned() } else { format!("{refund_id}-{attempt}") }
}

impl Order {
    /// The id of the payment session of the order: it has one at most.
    pub fn session_id(&self) -> Option<PaymentId> {
        PaymentId::from_order(&self.order_id)
    }

    /// The part of [`payable`](crate::domain::pricing::Amounts::payable) that is paid from outside.
    pub fn external_amount(&self) -> Won {
        match self.payment {
            PaymentMethod::Balance => Won::ZERO,
            PaymentMethod::External => {
                self.amounts.payable.checked_sub(self.balance_amount).unwrap_or(self.amounts.payable)
            }
        }
    }

    /// The refunds of the order, oldest first.
    pub fn refunds(&self) -> Vec<Refund> {
        let external = self.external_amount();
        let (mut refunds, mut refunded): (Vec<Refund>, Won) = (Vec::new(), Won::ZERO);
        let mut is_paid = false;
        for (entry, number) in self.history.iter().zip(1_usize..) {
            is_paid |= entry.event == HistoryEvent::Paid;
            let (of_balance, of_outside) =
                (format!("{}-{number}", self.order_id), format!("{}-{number}-refund", self.order_id));
            if let Some(returned) = &entry.returned {
                let payment = Some(returned.payment_id.clone());
                let refund = Refund::new(of_outside, returned.amount, Tender::External, payment, entry.at);
                refunds.push(Refund { is_unneeded: true, ..refund });
            } else if entry.refund > Won::ZERO {
                let before = refunded;
                refunded = refunded.checked_add(entry.refund).unwrap_or(refunded);
                let to_outside = refunded.min(external).checked_sub(before.min(external)).unwrap_or_default();
                let to_balance = entry.refund.checked_sub(to_outside).unwrap_or_default();
                if to_outside > Won::ZERO {
                    let payment = self.payment_id.clone();
                    refunds.push(Refund::new(of_outside, to_outside, Tender::External, payment, entry.at));
                }
                if to_balance > Won::ZERO {
                    refunds.push(Refund::new(of_balance, to_balance, Tender::Balance, None, entry.at));
                }
            } else if self.balance_amount > Won::ZERO && !is_paid && ends_unpaid(entry) {
                refunds.push(Refund::new(of_balance, self.balance_amount, Tender::Balance, None, entry.at));
            }
            if let Some(step) = &entry.refund_step
                && let Some(refund) = refunds.iter_mut().find(|refund| refund.refund_id == step.refund_id)
            {
                refund.follow(entry, step);
            }
        }
        refunds
    }

    /// The parts of the tenders in what the order costs: the one outside first, as refunds go.
    pub fn tenders(&self) -> Vec<TenderAmount> {
        let refunds = self.refunds();
        let part = |to: Tender, amount: Won| {
            // A failed refund is still owed. One that was sent to the balance instead has left its own tender.
            let of_tender = refunds.iter().filter(|refund| !refund.is_unneeded && refund.source() == to);
            let back = of_tender.filter(|refund| refund.status != RefundStatus::Failed).map(|refund| refund.amount);
            TenderAmount { to, amount, refunded: Won::checked_sum(back).unwrap_or(amount) }
        };
        let external = part(Tender::External, self.external_amount());
        let balance = match self.payment {
            PaymentMethod::Balance => self.amounts.payable,
            PaymentMethod::External => self.balance_amount,
        };
        [external, part(Tender::Balance, balance)].into_iter().filter(|part| part.amount > Won::ZERO).collect()
    }

    /// The amount refunded or on its way back, of what was paid: a failed refund does not count.
    pub fn refunded_or_open(&self) -> Won {
        let failed = self.refunds().into_iter().filter(|refund| refund.status == RefundStatus::Failed);
        let failed = Won::checked_sum(failed.filter(|refund| !refund.is_unneeded).map(|refund| refund.amount));
        self.refunded.checked_sub(failed.unwrap_or_default()).unwrap_or(self.refunded)
    }

    /// All that has gone back to the balance because of this order.
    pub fn returned_to_balance(&self) -> Won {
        if self.payment == PaymentMethod::Balance {
            return self.refunded;
        }
        let to_balance = self.refunds().into_iter().filter(|refund| refund.to == Tender::Balance);
        Won::checked_sum(to_balance.map(|refund| refund.amount)).unwrap_or_default()
    }

    /// The refund that is, or one of whose attempts is, named so.
    pub fn refund(&self, id: &str) -> Option<Refund> {
        self.refunds().into_iter().find(|refund| refund.is_named(id))
    }

    /// Records the result of an open refund. Nothing if there is no such refund or its result is known: the first result
    /// counts, but a success counts after a failure that no retry has answered.
    pub fn refund_settled(&self, id: &str, is_success: bool, now: Timestamp) -> Option<Self> {
        let refund = self.refund(id)?;
        let is_news = match refund.status {
            RefundStatus::Requested => true,
            RefundStatus::Failed => is_success,
            RefundStatus::Succeeded => false,
        };
        let event = if is_success { HistoryEvent::RefundSucceeded } else { HistoryEvent::RefundFailed };
        is_news.then(|| self.with_refund_step(event, Actor::System, refund.refund_id, None, now))
    }

    /// Reports an open refund as overdue. Nothing if it is not open, not overdue, or reported already.
    pub fn refund_overdue(&self, id: &str, patience: SignedDuration, now: Timestamp) -> Option<Self> {
        let refund = self.refund(id).filter(|refund| refund.is_open() && !refund.is_overdue)?;
        let is_overdue = refund.overdue_at(patience) <= now;
        is_overdue
            .then(|| self.with_refund_step(HistoryEvent::RefundOverdue, Actor::System, refund.refund_id, None, now))
    }

    /// Sends a failed refund again, to where it came from or to the balance.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::RefundStateConflict`] if it has not failed.
    pub fn retry_refund(&self, id: &str, to: Tender, actor: Actor, now: Timestamp) -> Result<Self, Refusal> {
        let refund = self.refunds().into_iter().find(|refund| refund.refund_id == id);
        let refund = refund.ok_or_else(|| Refusal::not_found(Entity::Refund, id))?;
        if refund.status != RefundStatus::Failed {
            return Err(Refusal::RefundStateConflict { refund_id: refund.refund_id, status: refund.status });
        }
        Ok(self.with_refund_step(HistoryEvent::RefundRetried, actor, refund.refund_id, Some(to), now))
    }

    /// The instant of the sweep's next look at the open refunds: at once for money that the shop itself sends back
    /// through the provider of its session, else when the refund is overdue.
    pub fn next_refund_look(&self, patience: SignedDuration) -> Option<Timestamp> {
        let session = self.session_id();
        let open = self.refunds().into_iter().filter(Refund::is_open);
        open.filter_map(|refund| {
            if refund.payment_id == session {
                Some(refund.at)
            } else {
                Some(refund.overdue_at(patience)).filter(|_| !refund.is_overdue)
            }
        })
        .min()
    }

    fn with_refund_step(
        &self,
        event: HistoryEvent,
        actor: Actor,
        refund_id: String,
        to: Option<Tender>,
        now: Timestamp,
    ) -> Self {
        let refund_step = Some(RefundStep { refund_id, to });
        self.clone().with_entry(HistoryEntry { refund_step, ..HistoryEntry::new(event, actor, now) })
    }
}

/// Whether an entry ends an order, as far as it was not paid before.
fn ends_unpaid(entry: &HistoryEntry) -> bool {
    matches!(entry.event, HistoryEvent::HoldExpired | HistoryEvent::PaymentDeclined | HistoryEvent::Cancelled)
}

impl Refund {
    /// The tender that the money came from.
    fn source(&self) -> Tender {
        if self.payment_id.is_some() { Tender::External } else { self.to }
    }

    fn follow(&mut self, entry: &HistoryEntry, step: &RefundStep) {
        match entry.event {
            HistoryEvent::RefundSucceeded => self.status = RefundStatus::Succeeded,
            HistoryEvent::RefundFailed => self.status = RefundStatus::Failed,
            HistoryEvent::RefundOverdue => {
                self.is_overdue = true;
                return;
            }
            HistoryEvent::RefundRetried => {
                self.to = step.to.unwrap_or(self.to);
                self.is_overdue = false;
                if self.to == Tender::Balance {
                    self.status = RefundStatus::Succeeded;
                } else {
                    self.status = RefundStatus::Requested;
                    self.attempt = self.attempt.saturating_add(1);
                }
            }
            _ => return,
        }
        self.at = entry.at;
    }
}

#[cfg(test)]
mod tests;
