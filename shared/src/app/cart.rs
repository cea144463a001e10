//! The cart: adding and removing products, and its items at current prices.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Failure, RequestKey, Shop, balance,
    idempotency::{self, Keep, Transacted},
    inventory, readable,
};
use crate::{
    domain::{
        ProductId, Quantity, Refusal, UserId, Won,
        account::Account,
        cart::Cart,
        pricing::PricedLine,
        product::{Offer, Product, SaleStatus},
        refusal::Entity,
    },
    store::{Applied, Backoff, Consistency, Key, Transaction, carts, keys},
};

/// A cart at current prices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveCart {
    /// The items, in the order of the products' ids.
    pub items: Vec<LiveItem>,
    /// The amount of all items that are on sale.
    pub total: Won,
}

/// A product in a cart, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveItem {
    pub product_id: ProductId,
    pub name: String,
    /// The price, and whether it can be bought. Never HIDDEN: such a product shows nothing.
    pub offer: Offer,
    /// Units in stock.
    pub stock: i64,
    /// Units in the cart.
    pub quantity: Quantity,
    /// The price of the units in the cart, if they are on sale.
    pub amount: Won,
}

impl LiveItem {
    /// A product with this stock.
    ///
    /// # Errors
    /// If the amount overflows, which the bounds of prices and quantities exclude.
    pub fn of(
        product_id: ProductId,
        name: String,
        offer: Offer,
        stock: i64,
        quantity: Quantity,
    ) -> Result<Self, Failure> {
        let amount = match offer.status {
            SaleStatus::OnSale => {
                PricedLine { unit_price: offer.price, unit_discount: offer.discount, quantity, outside_scope: false }
                    .amount()
            }
            SaleStatus::Discontinued => Some(Won::ZERO),
            SaleStatus::Hidden => return Ok(Self::of_hidden(product_id, quantity)),
        };
        let amount = amount.ok_or(Failure::Internal("the largest item of a cart fits an amount"))?;
        Ok(Self { product_id, name, offer, stock, quantity, amount })
    }

    /// A hidden product shows nothing but its id, which the user who added it knows.
    fn of_hidden(product_id: ProductId, quantity: Quantity) -> Self {
        Self {
            name: product_id.to_string(),
            product_id,
            offer: Offer { price: Won::ZERO, discount: Won::ZERO, status: SaleStatus::Discontinued, terms: None },
            stock: 0,
            quantity,
            amount: Won::ZERO,
        }
    }
}

/// The result of an addition.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Added {
    user_id: UserId,
    /// The cart right after, if the update returned it. A repetition shows the cart at its own time.
    #[serde(skip)]
    cart: Option<Cart>,
}

/// Adds units of a product to a user's cart, and returns the cart.
///
/// Concurrent changes of the cart all count: units are added by one conditional update of the stored cart. Run twice
/// with one key it adds once, because the key's record is in the same transaction. Without a key the update is sent
/// once, so that one request never adds twice.
///
/// The sale status of the product may come from the cache, for as long as a product's name may. A product that has gone
/// off sale meanwhile shows as such in the cart, and no order takes it.
///
/// # Errors
/// The first of: [`Refusal::NotFound`] for the user or the product, [`Refusal::NotOnSale`], [`Refusal::LimitExceeded`]
/// if the cart has no room for it.
pub async fn add(
    shop: &Shop,
    user: &UserId,
    product: &ProductId,
    quantity: Quantity,
    key: &RequestKey,
) -> Result<LiveCart, Failure> {
    let mut backoff = shop.backoff();
    let added = add_once(shop, user, product, quantity, key, &mut backoff).await;
    let Added { user_id, cart } = idempotency::unless_answered(shop, key, added).await?;
    let cart = match cart {
        Some(cart) => cart,
        None => read(shop, &user_id).await?,
    };
    live(shop, &cart, &mut backoff).await
}

async fn add_once(
    shop: &Shop,
    user: &UserId,
    product: &ProductId,
    quantity: Quantity,
    key: &RequestKey,
    backoff: &mut Backoff,
) -> Result<Added, Failure> {
    may_add(shop, user, product, backoff).await?;
    let added = |cart: Option<Cart>| Added { user_id: user.clone(), cart };
    let first = Cart::with(product.clone(), quantity);
    // A user who has a cart exists. Only without one there is more to find out.
    let mut has_cart = true;
    loop {
        let there: Option<Cart> = if has_cart && !key.given {
            let add = carts::add(user, product, quantity, shop.bounds.cart_items);
            match shop.table.apply_once(&add, backoff).await? {
                Applied::Done(cart) => return Ok(added(Some(cart))),
                Applied::Refused(there) => there,
            }
        } else {
            let mut transaction = Transaction::new();
            let change = match has_cart {
                true => carts::add(user, product, quantity, shop.bounds.cart_items),
                false => carts::create(user, &first),
            };
            let change = transaction.add(change);
            match idempotency::transact(shop, transaction, key, added(None), Keep::AWeek, backoff).await? {
                Transacted::Committed(_) => return Ok(added((!has_cart).then_some(first))),
                Transacted::Replayed(earlier) => return Ok(earlier),
                Transacted::Refused(failures) => failures.of(change)?.flatten(),
            }
        };
        match there {
            Some(cart) if has_cart => cart.check_room(product, quantity, shop.bounds.cart_items)?,
            Some(_) => has_cart = true,
            None => {
                must_exist(shop, user).await?;
                has_cart = false;
            }
        }
        backoff.retry("the cart changed meanwhile").await?;
    }
}

/// Refuses a product that cannot be added to a cart. A user who is not active can still add one.
async fn may_add(shop: &Shop, user: &UserId, id: &ProductId, backoff: &mut Backoff) -> Result<(), Failure> {
    if shop.cached_product(id).is_some_and(|product| product.offer.status == SaleStatus::OnSale) {
        return Ok(());
    }
    let (account, description) = (keys::account(user), keys::product(id));
    let known = shop.cached_account(user).is_some();
    let mut wanted = vec![description.clone()];
    wanted.extend((!known).then(|| account.clone()));
    let found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;
    if !known && found.get::<Account>(&account)?.is_none() {
        return Err(Refusal::not_found(Entity::User, user).into());
    }
    let product = found.get::<Product>(&description)?.filter(|product| product.offer.status != SaleStatus::Hidden);
    let product = product.ok_or_else(|| Refusal::not_found(Entity::Product, id))?;
    if product.offer.status != SaleStatus::OnSale {
        return Err(Refusal::NotOnSale { product_id: id.clone() }.into());
    }
    shop.cache_product(&product);
    Ok(())
}

async fn must_exist(shop: &Shop, user: &UserId) -> Result<(), Failure> {
    if shop.cached_account(user).is_none() {
        balance::get(shop, user).await?;
    }
    Ok(())
}

/// Returns a user's cart at current prices.
///
/// # Errors
/// [`Refusal::NotFound`] if the user is unknown.
pub async fn get(shop: &Shop, user: &UserId) -> Result<LiveCart, Failure> {
    let cart = read(shop, user).await?;
    live(shop, &cart, &mut shop.backoff()).await
}

/// Returns a user's cart, including every acknowledged change; empty if nothing was ever added to it.
///
/// # Errors
/// [`Refusal::NotFound`] if the user is unknown.
pub(super) async fn read(shop: &Shop, user: &UserId) -> Result<Cart, Failure> {
    match shop.table.get(keys::cart(user), Consistency::Strong).await? {
        Some(cart) => Ok(cart),
        None => must_exist(shop, user).await.map(|()| Cart::default()),
    }
}

/// Removes a product from a user's cart. Idempotent.
///
/// # Errors
/// [`Refusal::NotFound`] if the user is unknown.
pub async fn remove(shop: &Shop, user: &UserId, product: &ProductId) -> Result<(), Failure> {
    let remove = carts::remove(user, product);
    match shop.table.apply::<Cart>(&remove, &mut shop.backoff()).await? {
        Applied::Done(_) | Applied::Refused(Some(_)) => Ok(()),
        Applied::Refused(None) => must_exist(shop, user).await,
    }
}

/// Returns a cart with the prices, sale status and stock in the shards. A shard that was added within the minute may be
/// missed. There are at most [`cart_items`](super::Bounds::cart_items) products to read, of at most
/// [`MAX_SHARDS`](crate::domain::inventory::MAX_SHARDS) shards each.
///
/// # Errors
/// If the table cannot be reached.
pub(super) async fn live(shop: &Shop, cart: &Cart, backoff: &mut Backoff) -> Result<LiveCart, Failure> {
    let mut described = describe(shop, cart, backoff).await?;
    let shelf = |product: &Product| {
        let id = product.product_id.clone();
        (0..product.stock_shards).map(move |number| keys::stock(&id, number))
    };
    let wanted: Vec<Key> = described.values().flat_map(shelf).collect();
    let found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;

    let mut items = Vec::new();
    for (id, &quantity) in &cart.items {
        items.push(match described.remove(id) {
            None => LiveItem::of_hidden(id.clone(), quantity),
            Some(product) => {
                let shards = inventory::among_or_read(shop, &found, id, product.stock_shards, backoff).await;
                let Some(shards) = readable(&keys::product(id), shards)? else {
                    items.push(LiveItem::of_hidden(id.clone(), quantity));
                    continue;
                };
                if shards.iter().any(|shard| shard.offer != product.offer) {
                    shop.invalidate_product(id);
                }
                let offer = shards.first().map_or(product.offer, |shard| shard.offer);
                LiveItem::of(product.product_id, product.name, offer, inventory::total(&shards), quantity)?
            }
        });
    }
    let total = Won::checked_sum(items.iter().map(|item| item.amount));
    Ok(LiveCart { items, total: total.ok_or(Failure::Internal("the largest cart fits an amount"))? })
}

/// The products of a cart, from the cache or read. A name may lag by a moment, so an eventual read is enough. Only
/// missing products are read again: they may have only just been created.
async fn describe(shop: &Shop, cart: &Cart, backoff: &mut Backoff) -> Result<BTreeMap<ProductId, Product>, Failure> {
    let cached = |id: &ProductId| Some((id.clone(), shop.cached_product(id)?));
    let mut described: BTreeMap<ProductId, Product> = cart.items.keys().filter_map(cached).collect();
    for consistency in [Consistency::Eventual, Consistency::Strong] {
        let missing: Vec<&ProductId> = cart.items.keys().filter(|id| !described.contains_key(id)).collect();
        let wanted: Vec<Key> = missing.iter().map(|id| keys::product(id)).collect();
        let found = shop.table.get_all(&wanted, consistency, backoff).await?;
        for (id, key) in missing.into_iter().zip(&wanted) {
            // An unreadable one is shown as hidden, and can be removed.
            if let Some(product) = readable(key, found.get::<Product>(key).map_err(Failure::from))?.flatten() {
                // Only products on sale are cached: a cached record refuses no order.
                if product.offer.status == SaleStatus::OnSale {
                    shop.cache_product(&product);
                }
                described.insert(id.clone(), product);
            }
        }
    }
    Ok(described)
}
