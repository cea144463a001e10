//! Every key of the table, and of its indexes.
//!
//! | record | pk | sk | index: pk, sk |
//! |---|---|---|---|
//! | the profile of a user | `USER#id` | `PROFILE` | |
//! | the account of a user | `USER#id` | `ACCOUNT` | |
//! | the key that seals the personal data of a user | `USER#id` | `KEY` | |
//! | an address that orders of a user are shipped to | `USER#id` | `ADDRESS#number` | |
//! | the erasure of the personal data of a withdrawn user, while it waits | `USER#id` | `ERASURE` | by expiry: `ERASURES`, its instant and user id |
//! | a user with a telephone number | `PHONE#digest` | `USER#id` | |
//! | a look at or a change of the personal data of a user by another | `ACCESS#user id` | `instant#id` | |
//! | a ledger entry | `USER#id` | `LEDGER#sequence` | |
//! | a user's coupon | `USER#id` | `COUPON#coupon id` | |
//! | a revoked coupon, once another was issued | `USER#id` | `COUPON#coupon id#issued coupon id` | |
//! | a user's cart | `USER#id` | `CART` | |
//! | the units of a product with a purchase limit that a user has ordered | `USER#id` | `LIMIT#product id#version`, for a limit of a day followed by `#day` | |
//! | the claim of an e-mail address | `EMAIL#digest` | `EMAIL` | |
//! | an order | `ORDER#id` | `ORDER` | by time: `ORDERS#user id`, instant and order id |
//! | | | | by expiry: `HOLDS#bucket`, end of the hold and order id, while its payment is pending; then `REFUNDS#bucket`, next look of the sweep and order id, while a refund to outside is open |
//! | the next confirmation of an order's delivered lines | `ORDER#order id` | `CONFIRMATION` | by expiry: `CONFIRMATIONS#bucket`, its instant and order id |
//! | a payment of the external system | `ORDER#order id` | `PAYMENT#id` | |
//! | the claim of an external payment by an order | `PAYMENT#id` | `PAYMENT` | |
//! | a payment session | `SESSION#id` | `SESSION` | by time: `PAYMENTS#user id`, instant and payment id |
//! | | | | by expiry: `SESSIONS#bucket`, next look of the sweep and payment id, while it is to be looked at |
//! | the claim of a provider's payment by a session | `PAYMENTKEY#digest` | `PAYMENTKEY` | |
//! | a withdrawal | `WITHDRAWAL#id` | `WITHDRAWAL` | |
//! | an export | `EXPORT#id` | `EXPORT` | |
//! | the running exports of a user | `USER#id` | `EXPORTS` | |
//! | an order sheet | `SHEET#id` | `SHEET` | by expiry: `SHEETS#bucket`, end of its validity and sheet id, until it is ordered or abandoned |
//! | a product | `PRODUCT#id` | `PRODUCT` | by time: `PRODUCTS`, instant and product id, while ON_SALE; else `PRODUCTS#DISCONTINUED` or `PRODUCTS#HIDDEN` |
//! | | | | by expiry: `SHELVES`, next look of the sweep and product id, while its inventory is to be swept |
//! | a product of a seller | `SELLER#user id` | `PRODUCT#instant#product id` | |
//! | the terms on which a seller ships | `SELLER#user id` | `SHIPPING` | |
//! | a change of a seller's status that their products may lack | `SELLER#user id` | `CHANGE` | by expiry: `SELLERS`, its instant and user id |
//! | a shard of a product's stock | `STOCK#product id#shard` | `STOCK` | |
//! | a part of the quota of a timed offer | `STOCK#product id#part` | `OFFER#version#begin of the offer, in milliseconds` | |
//! | the claim record of a reservation | `UNITS#product id#shard#first sequence number` | `UNITS` | |
//! | a coupon campaign | `CAMPAIGN#id` | `CAMPAIGN` | by expiry: `CAMPAIGNS`, next look of the sweep and coupon id, until all its tickets are accounted for; then `EXPIRIES`, the last instant of its coupons and its id, until they are marked |
//! | | | | by time: `CAMPAIGNS`, instant and coupon id |
//! | the row of an ACTIVE campaign in the public list | `OPENCAMPAIGNS` | `UNTIL#end of the issue#coupon id` | |
//! | a shard of its counter | `COUNTER#coupon id#shard` | `COUNTER` | |
//! | a shard of its budget | `BUDGET#coupon id#shard` | `BUDGET` | |
//! | the claim record of a ticket | `SLOT#coupon id#shard#ticket` | `SLOT` | |
//! | a drop | `DROP#id` | `DROP` | |
//! | a counter of a drop's line | `LINE#drop id#counter` | `LINE` | |
//! | the place of a user in a drop's line | `ENTRY#drop id#user id` | `ENTRY` | |
//! | the record of a drop's ticket that has served | `PLACE#drop id#counter#number` | `PLACE` | |
//! | units sold of a product | `SALES#product id` | `SALES` | by time: `SALES`, product id |
//! | | | | by sales: `RANKED#bucket`, rank and units by day, while it is on sale and some window has units |
//! | the progress of the refresh of the ranks | `BESTSELLERS` | `REFRESH` | |
//! | the first stage's leaderboard | `BESTSELLERS` | `BOARD` | |
//! | a processed-event record of the counts | `COUNTED#event id` | `COUNTED` | |
//! | the rebuild of the bestsellers | `REBUILD` | `REBUILD` | |
//! | the progress of the recount of a segment of the orders | `REBUILD#generation` | `TRACK#segment` | |
//! | partial sums of a rebuild | `REBUILD#generation#bucket` | `PART#writer#sequence` | |
//! | the outcome of a request with an idempotency key | `REQUEST#digest` | `REQUEST` | |
//! | the progress of a migration's step | `MIGRATION#step` | `MIGRATION` | |
//! | the nightly audit | `AUDIT` | `AUDIT` | |
//! | the desk's row of an order | `DESKORDERS#bucket` | `DESK#instant#order id` | by time: `DESKORDERS#state#bucket`, instant and order id |
//! | the desk's row of a line | `DESKLINES#seller id#bucket` | `DESK#instant#order id#number` | by time: `DESKLINES#seller id#state#bucket`, instant, order id and number |
//! | | | | by expiry: `DESKLINES#state#bucket`, the same |
//! | the desk's row of a claim | `DESKCLAIMS#seller id` | `DESK#instant#order id#number` | by time: `DESKCLAIMS#seller id#state`, instant, order and number |
//! | | | | by expiry: `DESKCLAIMS#state`, the same |
//! | the last heartbeat that came through to the desk | `DESKHEARTBEAT` | `DESKHEARTBEAT` | |
//! | the heartbeat | `HEARTBEAT` | `HEARTBEAT` | |
//!
//! Ids have no `#`, so that a key cannot be taken for another.

use jiff::{Timestamp, ToSpan, civil::Date};

use crate::domain::{
    CouponId, DropId, ExportId, OrderId, OrderSheetId, PaymentId, ProductId, UserId, WithdrawalId,
    bestseller::{Listing, Rank, UnitsByDay},
    drops::Place,
    id::bucket,
    order::{ClaimStatus, LineStatus, OrderStatus},
    product::SaleStatus,
    purchase_limit::LimitPeriod,
    text::{EmailKey, PhoneKey},
    timed_offer::QuotaId,
};

/// The name of an index and of the attributes of its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    pub name: &'static str,
    /// The attribute of its partition key.
    pub pk: &'static str,
    /// The attribute of its sort key.
    pub sk: &'static str,
}

/// The index by time: items in the order of their creation.
pub const BY_TIME: Index = Index { name: "byTime", pk: "byTimePk", sk: "byTimeSk" };

/// The expiry index: items that wait for an instant, in its order. Its name and attributes are older than the term.
pub const BY_EXPIRY: Index = Index { name: "byDue", pk: "byDuePk", sk: "byDueSk" };

/// The index by sales: products by units sold, the best first.
pub const BY_SALES: Index = Index { name: "bySales", pk: "bySalesPk", sk: "bySalesSk" };

/// The number of partitions of [`BY_SALES`]. Each takes 500 moves a second, and the read of its top costs half a unit.
pub const RANK_BUCKETS: u16 = 8;

/// The number of partitions of [`BY_EXPIRY`] for one kind of item. Each takes a thousand new items a second.
pub const EXPIRY_BUCKETS: u16 = 16;

/// The primary key of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub pk: String,
    pub sk: String,
}

/// The key of an item in an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexKey {
    pub pk: String,
    /// The sort key: an instant, then the id.
    pub sk: String,
}

pub const LEDGER_PREFIX: &str = "LEDGER#";

pub const COUPON_PREFIX: &str = "COUPON#";

fn key(pk: String, sk: impl Into<String>) -> Key {
    Key { pk, sk: sk.into() }
}

/// The partition of all items of a user.
pub fn user_partition(user: &UserId) -> String {
    format!("USER#{user}")
}

/// The user whose items are in a partition, if it is one of a user.
pub fn user_of_partition(pk: &str) -> Option<UserId> {
    UserId::try_from(pk.strip_prefix("USER#")?.to_owned()).ok()
}

pub fn profile(user: &UserId) -> Key {
    key(user_partition(user), "PROFILE")
}

pub fn account(user: &UserId) -> Key {
    key(user_partition(user), "ACCOUNT")
}

/// The key that seals the personal data of a user.
pub fn user_key(user: &UserId) -> Key {
    key(user_partition(user), "KEY")
}

pub const ADDRESS_PREFIX: &str = "ADDRESS#";

/// An address that orders of a user are shipped to.
pub fn address(user: &UserId, number: u64) -> Key {
    key(user_partition(user), format!("{ADDRESS_PREFIX}{number}"))
}

/// The erasure of a withdrawn user's personal data.
pub fn erasure(user: &UserId) -> Key {
    key(user_partition(user), "ERASURE")
}

/// The erasures that wait, by instant.
pub const ERASURES: &str = "ERASURES";

/// The key of an erasure in the expiry index.
pub fn erasure_by_expiry(user: &UserId, at: Timestamp) -> IndexKey {
    IndexKey { pk: ERASURES.to_owned(), sk: time_and_id(at, user.as_str()) }
}

/// The partition of the users with a telephone number.
pub fn phone_partition(number: &PhoneKey) -> String {
    format!("PHONE#{}", number.as_str())
}

/// A user with a telephone number.
pub fn phone(number: &PhoneKey, user: &UserId) -> Key {
    key(phone_partition(number), user_partition(user))
}

/// The partition of the accesses to the personal data of a user.
pub fn access_partition(user: &UserId) -> String {
    format!("ACCESS#{user}")
}

/// An access to the personal data of a user.
pub fn access(user: &UserId, at: Timestamp, id: &str) -> Key {
    key(access_partition(user), time_and_id(at, id))
}

/// Whether a ledger can have an entry with this sequence: more than twelve digits would not sort as numbers do.
pub fn is_ledger_sequence(sequence: u64) -> bool {
    (1..=999_999_999_999).contains(&sequence)
}

pub fn email(address: &EmailKey) -> Key {
    key(format!("EMAIL#{}", address.as_str()), "EMAIL")
}

/// The ledger entry with this sequence, in twelve digits so that text order is number order.
pub fn ledger_entry(user: &UserId, sequence: u64) -> Key {
    key(user_partition(user), format!("{LEDGER_PREFIX}{sequence:012}"))
}

/// The user's coupon of a campaign: at most one.
pub fn user_coupon(user: &UserId, coupon: &CouponId) -> Key {
    key(user_partition(user), format!("{COUPON_PREFIX}{coupon}"))
}

/// A user's revoked coupon of a campaign that issued them another.
pub fn replaced_coupon(user: &UserId, coupon: &CouponId, issued: &str) -> Key {
    key(user_partition(user), format!("{COUPON_PREFIX}{coupon}#{issued}"))
}

/// The counter of a user's units of a product with a purchase limit.
pub fn limit(user: &UserId, product: &ProductId, period: LimitPeriod) -> Key {
    let LimitPeriod { since, day } = period;
    let day = day.map_or(String::new(), |day| format!("#{day}"));
    key(user_partition(user), format!("{}{since}{day}", limit_prefix(product)))
}

/// The beginning of the sort keys of a user's counters of a product.
pub fn limit_prefix(product: &ProductId) -> String {
    format!("LIMIT#{product}#")
}

pub const ORDER_PREFIX: &str = "ORDER#";

/// The partition of an order and its payments.
pub fn order_partition(order: &OrderId) -> String {
    format!("ORDER#{order}")
}

pub fn cart(user: &UserId) -> Key {
    key(user_partition(user), "CART")
}

pub fn order(order: &OrderId) -> Key {
    key(order_partition(order), "ORDER")
}

pub const ORDERS_PREFIX: &str = "ORDERS#";

/// The partition of a user's orders by time.
pub fn orders_of(user: &UserId) -> String {
    format!("{ORDERS_PREFIX}{user}")
}

/// The key of an order among those of its user.
pub fn order_by_time(user: &UserId, created_at: Timestamp, order: &OrderId) -> IndexKey {
    IndexKey { pk: orders_of(user), sk: time_and_id(created_at, order.as_str()) }
}

/// The partition of pending orders by the end of their holds.
pub fn holds(bucket: u16) -> String {
    format!("HOLDS#{bucket}")
}

/// The key of a pending order in the expiry index.
pub fn hold_by_expiry(order: &OrderId, expires_at: Timestamp) -> IndexKey {
    IndexKey { pk: holds(bucket(order.as_str(), EXPIRY_BUCKETS)), sk: time_and_id(expires_at, order.as_str()) }
}

/// The partition of orders with open refunds by the sweep's next look.
pub fn refunds(bucket: u16) -> String {
    format!("REFUNDS#{bucket}")
}

/// The key of an order with open refunds in the expiry index.
pub fn refunds_by_expiry(order: &OrderId, look_at: Timestamp) -> IndexKey {
    IndexKey { pk: refunds(bucket(order.as_str(), EXPIRY_BUCKETS)), sk: time_and_id(look_at, order.as_str()) }
}

/// The next confirmation of an order's delivered lines.
pub fn confirmation(order: &OrderId) -> Key {
    key(order_partition(order), "CONFIRMATION")
}

/// The partition of orders with delivered lines by their next confirmation.
pub fn confirmations(bucket: u16) -> String {
    format!("CONFIRMATIONS#{bucket}")
}

/// The key of an order's next confirmation in the expiry index.
pub fn confirmation_by_expiry(order: &OrderId, at: Timestamp) -> IndexKey {
    IndexKey { pk: confirmations(bucket(order.as_str(), EXPIRY_BUCKETS)), sk: time_and_id(at, order.as_str()) }
}

pub fn session(payment: &PaymentId) -> Key {
    key(format!("SESSION#{payment}"), "SESSION")
}

/// The partition of a user's payment sessions by time.
pub fn sessions_of(user: &UserId) -> String {
    format!("PAYMENTS#{user}")
}

/// The key of a payment session among those of its user.
pub fn session_by_time(user: &UserId, created_at: Timestamp, payment: &PaymentId) -> IndexKey {
    IndexKey { pk: sessions_of(user), sk: time_and_id(created_at, payment.as_str()) }
}

/// The partition of payment sessions by the sweep's next look.
pub fn sessions(bucket: u16) -> String {
    format!("SESSIONS#{bucket}")
}

/// The key of a payment session in the expiry index.
pub fn session_by_expiry(payment: &PaymentId, look_at: Timestamp) -> IndexKey {
    IndexKey { pk: sessions(bucket(payment.as_str(), EXPIRY_BUCKETS)), sk: time_and_id(look_at, payment.as_str()) }
}

/// The claim of a provider's payment by a session.
pub fn payment_key_claim(digest: &str) -> Key {
    key(format!("PAYMENTKEY#{digest}"), "PAYMENTKEY")
}

pub fn withdrawal(withdrawal: &WithdrawalId) -> Key {
    key(format!("WITHDRAWAL#{withdrawal}"), "WITHDRAWAL")
}

pub fn export(export: &ExportId) -> Key {
    key(format!("EXPORT#{export}"), "EXPORT")
}

/// The running exports of a user.
pub fn user_exports(user: &UserId) -> Key {
    key(user_partition(user), "EXPORTS")
}

pub const PAYMENT_PREFIX: &str = "PAYMENT#";

/// The claim of an external payment by an order.
pub fn payment_claim(payment: &PaymentId) -> Key {
    key(format!("PAYMENT#{payment}"), "PAYMENT")
}

/// An external payment for an order.
pub fn payment(order: &OrderId, payment: &PaymentId) -> Key {
    key(order_partition(order), format!("{PAYMENT_PREFIX}{payment}"))
}

pub fn sheet(sheet: &OrderSheetId) -> Key {
    key(format!("SHEET#{sheet}"), "SHEET")
}

/// The partition of open order sheets by the end of their validity.
pub fn sheets(bucket: u16) -> String {
    format!("SHEETS#{bucket}")
}

/// The key of an open order sheet in the expiry index.
pub fn sheet_by_expiry(sheet: &OrderSheetId, expires_at: Timestamp) -> IndexKey {
    IndexKey { pk: sheets(bucket(sheet.as_str(), EXPIRY_BUCKETS)), sk: time_and_id(expires_at, sheet.as_str()) }
}

pub fn product(product: &ProductId) -> Key {
    key(format!("PRODUCT#{product}"), "PRODUCT")
}

/// The products on sale, by time of creation.
pub const PRODUCTS: &str = "PRODUCTS";

/// The products of a sale status, by time of creation.
pub const fn products(status: SaleStatus) -> &'static str {
    match status {
        SaleStatus::OnSale => PRODUCTS,
        SaleStatus::Discontinued => "PRODUCTS#DISCONTINUED",
        SaleStatus::Hidden => "PRODUCTS#HIDDEN",
    }
}

/// The key of a product in the list of its sale status. The sort key is the same in each list.
pub fn product_by_time(status: SaleStatus, created_at: Timestamp, product: &ProductId) -> IndexKey {
    IndexKey { pk: products(status).to_owned(), sk: time_and_id(created_at, product.as_str()) }
}

/// The partition of a seller's products.
pub fn seller_partition(seller: &UserId) -> String {
    format!("SELLER#{seller}")
}

pub const SELLER_PRODUCT_PREFIX: &str = "PRODUCT#";

/// A product among those of its seller, by time of creation.
pub fn seller_product(seller: &UserId, created_at: Timestamp, product: &ProductId) -> Key {
    seller_product_at(seller, &time_and_id(created_at, product.as_str()))
}

/// The product of a seller with this sort key, which is the one that products have in the index by time.
pub fn seller_product_at(seller: &UserId, place: &str) -> Key {
    key(seller_partition(seller), format!("{SELLER_PRODUCT_PREFIX}{place}"))
}

/// The terms on which a seller ships.
pub fn seller_shipping(seller: &UserId) -> Key {
    key(seller_partition(seller), "SHIPPING")
}

/// A change of a seller's status that their products may lack.
pub fn seller_change(seller: &UserId) -> Key {
    key(seller_partition(seller), "CHANGE")
}

/// The sellers with such a change, by its instant.
pub const SELLERS: &str = "SELLERS";

/// The key of a seller in the expiry index.
pub fn seller_by_expiry(seller: &UserId, at: Timestamp) -> IndexKey {
    IndexKey { pk: SELLERS.to_owned(), sk: time_and_id(at, seller.as_str()) }
}

/// One shard of a product's stock.
pub fn stock(product: &ProductId, shard: u16) -> Key {
    key(format!("STOCK#{product}#{shard}"), "STOCK")
}

/// The beginning of the sort keys of the counters of quotas.
pub const QUOTA_PREFIX: &str = "OFFER#";

/// A part of the quota of a timed offer. It shares the partition of a shard, and stays if the shard is retired.
pub fn quota(product: &ProductId, id: QuotaId, part: u16) -> Key {
    let QuotaId { since, from } = id;
    key(stock(product, part).pk, format!("{QUOTA_PREFIX}{since}#{}", from.as_millisecond()))
}

pub const UNITS_PREFIX: &str = "UNITS#";

/// The claim record of the reservation that begins at this sequence number of a shard.
pub fn unit_claim(product: &ProductId, shard: u16, place: i64) -> Key {
    key(format!("UNITS#{product}#{shard}#{place}"), "UNITS")
}

/// The products with swept inventory, by the next look of the sweep.
pub const INVENTORY: &str = "SHELVES";

/// The key of a product in the expiry index.
pub fn inventory_by_expiry(product: &ProductId, from: Timestamp) -> IndexKey {
    IndexKey { pk: INVENTORY.to_owned(), sk: time_and_id(from, product.as_str()) }
}

pub fn campaign(coupon: &CouponId) -> Key {
    key(format!("CAMPAIGN#{coupon}"), "CAMPAIGN")
}

/// In the index by time: all campaigns, by time of creation. In the expiry index: the campaigns with swept tickets, by the
/// next look of the sweep.
pub const CAMPAIGNS: &str = "CAMPAIGNS";

/// The key of a campaign in the list of all campaigns.
pub fn campaign_by_time(created_at: Timestamp, coupon: &CouponId) -> IndexKey {
    IndexKey { pk: CAMPAIGNS.to_owned(), sk: time_and_id(created_at, coupon.as_str()) }
}

/// The key of a campaign in the expiry index while its tickets are swept.
pub fn campaign_by_sweep(coupon: &CouponId, from: Timestamp) -> IndexKey {
    IndexKey { pk: CAMPAIGNS.to_owned(), sk: time_and_id(from, coupon.as_str()) }
}

/// The campaigns with coupons that are going to expire, by the instant of the last.
pub const EXPIRIES: &str = "EXPIRIES";

/// The key of a campaign in the expiry index once its tickets are swept.
pub fn campaign_by_expiry(coupon: &CouponId, expiry: Timestamp) -> IndexKey {
    IndexKey { pk: EXPIRIES.to_owned(), sk: time_and_id(expiry, coupon.as_str()) }
}

/// The rows of the public list of campaigns, by the end of their issue.
pub const CAMPAIGN_ROWS: &str = "OPENCAMPAIGNS";

/// The beginning of the sort keys of these rows. A position in the list follows.
pub const CAMPAIGN_ROW_PREFIX: &str = "UNTIL#";

/// The row of a campaign in the public list.
pub fn campaign_row(coupon: &CouponId, issue_until: Timestamp) -> Key {
    key(CAMPAIGN_ROWS.to_owned(), format!("{CAMPAIGN_ROW_PREFIX}{}", campaign_row_place(coupon, issue_until)))
}

/// The position of a campaign in the public list.
pub fn campaign_row_place(coupon: &CouponId, issue_until: Timestamp) -> String {
    time_and_id(issue_until, coupon.as_str())
}

/// One shard of a campaign's counter.
pub fn counter(coupon: &CouponId, shard: u16) -> Key {
    key(format!("COUNTER#{coupon}#{shard}"), "COUNTER")
}

/// One shard of a campaign's budget.
pub fn budget(coupon: &CouponId, shard: u16) -> Key {
    key(format!("BUDGET#{coupon}#{shard}"), "BUDGET")
}

/// The claim record of a ticket.
pub fn ticket_claim(coupon: &CouponId, shard: u16, ticket: i64) -> Key {
    key(format!("SLOT#{coupon}#{shard}#{ticket}"), "SLOT")
}

pub fn drop(drop: &DropId) -> Key {
    key(format!("DROP#{drop}"), "DROP")
}

/// A counter of a drop's line.
pub fn line_counter(drop: &DropId, counter: u16) -> Key {
    key(format!("LINE#{drop}#{counter}"), "LINE")
}

/// The place of a user in a drop's line.
pub fn drop_entry(drop: &DropId, user: &UserId) -> Key {
    key(format!("ENTRY#{drop}#{user}"), "ENTRY")
}

/// The record of a drop's ticket that has served.
pub fn drop_place(drop: &DropId, place: Place) -> Key {
    key(format!("PLACE#{drop}#{}#{}", place.counter, place.number), "PLACE")
}

/// Units sold of a product.
pub fn sales(product: &ProductId) -> Key {
    key(format!("SALES#{product}"), "SALES")
}

/// The products that have counts of units sold.
pub const SALES: &str = "SALES";

/// The key of a product among those that have counts.
pub fn sales_listed(product: &ProductId) -> IndexKey {
    IndexKey { pk: SALES.to_owned(), sk: product.to_string() }
}

/// The products of this bucket by units sold.
pub fn ranked(bucket: usize) -> String {
    format!("RANKED#{bucket}")
}

/// Sort keys of the index by sales subtract each number from this one, so that text order is rank order: the best come
/// first.
const MOST_UNITS: i64 = 999_999_999_999;
const LAST_MS: i64 = 9_999_999_999_999;

/// The key of a product in the index by sales: its rank, the last day with units, and the units of that day and the
/// days before it.
///
/// A reader needs nothing but the key, so that the index projects no attribute that a sale changes.
pub fn sales_ranked(listing: &Listing) -> IndexKey {
    let Listing { bound: Rank { units, last_sold_at, product_id }, days } = listing;
    let worse = MOST_UNITS.saturating_sub(*units).clamp(0, MOST_UNITS);
    let earlier = LAST_MS.saturating_sub(last_sold_at.as_millisecond()).clamp(0, LAST_MS);
    let by_day = match (days.keys().next(), days.keys().next_back()) {
        (Some(first), Some(last)) => {
            let each = (0..).map(|ago| last.saturating_sub(ago.days())).take_while(|day| day >= first);
            let units: Vec<String> = each.map(|day| days.get(&day).copied().unwrap_or(0).to_string()).collect();
            format!("{}:{}", last.strftime("%Y%m%d"), units.join(","))
        }
        _ => String::new(),
    };
    IndexKey {
        pk: ranked(usize::from(bucket(product_id.as_str(), RANK_BUCKETS))),
        sk: format!("{worse:012}#{earlier:013}#{product_id}#{by_day}"),
    }
}

/// The listing encoded in a sort key of the index by sales.
pub fn listing_of_index_key(sk: &str) -> Option<Listing> {
    let mut parts = sk.split('#');
    let units = MOST_UNITS.checked_sub(parts.next()?.parse().ok()?)?;
    let last_sold_at = LAST_MS.checked_sub(parts.next()?.parse().ok()?)?;
    let product_id = ProductId::try_from(parts.next()?.to_owned()).ok()?;
    let (last, by_day) = parts.next()?.split_once(':')?;
    let last = Date::strptime("%Y%m%d", last).ok()?;
    let day = |(ago, units): (i64, &str)| Some((last.checked_sub(ago.days()).ok()?, units.parse().ok()?));
    let days: Option<UnitsByDay> = (0..).zip(by_day.split(',')).map(day).collect();
    let last_sold_at = Timestamp::from_millisecond(last_sold_at).ok()?;
    Some(Listing { bound: Rank { units, last_sold_at, product_id }, days: days? })
}

/// The progress of the refresh of the ranks since midnight.
pub fn ranks_refreshed() -> Key {
    key("BESTSELLERS".to_owned(), "REFRESH")
}

/// The leaderboard of the first stage. Nothing reads it any more: if there is one, the counts have yet to be ranked.
pub fn board() -> Key {
    key("BESTSELLERS".to_owned(), "BOARD")
}

/// The processed-event record: the event has been counted.
pub fn counted(event_id: &str) -> Key {
    key(format!("COUNTED#{event_id}"), "COUNTED")
}

/// The rebuild of the bestsellers that is under way, or was the last.
pub fn rebuild() -> Key {
    key("REBUILD".to_owned(), "REBUILD")
}

/// The progress of a rebuild in a segment of the orders.
pub fn rebuild_track(generation: u64, segment: u16) -> Key {
    key(format!("REBUILD#{generation}"), format!("TRACK#{segment}"))
}

/// The partition of a rebuild's partial sums for the products of a bucket.
pub fn rebuild_parts(generation: u64, bucket: u16) -> String {
    format!("REBUILD#{generation}#{bucket}")
}

pub const PART_PREFIX: &str = "PART#";

/// Partial sums of a rebuild: the `sequence`th of one writer.
pub fn rebuild_part(generation: u64, bucket: u16, writer: &str, sequence: u64) -> Key {
    key(rebuild_parts(generation, bucket), format!("{PART_PREFIX}{writer}#{sequence:09}"))
}

/// The record of a request that carried an idempotency key.
pub fn request(digest: &str) -> Key {
    key(format!("REQUEST#{digest}"), "REQUEST")
}

/// The progress of a migration's step.
pub fn migration(step: &str) -> Key {
    key(format!("MIGRATION#{step}"), "MIGRATION")
}

/// The audit that is under way, or was the last.
pub fn audit() -> Key {
    key("AUDIT".to_owned(), "AUDIT")
}

/// The heartbeat.
pub fn heartbeat() -> Key {
    key("HEARTBEAT".to_owned(), "HEARTBEAT")
}

/// The number of partitions of each list of the desk. One takes a thousand rows a second; a page reads all of them, at half
/// a unit each.
pub const DESK_BUCKETS: u16 = 4;

/// The beginning of the sort keys of the desk's rows. A position in its lists follows.
pub const DESK_PREFIX: &str = "DESK#";

/// The bucket of an order's rows.
pub fn desk_bucket(order: &OrderId) -> u16 {
    bucket(order.as_str(), DESK_BUCKETS)
}

/// The partition of the desk's rows of orders.
pub fn desk_orders(bucket: u16) -> String {
    format!("DESKORDERS#{bucket}")
}

/// The partition of the desk's rows of orders in this state, in the index by time.
pub fn desk_orders_in(status: OrderStatus, bucket: u16) -> String {
    format!("DESKORDERS#{}#{bucket}", status.as_str())
}

/// The partition of the desk's rows of a seller's lines. Lines of the shop itself have no seller.
pub fn desk_lines(seller: Option<&UserId>, bucket: u16) -> String {
    format!("DESKLINES#{}#{bucket}", seller.map_or("", UserId::as_str))
}

/// The partition of the desk's rows of a seller's lines in this state, in the index by time.
pub fn desk_lines_in(seller: Option<&UserId>, status: LineStatus, bucket: u16) -> String {
    format!("DESKLINES#{}#{}#{bucket}", seller.map_or("", UserId::as_str), status.as_str())
}

/// The partition of the desk's rows of all lines in this state. It is in the expiry index, since the index by time has those
/// of the seller.
pub fn desk_all_lines_in(status: LineStatus, bucket: u16) -> String {
    format!("DESKLINES#{}#{bucket}", status.as_str())
}

/// The partition of the desk's rows of claims for lines of a seller. Claims are few enough for one.
pub fn desk_claims(seller: Option<&UserId>) -> String {
    format!("DESKCLAIMS#{}", seller.map_or("", UserId::as_str))
}

/// The partition of the desk's rows of a seller's claims in this state, in the index by time.
pub fn desk_claims_in(seller: Option<&UserId>, status: ClaimStatus) -> String {
    format!("{}#{}", desk_claims(seller), status.as_str())
}

/// The partition of the desk's rows of all claims in this state, in the expiry index.
pub fn desk_all_claims_in(status: ClaimStatus) -> String {
    format!("DESKCLAIMS#{}", status.as_str())
}

/// The position of an order in the lists of the desk.
pub fn desk_order_place(created_at: Timestamp, order: &OrderId) -> String {
    time_and_id(created_at, order.as_str())
}

/// The position of a line in the lists of the desk: after its order, by number in two digits.
pub fn desk_line_place(created_at: Timestamp, order: &OrderId, number: usize) -> String {
    format!("{}#{number:02}", time_and_id(created_at, order.as_str()))
}

/// The position of a claim in the lists of the desk, by its number in four digits.
pub fn desk_claim_place(created_at: Timestamp, order: &OrderId, number: usize) -> String {
    format!("{}#{number:04}", time_and_id(created_at, order.as_str()))
}

/// The position after all lines of an order.
pub fn desk_after_lines(order_place: &str) -> String {
    format!("{order_place}#99")
}

/// The order of a position of the desk, and the number of the line or claim, if it is one of a line or claim.
pub fn desk_place(place: &str) -> Option<(OrderId, Option<usize>)> {
    let rest = id_of_exact_index_key(place)?;
    let (order, number) = match rest.split_once('#') {
        Some((order, number)) => {
            let is_exact = matches!(number.len(), 2 | 4) && number.bytes().all(|byte| byte.is_ascii_digit());
            (order, Some(number.parse().ok().filter(|number| is_exact && *number > 0)?))
        }
        None => (rest, None),
    };
    Some((OrderId::try_from(order.to_owned()).ok()?, number))
}

/// The key of the desk's row of an order.
pub fn desk_order(created_at: Timestamp, order: &OrderId) -> Key {
    key(desk_orders(desk_bucket(order)), format!("{DESK_PREFIX}{}", desk_order_place(created_at, order)))
}

/// The key of the desk's row of a line.
pub fn desk_line(seller: Option<&UserId>, created_at: Timestamp, order: &OrderId, number: usize) -> Key {
    let place = desk_line_place(created_at, order, number);
    key(desk_lines(seller, desk_bucket(order)), format!("{DESK_PREFIX}{place}"))
}

/// The key of the desk's row of a claim for lines of a seller.
pub fn desk_claim(seller: Option<&UserId>, created_at: Timestamp, order: &OrderId, number: usize) -> Key {
    let place = desk_claim_place(created_at, order, number);
    key(desk_claims(seller), format!("{DESK_PREFIX}{place}"))
}

/// The last heartbeat that came through to the desk.
pub fn desk_heartbeat() -> Key {
    key("DESKHEARTBEAT".to_owned(), "DESKHEARTBEAT")
}

/// A text that sorts after this sort key and before every other one that sorts after it. Ids and `#` sort after a space.
pub fn after_place(place: &str) -> String {
    format!("{place} ")
}

/// A text that sorts before this sort key and after every other one that sorts before it. `~` sorts after every character
/// of a key.
pub fn before_place(place: &str) -> String {
    let mut before = place.to_owned();
    match before.pop().and_then(|last| char::from_u32(u32::from(last).saturating_sub(1))) {
        Some(previous) => format!("{before}{previous}~"),
        None => String::new(),
    }
}

/// A sort key by time: an instant, then the id.
pub fn time_and_id(at: Timestamp, id: &str) -> String {
    format!("{}#{id}", instant(at))
}

/// The beginning of an index sort key. Thirteen digits of milliseconds last until the year 2286, and text order is time
/// order.
pub fn instant(at: Timestamp) -> String {
    format!("{:013}", at.as_millisecond())
}

/// The id in a partition key with one id alone, such as `PRODUCT#id`.
pub fn id_of_partition(pk: &str) -> Option<&str> {
    pk.split_once('#').map(|(_, id)| id)
}

/// The id at the end of an index sort key.
pub fn id_of_index_key(sk: &str) -> Option<&str> {
    sk.split_once('#').map(|(_, id)| id)
}

/// The id at the end of an index sort key, if it is of this kind.
pub fn id_at<I: TryFrom<String>>(sk: &str) -> Option<I> {
    I::try_from(id_of_index_key(sk)?.to_owned()).ok()
}

/// The instant and the id of a sort key of the expiry index.
pub fn expiry_of_index_key(sk: &str) -> Option<(Timestamp, &str)> {
    let (instant, id) = sk.split_once('#')?;
    Some((Timestamp::from_millisecond(instant.parse().ok()?).ok()?, id))
}

/// The id of a sort key of an index, if the key begins with an instant of thirteen digits.
pub fn id_of_exact_index_key(sk: &str) -> Option<&str> {
    let (instant, id) = sk.split_once('#')?;
    (instant.len() == 13 && instant.bytes().all(|byte| byte.is_ascii_digit())).then_some(id)
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
    fn ranks_sort_as_text_and_come_back() {
        let now: Timestamp = "2026-11-20T03:00:00Z".parse().unwrap();
        let listing = |id: &str, sold_ago: i64, days: &[(i64, i64)]| {
            let product = ProductId::try_from(id.to_owned()).unwrap();
            let day = |ago: i64| jiff::civil::date(2026, 11, 20).saturating_sub(ago.days());
            let days = days.iter().map(|&(ago, units)| (day(ago), units)).collect();
            Listing::of(&product, &days, now.saturating_sub(sold_ago.seconds()).unwrap(), now).unwrap()
        };
        let listings = [
            listing("pot", 0, &[(0, 10), (2, 90)]),
            listing("mat", 0, &[(0, 99)]),
            listing("cup", 0, &[(0, 9), (1, -1), (2, 3)]),
            listing("cup-2", 0, &[(0, 11)]),
            listing("ink", 1, &[(0, 11)]),
            listing("tea", 0, &[(-1, 2), (0, 1)]),
        ];
        let places: Vec<IndexKey> = listings.iter().map(sales_ranked).collect();
        assert!(
            places.is_sorted_by(|a, b| a.sk < b.sk) && listings.is_sorted_by(|a, b| a.bound < b.bound),
            "{places:?}"
        );
        assert_eq!(places[0].pk, "RANKED#5");
        assert_eq!(places[0].sk, "999999999899#8204856399999#pot#20261120:10,0,90");
        for (listing, place) in listings.into_iter().zip(places) {
            // A day without units comes back as one with none.
            let mut back = listing_of_index_key(&place.sk).unwrap();
            back.days.retain(|_, units| *units != 0);
            assert_eq!(back, listing);
        }
        for damaged in ["", "tea", "1#2#tea", "1#2#tea#20261120:x", "1#2#t a#20261120:1", "1#2#tea#2026:1"] {
            assert_eq!(listing_of_index_key(damaged), None, "{damaged}");
        }
    }

    #[test]
    fn nothing_lies_between_a_place_and_its_neighbours() {
        let places = [
            "1700000000000#a",
            "1700000000000#a#01",
            "1700000000000#a#02",
            "1700000000000#a-",
            "1700000000000#a0",
            "1700000000000#aZ",
            "1700000000000#a_",
            "1700000000000#az",
            "1700000000000#b",
        ];
        assert!(places.is_sorted());
        for (index, place) in places.iter().enumerate() {
            let (before, after) = (before_place(place), after_place(place));
            let is_before: Vec<bool> = places.iter().map(|other| **other <= *before).collect();
            assert!(is_before[..index].iter().all(|is| *is) && is_before[index..].iter().all(|is| !*is), "{place}");
            let is_after: Vec<bool> = places.iter().map(|other| **other >= *after).collect();
            assert!(is_after[..=index].iter().all(|is| !*is) && is_after[index + 1..].iter().all(|is| *is), "{place}");
        }
    }

    #[test]
    fn places_of_the_desk_come_back() {
        let (at, order) = (Timestamp::from_millisecond(5).unwrap(), OrderId::try_from("o1".to_owned()).unwrap());
        assert_eq!(desk_place(&desk_order_place(at, &order)), Some((order.clone(), None)));
        assert_eq!(desk_place(&desk_line_place(at, &order, 7)), Some((order.clone(), Some(7))));
        assert_eq!(desk_place(&desk_claim_place(at, &order, 123)), Some((order.clone(), Some(123))));
        for bad in ["", "5#o1", "0000000000005#", "0000000000005#o1#7", "0000000000005#o1#00", "0000000000005#o1#1#1"] {
            assert_eq!(desk_place(bad), None, "{bad}");
        }
        assert_eq!(desk_line(None, at, &order, 1).pk, format!("DESKLINES##{}", desk_bucket(&order)));
    }

    #[test]
    fn index_keys_sort_by_time_and_end_with_the_id() {
        let id = ProductId::try_from("tea".to_owned()).unwrap();
        let at = |ms| product_by_time(SaleStatus::OnSale, Timestamp::from_millisecond(ms).unwrap(), &id).sk;
        assert!(at(999_999_999_999) < at(1_000_000_000_000));
        assert_eq!(id_of_index_key(&at(5)), Some("tea"));
        assert_eq!(expiry_of_index_key(&at(5)), Some((Timestamp::from_millisecond(5).unwrap(), "tea")));
    }
}
