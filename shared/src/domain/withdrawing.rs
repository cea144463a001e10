//! The end of a user's membership: the open business that prevents it.

use jiff::Timestamp;

use super::{
    Won,
    order::{LineStatus, Order},
    refusal::OpenBusiness,
    session::PaymentSession,
    states::{RefundStatus, SessionStatus},
};

impl OpenBusiness {
    /// Counts an order, its open claims, and its refunds to outside.
    pub fn add_order(&mut self, order: &Order) {
        self.orders = self.orders.saturating_add(u64::from(order.is_open()));
        let claims = order.claims.iter().filter(|claim| claim.is_open()).count();
        self.claims = self.claims.saturating_add(u64::try_from(claims).unwrap_or(u64::MAX));
        let open = order.refunds().iter().filter(|refund| refund.status == RefundStatus::Requested).count();
        self.refunds = self.refunds.saturating_add(u64::try_from(open).unwrap_or(u64::MAX));
    }

    /// Counts a payment session, and its refunds.
    pub fn add_session(&mut self, session: &PaymentSession, now: Timestamp) {
        let is_open = match session.status {
            SessionStatus::Ready => session.expires_at > now,
            SessionStatus::Confirming | SessionStatus::WaitingForDeposit => true,
            SessionStatus::Paid | SessionStatus::Declined | SessionStatus::Expired | SessionStatus::Refunded => false,
        };
        self.payments = self.payments.saturating_add(u64::from(is_open));
        let open = session.refunds.iter().filter(|refund| refund.status == RefundStatus::Requested).count();
        self.refunds = self.refunds.saturating_add(u64::try_from(open).unwrap_or(u64::MAX));
    }

    /// Whether nothing but money is left.
    pub fn is_only_balance(&self) -> bool {
        Self { balance: Won::ZERO, ..*self } == Self::default()
    }
}

impl Order {
    /// Whether something of the order is still to happen: a payment, a shipment, a decision. A delivered line is not
    /// open, whether or not its purchase is confirmed.
    pub fn is_open(&self) -> bool {
        self.items.iter().any(|line| match line.status {
            LineStatus::PendingPayment
            | LineStatus::Paid
            | LineStatus::Preparing
            | LineStatus::Shipped
            | LineStatus::InDelivery
            | LineStatus::CancelRequested
            | LineStatus::CancelInProgress
            | LineStatus::ReturnRequested
            | LineStatus::ReturnInProgress
            | LineStatus::ExchangeRequested
            | LineStatus::ExchangeInProgress => true,
            LineStatus::Delivered
            | LineStatus::PurchaseConfirmed
            | LineStatus::Cancelled
            | LineStatus::Returned
            | LineStatus::Exchanged => false,
        })
    }

    /// Whether nothing of it is in a parcel, and something may still be: until then its address can change.
    pub fn is_before_shipping(&self) -> bool {
        self.parcels.is_empty() && self.items.iter().any(|line| line.live_units() > 0)
    }

    /// The instant at which a line was last delivered.
    pub fn delivered_at(&self, number: usize) -> Option<Timestamp> {
        let delivered = |step: &super::order::LineStep| step.number == number && step.to == LineStatus::Delivered;
        let entries = self.history.iter().filter(|entry| entry.lines.iter().any(delivered));
        entries.map(|entry| entry.at).next_back()
    }
}
