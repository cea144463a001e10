//! Any item of the table as the record that its key promises, for readers of the whole table.
//!
//! The inverse of [`keys`]: a new kind of record must be added to both.

use jiff::Timestamp;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::{
    Item, Key,
    accesses::AccessRecord,
    audits::AuditRecord,
    confirmations::PlannedConfirmation,
    desk::{DeskHeartbeat, DeskRow},
    exports::{ExportRecord, UserExports},
    heartbeat::Heartbeat,
    keys,
    migrations::MigrationProgress,
    orders::OrderRecord,
    people::{AddressRecord, Erasure, KeyRecord, PhoneRecord},
    ranks::Refresh,
    rebuild::{PartialSums, Rebuild, SegmentProgress},
    requests::RequestRecord,
    sales::{Mark, SalesRecord},
    sellers::{SellerChange, SellerProduct},
    sessions::{PaymentKeyClaim, SessionRecord},
    sheets::SheetRecord,
    table::key_of,
    withdrawals::WithdrawalRecord,
};
use crate::domain::{
    CouponId, DropId, OrderId, PaymentId, ProductId, UserId,
    account::Account,
    budget::BudgetShard,
    cart::Cart,
    coupon::{Campaign, CampaignRow, ClaimRecord, Counter, IssuedCoupon},
    drops::{DropState, Entry, LineCounter, Place, Served},
    inventory::Shard,
    ledger::LedgerEntry,
    order::{Payment, PaymentClaim},
    product::Product,
    purchase_limit::{LimitCount, LimitPeriod},
    reservations,
    shipping::SellerShipping,
    text::{EmailKey, PhoneKey},
    timed_offer::{QuotaCount, QuotaId},
    user::{EmailClaim, Profile},
};

/// A record, with the facts that only its key holds. The table of [`keys`] describes each kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    Profile(Box<Profile>),
    Account {
        user: UserId,
        account: Account,
    },
    LedgerEntry {
        user: UserId,
        entry: LedgerEntry,
    },
    UserKey {
        user: UserId,
    },
    Address {
        user: UserId,
        number: u64,
        record: AddressRecord,
    },
    Erasure(Erasure),
    Access(Box<AccessRecord>),
    Phone {
        number: PhoneKey,
        user: UserId,
    },
    EmailClaim {
        address: EmailKey,
        claim: EmailClaim,
    },
    IssuedCoupon(Box<IssuedCoupon>),
    ReplacedCoupon(Box<IssuedCoupon>),
    Cart {
        user: UserId,
        cart: Cart,
    },
    Limit {
        user: UserId,
        product: ProductId,
        period: LimitPeriod,
        count: LimitCount,
    },
    Order(Box<OrderRecord>),
    Payment(Box<Payment>),
    PlannedConfirmation(PlannedConfirmation),
    PaymentClaim {
        payment: PaymentId,
        claim: PaymentClaim,
    },
    Session(Box<SessionRecord>),
    PaymentKeyClaim {
        digest: String,
        claim: PaymentKeyClaim,
    },
    Withdrawal(Box<WithdrawalRecord>),
    Export(Box<ExportRecord>),
    UserExports {
        user: UserId,
        exports: UserExports,
    },
    Sheet(Box<SheetRecord>),
    Product(Box<Product>),
    SellerProduct {
        seller: UserId,
        product: SellerProduct,
    },
    SellerShipping(SellerShipping),
    SellerChange {
        seller: UserId,
        change: SellerChange,
    },
    Shard {
        product: ProductId,
        number: u16,
        shard: Shard,
    },
    Quota {
        product: ProductId,
        id: QuotaId,
        part: u16,
        count: QuotaCount,
    },
    UnitClaim {
        product: ProductId,
        shard: u16,
        place: i64,
        claim: reservations::ClaimRecord,
    },
    Campaign(Box<Campaign>),
    CampaignRow(Box<CampaignRow>),
    Counter {
        coupon: CouponId,
        shard: u16,
        counter: Counter,
    },
    Budget {
        coupon: CouponId,
        shard: u16,
        budget: BudgetShard,
    },
    TicketClaim {
        coupon: CouponId,
        shard: u16,
        ticket: i64,
        claim: ClaimRecord,
    },
    Drop(Box<DropState>),
    LineCounter {
        drop: DropId,
        counter: u16,
        record: LineCounter,
    },
    DropEntry(Entry),
    DropPlace {
        drop: DropId,
        place: Place,
        served: Served,
    },
    Sales {
        product: ProductId,
        sales: SalesRecord,
    },
    RanksRefreshed(Refresh),
    Board,
    Counted {
        event_id: String,
        mark: Mark,
    },
    Rebuild(Box<Rebuild>),
    RebuildTrack {
        generation: u64,
        segment: u16,
        track: SegmentProgress,
    },
    RebuildPart {
        generation: u64,
        bucket: u16,
        writer: String,
        sequence: u64,
        part: PartialSums,
    },
    Request {
        digest: String,
    },
    Migration {
        step: String,
        progress: MigrationProgress,
    },
    Audit(Box<AuditRecord>),
    Heartbeat(Heartbeat),
    /// The desk's row of an order, or of its line with this number.
    DeskRow {
        key: Key,
        order: OrderId,
        number: Option<usize>,
        row: Box<DeskRow>,
    },
    DeskHeartbeat(DeskHeartbeat),
}

/// The reason why an item is not the record that its key promises. It leaves out the content, which may be personal
/// data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    NoKey,
    /// No kind of record has such a key.
    UnknownKind(Key),
    /// The item has not the shape of the records with such a key.
    WrongShape(Key),
    /// The ids in the record belong to another key.
    Misplaced {
        found: Key,
        /// The key of a record with these ids.
        belongs: Key,
    },
}

impl Record {
    /// Reads an item as the record that its key promises.
    ///
    /// # Errors
    /// If the key promises nothing known, or the item does not keep the promise.
    pub fn read(item: Item) -> Result<Self, Unreadable> {
        let found = key_of(&item).map_err(|_| Unreadable::NoKey)?;
        let record = Self::promised_by(&found, item)?;
        let belongs = record.key();
        if found == belongs { Ok(record) } else { Err(Unreadable::Misplaced { found, belongs }) }
    }

    fn promised_by(key: &Key, item: Item) -> Result<Self, Unreadable> {
        let reader = Reader { key, item };
        let (pk, sk): (Vec<&str>, Vec<&str>) = (key.pk.split('#').collect(), key.sk.split('#').collect());
        match (pk.as_slice(), sk.as_slice()) {
            (["USER", _], ["PROFILE"]) => reader.record().map(Self::Profile),
            (["USER", user], ["ACCOUNT"]) => Ok(Self::Account { user: reader.part(user)?, account: reader.record()? }),
            (["USER", user], ["LEDGER", _]) => {
                Ok(Self::LedgerEntry { user: reader.part(user)?, entry: reader.record()? })
            }
            (["USER", user], ["KEY"]) => {
                let user = reader.part(user)?;
                let _: KeyRecord = reader.record()?;
                Ok(Self::UserKey { user })
            }
            (["USER", user], ["ADDRESS", number]) => {
                let (user, number) = (reader.part(user)?, reader.number(number)?);
                Ok(Self::Address { user, number, record: reader.record()? })
            }
            (["USER", _], ["ERASURE"]) => reader.record().map(Self::Erasure),
            (["ACCESS", _], [_, _]) => reader.record().map(Self::Access),
            (["PHONE", number], ["USER", _]) => {
                let PhoneRecord { user_id: user } = reader.record()?;
                Ok(Self::Phone { number: PhoneKey::from((*number).to_owned()), user })
            }
            (["EMAIL", address], ["EMAIL"]) => {
                Ok(Self::EmailClaim { address: EmailKey::from((*address).to_owned()), claim: reader.record()? })
            }
            (["USER", _], ["COUPON", _]) => reader.record().map(Self::IssuedCoupon),
            (["USER", _], ["COUPON", _, _]) => reader.record().map(Self::ReplacedCoupon),
            (["USER", user], ["CART"]) => Ok(Self::Cart { user: reader.part(user)?, cart: reader.record()? }),
            (["USER", user], ["LIMIT", product, since, day @ ..]) if day.len() <= 1 => {
                let day = day.first().map(|day| reader.number(day)).transpose()?;
                let period = LimitPeriod { since: reader.number(since)?, day };
                let (user, product) = (reader.part(user)?, reader.part(product)?);
                Ok(Self::Limit { user, product, period, count: reader.record()? })
            }
            (["ORDER", _], ["ORDER"]) => reader.record().map(Self::Order),
            (["ORDER", _], ["PAYMENT", _]) => reader.record().map(Self::Payment),
            (["ORDER", _], ["CONFIRMATION"]) => reader.record().map(Self::PlannedConfirmation),
            (["PAYMENT", payment], ["PAYMENT"]) => {
                Ok(Self::PaymentClaim { payment: reader.part(payment)?, claim: reader.record()? })
            }
            (["SESSION", _], ["SESSION"]) => reader.record().map(Self::Session),
            (["PAYMENTKEY", digest], ["PAYMENTKEY"]) => {
                Ok(Self::PaymentKeyClaim { digest: (*digest).to_owned(), claim: reader.record()? })
            }
            (["WITHDRAWAL", _], ["WITHDRAWAL"]) => reader.record().map(Self::Withdrawal),
            (["EXPORT", _], ["EXPORT"]) => reader.record().map(Self::Export),
            (["USER", user], ["EXPORTS"]) => {
                Ok(Self::UserExports { user: reader.part(user)?, exports: reader.record()? })
            }
            (["SHEET", _], ["SHEET"]) => reader.record().map(Self::Sheet),
            (["PRODUCT", _], ["PRODUCT"]) => reader.record().map(Self::Product),
            (["SELLER", seller], ["PRODUCT", _, _]) => {
                Ok(Self::SellerProduct { seller: reader.part(seller)?, product: reader.record()? })
            }
            (["SELLER", _], ["SHIPPING"]) => reader.record().map(Self::SellerShipping),
            (["SELLER", seller], ["CHANGE"]) => {
                Ok(Self::SellerChange { seller: reader.part(seller)?, change: reader.record()? })
            }
            (["STOCK", product, shard], ["STOCK"]) => {
                let (product, number) = (reader.part(product)?, reader.number(shard)?);
                Ok(Self::Shard { product, number, shard: reader.record()? })
            }
            (["STOCK", product, part], ["OFFER", since, from]) => {
                let from = Timestamp::from_millisecond(reader.number(from)?);
                let from = from.map_err(|_| Unreadable::UnknownKind(reader.key.clone()))?;
                let id = QuotaId { since: reader.number(since)?, from };
                let (product, part) = (reader.part(product)?, reader.number(part)?);
                Ok(Self::Quota { product, id, part, count: reader.record()? })
            }
            (["CAMPAIGN", _], ["CAMPAIGN"]) => reader.record().map(Self::Campaign),
            (["OPENCAMPAIGNS"], ["UNTIL", _, _]) => reader.record().map(Self::CampaignRow),
            (["COUNTER", coupon, shard], ["COUNTER"]) => {
                let (coupon, shard) = (reader.part(coupon)?, reader.number(shard)?);
                Ok(Self::Counter { coupon, shard, counter: reader.record()? })
            }
            (["BUDGET", coupon, shard], ["BUDGET"]) => {
                let (coupon, shard) = (reader.part(coupon)?, reader.number(shard)?);
                Ok(Self::Budget { coupon, shard, budget: reader.record()? })
            }
            (["UNITS", product, shard, place], ["UNITS"]) => {
                let (product, shard, place) = (reader.part(product)?, reader.number(shard)?, reader.number(place)?);
                Ok(Self::UnitClaim { product, shard, place, claim: reader.record()? })
            }
            (["SLOT", coupon, shard, ticket], ["SLOT"]) => {
                let (coupon, shard, ticket) = (reader.part(coupon)?, reader.number(shard)?, reader.number(ticket)?);
                Ok(Self::TicketClaim { coupon, shard, ticket, claim: reader.record()? })
            }
            (["DROP", _], ["DROP"]) => reader.record().map(Self::Drop),
            (["LINE", drop, counter], ["LINE"]) => {
                let (drop, counter) = (reader.part(drop)?, reader.number(counter)?);
                Ok(Self::LineCounter { drop, counter, record: reader.record()? })
            }
            (["ENTRY", _, _], ["ENTRY"]) => reader.record().map(Self::DropEntry),
            (["PLACE", drop, counter, number], ["PLACE"]) => {
                let place = Place { counter: reader.number(counter)?, number: reader.number(number)? };
                Ok(Self::DropPlace { drop: reader.part(drop)?, place, served: reader.record()? })
            }
            (["SALES", product], ["SALES"]) => {
                Ok(Self::Sales { product: reader.part(product)?, sales: reader.record()? })
            }
            (["BESTSELLERS"], ["REFRESH"]) => reader.record().map(Self::RanksRefreshed),
            (["BESTSELLERS"], ["BOARD"]) => Ok(Self::Board),
            (["COUNTED", event_id], ["COUNTED"]) => {
                Ok(Self::Counted { event_id: (*event_id).to_owned(), mark: reader.record()? })
            }
            (["REBUILD"], ["REBUILD"]) => reader.record().map(Self::Rebuild),
            (["REBUILD", generation], ["TRACK", segment]) => {
                let (generation, segment) = (reader.number(generation)?, reader.number(segment)?);
                Ok(Self::RebuildTrack { generation, segment, track: reader.record()? })
            }
            (["REBUILD", generation, bucket], ["PART", writer, sequence]) => {
                let (generation, bucket) = (reader.number(generation)?, reader.number(bucket)?);
                let (writer, sequence) = ((*writer).to_owned(), reader.number(sequence)?);
                Ok(Self::RebuildPart { generation, bucket, writer, sequence, part: reader.record()? })
            }
            (["REQUEST", digest], ["REQUEST"]) => {
                let _: RequestRecord<IgnoredAny> = reader.record()?;
                Ok(Self::Request { digest: (*digest).to_owned() })
            }
            (["MIGRATION", step], ["MIGRATION"]) => {
                Ok(Self::Migration { step: (*step).to_owned(), progress: reader.record()? })
            }
            (["AUDIT"], ["AUDIT"]) => reader.record().map(Self::Audit),
            (["HEARTBEAT"], ["HEARTBEAT"]) => reader.record().map(Self::Heartbeat),
            (["DESKORDERS" | "DESKCLAIMS", _] | ["DESKLINES", _, _], ["DESK", place @ ..]) => {
                let is_of_order = pk.first() == Some(&"DESKORDERS");
                let (order, number) = keys::desk_place(&place.join("#"))
                    .filter(|(_, number)| number.is_none() == is_of_order)
                    .ok_or_else(|| Unreadable::UnknownKind(key.clone()))?;
                Ok(Self::DeskRow { key: key.clone(), order, number, row: reader.record()? })
            }
            (["DESKHEARTBEAT"], ["DESKHEARTBEAT"]) => reader.record().map(Self::DeskHeartbeat),
            _ => Err(Unreadable::UnknownKind(key.clone())),
        }
    }

    /// The key of a record with these ids.
    pub fn key(&self) -> Key {
        match self {
            Self::Profile(profile) => keys::profile(&profile.user_id),
            Self::Account { user, .. } => keys::account(user),
            Self::LedgerEntry { user, entry } => keys::ledger_entry(user, entry.sequence),
            Self::UserKey { user } => keys::user_key(user),
            Self::Address { user, number, .. } => keys::address(user, *number),
            Self::Erasure(erasure) => keys::erasure(&erasure.user_id),
            Self::Access(access) => keys::access(&access.user_id, access.at, &access.access_id),
            Self::Phone { number, user } => keys::phone(number, user),
            Self::EmailClaim { address, .. } => keys::email(address),
            Self::IssuedCoupon(coupon) => keys::user_coupon(&coupon.user_id, &coupon.coupon_id),
            Self::ReplacedCoupon(coupon) => {
                keys::replaced_coupon(&coupon.user_id, &coupon.coupon_id, &coupon.issued_coupon_id)
            }
            Self::Cart { user, .. } => keys::cart(user),
            Self::Limit { user, product, period, .. } => keys::limit(user, product, *period),
            Self::Order(record) => keys::order(&record.order.order_id),
            Self::Payment(payment) => keys::payment(&payment.order_id, &payment.payment_id),
            Self::PlannedConfirmation(planned) => keys::confirmation(&planned.order_id),
            Self::PaymentClaim { payment, .. } => keys::payment_claim(payment),
            Self::Session(record) => keys::session(&record.session.payment_id),
            Self::PaymentKeyClaim { digest, .. } => keys::payment_key_claim(digest),
            Self::Withdrawal(record) => keys::withdrawal(&record.withdrawal.withdrawal_id),
            Self::Export(record) => keys::export(&record.export.export_id),
            Self::UserExports { user, .. } => keys::user_exports(user),
            Self::Sheet(record) => keys::sheet(&record.sheet.order_sheet_id),
            Self::Product(product) => keys::product(&product.product_id),
            Self::SellerProduct { seller, product } => {
                keys::seller_product(seller, product.created_at, &product.product_id)
            }
            Self::SellerShipping(shipping) => keys::seller_shipping(&shipping.seller_id),
            Self::SellerChange { seller, .. } => keys::seller_change(seller),
            Self::Shard { product, number, .. } => keys::stock(product, *number),
            Self::Quota { product, id, part, .. } => keys::quota(product, *id, *part),
            Self::UnitClaim { product, shard, place, .. } => keys::unit_claim(product, *shard, *place),
            Self::Campaign(campaign) => keys::campaign(&campaign.coupon_id),
            Self::CampaignRow(row) => keys::campaign_row(&row.coupon_id, row.issue_until),
            Self::Counter { coupon, shard, .. } => keys::counter(coupon, *shard),
            Self::Budget { coupon, shard, .. } => keys::budget(coupon, *shard),
            Self::TicketClaim { coupon, shard, ticket, .. } => keys::ticket_claim(coupon, *shard, *ticket),
            Self::Drop(state) => keys::drop(&state.drop_id),
            Self::LineCounter { drop, counter, .. } => keys::line_counter(drop, *counter),
            Self::DropEntry(entry) => keys::drop_entry(&entry.drop_id, &entry.user_id),
            Self::DropPlace { drop, place, .. } => keys::drop_place(drop, *place),
            Self::Sales { product, .. } => keys::sales(product),
            Self::RanksRefreshed(_) => keys::ranks_refreshed(),
            Self::Board => keys::board(),
            Self::Counted { event_id, .. } => keys::counted(event_id),
            Self::Rebuild(_) => keys::rebuild(),
            Self::RebuildTrack { generation, segment, .. } => keys::rebuild_track(*generation, *segment),
            Self::RebuildPart { generation, bucket, writer, sequence, .. } => {
                keys::rebuild_part(*generation, *bucket, writer, *sequence)
            }
            Self::Request { digest } => keys::request(digest),
            Self::Migration { step, .. } => keys::migration(step),
            Self::Audit(_) => keys::audit(),
            Self::Heartbeat(_) => keys::heartbeat(),
            // The auditor compares it with the key that follows from the order.
            Self::DeskRow { key, .. } => key.clone(),
            Self::DeskHeartbeat(_) => keys::desk_heartbeat(),
        }
    }
}

/// Reads an item and the parts of its key.
struct Reader<'a> {
    key: &'a Key,
    item: Item,
}

impl Reader<'_> {
    fn part<I: TryFrom<String>>(&self, text: &str) -> Result<I, Unreadable> {
        I::try_from(text.to_owned()).map_err(|_| Unreadable::UnknownKind(self.key.clone()))
    }

    /// Parses numbers leniently: one that is not written as [`keys`] would write it shows as a misplaced record.
    fn number<N: std::str::FromStr>(&self, text: &str) -> Result<N, Unreadable> {
        text.parse().map_err(|_| Unreadable::UnknownKind(self.key.clone()))
    }

    fn record<R: DeserializeOwned>(self) -> Result<R, Unreadable> {
        serde_dynamo::from_item(self.item).map_err(|_| Unreadable::WrongShape(self.key.clone()))
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;
    use serde_json::json;

    use super::*;
    use crate::domain::{OrderSheetId, WithdrawalId};

    fn item(key: &Key, record: serde_json::Value) -> Item {
        let mut item: Item = serde_dynamo::to_item(record).unwrap();
        item.extend(key.clone().into_item());
        item
    }

    fn user() -> UserId {
        UserId::try_from("mina".to_owned()).unwrap()
    }

    fn coupon() -> CouponId {
        CouponId::try_from("welcome".to_owned()).unwrap()
    }

    fn drop() -> DropId {
        DropId::try_from("black-friday".to_owned()).unwrap()
    }

    fn product() -> ProductId {
        ProductId::try_from("tea".to_owned()).unwrap()
    }

    /// One of each kind, as `keys` places it.
    fn one_of_each() -> Vec<(Key, serde_json::Value)> {
        let at = "2026-11-20T03:00:00Z";
        let at_ms = at.parse::<Timestamp>().unwrap().as_millisecond();
        let offer = json!({ "price": 1_000, "discount": 0, "saleStatus": "ON_SALE" });
        let with = |mut record: serde_json::Value, more: &serde_json::Value| {
            record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            record
        };
        let terms = json!({ "kind": "FIXED", "value": 1_000 });
        let order = json!({
            "orderId": "o1", "userId": "mina", "status": "PAID", "payment": "BALANCE", "items": [], "goodsTotal": 0,
            "payable": 0, "createdAt": at_ms, "updatedAt": at_ms, "version": 1, "history": [], "payload": "p",
        });
        let campaign = json!({
            "couponId": "welcome", "name": "Welcome", "totalQuantity": 1, "issueFrom": at_ms, "issueUntil": at_ms,
            "validity": { "validDays": 1 }, "counterShards": 1, "createdAt": at_ms,
        });
        let issued = json!({
            "issuedCouponId": "i1", "couponId": "welcome", "userId": "mina", "name": "Welcome", "state": "USABLE",
            "issuedAt": at_ms, "expiresAt": at_ms,
        });
        let order_id = OrderId::try_from("o1".to_owned()).unwrap();
        vec![
            (
                keys::profile(&user()),
                json!({ "userId": "mina", "name": "Mina", "email": "mina@example.com", "kind": "CUSTOMER",
                        "version": 1, "createdAt": at_ms }),
            ),
            (keys::account(&user()), json!({ "status": "ACTIVE", "balance": 0, "sequence": 0 })),
            (
                keys::ledger_entry(&user(), 7),
                json!({ "entryId": "e", "sequence": 7, "type": "CHARGE", "amount": 1, "balanceAfter": 1, "at": at_ms }),
            ),
            (keys::user_coupon(&user(), &coupon()), with(issued, &terms)),
            (keys::cart(&user()), json!({ "items": { "tea": 2 }, "version": 1 })),
            (keys::order(&order_id), order),
            (
                keys::sheet(&OrderSheetId::try_from("s1".to_owned()).unwrap()),
                json!({ "orderSheetId": "s1", "userId": "mina", "state": "OPEN", "items": [], "goodsTotal": 0,
                        "payable": 0, "createdAt": at_ms, "expiresAt": at_ms, "payload": "p" }),
            ),
            (
                keys::payment(&order_id, &PaymentId::try_from("p1".to_owned()).unwrap()),
                json!({ "paymentId": "p1", "orderId": "o1", "amount": 1, "status": "PAID", "at": at_ms }),
            ),
            (keys::confirmation(&order_id), json!({ "orderId": "o1", "at": at_ms })),
            (keys::payment_claim(&PaymentId::try_from("p1".to_owned()).unwrap()), json!({ "orderId": "o1" })),
            (
                keys::session(&PaymentId::try_from("p1".to_owned()).unwrap()),
                json!({ "paymentId": "p1", "userId": "mina", "purpose": { "type": "TOP_UP" }, "amount": 1,
                        "provider": "TOSS", "status": "READY", "createdAt": at_ms, "expiresAt": at_ms,
                        "updatedAt": at_ms, "version": 1, "payload": "p" }),
            ),
            (
                keys::seller_shipping(&UserId::try_from("dabang".to_owned()).unwrap()),
                json!({ "sellerId": "dabang", "terms": { "fee": 1, "freeFrom": 2, "returnFee": 3 },
                        "effectiveFrom": at_ms, "version": 1 }),
            ),
            (keys::payment_key_claim("d1"), json!({ "paymentId": "p1" })),
            (
                keys::withdrawal(&WithdrawalId::try_from("w1".to_owned()).unwrap()),
                json!({ "withdrawalId": "w1", "userId": "mina", "amount": 1, "status": "REQUESTED",
                        "account": { "bank": "b", "number": "1", "holder": "h" }, "createdAt": at_ms,
                        "updatedAt": at_ms, "version": 1, "payload": "p" }),
            ),
            (
                keys::product(&product()),
                with(
                    json!({ "productId": "tea", "name": "Tea", "stockShards": 1, "version": 1, "createdAt": at_ms }),
                    &offer,
                ),
            ),
            (
                keys::seller_product(&user(), at.parse().unwrap(), &product()),
                json!({ "productId": "tea", "createdAt": at_ms }),
            ),
            (keys::seller_change(&user()), json!({ "version": 2, "changedAt": at_ms })),
            (keys::stock(&product(), 3), with(json!({ "remaining": 1, "received": 1 }), &offer)),
            (keys::quota(&product(), QuotaId { since: 2, from: at.parse().unwrap() }, 3), json!({ "taken": -1 })),
            (keys::campaign(&coupon()), with(campaign.clone(), &terms)),
            (keys::campaign_row(&coupon(), at.parse().unwrap()), with(campaign, &terms)),
            (keys::counter(&coupon(), 0), json!({ "next": 0, "limit": 1 })),
            (keys::budget(&coupon(), 1), json!({ "left": 500 })),
            (keys::unit_claim(&product(), 3, 70), json!({ "units": 2, "orderId": "o1" })),
            (keys::ticket_claim(&coupon(), 0, 5), json!({ "userId": "mina" })),
            (
                keys::drop(&drop()),
                json!({ "dropId": "black-friday", "productId": "tea", "opensAt": at_ms, "enabled": true, "counters": 2,
                        "key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "version": 1, "createdAt": at_ms,
                        "updatedAt": at_ms,
                        "line": { "step": 1, "left": 5, "entered": 9, "ended": [0, 0],
                                  "waves": [{ "endsAt": at_ms, "to": [1, 2], "admitted": 3, "open": 1 }] } }),
            ),
            (keys::line_counter(&drop(), 1), json!({ "next": 7 })),
            (
                keys::drop_entry(&drop(), &user()),
                json!({ "dropId": "black-friday", "userId": "mina", "counter": 1, "number": 6, "enteredAt": at_ms }),
            ),
            (
                keys::drop_place(&drop(), Place { counter: 1, number: 6 }),
                json!({ "userId": "mina", "orderId": "o1", "servedAt": at_ms, "ttl": 1 }),
            ),
            (keys::sales(&product()), json!({ "lastSoldAt": at_ms, "day_20261120": 2, "ttl": 1 })),
            (keys::ranks_refreshed(), json!({ "day": "2026-11-20", "isDone": true, "revision": 1 })),
            (keys::board(), json!({ "candidates": [], "version": 1 })),
            (keys::counted("o1-1"), json!({ "generation": 3, "ttl": 1 })),
            (
                keys::rebuild(),
                json!({ "generation": 3, "startedAt": at_ms, "days": { "last": "2026-11-20" }, "segments": 4, "buckets": 64,
                        "phase": { "name": "REPAIR", "bucket": 7 }, "figures": {}, "revision": 9 }),
            ),
            (keys::rebuild_track(3, 1), json!({ "isDone": true, "figures": { "orders": 5 }, "revision": 2 })),
            (
                keys::rebuild_part(3, 7, "1", 1),
                json!({ "balances": { "tea": { "days": { "2026-11-20": 2 }, "lastSoldAt": at_ms, "isCounted": false } } }),
            ),
            (keys::request("digest"), json!({ "payload": "p", "outcome": { "any": ["thing"] } })),
            (keys::email(&EmailKey::from_address("mina@example.com")), json!({ "userId": "mina" })),
            (keys::audit(), json!({ "progress": "{}", "leasedUntil": at_ms, "revision": 2 })),
            (
                keys::desk_order(at.parse().unwrap(), &order_id),
                json!({ "version": 1, "byTimePk": "DESKORDERS#PAID#1", "byTimeSk": "1#o1" }),
            ),
            (
                keys::desk_line(Some(&user()), at.parse().unwrap(), &order_id, 1),
                json!({ "version": 1, "byTimePk": "l", "byTimeSk": "1#o1#01", "byDuePk": "l", "byDueSk": "1#o1#01" }),
            ),
            (keys::desk_heartbeat(), json!({ "at": at_ms, "since": at_ms })),
            (
                keys::migration("emails"),
                json!({ "startedAt": at_ms, "passes": 1, "figures": { "users": 3 }, "revision": 2 }),
            ),
        ]
    }

    #[test]
    fn every_kind_is_found_where_its_key_says() {
        for (key, record) in one_of_each() {
            assert_eq!(Record::read(item(&key, record)).map(|record| record.key()), Ok(key));
        }
    }

    #[test]
    fn an_item_must_have_the_shape_that_its_key_promises() {
        let needs_nothing =
            [keys::ticket_claim(&coupon(), 0, 5), keys::sales(&product()), keys::board(), keys::counted("o1-1")];
        for (key, _) in one_of_each().into_iter().filter(|(key, _)| !needs_nothing.contains(key)) {
            assert_eq!(Record::read(item(&key, json!({}))), Err(Unreadable::WrongShape(key)));
        }
    }

    #[test]
    fn a_record_must_be_where_its_ids_say() {
        let entry = one_of_each().swap_remove(2).1;
        let (found, belongs) = (keys::ledger_entry(&user(), 8), keys::ledger_entry(&user(), 7));
        assert_eq!(Record::read(item(&found, entry)), Err(Unreadable::Misplaced { found, belongs }));

        let found = Key { pk: "SLOT#welcome#0#05".to_owned(), sk: "SLOT".to_owned() };
        let belongs = keys::ticket_claim(&coupon(), 0, 5);
        assert_eq!(Record::read(item(&found, json!({}))), Err(Unreadable::Misplaced { found, belongs }));
    }

    #[test]
    fn a_key_must_be_one_of_the_known() {
        for (pk, sk) in [("CAT#tom", "CAT"), ("USER#mina", "ORDER"), ("STOCK#tea", "STOCK"), ("USER#a b", "ACCOUNT")] {
            let key = Key { pk: pk.to_owned(), sk: sk.to_owned() };
            assert_eq!(Record::read(item(&key, json!({}))), Err(Unreadable::UnknownKind(key)));
        }
        let numbered = Item::from([("pk".to_owned(), AttributeValue::N("1".to_owned()))]);
        assert_eq!(Record::read(numbered), Err(Unreadable::NoKey));
    }
}
