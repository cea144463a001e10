//! Every way the shop says no to a well-formed request.

use super::{
    CouponId, OrderId, OrderSheetId, ProductId, Won,
    order::{LineStatus, OrderAction, OrderStatus},
};

/// Why a rule of the shop refuses a request. A refusal has changed nothing, except that
/// [`Refusal::BalanceNotEnough`] leaves a PAYMENT_FAILED order behind, which it names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The thing does not exist, or is not the caller's to see.
    #[error("{entity} not found")]
    NotFound {
        /// What kind of thing.
        entity: Entity,
        /// The id that names nothing.
        id: String,
    },
    /// Nobody has said who they are.
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
    NotOnSale {
        /// The product.
        product_id: ProductId,
    },
    /// Fewer units are on the shelf than were asked for.
    #[error("stock not enough")]
    StockNotEnough {
        /// The product.
        product_id: ProductId,
        /// Units asked for.
        requested: i64,
        /// Units on the shelf.
        available: i64,
    },
    /// The account holds less than the order costs.
    #[error("balance not enough")]
    BalanceNotEnough {
        /// The PAYMENT_FAILED order that was kept.
        order_id: OrderId,
        /// The price of the order.
        payable: Won,
        /// What the account holds.
        balance: Won,
    },
    /// The product costs something else by now than the order sheet says, or the customer expects.
    #[error("price changed")]
    PriceChanged {
        /// The product.
        product_id: ProductId,
        /// What a unit costs by the sheet or the customer, less its discount.
        quoted: Won,
        /// What it costs now.
        current: Won,
    },
    /// The order comes to something else than the customer expects.
    #[error("payable changed")]
    PayableChanged {
        /// What it comes to by the customer.
        quoted: Won,
        /// What it comes to now.
        current: Won,
    },
    /// The order does not allow this, in the state that it is in.
    #[error("order state conflict")]
    OrderStateConflict {
        /// The order.
        order_id: OrderId,
        /// Its state.
        status: OrderStatus,
        /// What can be done to it.
        allowed: Vec<OrderAction>,
    },
    /// A line of the order does not allow this, in the state that it is in.
    #[error("line state conflict")]
    LineStateConflict {
        /// The order.
        order_id: OrderId,
        /// The line.
        item_id: String,
        /// Its state.
        status: LineStatus,
        /// The states that the caller can move it to.
        allowed: Vec<LineStatus>,
    },
    /// Fewer units of a line are left than are to be cancelled.
    #[error("units not left")]
    UnitsNotLeft {
        /// The order.
        order_id: OrderId,
        /// The line.
        item_id: String,
        /// Units to be cancelled.
        requested: u16,
        /// Units left.
        available: u16,
    },
    /// The order sheet has been ordered already, or what it says of a cart by another order.
    #[error("order sheet ordered")]
    SheetOrdered {
        /// The sheet.
        order_sheet_id: OrderSheetId,
        /// The order that it became, or that was made of the cart.
        order_id: OrderId,
    },
    /// The order sheet's time is up.
    #[error("order sheet expired")]
    SheetExpired {
        /// The sheet.
        order_sheet_id: OrderSheetId,
    },
    /// The coupon cannot be used for this order.
    #[error("coupon not usable")]
    CouponNotUsable {
        /// The coupon.
        coupon_id: CouponId,
        /// Why not.
        reason: CouponProblem,
    },
    /// Every coupon of the campaign has been issued.
    #[error("coupon sold out")]
    CouponSoldOut,
    /// The user has the coupon already.
    #[error("coupon already issued")]
    CouponAlreadyIssued,
    /// The campaign has not begun or is over.
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
    LimitExceeded {
        /// What is bounded.
        limit: &'static str,
        /// The bound.
        max: i64,
    },
    /// The user has asked for too much at once, or too often.
    #[error("too many requests")]
    TooManyRequests {
        /// What is capped.
        limit: &'static str,
        /// The cap.
        max: i64,
        /// After how many seconds there may be room, from 1 to 60.
        retry_after_s: i64,
    },
    /// The idempotency key came with another payload before.
    #[error("idempotency key reused")]
    IdempotencyKeyReused,
}

impl Refusal {
    /// No `entity` has this id, as far as the caller may see.
    pub fn not_found(entity: Entity, id: impl ToString) -> Self {
        Self::NotFound { entity, id: id.to_string() }
    }
}

/// The kinds of things that can be missing or taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entity {
    /// A user.
    User,
    /// A product.
    Product,
    /// A coupon campaign, or a user's coupon of it.
    Coupon,
    /// An order.
    Order,
    /// A line of an order.
    OrderItem,
    /// An order sheet.
    OrderSheet,
    /// A path of the API.
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
            Self::OrderSheet => "order sheet",
            Self::Path => "path",
        })
    }
}

/// The reason that a coupon cannot be used for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CouponProblem {
    /// The user has no such coupon.
    NotOwned,
    /// It paid for an order already.
    Used,
    /// Its validity has ended.
    Expired,
    /// It was taken back.
    Revoked,
    /// The order is smaller than the coupon asks for.
    OrderTooSmall,
    /// Shipping is free already.
    ShippingAlreadyFree,
    /// It would take nothing off.
    NothingToDiscount,
}

impl CouponProblem {
    /// The name that a client sees.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotOwned => "NOT_OWNED",
            Self::Used => "USED",
            Self::Expired => "EXPIRED",
            Self::Revoked => "REVOKED",
            Self::OrderTooSmall => "MIN_ORDER_AMOUNT",
            Self::ShippingAlreadyFree => "SHIPPING_ALREADY_FREE",
            Self::NothingToDiscount => "NOTHING_TO_DISCOUNT",
        }
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
            (Entity::OrderSheet, "order sheet not found"),
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
