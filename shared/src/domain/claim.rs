//! The words of claims: the wish, its reason, the condition of the units, and the money.
//!
//! They stand apart from orders, which have the claims: refusals name them, and orders refuse.

use serde::{Deserialize, Serialize};

use super::{Won, invalid::named};

/// The wish of the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ClaimType {
    /// The money back.
    Return,
    /// Other units of the same product.
    Exchange,
}

named!(ClaimType { "RETURN" => Return, "EXCHANGE" => Exchange });

/// The reason of a claim, which decides who pays and how long the customer may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ClaimReason {
    /// The customer does not want it after all.
    ChangeOfMind,
    /// It does not work.
    Defect,
    /// It is another thing than ordered.
    WrongItem,
    /// It arrived damaged.
    Damaged,
    /// It never arrived.
    NotDelivered,
}

named!(ClaimReason {
    "CHANGE_OF_MIND" => ChangeOfMind,
    "DEFECT" => Defect,
    "WRONG_ITEM" => WrongItem,
    "DAMAGED" => Damaged,
    "NOT_DELIVERED" => NotDelivered,
});

/// The state of a unit that a claim was to bring back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UnitCondition {
    /// It goes back on the shelf.
    Sellable,
    /// It is refunded and scrapped.
    Unsellable,
    /// It did not come: it is not refunded, and stays the customer's.
    Missing,
}

named!(UnitCondition { "SELLABLE" => Sellable, "UNSELLABLE" => Unsellable, "MISSING" => Missing });

/// The party that pays the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaidBy {
    Customer,
    Seller,
}

/// The money of a claim: goods − coupon + shipping − benefits − return fee = total.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimRefund {
    /// The price of the units, less their own discounts.
    pub goods: Won,
    /// Their part of the coupon's discount.
    pub coupon: Won,
    /// The shipping fee, which goes back with the last unit.
    pub shipping: Won,
    /// The benefits that the rest of the order does not earn, with `onPartialCancel: RECALCULATE`; below zero where earlier
    /// ones go back.
    #[serde(default, skip_serializing_if = "Won::is_zero")]
    pub benefits: Won,
    /// The fee for a change of mind.
    pub return_fee: Won,
    /// The amount refunded.
    pub total: Won,
}
