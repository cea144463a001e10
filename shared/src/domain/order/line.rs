//! The lines of an order.

use serde::{Deserialize, Serialize};

use crate::domain::{ProductId, Quantity, UserId, Won, invalid::named, pricing::PricedLine};

/// Where a line is on its way. The state of the order follows from all lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LineStatus {
    /// The payment is pending.
    PendingPayment,
    /// Paid.
    Paid,
    /// The seller packs it.
    Preparing,
    /// Handed over to the carrier.
    Shipped,
    /// On its way.
    InDelivery,
    /// Arrived.
    Delivered,
    /// The customer keeps it.
    PurchaseConfirmed,
    /// The customer wants it cancelled.
    CancelRequested,
    /// The seller is cancelling it.
    CancelInProgress,
    /// Cancelled.
    Cancelled,
    /// The customer wants to send it back.
    ReturnRequested,
    /// On its way back.
    ReturnInProgress,
    /// Back in stock.
    Returned,
    /// The customer wants another one for it.
    ExchangeRequested,
    /// The other one is on its way.
    ExchangeInProgress,
    /// Exchanged.
    Exchanged,
}

named!(LineStatus {
    "PENDING_PAYMENT" => PendingPayment,
    "PAID" => Paid,
    "PREPARING" => Preparing,
    "SHIPPED" => Shipped,
    "IN_DELIVERY" => InDelivery,
    "DELIVERED" => Delivered,
    "PURCHASE_CONFIRMED" => PurchaseConfirmed,
    "CANCEL_REQUESTED" => CancelRequested,
    "CANCEL_IN_PROGRESS" => CancelInProgress,
    "CANCELLED" => Cancelled,
    "RETURN_REQUESTED" => ReturnRequested,
    "RETURN_IN_PROGRESS" => ReturnInProgress,
    "RETURNED" => Returned,
    "EXCHANGE_REQUESTED" => ExchangeRequested,
    "EXCHANGE_IN_PROGRESS" => ExchangeInProgress,
    "EXCHANGED" => Exchanged,
});

impl LineStatus {
    /// Whether all of the line's units have returned to the stock.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Cancelled | Self::Returned)
    }

    /// Whether the line can be cancelled at once: it is paid, and nothing of it has been shipped.
    pub fn is_unshipped(self) -> bool {
        matches!(self, Self::Paid | Self::Preparing)
    }
}

/// One product of an order, at the price of that moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderLine {
    pub product_id: ProductId,
    /// Its seller; the shop itself, if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<UserId>,
    /// The name of the product when it was ordered.
    pub name: String,
    /// Units ordered.
    pub quantity: Quantity,
    /// Units of them cancelled or returned since.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cancelled_quantity: u16,
    pub unit_price: Won,
    #[serde(default, skip_serializing_if = "Won::is_zero")]
    pub unit_discount: Won,
    /// This line's part of the coupon's discount.
    #[serde(default, skip_serializing_if = "Won::is_zero")]
    pub coupon_share: Won,
    pub status: LineStatus,
}

impl OrderLine {
    /// The price and quantity of the sale.
    pub fn priced(&self) -> PricedLine {
        PricedLine { unit_price: self.unit_price, unit_discount: self.unit_discount, quantity: self.quantity }
    }

    /// (unit price − unit discount) × quantity; nothing if the amounts of a stored line are inconsistent.
    pub fn amount(&self) -> Option<Won> {
        self.priced().amount()
    }

    /// The refund due for the units cancelled or returned so far: that part of the line's amount less its part of the
    /// coupon, rounded down. For all units it is the whole; nothing if the amounts of a stored line are inconsistent.
    pub fn refundable(&self) -> Option<Won> {
        let net = i128::from(self.amount()?.checked_sub(self.coupon_share)?.get());
        let part = net * i128::from(self.cancelled_quantity) / i128::from(self.quantity.get());
        i64::try_from(part).ok().map(Won::new)
    }

    /// Cancels all units of a line that was never paid.
    pub fn end_unpaid(&mut self) {
        self.status = LineStatus::Cancelled;
        self.cancelled_quantity = self.quantity.get();
    }

    /// Units that the customer still gets or has.
    pub fn live_units(&self) -> u16 {
        self.quantity.get().saturating_sub(self.cancelled_quantity)
    }

    /// Whether a unit cost nothing at the order. A coupon makes no difference.
    pub fn is_free(&self) -> bool {
        self.unit_price == self.unit_discount
    }

    /// The live units that count as sold: free ones do not.
    pub fn counted_units(&self) -> u16 {
        if self.is_free() { 0 } else { self.live_units() }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &u16) -> bool {
    *number == 0
}
