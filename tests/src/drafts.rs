//! Drafts of orders, for tests below the API.

use std::fmt::Debug;

use jiff::Timestamp;
use shared::domain::{
    Won,
    order::{Actor, Draft, LineStatus, OrderLine},
    pricing::{self, ShippingPolicy},
};

/// The price of a unit of every product here, in won.
pub const PRICE: i64 = 1_000;

/// Parses an id from a valid text.
pub fn id<T: TryFrom<String, Error: Debug>>(text: &str) -> T {
    T::try_from(text.to_owned()).unwrap()
}

/// The draft of an order at this instant: so many units of each product, without a coupon.
pub fn draft(user: &str, lines: &[(&str, i64)], shipping: ShippingPolicy, at: Timestamp) -> Draft {
    let line = |&(product, units): &(&str, i64)| OrderLine {
        product_id: id(product),
        seller_id: None,
        name: format!("{product} 상품"),
        quantity: units.try_into().unwrap(),
        cancelled_quantity: 0,
        limit: None,
        quota: None,
        scrapped: 0,
        unit_price: Won::new(PRICE),
        unit_discount: Won::ZERO,
        coupon_share: Won::ZERO,
        outside_scope: false,
        status: LineStatus::PendingPayment,
    };
    let items: Vec<OrderLine> = lines.iter().map(line).collect();
    let priced: Vec<_> = items.iter().map(OrderLine::priced).collect();
    let quote = pricing::quote(&priced, None, shipping).unwrap();
    let (user_id, actor) = (id(user), Actor::Customer);
    Draft { user_id, actor, items, quote, coupon_id: None, budget_shards: None, order_sheet_id: None, at }
}
