//! Products: the catalogue, prices, stock.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Caller, Failure, RequestKey, Role, Shop, accounts,
    idempotency::{self, Keep, Transacted},
    inventory::{self, Shrinking},
    readable,
};
use crate::{
    domain::{
        Invalid, Patch, Precondition, ProductId, Refusal, UserId, Won,
        account::Account,
        inventory::{MAX_UNITS, Shard, allocate},
        money::Price,
        product::{InitialStatus, Offer, Product, SaleStatus, SaleWindow},
        purchase_limit::{LimitCount, PurchaseLimit, UnitsPerUser, Within},
        refusal::Entity,
        scaling::Scale,
        spread::spread,
        swept::SweepPlan,
        timed_offer::{self, NewOffer, QuotaCount, TimedOffer},
    },
    store::{
        Backoff, ConditionFailures, Consistency, Key, Outcome, StoreError, Transaction, keys, products, quotas, rows,
        sellers, shards, table::Range, users,
    },
};

/// A product with its stock at the moment of reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stocked {
    pub product: Product,
    /// Units that can be sold.
    pub stock: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub product_id: ProductId,
    pub name: String,
    pub offer: Offer,
    /// Units that can be sold.
    pub stock: i64,
}

/// The result of a read that may be a moment old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent<T> {
    pub value: T,
    /// The instant that the read began.
    pub as_of: Timestamp,
    /// Whether another cache may keep it for as long as the shop's does: it was read for this request, and in less
    /// time.
    pub may_be_kept: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    /// The products, in the order of their creation.
    pub items: Vec<Listed>,
    /// The position of the next part, if there is one.
    pub next: Option<String>,
}

/// A purchase limit as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewLimit {
    pub per_user: UnitsPerUser,
    pub within: Within,
}

impl NewLimit {
    /// The limit of a product from this version on.
    fn replacing(self, before: Option<PurchaseLimit>, version: u64) -> PurchaseLimit {
        PurchaseLimit::replacing(before, self.per_user.get(), self.within, version)
    }
}

#[derive(Debug, Clone)]
pub struct NewProduct {
    /// Its id, if it is chosen.
    pub product_id: Option<ProductId>,
    pub name: String,
    pub description: Option<String>,
    pub category: Option<String>,
    pub seller_id: Option<UserId>,
    pub price: Won,
    /// The discount on a unit.
    pub discount: Won,
    pub status: InitialStatus,
    /// Units in stock.
    pub stock: i64,
    /// The number of shards of its stock; without one it follows the demand.
    pub stock_shards: Option<u16>,
    /// Whether orders reserve units ahead of their commit; without it the mode follows the demand.
    pub flash: Option<bool>,
    pub needs_shipping: bool,
    /// The most units that a user may order.
    pub limit: Option<NewLimit>,
    /// The time in which it is sold.
    pub window: SaleWindow,
    pub offers: Vec<NewOffer>,
}

/// A change of a product. A field that is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ProductChange {
    /// The state that the caller expects the product to be in.
    pub precondition: Precondition,
    pub name: Option<String>,
    pub description: Patch<String>,
    pub category: Patch<String>,
    pub price: Option<Won>,
    pub discount: Option<Won>,
    pub status: Option<SaleStatus>,
    /// A cleared number, or a cleared mode, follows the demand.
    pub stock_shards: Patch<u16>,
    pub flash: Patch<bool>,
    pub needs_shipping: Option<bool>,
    pub limit: Patch<NewLimit>,
    pub sale_from: Patch<Timestamp>,
    pub sale_until: Patch<Timestamp>,
    pub offers: Patch<Vec<NewOffer>>,
}

impl ProductChange {
    fn names_the_offer(&self) -> bool {
        let keeps_window = self.sale_from.is_keep() && self.sale_until.is_keep();
        let names_terms = !(self.limit.is_keep() && keeps_window && self.offers.is_keep());
        self.price.is_some() || self.discount.is_some() || self.status.is_some() || names_terms
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct IdempotentOutcome {
    product_id: ProductId,
}

/// Adds a product with its first stock.
///
/// # Errors
/// [`Refusal::NotFound`] for the seller, [`Refusal::UserNotActive`], [`Refusal::AlreadyExists`] if the id is taken.
pub async fn create(shop: &Shop, caller: &Caller, new: NewProduct, key: &RequestKey) -> Result<Stocked, Failure> {
    let product_id = key.id(new.product_id.clone())?;
    let created =
        idempotency::unless_answered(shop, key, create_once(shop, caller, new, product_id, key).await).await?;
    stocked(shop, &created.product_id).await
}

async fn create_once(
    shop: &Shop,
    caller: &Caller,
    new: NewProduct,
    product_id: ProductId,
    key: &RequestKey,
) -> Result<IdempotentOutcome, Failure> {
    let offer = Offer { price: new.price, discount: new.discount, status: new.status.into(), terms: None };
    check_discount(&offer)?;
    check_window(&new.window)?;
    let scale = Scale::new(new.stock_shards, new.flash, &shop.policy.scaling);
    let product = Product {
        product_id: product_id.clone(),
        name: new.name,
        description: new.description,
        category: new.category,
        seller_id: new.seller_id,
        offer,
        paused_status: None,
        stock_shards: scale.shards,
        flash: scale.flash,
        scaling: scale.scaling,
        drop_id: None,
        needs_shipping: new.needs_shipping,
        limit: None,
        window: SaleWindow::default(),
        offers: Vec::new(),
        sweep: SweepPlan::default(),
        version: 1,
        created_at: shop.clock.now(),
        updated_at: Some(shop.clock.now()),
    };
    let limit = new.limit.map(|limit| limit.replacing(None, product.version));
    let offers = replacing(shop, &[], &new.offers, &product)?;
    let product = product.with_terms(limit, new.window, offers).swept_from(shop.clock.now());
    let mut transaction = Transaction::new();
    transaction.add(products::create(&product));
    let mut seller_check = None;
    if let Some(seller) = &product.seller_id {
        transaction.add(sellers::list_product(seller, &product));
        // Callers who sell for themselves may have no record.
        let is_own = caller.user_id == *seller;
        let check = if is_own { users::check_active_or_absent(seller) } else { users::check_active(seller) };
        seller_check = Some((seller, transaction.add(check)));
    }
    for (units, number) in spread(new.stock, product.stock_shards).into_iter().zip(0..) {
        transaction.add(shards::create(&product_id, number, &Shard::new(units, product.offer, product.version)));
    }
    let created = IdempotentOutcome { product_id };
    match idempotency::transact(shop, transaction, key, created, Keep::AWeek, &mut shop.backoff()).await? {
        Transacted::Committed(created) | Transacted::Replayed(created) => Ok(created),
        Transacted::Refused(failures) => {
            if let Some((seller, check)) = seller_check
                && let Some(account) = failures.of::<Account>(check)?
            {
                accounts::ensure_active(seller, account)?;
            }
            Err(Refusal::AlreadyExists(Entity::Product).into())
        }
    }
}

/// Returns a public product, with its stock.
///
/// # Errors
/// [`Refusal::NotFound`] if there is none, or it is hidden.
pub async fn get(shop: &Shop, product: &ProductId) -> Result<Stocked, Failure> {
    visible(stocked(shop, product).await?)
}

/// The same from the cache, if it was read less than [`Bounds::recent_age`] ago.
///
/// [`Bounds::recent_age`]: super::Bounds::recent_age
///
/// # Errors
/// As [`get`].
pub async fn get_recent(shop: &Shop, product: &ProductId) -> Result<Recent<Stocked>, Failure> {
    if let Some((as_of, stocked)) = shop.cached_stock(product) {
        return Ok(Recent { value: visible(stocked)?, as_of, may_be_kept: false });
    }
    let as_of = shop.clock.now();
    let stocked = get(shop, product).await?;
    shop.cache_stock(as_of, &stocked);
    Ok(Recent { value: stocked, as_of, may_be_kept: shop.is_recent(as_of) })
}

/// The part of a product that a user may still order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Yours {
    pub product: Product,
    /// The units that count on the purchase limit, and those left of it.
    pub of_limit: Option<(i64, i64)>,
    /// The offer that runs, and the units left at it if it has a quota.
    pub offer: Option<(TimedOffer, Option<i64>)>,
}

/// Returns the part of a product that a user may still order, at this instant. It promises nothing: an order decides by its
/// own commit.
///
/// # Errors
/// [`Refusal::NotFound`] for the user, or for a product that does not exist or is hidden.
pub async fn yours(shop: &Shop, user: &UserId, id: &ProductId) -> Result<Yours, Failure> {
    let mut backoff = shop.backoff();
    let (account, description) = (keys::account(user), keys::product(id));
    let found = shop.table.get_all(&[account.clone(), description.clone()], Consistency::Strong, &mut backoff).await?;
    let _: Account = found.get(&account)?.ok_or_else(|| Refusal::not_found(Entity::User, user))?;
    let product: Option<Product> = found.get(&description)?;
    let product = product.filter(|product| product.offer.status != SaleStatus::Hidden);
    let product = product.ok_or_else(|| Refusal::not_found(Entity::Product, id))?;
    let at = shop.clock.now();
    let limit = product.limit.map(|limit| (limit, keys::limit(user, id, limit.period(at))));
    let offer = product.offer_at(at).copied();
    let parts = quotas::counters(&product, at);
    let wanted: Vec<Key> = limit.iter().map(|(_, key)| key.clone()).chain(parts.iter().cloned()).collect();
    let found = shop.table.get_all(&wanted, Consistency::Strong, &mut backoff).await?;
    let of_limit = match &limit {
        None => None,
        Some((limit, key)) => {
            let count: Option<LimitCount> = found.get(key)?;
            Some((count.unwrap_or_default().units, limit.left(count)))
        }
    };
    let counts = parts.iter().map(|key| Ok(found.get(key)?.unwrap_or_default()));
    let counts: Vec<QuotaCount> = counts.collect::<Result<_, StoreError>>()?;
    let left = |offer: TimedOffer| {
        let quota = offer.quota?;
        Some(quota.left(&counts).iter().fold(0_i64, |sum, left| sum.saturating_add(*left)))
    };
    Ok(Yours { of_limit, offer: offer.map(|offer| (offer, left(offer))), product })
}

fn visible(stocked: Stocked) -> Result<Stocked, Failure> {
    if stocked.product.offer.status == SaleStatus::Hidden {
        return Err(Refusal::not_found(Entity::Product, &stocked.product.product_id).into());
    }
    Ok(stocked)
}

/// Returns a product that the caller may change, in any sale status, with its stock.
///
/// # Errors
/// [`Refusal::NotFound`] if there is none or it is another seller's.
pub async fn get_owned(shop: &Shop, caller: &Caller, id: &ProductId) -> Result<Stocked, Failure> {
    let stocked = stocked(shop, id).await?;
    if !is_owned(&stocked.product, caller) {
        return Err(Refusal::not_found(Entity::Product, id).into());
    }
    Ok(stocked)
}

/// Reads a product and its first shard in one round trip; if it has more shards, they take one more.
async fn stocked(shop: &Shop, id: &ProductId) -> Result<Stocked, Failure> {
    let mut backoff = shop.backoff();
    let (description, first) = (keys::product(id), keys::stock(id, 0));
    let found = shop.table.get_all(&[description.clone(), first], Consistency::Strong, &mut backoff).await?;
    let product: Product = found.get(&description)?.ok_or_else(|| Refusal::not_found(Entity::Product, id))?;
    let shards = inventory::among_or_read(shop, &found, id, product.stock_shards, &mut backoff).await?;
    Ok(Stocked { stock: inventory::total(&shards), product })
}

/// Returns up to `limit` products after `skip` others (by page) or after the position of an earlier part (by cursor).
/// There are fewer if they have many shards; `next` is then the position to go on from.
///
/// # Errors
/// If the table cannot be reached.
pub async fn list(shop: &Shop, after: Option<String>, skip: usize, limit: usize) -> Result<Catalogue, Failure> {
    let place = after.and_then(|sk| {
        let id: ProductId = keys::id_at(&sk)?;
        Some((keys::product(&id), sk))
    });
    let range = Range::by_time(keys::PRODUCTS.to_owned()).after_indexed(place);
    let page = shop.table.query::<rows::ProductByTime>(range, skip.saturating_add(limit)).await?;
    let mut next = page.records.last().filter(|_| page.more).map(|row| row.position.clone());

    let mut rows: Vec<(ProductId, rows::ProductByTime)> = Vec::new();
    let mut shards = 0_usize;
    for row in page.records.into_iter().skip(skip) {
        let id: ProductId = keys::id_at(&row.position).ok_or(Failure::Internal("an index key ends with an id"))?;
        let Some((_, stock_shards)) = row.description() else {
            tracing::error!(product.id = %id, "a product cannot be read and is left out");
            continue;
        };
        shards = shards.saturating_add(stock_shards.into());
        if let Some((_, last)) = rows.last().filter(|_| shards > shop.bounds.list_shards) {
            next = Some(last.position.clone());
            break;
        }
        rows.push((id, row));
    }
    let shard_keys = |(id, row): &(ProductId, rows::ProductByTime)| {
        let (_, stock_shards) = row.description()?;
        Some((0..stock_shards).map(|number| keys::stock(id, number)).collect::<Vec<_>>())
    };
    let wanted: Vec<Key> = rows.iter().filter_map(shard_keys).flatten().collect();
    let mut backoff = shop.backoff();
    let found = shop.table.get_all(&wanted, Consistency::Strong, &mut backoff).await?;

    let mut items = Vec::new();
    for (product_id, row) in rows {
        let Some((name, stock_shards)) = row.description() else { continue };
        let shards = inventory::among_or_read(shop, &found, &product_id, stock_shards, &mut backoff).await;
        let Some(shards) = readable(&keys::product(&product_id), shards)? else { continue };
        // The index lags; the shards do not. A product that has just gone off sale is left out here.
        if let Some(first) = shards.first().filter(|shard| shard.offer.status == SaleStatus::OnSale) {
            let (name, offer, stock) = (name.to_owned(), first.offer, inventory::total(&shards));
            items.push(Listed { product_id, name, offer, stock });
        }
    }
    Ok(Catalogue { items, next })
}

/// The same part from the cache, if it was read less than [`Bounds::recent_age`] ago.
///
/// [`Bounds::recent_age`]: super::Bounds::recent_age
///
/// # Errors
/// As [`list`].
pub async fn list_recent(
    shop: &Shop,
    after: Option<String>,
    skip: usize,
    limit: usize,
) -> Result<Recent<Catalogue>, Failure> {
    let part = (after, skip, limit);
    if let Some((as_of, value)) = shop.cached_catalogue(&part) {
        return Ok(Recent { value, as_of, may_be_kept: false });
    }
    let as_of = shop.clock.now();
    let value = list(shop, part.0.clone(), skip, limit).await?;
    shop.cache_catalogue(part, as_of, &value);
    Ok(Recent { value, as_of, may_be_kept: shop.is_recent(as_of) })
}

/// Changes a product. Until it returns, the old price is valid. If the product has several shards, each gets the new
/// one by itself, since one commit on all of them would hardly find a moment without a sale from one.
///
/// New shards are added in the product's own commit, and get their part of the units after it; shards are retired one
/// by one. If it stops half-way, the total stock is unchanged, and a repetition goes on from there. The sweep brings
/// the new price to shards that lack it.
///
/// # Errors
/// [`Refusal::NotFound`] if there is none or it is another seller's, [`Refusal::PreconditionFailed`].
pub async fn update(shop: &Shop, caller: &Caller, id: &ProductId, change: &ProductChange) -> Result<Stocked, Failure> {
    let mut backoff = shop.backoff();
    loop {
        let seen = owned(shop, caller, id).await?;
        change.precondition.check(&seen.etag()).map_err(Refusal::from)?;
        let now = changed(shop, &seen, change)?.swept_from(shop.clock.now());
        let now = Product { updated_at: Some(shop.clock.now().max(seen.last_updated())), ..now };
        match commit_change(shop, &seen, &now, Transaction::new(), &mut backoff).await? {
            None if now.offer == seen.offer && change.names_the_offer() => {
                // A repetition of a change that died half-way.
                spread_offer(shop, &now, seen.stock_shards, &mut backoff).await?;
                break;
            }
            None => break,
            Some(_) => backoff.pause("a product changed meanwhile").await?,
        }
    }
    if let Patch::Set(count) = change.stock_shards {
        inventory::shrink(shop, id, count, Shrinking::ByHand, &mut backoff).await?;
        inventory::level(shop, id, &mut backoff).await?;
    }
    stocked(shop, id).await
}

/// Commits a changed product, together with `others`; returns the condition failures if it is refused. If the product
/// has one shard, that gets a new offer in the same commit, else each does after it.
pub(super) async fn commit_change(
    shop: &Shop,
    before: &Product,
    after: &Product,
    others: Transaction,
    backoff: &mut Backoff,
) -> Result<Option<ConditionFailures>, Failure> {
    let id = &before.product_id;
    let is_one_commit = before.stock_shards == 1;
    let mut transaction = others;
    transaction.add(products::replace(before, after));
    if is_one_commit && after.offer != before.offer {
        transaction.add(shards::set_offer(id, 0, &after.offer, after.version));
    }
    for number in before.stock_shards..after.stock_shards {
        transaction.add(shards::create(id, number, &Shard::new(0, after.offer, after.version)));
    }
    if let Outcome::Refused(failures) = shop.table.commit(transaction, backoff).await? {
        return Ok(Some(failures));
    }
    if !is_one_commit && after.offer != before.offer {
        spread_offer(shop, after, before.stock_shards, backoff).await?;
    }
    shop.invalidate_product(id);
    shop.invalidate_stock(id);
    Ok(None)
}

/// Sets the offer of each of the first `count` shards to the product's, unless it has that of a later version.
async fn spread_offer(shop: &Shop, product: &Product, count: u16, backoff: &mut Backoff) -> Result<(), Failure> {
    for number in 0..count {
        inventory::set_offer(shop, product, number, backoff).await?;
    }
    Ok(())
}

fn changed(shop: &Shop, seen: &Product, change: &ProductChange) -> Result<Product, Failure> {
    let ProductChange {
        precondition: _,
        name,
        description,
        category,
        price,
        discount,
        status,
        stock_shards,
        flash,
        needs_shipping,
        limit,
        sale_from,
        sale_until,
        offers,
    } = change.clone();
    let offer = Offer {
        price: price.unwrap_or(seen.offer.price),
        discount: discount.unwrap_or(seen.offer.discount),
        ..seen.offer
    };
    check_discount(&offer)?;
    let own_status = status.unwrap_or(seen.own_status());
    let changed = Product {
        name: name.unwrap_or_else(|| seen.name.clone()),
        description: description.apply(seen.description.clone()),
        category: category.apply(seen.category.clone()),
        offer,
        needs_shipping: needs_shipping.unwrap_or(seen.needs_shipping),
        version: seen.version.saturating_add(1),
        ..seen.clone()
    };
    let limit = limit.map(|limit| limit.replacing(seen.limit, changed.version)).apply(seen.limit);
    let window = SaleWindow { from: sale_from.apply(seen.window.from), until: sale_until.apply(seen.window.until) };
    check_window(&window)?;
    let offers = match offers {
        Patch::Keep => seen.offers.clone(),
        Patch::Clear => Vec::new(),
        Patch::Set(offers) => replacing(shop, &seen.offers, &offers, &changed)?,
    };
    check_price(changed.offer.price, &offers, shop.clock.now())?;
    // A smaller number of shards is handled apart.
    let changed = changed.at_scale(seen.scale().changed(stock_shards, flash));
    Ok(changed.with_terms(limit, window, offers).with_own_status(own_status))
}

/// The quantity and the discount of each offer of a request.
const OFFER_FIELDS: [[&str; 2]; timed_offer::MAX_OFFERS] = [
    ["offers[0].quantity", "offers[0].discount"],
    ["offers[1].quantity", "offers[1].discount"],
    ["offers[2].quantity", "offers[2].discount"],
    ["offers[3].quantity", "offers[3].discount"],
    ["offers[4].quantity", "offers[4].discount"],
    ["offers[5].quantity", "offers[5].discount"],
    ["offers[6].quantity", "offers[6].discount"],
    ["offers[7].quantity", "offers[7].discount"],
    ["offers[8].quantity", "offers[8].discount"],
    ["offers[9].quantity", "offers[9].discount"],
];

/// The timed offers that replace others of a product.
fn replacing(
    shop: &Shop,
    before: &[TimedOffer],
    new: &[NewOffer],
    product: &Product,
) -> Result<Vec<TimedOffer>, Failure> {
    let price = product.offer.price;
    let fields = |index: usize| OFFER_FIELDS.get(index).copied().unwrap_or(["offers"; 2]);
    if let Some(index) = new.iter().position(|offer| offer.discount > price) {
        let [_, discount] = fields(index);
        return Err(Failure::Invalid(discount, Invalid::Range { min: 0, max: price.get() }));
    }
    TimedOffer::replacing(before, new, product.version, shop.bounds.quota_part_units).map_err(|(index, invalid)| {
        let [quantity, _] = fields(index);
        Failure::Invalid(quantity, invalid)
    })
}

/// Refuses a price below the discount of an offer that runs or is to come.
fn check_price(price: Won, offers: &[TimedOffer], at: Timestamp) -> Result<(), Failure> {
    let open = offers.iter().filter(|offer| at < offer.until);
    match open.map(|offer| offer.discount).max().filter(|discount| *discount > price) {
        Some(discount) => Err(Failure::Invalid("price", Invalid::Range { min: discount.get(), max: Price::MAX })),
        None => Ok(()),
    }
}

fn check_window(window: &SaleWindow) -> Result<(), Failure> {
    if window.is_valid() { Ok(()) } else { Err(Failure::Invalid("saleUntil", Invalid::After("saleFrom"))) }
}

fn check_discount(offer: &Offer) -> Result<(), Failure> {
    if offer.discount > offer.price {
        let max = offer.price.get();
        return Err(Failure::Invalid("discount", Invalid::Range { min: 0, max }));
    }
    Ok(())
}

/// Adds units to the stock, or takes some away by hand (a negative quantity).
///
/// # Errors
/// [`Refusal::NotFound`] if there is none or it is another seller's, [`Refusal::StockNotEnough`] if fewer units are
/// there than are to be taken, [`Refusal::LimitExceeded`] if the stock would exceed [`MAX_UNITS`].
pub async fn restock(
    shop: &Shop,
    caller: &Caller,
    id: &ProductId,
    quantity: i64,
    key: &RequestKey,
) -> Result<Stocked, Failure> {
    let restocked =
        idempotency::unless_answered(shop, key, restock_once(shop, caller, id, quantity, key).await).await?;
    // The caller of a replay may not see it any more.
    owned(shop, caller, &restocked.product_id).await?;
    stocked(shop, &restocked.product_id).await
}

async fn restock_once(
    shop: &Shop,
    caller: &Caller,
    id: &ProductId,
    quantity: i64,
    key: &RequestKey,
) -> Result<IdempotentOutcome, Failure> {
    let mut backoff = shop.backoff();
    loop {
        let product = owned(shop, caller, id).await?;
        let restocked = IdempotentOutcome { product_id: id.clone() };
        let mut transaction = Transaction::new();
        let shards = inventory::read(shop, id, product.stock_shards, &mut backoff).await?;
        if quantity >= 0 {
            let room = MAX_UNITS.checked_sub(inventory::total(&shards)).and_then(|room| room.checked_sub(quantity));
            let Some(room) = room.filter(|room| *room >= 0) else {
                return Err(Refusal::LimitExceeded { limit: "stock", max: MAX_UNITS }.into());
            };
            // Each shard may have grown since by its part of the room that is left, so all of them never hold too much.
            let count = u16::try_from(shards.len()).unwrap_or(u16::MAX);
            let parts = spread(quantity, count).into_iter().zip(spread(room, count));
            for ((shard, (units, room)), number) in shards.iter().zip(parts).zip(0..) {
                transaction.add(shards::receive(id, number, units, shard.remaining.saturating_add(room)));
            }
        } else {
            let remaining: Vec<i64> = shards.iter().map(|shard| shard.remaining).collect();
            let wanted = quantity.saturating_neg();
            let takes = allocate(wanted, &remaining, 0).ok_or_else(|| Refusal::StockNotEnough {
                product_id: id.clone(),
                requested: wanted,
                available: inventory::total(&shards),
            })?;
            for take in takes {
                transaction.add(shards::withdraw(id, take));
            }
        }
        match idempotency::transact(shop, transaction, key, restocked, Keep::AWeekAlways, &mut backoff).await? {
            Transacted::Committed(restocked) => {
                shop.invalidate_product_sold_out(id);
                shop.invalidate_stock(id);
                return Ok(restocked);
            }
            Transacted::Replayed(first) => return Ok(first),
            Transacted::Refused(_) => {}
        }
        backoff.pause("the stock changed meanwhile").await?;
    }
}

pub(super) async fn described(shop: &Shop, id: &ProductId) -> Result<Product, Failure> {
    let product: Option<Product> = shop.table.get(keys::product(id), Consistency::Strong).await?;
    product.ok_or_else(|| Refusal::not_found(Entity::Product, id).into())
}

/// A product that the caller may change.
async fn owned(shop: &Shop, caller: &Caller, id: &ProductId) -> Result<Product, Failure> {
    let product = described(shop, id).await?;
    if is_owned(&product, caller) { Ok(product) } else { Err(Refusal::not_found(Entity::Product, id).into()) }
}

fn is_owned(product: &Product, caller: &Caller) -> bool {
    match caller.role {
        Role::Admin => true,
        Role::Seller => product.seller_id.as_ref() == Some(&caller.user_id),
        Role::Customer => false,
    }
}

/// Products by id, with current names and prices. An unreadable one is left out.
pub(super) async fn describe(
    shop: &Shop,
    ids: &[ProductId],
    backoff: &mut Backoff,
) -> Result<HashMap<ProductId, Product>, Failure> {
    let wanted: Vec<Key> = ids.iter().map(keys::product).collect();
    let found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;
    let mut products = HashMap::new();
    for (id, key) in ids.iter().zip(&wanted) {
        if let Some(product) = readable(key, found.get::<Product>(key).map_err(Failure::from))?.flatten() {
            products.insert(id.clone(), product);
        }
    }
    Ok(products)
}
