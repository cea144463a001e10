//! Every key of the table, and of its one index.
//!
//! | record | pk | sk | index `byTime`: pk, sk |
//! |---|---|---|---|
//! | who a user is | `USER#id` | `PROFILE` | |
//! | a user's money | `USER#id` | `ACCOUNT` | |
//! | a ledger entry | `USER#id` | `LEDGER#sequence` | |
//! | a user's coupon | `USER#id` | `COUPON#coupon id` | |
//! | a user's cart | `USER#id` | `CART` | |
//! | an order | `ORDER#id` | `ORDER` | `ORDERS#user id`, instant and order id |
//! | a product | `PRODUCT#id` | `PRODUCT` | `PRODUCTS`, instant and product id, while ON_SALE |
//! | a shard of its shelf | `STOCK#product id#shard` | `STOCK` | |
//! | a coupon campaign | `CAMPAIGN#id` | `CAMPAIGN` | |
//! | a shard of its counter | `COUNTER#coupon id#shard` | `COUNTER` | |
//! | what became of a ticket | `SLOT#coupon id#shard#ticket` | `SLOT` | |
//! | units sold of a product | `SALES#product id` | `SALES` | |
//! | the bestsellers | `BESTSELLERS` | `BOARD` | |
//! | an event counted already | `COUNTED#event id` | `COUNTED` | |
//! | a request answered already | `REQUEST#digest` | `REQUEST` | |
//!
//! Ids have no `#`, so that a key cannot be taken for another.

use jiff::Timestamp;

use crate::domain::{CouponId, OrderId, ProductId, UserId};

/// The name of the index that lists things in the order of time.
pub const BY_TIME: &str = "byTime";

/// Where an item is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The partition key.
    pub pk: String,
    /// The sort key.
    pub sk: String,
}

/// Where an item is in the index [`BY_TIME`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexKey {
    /// The index's partition key.
    pub pk: String,
    /// The index's sort key: an instant, then the id.
    pub sk: String,
}

/// The prefix of the sort keys of ledger entries.
pub const LEDGER_PREFIX: &str = "LEDGER#";

/// The prefix of the sort keys of a user's coupons.
pub const COUPON_PREFIX: &str = "COUPON#";

fn key(pk: String, sk: impl Into<String>) -> Key {
    Key { pk, sk: sk.into() }
}

/// The partition with all that belongs to a user.
pub fn user_partition(user: &UserId) -> String {
    format!("USER#{user}")
}

/// Who a user is.
pub fn profile(user: &UserId) -> Key {
    key(user_partition(user), "PROFILE")
}

/// A user's money.
pub fn account(user: &UserId) -> Key {
    key(user_partition(user), "ACCOUNT")
}

/// The ledger entry with this sequence, in twelve digits so that text order is number order.
pub fn ledger_entry(user: &UserId, sequence: u64) -> Key {
    key(user_partition(user), format!("{LEDGER_PREFIX}{sequence:012}"))
}

/// The user's coupon of a campaign: at most one.
pub fn user_coupon(user: &UserId, coupon: &CouponId) -> Key {
    key(user_partition(user), format!("{COUPON_PREFIX}{coupon}"))
}

/// A user's cart.
pub fn cart(user: &UserId) -> Key {
    key(user_partition(user), "CART")
}

/// An order.
pub fn order(order: &OrderId) -> Key {
    key(format!("ORDER#{order}"), "ORDER")
}

/// A user's orders by time.
pub fn orders_of(user: &UserId) -> String {
    format!("ORDERS#{user}")
}

/// Where an order is in the list of its user's orders.
pub fn order_by_time(user: &UserId, created_at: Timestamp, order: &OrderId) -> IndexKey {
    IndexKey { pk: orders_of(user), sk: time_and_id(created_at, order.as_str()) }
}

/// A product's description.
pub fn product(product: &ProductId) -> Key {
    key(format!("PRODUCT#{product}"), "PRODUCT")
}

/// The products that are listed, by time of creation.
pub const PRODUCTS: &str = "PRODUCTS";

/// Where a product is in the catalogue.
pub fn product_by_time(created_at: Timestamp, product: &ProductId) -> IndexKey {
    IndexKey { pk: PRODUCTS.to_owned(), sk: time_and_id(created_at, product.as_str()) }
}

/// One shard of a product's shelf.
pub fn stock(product: &ProductId, shard: u16) -> Key {
    key(format!("STOCK#{product}#{shard}"), "STOCK")
}

/// A coupon campaign.
pub fn campaign(coupon: &CouponId) -> Key {
    key(format!("CAMPAIGN#{coupon}"), "CAMPAIGN")
}

/// One shard of a campaign's counter.
pub fn counter(coupon: &CouponId, shard: u16) -> Key {
    key(format!("COUNTER#{coupon}#{shard}"), "COUNTER")
}

/// What became of a ticket.
pub fn slot(coupon: &CouponId, shard: u16, ticket: i64) -> Key {
    key(format!("SLOT#{coupon}#{shard}#{ticket}"), "SLOT")
}

/// Units sold of a product.
pub fn sales(product: &ProductId) -> Key {
    key(format!("SALES#{product}"), "SALES")
}

/// The bestsellers.
pub fn board() -> Key {
    key("BESTSELLERS".to_owned(), "BOARD")
}

/// The mark that an event has been counted.
pub fn counted(event_id: &str) -> Key {
    key(format!("COUNTED#{event_id}"), "COUNTED")
}

/// The record of a request that carried an idempotency key.
pub fn request(digest: &str) -> Key {
    key(format!("REQUEST#{digest}"), "REQUEST")
}

/// Thirteen digits of milliseconds last until the year 2286, and text order is time order.
fn time_and_id(at: Timestamp, id: &str) -> String {
    format!("{:013}#{id}", at.as_millisecond())
}

/// The id at the end of an index sort key.
pub fn id_of_index_key(sk: &str) -> Option<&str> {
    sk.split_once('#').map(|(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ledger_entries_sort_by_sequence() {
        let user = UserId::try_from("mina".to_owned()).unwrap();
        assert!(ledger_entry(&user, 9).sk < ledger_entry(&user, 10).sk);
        assert_eq!(ledger_entry(&user, 9), Key { pk: "USER#mina".to_owned(), sk: "LEDGER#000000000009".to_owned() });
    }

    #[test]
    fn index_keys_sort_by_time_and_end_with_the_id() {
        let id = ProductId::try_from("tea".to_owned()).unwrap();
        let at = |ms| product_by_time(Timestamp::from_millisecond(ms).unwrap(), &id).sk;
        assert!(at(999_999_999_999) < at(1_000_000_000_000));
        assert_eq!(id_of_index_key(&at(5)), Some("tea"));
    }
}
