//! Every refusal of a well-formed request by the shop.

use super::{
    ClaimId, CouponId, DropId, OrderId, OrderSheetId, PaymentId, ProductId, WithdrawalId, Won,
    claim::{ClaimReason, ClaimRefund},
    coupon::{CampaignStatus, CouponProblem},
    drops::TicketProblem,
    etag::Mismatch,
    product::SaleWindow,
    purchase_limit::PurchaseLimit,
    states::{
        ClaimAction, ClaimStatus, LineStatus, OrderAction, OrderStatus, ParcelStatus, RefundStatus, SessionAction,
        SessionStatus, WithdrawalStatus,
    },
};

/// A rule of the shop refuses a request. A refusal has changed nothing, except that [`Refusal::BalanceNotEnough`]
/// leaves a PAYMENT_FAILED order behind, with its id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The thing does not exist, or is not the caller's to see.
    #[error("{entity} not found")]
    NotFound { entity: Entity, id: String },
    /// The caller has no identity.
    #[error("unauthenticated")]
    Unauthenticated,
    /// The caller may not do this.
    #[error("forbidden")]
    Forbidden,
    /// The user is suspended or has withdrawn.
    #[error("user not active")]
    UserNotActive,
    /// The product is not for sale now.
    #[error("product not on sale")]
    NotOnSale { product_id: ProductId },
    /// The product is sold at another time.
    #[error("outside of the sale window")]
    OutsideSaleWindow { product_id: ProductId, window: SaleWindow },
    /// Fewer units are in stock than were asked for.
    #[error("stock not enough")]
    StockNotEnough { product_id: ProductId, requested: i64, available: i64 },
    /// The account holds less than the order costs.
    #[error("balance not enough")]
    BalanceNotEnough {
        /// The PAYMENT_FAILED order that was kept; none if the money was not for an order.
        order_id: Option<OrderId>,
        payable: Won,
        balance: Won,
    },
    /// The product's price differs from that of the order sheet, or from the customer's expectation.
    #[error("price changed")]
    PriceChanged {
        product_id: ProductId,
        /// The price of a unit by the sheet or the customer, less its discount.
        quoted: Won,
        /// The current price of a unit, less its discount.
        current: Won,
        /// The units left at the timed offer that runs, if the line has more.
        offer_left: Option<i64>,
    },
    /// The order's amount differs from the customer's expectation.
    #[error("payable changed")]
    PayableChanged { quoted: Won, current: Won },
    /// The order does not allow this in its state.
    #[error("order state conflict")]
    OrderStateConflict {
        order_id: OrderId,
        status: OrderStatus,
        /// The actions allowed.
        allowed: Vec<OrderAction>,
    },
    /// A line of the order does not allow this in its state.
    #[error("line state conflict")]
    LineStateConflict {
        order_id: OrderId,
        item_id: String,
        status: LineStatus,
        /// The states that the caller can move it to.
        allowed: Vec<LineStatus>,
    },
    /// The parcel does not allow this in its state.
    #[error("parcel state conflict")]
    ParcelStateConflict {
        order_id: OrderId,
        parcel_id: String,
        status: ParcelStatus,
        /// The states that it can be moved to.
        allowed: Vec<ParcelStatus>,
    },
    /// The claim does not allow this in its state.
    #[error("claim state conflict")]
    ClaimStateConflict {
        claim_id: ClaimId,
        status: ClaimStatus,
        /// The actions that its state allows.
        allowed: Vec<ClaimAction>,
    },
    /// Fewer units of a line can be claimed for this reason than are asked for: by its state, its windows, or other claims.
    #[error("units not claimable")]
    UnitsNotClaimable {
        order_id: OrderId,
        item_id: String,
        status: LineStatus,
        requested: u16,
        available: u16,
        /// The reasons for which as many can be claimed.
        allowed: Vec<ClaimReason>,
    },
    /// A receipt does not have each unit of the claim once.
    #[error("units not accounted for")]
    UnitsNotAccounted { order_id: OrderId, item_id: String, claimed: u16, named: u32 },
    /// The refund of a claim differs from the customer's expectation.
    #[error("claim refund changed")]
    ClaimRefundChanged { quoted: Won, current: ClaimRefund },
    /// The refund does not allow this in its state.
    #[error("refund state conflict")]
    RefundStateConflict { refund_id: String, status: RefundStatus },
    /// The payment session does not allow this in its state.
    #[error("payment state conflict")]
    PaymentStateConflict {
        payment_id: PaymentId,
        status: SessionStatus,
        /// The actions allowed.
        allowed: Vec<SessionAction>,
    },
    /// Another amount is to be paid in the session.
    #[error("payment amount mismatch")]
    PaymentAmountMismatch { payment_id: PaymentId, amount: Won, named: Won },
    /// The withdrawal does not allow this in its state.
    #[error("withdrawal state conflict")]
    WithdrawalStateConflict { withdrawal_id: WithdrawalId, status: WithdrawalStatus },
    /// Less money of a payment is left than is to be sent back.
    #[error("payment money not left")]
    RefundTooHigh { payment_id: PaymentId, requested: Won, available: Won },
    /// Fewer units of a line are left than are to be cancelled.
    #[error("units not left")]
    UnitsNotLeft { order_id: OrderId, item_id: String, requested: u16, available: u16 },
    /// The order sheet has been ordered already, or another order took the items of its cart.
    #[error("order sheet ordered")]
    SheetOrdered {
        order_sheet_id: OrderSheetId,
        /// The order of the sheet, or of its cart.
        order_id: OrderId,
    },
    /// The validity of the order sheet has ended.
    #[error("order sheet expired")]
    SheetExpired { order_sheet_id: OrderSheetId },
    /// Something in the order has to be shipped, and the user's address lacks these parts.
    #[error("address required")]
    AddressRequired { missing: Vec<&'static str> },
    /// The address of the order cannot change any more.
    #[error("address settled")]
    AddressSettled { order_id: OrderId, status: OrderStatus },
    /// The user has something open, or money, and cannot withdraw.
    #[error("user has open business")]
    OpenBusiness(OpenBusiness),
    /// The coupon cannot be used for this order.
    #[error("coupon not usable")]
    CouponNotUsable { coupon_id: CouponId, reason: CouponProblem },
    /// The campaign has ended, which is final.
    #[error("campaign state conflict")]
    CampaignStateConflict { coupon_id: CouponId, status: CampaignStatus },
    /// Every coupon of the campaign has been issued.
    #[error("coupon sold out")]
    CouponSoldOut,
    /// The user has the coupon already.
    #[error("coupon already issued")]
    CouponAlreadyIssued,
    /// The campaign has not begun, is over, or is paused.
    #[error("coupon not issuable")]
    CouponNotIssuable,
    /// The id is taken.
    #[error("already exists")]
    AlreadyExists(Entity),
    /// Another user has the e-mail address.
    #[error("email taken")]
    EmailTaken,
    /// The thing has changed since the caller read it.
    #[error("precondition failed")]
    PreconditionFailed,
    /// A bound of the shop is reached.
    #[error("limit exceeded")]
    LimitExceeded { limit: &'static str, max: i64 },
    /// The user would order more units of a product than its purchase limit allows.
    #[error("purchase limit exceeded")]
    PurchaseLimitExceeded {
        product_id: ProductId,
        limit: PurchaseLimit,
        /// The units that the user may still order.
        left: i64,
    },
    /// The user has asked for too much at once, or too often.
    #[error("too many requests")]
    TooManyRequests {
        limit: &'static str,
        max: i64,
        /// The seconds until there may be room, from 1 to 60.
        retry_after_s: i64,
    },
    /// A drop guards the thing, and its line has not admitted the caller.
    #[error("not admitted")]
    NotAdmitted {
        drop_id: DropId,
        problem: TicketProblem,
        /// The seconds until another attempt may help, from 1 to 60.
        retry_after_s: i64,
    },
    /// The idempotency key came with another payload before.
    #[error("idempotency key reused")]
    IdempotencyKeyReused,
}

/// The business of a user that prevents their withdrawal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenBusiness {
    /// Orders that are pending, or have units that are not delivered, cancelled or returned.
    pub orders: u64,
    /// Claims without an end.
    pub claims: u64,
    /// Payment sessions that can still bring money.
    pub payments: u64,
    /// Refunds without a result.
    pub refunds: u64,
    /// The balance.
    pub balance: Won,
}

impl Refusal {
    /// No `entity` has this id, as far as the caller may see.
    pub fn not_found(entity: Entity, id: impl ToString) -> Self {
        Self::NotFound { entity, id: id.to_string() }
    }
}

impl From<Mismatch> for Refusal {
    fn from(Mismatch: Mismatch) -> Self {
        Self::PreconditionFailed
    }
}

/// The kinds of things that can be missing or taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entity {
    User,
    Product,
    /// A coupon campaign, or a user's coupon of it.
    Coupon,
    Order,
    OrderItem,
    Parcel,
    Claim,
    OrderSheet,
    /// A payment session.
    Payment,
    /// A refund of an order.
    Refund,
    Withdrawal,
    Export,
    Drop,
    Path,
}

impl std::fmt::Display for Entity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Product => "product",
            Self::Coupon => "coupon",
            Self::Order => "order",
            Self::OrderItem => "order item",
            Self::Parcel => "parcel",
            Self::Claim => "claim",
            Self::OrderSheet => "order sheet",
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Withdrawal => "withdrawal",
            Self::Export => "export",
            Self::Drop => "drop",
            Self::Path => "path",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_that_is_not_found_is_named_by_its_kind() {
        for (entity, message) in [
            (Entity::User, "user not found"),
            (Entity::Product, "product not found"),
            (Entity::Coupon, "coupon not found"),
            (Entity::Order, "order not found"),
            (Entity::OrderItem, "order item not found"),
            (Entity::Parcel, "parcel not found"),
            (Entity::Claim, "claim not found"),
            (Entity::OrderSheet, "order sheet not found"),
            (Entity::Payment, "payment not found"),
            (Entity::Refund, "refund not found"),
            (Entity::Withdrawal, "withdrawal not found"),
            (Entity::Export, "export not found"),
            (Entity::Drop, "drop not found"),
            (Entity::Path, "path not found"),
        ] {
            let refusal = Refusal::not_found(entity, 7);
            assert_eq!(refusal, Refusal::NotFound { entity, id: "7".to_owned() });
            assert_eq!(refusal.to_string(), message);
        }
    }

    /// Clients compare these names, so that none may change.
    #[test]
    fn the_problems_of_coupons_have_the_names_that_clients_know() {
        for (problem, name) in [
            (CouponProblem::NotOwned, "NOT_OWNED"),
            (CouponProblem::Used, "USED"),
            (CouponProblem::Expired, "EXPIRED"),
            (CouponProblem::Revoked, "REVOKED"),
            (CouponProblem::OrderTooSmall, "MIN_ORDER_AMOUNT"),
            (CouponProblem::ShippingAlreadyFree, "SHIPPING_ALREADY_FREE"),
            (CouponProblem::NothingToDiscount, "NOTHING_TO_DISCOUNT"),
        ] {
            assert_eq!(problem.as_str(), name);
        }
    }
}
