//! Orders: their lines, amounts, states and history.

mod claims;
mod effects;
mod history;
mod life;
mod line;
mod parcels;
mod payment;
mod refunds;
mod sales;
mod transitions;

pub use claims::{Claim, ClaimItem, ClaimPolicy, ClaimText, NewClaim, Receipt, ReceivedUnits};
pub use effects::{BudgetReturn, DepositHold, OrderEffects};
pub use history::{Actor, Change, HistoryEntry, HistoryEvent, LineStep, Returned, Step};
pub use life::{Cancellation, HistoryBounds, LONGEST_DEPOSIT, PayBy};
pub use line::{InconsistentAmounts, OrderLine};
pub use parcels::{CarrierText, Label, Parcel, ParcelItem, TrackingText};
pub use payment::{Payment, PaymentClaim, PaymentOutcome, PaymentStatus};
pub use refunds::{Refund, RefundStep, Tender, TenderAmount, attempt_id};
pub use sales::Sale;
pub use transitions::{TRANSITIONS, Transition, allowed_next, allowed_next_as};

pub use super::claim::{ClaimReason, ClaimRefund, ClaimType, PaidBy, UnitCondition};
pub use super::states::{
    ClaimAction, ClaimStatus, LineState, LineStatus, OrderAction, OrderStatus, ParcelStatus, RefundStatus,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    CouponId, OrderId, OrderSheetId, PaymentId, UserId, Won,
    benefits::Benefits,
    caps::Held,
    pricing::{self, Amounts, Quote},
    shipping::Shipment,
};

/// The most products of an order, and of a cart, so that a full cart can be ordered.
pub const MAX_LINES: u16 = 50;

/// How an order is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentMethod {
    /// From the user's balance, at once or later.
    Balance,
    /// By a payment system outside the shop.
    External,
}

/// A whole order with its lines: one item of the table, so that one stream record has all of a change.
///
/// Values that follow from others (a line's number and amount) are not stored, and zeros are left out: an order of a
/// few lines fits into one write unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    pub order_id: OrderId,
    /// The orderer, who is the recipient.
    pub user_id: UserId,
    /// Its state, as [`OrderStatus::derive`] has it.
    pub status: OrderStatus,
    pub payment: PaymentMethod,
    /// The lines; a line's number is its position, from 1.
    pub items: Vec<OrderLine>,
    /// The parcels; a parcel's number is its position, from 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parcels: Vec<Parcel>,
    /// The claims; a claim's number is its position, from 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
    /// The shipments, if sellers with terms of their own are among them: [`Self::shipments`] has them in any case.
    #[serde(default, rename = "shipments", skip_serializing_if = "Vec::is_empty")]
    pub own_shipments: Vec<Shipment>,
    #[serde(flatten)]
    pub amounts: Amounts,
    /// The conditions of its benefits, if a partial cancellation recalculates them.
    #[serde(default, skip_serializing_if = "Benefits::is_empty")]
    pub benefits: Benefits,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coupon_id: Option<CouponId>,
    /// The number of shards of the budget that the coupon's discount was taken from, if its campaign has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_shards: Option<u16>,
    /// The amount paid: all of [`Amounts::payable`], or nothing yet.
    #[serde(default, skip_serializing_if = "Won::is_zero")]
    pub paid: Won,
    /// The amount due for what was cancelled or returned, whatever the results of its refunds.
    #[serde(default, skip_serializing_if = "Won::is_zero")]
    pub refunded: Won,
    /// The part of [`Amounts::payable`] that the hold of an external order took from the balance.
    #[serde(default, skip_serializing_if = "Won::is_zero")]
    pub balance_amount: Won,
    /// The number of the address record that it is shipped to; without one, the user's current address counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ship_to: Option<u64>,
    /// The order sheet that it orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_sheet_id: Option<OrderSheetId>,
    /// The payment from outside that paid it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// The end of the wait for payment while the order is pending. From this instant on it cannot be paid.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub hold_expires_at: Option<Timestamp>,
    /// Whether the account counts its hold. It does so while the order is pending; orders older than the counts are not
    /// counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hold_counted: bool,
    /// Whether it waits for a deposit, and the account counts it among these.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub awaits_deposit: bool,
    /// The instant of the sweep's next look at its open refunds.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub refunds_look_at: Option<Timestamp>,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub updated_at: Timestamp,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub paid_at: Option<Timestamp>,
    /// Counts the changes, from 1: the sequence of its events.
    pub version: u64,
    /// The history, oldest first.
    pub history: Vec<HistoryEntry>,
}

/// The content of an order, before it is known whether it can be paid.
#[derive(Debug, Clone)]
pub struct Draft {
    pub user_id: UserId,
    /// The caller: the customer, or an admin for them.
    pub actor: Actor,
    pub items: Vec<OrderLine>,
    pub quote: Quote,
    pub coupon_id: Option<CouponId>,
    /// The number of shards of the budget of the coupon's campaign, if it has one.
    pub budget_shards: Option<u16>,
    /// The order sheet that it orders, if there is one.
    pub order_sheet_id: Option<OrderSheetId>,
    pub at: Timestamp,
}

impl Order {
    /// An order that is created and paid in one commit.
    pub fn paid(order_id: OrderId, draft: Draft) -> Self {
        let (at, payable) = (draft.at, draft.quote.amounts.payable);
        let mut order = Self::begun(order_id, draft, HistoryEvent::Paid, LineStatus::Preparing);
        order.paid = payable;
        order.paid_at = Some(at);
        order.status = order.derive_status();
        order
    }

    /// An order that holds its units, its coupon and `balance_amount` won of the balance, and is pending until
    /// `hold_expires_at`.
    pub fn placed(
        order_id: OrderId,
        draft: Draft,
        payment: PaymentMethod,
        balance_amount: Won,
        hold_expires_at: Timestamp,
    ) -> Self {
        let mut order = Self::begun(order_id, draft, HistoryEvent::Placed, LineStatus::PendingPayment);
        order.payment = payment;
        order.balance_amount = balance_amount;
        order.hold_expires_at = Some(hold_expires_at);
        order.hold_counted = true;
        order
    }

    /// An order refused for an insufficient balance, kept as a record.
    pub fn payment_failed(order_id: OrderId, draft: Draft) -> Self {
        let mut order = Self::begun(order_id, draft, HistoryEvent::PaymentFailed, LineStatus::Cancelled);
        let at = order.created_at;
        for line in &mut order.items {
            line.end_unpaid(at);
            // It has never counted.
            line.limit = None;
            line.quota = None;
        }
        order.status = order.derive_status();
        order
    }

    fn begun(order_id: OrderId, draft: Draft, event: HistoryEvent, line_status: LineStatus) -> Self {
        let Draft { user_id, actor, mut items, quote, coupon_id, budget_shards, order_sheet_id, at } = draft;
        for (line, share) in items.iter_mut().zip(quote.coupon_shares) {
            line.coupon_share = share;
            line.status = line_status;
        }
        Self {
            order_id,
            user_id,
            status: OrderStatus::PendingPayment,
            payment: PaymentMethod::Balance,
            items,
            parcels: Vec::new(),
            claims: Vec::new(),
            own_shipments: own_shipments(quote.shipments),
            amounts: quote.amounts,
            benefits: quote.benefits,
            coupon_id,
            budget_shards,
            paid: Won::ZERO,
            refunded: Won::ZERO,
            balance_amount: Won::ZERO,
            ship_to: None,
            order_sheet_id,
            payment_id: None,
            hold_expires_at: None,
            hold_counted: false,
            awaits_deposit: false,
            refunds_look_at: None,
            created_at: at,
            updated_at: at,
            paid_at: None,
            version: 1,
            history: vec![HistoryEntry::new(event, actor, at)],
        }
    }

    /// The state that follows from the lines and the history.
    pub fn derive_status(&self) -> OrderStatus {
        let failed = self.history.iter().any(|entry| entry.event == HistoryEvent::PaymentFailed);
        let lines = self
            .items
            .iter()
            .zip(1..)
            .map(|(line, number)| LineState { returned: self.returned_by_claims(number), ..LineState::from(line) });
        OrderStatus::derive(lines, self.paid_at.is_some(), failed)
    }

    /// Its part of its user's caps, as far as the account counts it.
    pub fn held(&self) -> Option<Held> {
        let units = self.items.iter().map(|line| i64::from(line.live_units())).sum();
        self.hold_counted.then_some(Held { orders: 1, units })
    }

    /// Its part of the caps of orders that wait for a deposit.
    pub fn held_for_deposit(&self) -> Option<Held> {
        self.held().filter(|_| self.awaits_deposit)
    }

    /// The shipments: of the shop alone, or also of sellers with terms of their own.
    pub fn shipments(&self) -> Vec<Shipment> {
        shipments(&self.own_shipments, self.amounts)
    }

    /// Each line's part of the fee of its shipment; nothing if the amounts of a stored line are inconsistent.
    pub fn shipping_shares(&self) -> Option<Vec<Won>> {
        shipping_shares(&self.items, &self.shipments())
    }

    /// The part of the coupon's discount that the live units have: each cancelled or returned one gives its part up.
    /// Nothing if the amounts of a stored line are inconsistent.
    pub fn live_discount(&self) -> Option<Won> {
        Won::checked_sum(self.items.iter().map(OrderLine::live_coupon_share).collect::<Option<Vec<_>>>()?)
    }

    /// The line with this number, from 1.
    pub fn line(&self, number: usize) -> Option<&OrderLine> {
        self.items.get(number.checked_sub(1)?)
    }

    fn line_mut(&mut self, number: usize) -> Option<&mut OrderLine> {
        self.items.get_mut(number.checked_sub(1)?)
    }
}

/// Each line's part of the fee of its shipment; nothing if the amounts of a line are inconsistent.
pub fn shipping_shares(items: &[OrderLine], shipments: &[Shipment]) -> Option<Vec<Won>> {
    let lines = items.iter().map(|line| Some((line.amount()?, line.seller_id.as_ref())));
    pricing::shipping_shares(&lines.collect::<Option<Vec<_>>>()?, shipments)
}

/// The shipments as records have them: one of the shop alone follows from the amounts.
pub(super) fn own_shipments(shipments: Vec<Shipment>) -> Vec<Shipment> {
    if shipments.iter().all(|shipment| shipment.seller_id.is_none()) { Vec::new() } else { shipments }
}

/// The shipments by those of a record.
pub(super) fn shipments(own: &[Shipment], amounts: Amounts) -> Vec<Shipment> {
    if own.is_empty() { vec![Shipment { seller_id: None, fee: amounts.shipping_fee }] } else { own.to_vec() }
}

#[cfg(test)]
mod tests;
