//! The preconditions of an order: the records that its commit is derived from, and asserts.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter,
};

use jiff::Timestamp;

use super::{
    reserve::ReservedUnits,
    source::{Item, ResolvedItems},
};
use crate::{
    app::{
        Failure, Shop, accounts, addresses, coupons,
        drops::{self, Admission},
        inventory, inventory_sweep, scaling, seller_shipping,
    },
    domain::{
        CouponId, DropId, OrderId, ProductId, Quantity, Refusal, UserId, Won,
        account::Account,
        budget::{self, BudgetLeft, Spend},
        cart::Cart,
        coupon::CouponProblem,
        coupon::IssuedCoupon,
        drops::DropTicket,
        id::bucket,
        inventory::{Shard, Take, allocate},
        order::{LineStatus, OrderLine},
        product::{Offer, Product, SaleStatus},
        purchase_limit::LimitCount,
        refusal::Entity,
        sheet::OrderSheet,
        shipping::ShippingRates,
        timed_offer::{self, QuotaCount, QuotaId, QuotaUse, TimedOffer},
    },
    store::{
        Backoff, ConditionFailures, Consistency, Contention, Found, Key, Outcome, StoreError, Transaction,
        action::ActionIndex, keys, orders::OrderRecord, quotas, sheets::SheetRecord,
    },
};

#[derive(Debug)]
pub(super) struct Preconditions {
    pub(super) account: Account,
    pub(super) coupon_id: Option<CouponId>,
    pub(super) coupon: Option<IssuedCoupon>,
    /// The budget of the coupon's campaign, once it was read.
    budget: BudgetLeft,
    /// The won to take from its shards.
    pub(super) spends: Vec<Spend>,
    /// In the order of the request.
    pub(super) lines: Vec<LinePreconditions>,
    /// The sheet with the offers at which the lines are sold.
    pub(super) sheet: Option<OrderSheet>,
    /// The cart that the lines leave.
    pub(super) cart: Option<Cart>,
    /// The drops that guard the products, as far as [`Self::admit`] knew.
    admitted_by: BTreeSet<DropId>,
    /// The ticket that admits the user to guarded products.
    pub(super) admission: Option<Admission>,
}

/// The preconditions that may come from the cache, since a commit is going to assert them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    Cache,
    /// All but the account, whose caps change with concurrent orders.
    CacheExceptAccount,
    /// None: no commit is going to assert them.
    ReadAll,
}

/// The preconditions of one line: its product as it is known, and the shards of its units.
#[derive(Debug)]
pub(super) struct LinePreconditions {
    pub(super) product: Product,
    pub(super) quantity: Quantity,
    /// The units to take by shard, without the reserved ones.
    pub(super) takes: Vec<Take>,
    /// The units reserved ahead of the commit.
    pub(super) reserved: ReservedUnits,
    /// The price that the order must have, if the request or a sheet has one.
    quoted: Option<Quoted>,
    /// The counters of the quota of a timed offer, once they were read. Unread ones are taken for low enough.
    quota: Option<KnownQuota>,
    /// The part of a quota that the order takes from if it has enough, as a number to be reduced to that of the parts.
    preferred_part: u16,
    /// The most shards that the units may come from, so that all lines fit one transaction.
    most_takes: usize,
}

/// The counters of a quota as they were read.
#[derive(Debug)]
struct KnownQuota {
    id: QuotaId,
    counts: Vec<QuotaCount>,
}

/// The expected price of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quoted {
    /// Price and discount, by a sheet.
    Offer(Offer),
    /// The cost of a unit, by the customer.
    Cost(Won),
}

/// The most actions of an order's transaction beside those of its lines: order, account, ledger entry, coupon, sheet,
/// cart, ticket of a drop, and shards of a budget.
const ACTIONS_BESIDE_LINES: usize = 7 + budget::MAX_SHARDS as usize;

/// The most purchase limits and quotas of timed offers of an order's lines: each takes an action of its transaction beside
/// those of the units. A change of the order returns all of them in one transaction, too.
const MAX_LIMITED_LINES: u16 = 30;

/// The purchase limits and quotas of the lines of these products, each an action.
fn limited_lines(products: &[Product]) -> Result<usize, Refusal> {
    let has_quota = |product: &Product| product.offers.iter().any(|offer| offer.quota.is_some());
    let counters = |product: &Product| usize::from(product.limit.is_some()) + usize::from(has_quota(product));
    let limited = products.iter().map(counters).sum();
    if limited > usize::from(MAX_LIMITED_LINES) {
        return Err(Refusal::LimitExceeded { limit: "limitedLines", max: MAX_LIMITED_LINES.into() });
    }
    Ok(limited)
}

/// The actions of a transaction that assert the preconditions.
#[derive(Debug)]
pub(super) struct Asserted {
    pub(super) account: ActionIndex,
    pub(super) coupon: Option<ActionIndex>,
    /// For each shard of the budget that is spent from.
    pub(super) budget: Vec<ActionIndex>,
    pub(super) sheet: Option<ActionIndex>,
    pub(super) cart: Option<ActionIndex>,
    pub(super) ticket: Option<ActionIndex>,
    /// For each line, if its product has a purchase limit.
    pub(super) limits: Vec<Option<ActionIndex>>,
    /// For each line, if it takes from a quota.
    pub(super) quotas: Vec<Option<ActionIndex>>,
    /// For each line, for each of its takes.
    pub(super) takes: Vec<Vec<ActionIndex>>,
    /// For each line, for each of its reservations.
    pub(super) claims: Vec<Vec<ActionIndex>>,
}

impl Asserted {
    /// The account alone.
    pub(super) fn only_account(account: ActionIndex) -> Self {
        let (budget, limits, quotas) = (Vec::new(), Vec::new(), Vec::new());
        let (takes, claims) = (Vec::new(), Vec::new());
        Self { account, coupon: None, budget, sheet: None, cart: None, ticket: None, limits, quotas, takes, claims }
    }
}

impl Preconditions {
    /// Gathers the preconditions: from the cache, and the rest in one round trip.
    ///
    /// # Errors
    /// In this order: an unknown or inactive user, an unknown product, one that is not on sale.
    pub(super) async fn gather(
        shop: &Shop,
        order: &OrderId,
        user: &UserId,
        wanted: ResolvedItems,
        trust: Trust,
        backoff: &mut Backoff,
    ) -> Result<Self, Failure> {
        let ResolvedItems { items, coupon_id, sheet, cart } = wanted;
        let account_key = keys::account(user);
        let coupon_key = coupon_id.as_ref().map(|coupon| keys::user_coupon(user, coupon));
        let account = shop.cached_account(user).filter(|_| trust == Trust::Cache);
        let cached: BTreeMap<&ProductId, Product> = match trust {
            Trust::ReadAll => BTreeMap::new(),
            _ => items
                .iter()
                .filter_map(|item| Some((&item.product_id, shop.cached_product(&item.product_id)?)))
                .collect(),
        };

        let mut wanted: Vec<Key> = Vec::new();
        wanted.extend(account.is_none().then(|| account_key.clone()));
        wanted.extend(coupon_key.clone());
        // The answer to an order shows the address; a sheet has none.
        let shows_address = trust != Trust::ReadAll;
        let number = account.and_then(|account| account.ship_to());
        if shows_address {
            wanted.extend(match account {
                Some(_) => addresses::wanted(shop, user, number),
                // That of another number is read for the answer alone.
                None if shop.has_cached_address(user) => Vec::new(),
                None => addresses::wanted_current(user),
            });
        }
        let unknown = items.iter().filter(|item| !cached.contains_key(&item.product_id));
        wanted.extend(unknown.map(|item| keys::product(&item.product_id)));
        // The sheet has its fees. The sellers of unknown products are not known yet either.
        let read_at = shop.clock.now();
        let sellers = cached.values().filter_map(|product| product.seller_id.as_ref()).filter(|_| sheet.is_none());
        let sellers = seller_shipping::unknown(shop, sellers);
        wanted.extend(sellers.iter().map(keys::seller_shipping));
        let found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;

        seller_shipping::cache(shop, &sellers, &found, read_at)?;

        if shows_address {
            addresses::cache(shop, &found, user, number)?;
        }
        let is_cached = account.is_some();
        let account = match account {
            Some(account) => account,
            None => accounts::ensure_active(user, found.get(&account_key)?)?,
        };
        let coupon = coupon_key.map(|key| found.get(&key)).transpose()?.flatten();
        let mut products = Vec::new();
        for Item { product_id, .. } in &items {
            products.push(match cached.get(product_id) {
                Some(product) => Some(product.clone()),
                None => found.get::<Product>(&keys::product(product_id))?,
            });
        }
        let ids = items.iter().map(|item| &item.product_id);
        let products = match on_sale(ids, products) {
            Ok(products) => products,
            Err(refusal) => {
                if is_cached {
                    // No commit is going to assert the account now, and the refusals of the user come first.
                    accounts::read_account(shop, user).await?;
                }
                return Err(refusal.into());
            }
        };
        // Cached products keep their age.
        let read = products.iter().filter(|product| !cached.contains_key(&product.product_id));
        read.for_each(|product| shop.cache_product(product));

        let limited = limited_lines(&products)?;
        let room = shop.bounds.table.actions.saturating_sub(ACTIONS_BESIDE_LINES).saturating_sub(limited);
        let most_takes = room.checked_div(items.len()).unwrap_or(1).max(1);
        let preferred_part = bucket(order.as_str(), timed_offer::MAX_PARTS);
        let line = |(product, item): (Product, &Item)| {
            let shard = bucket(order.as_str(), product.stock_shards);
            let takes = vec![Take { shard, units: i64::from(item.quantity.get()) }];
            let quoted = item.expected_price.map(Quoted::Cost);
            LinePreconditions {
                product,
                quantity: item.quantity,
                takes,
                reserved: ReservedUnits::default(),
                quoted,
                quota: None,
                preferred_part,
                most_takes,
            }
        };
        let mut lines: Vec<LinePreconditions> = products.into_iter().zip(&items).map(line).collect();
        for (line, quoted) in lines.iter_mut().zip(sheet.iter().flat_map(|sheet| &sheet.items)) {
            let offer = Offer { price: quoted.unit_price, discount: quoted.unit_discount, ..line.product.offer };
            // The shards of a product with timed offers have its own discount, which may not be that of the sheet.
            if line.product.offers.is_empty() {
                line.product.offer = offer;
            }
            line.product.name.clone_from(&quoted.name);
            line.quoted = Some(Quoted::Offer(offer));
        }
        let (budget, spends) = (BudgetLeft::Unknown, Vec::new());
        let mut preconditions = Self {
            account,
            coupon_id,
            coupon,
            budget,
            spends,
            lines,
            sheet,
            cart,
            admitted_by: BTreeSet::new(),
            admission: None,
        };
        // No commit is going to tell, or most likely one would only be refused.
        let is_short = |line: &LinePreconditions| shop.is_quota_short(&line.product.product_id);
        if trust == Trust::ReadAll || preconditions.lines.iter().any(is_short) {
            preconditions.read_quotas(shop, backoff).await?;
        }
        if preconditions.is_outdated(shop.clock.now()) {
            // A refusal needs a fresh record.
            preconditions.refresh(shop, user, backoff).await?;
        }
        Ok(preconditions)
    }

    /// Admits the user to the products that a drop guards. A ticket is of one drop, so an order has products of at most
    /// one that is enabled.
    ///
    /// # Errors
    /// [`Refusal::NotAdmitted`].
    pub(super) async fn admit(
        &mut self,
        shop: &Shop,
        user: &UserId,
        ticket: Option<&DropTicket>,
    ) -> Result<(), Failure> {
        let guards = self.guards();
        let mut admission = None;
        for drop in &guards {
            admission = admission.or(drops::admit(shop, drop, user, ticket).await?);
        }
        (self.admitted_by, self.admission) = (guards, admission);
        Ok(())
    }

    /// Whether the user is admitted to all products as they are known now: one may have been read anew since.
    pub(super) fn is_admitted(&self) -> bool {
        self.admitted_by == self.guards()
    }

    fn guards(&self) -> BTreeSet<DropId> {
        self.lines.iter().filter_map(|line| line.product.drop_id.clone()).collect()
    }

    /// The rates of an order of this instant.
    pub(super) async fn rates(
        &self,
        shop: &Shop,
        at: Timestamp,
        backoff: &mut Backoff,
    ) -> Result<ShippingRates, Failure> {
        let sellers = self.lines.iter().filter_map(|line| line.product.seller_id.as_ref());
        seller_shipping::rates(shop, sellers, at, backoff).await
    }

    /// Whether some line cannot be sold at this instant as far as its product is known: it has another price than
    /// expected, or is sold at another time. A refusal needs a fresh record.
    pub(super) fn is_outdated(&self, at: Timestamp) -> bool {
        self.lines
            .iter()
            .any(|line| line.price_change(&line.product.offer, at).is_some() || !line.product.window.is_open(at))
    }

    /// Whether lines of this instant have other prices than these.
    pub(super) fn has_other_prices(&self, items: &[OrderLine], at: Timestamp) -> bool {
        self.lines.iter().zip(items).any(|(line, item)| {
            let offer = line.offer_at(&line.product.offer, at);
            (offer.price, offer.discount) != (item.unit_price, item.unit_discount)
        })
    }

    /// Reads user and products anew: their prices, sale status and shards, and the quotas of the timed offers that run.
    /// Returns the instant at which the lines can be sold by them.
    ///
    /// # Errors
    /// In this order: an unknown or inactive user, an unknown product, one that is not on sale or is sold at another time,
    /// one with another price than expected.
    pub(super) async fn refresh(
        &mut self,
        shop: &Shop,
        user: &UserId,
        backoff: &mut Backoff,
    ) -> Result<Timestamp, Failure> {
        let mut wanted = self.records(user);
        wanted.extend(self.quota_keys(shop.clock.now()));
        let found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;
        self.refresh_by(shop, user, (&wanted, &found), backoff).await
    }

    /// The records of the user and of the products.
    fn records(&self, user: &UserId) -> Vec<Key> {
        let products = self.lines.iter().map(|line| keys::product(&line.product.product_id));
        iter::once(keys::account(user)).chain(products).collect()
    }

    /// Refreshes by records that were just read, among them those that were wanted of the quotas.
    async fn refresh_by(
        &mut self,
        shop: &Shop,
        user: &UserId,
        (wanted, found): (&[Key], &Found),
        backoff: &mut Backoff,
    ) -> Result<Timestamp, Failure> {
        self.account = accounts::ensure_active(user, found.get(&keys::account(user))?)?;
        let ids = || self.lines.iter().map(|line| &line.product.product_id);
        let products = ids().map(|id| found.get::<Product>(&keys::product(id))).collect::<Result<_, _>>()?;
        let products = on_sale(ids(), products)?;
        let at = shop.clock.now();
        check_windows(&products, at)?;
        limited_lines(&products)?;
        for (line, product) in self.lines.iter_mut().zip(products) {
            shop.cache_product(&product);
            // The name of a product on a sheet stays.
            let name = if self.sheet.is_some() { line.product.name.clone() } else { product.name.clone() };
            line.product = Product { name, ..product };
        }
        let keys = self.quota_keys(at);
        if keys.iter().all(|key| wanted.contains(key)) {
            self.learn_quotas(shop, at, found)?;
        } else {
            let found = shop.table.get_all(&keys, Consistency::Strong, backoff).await?;
            self.learn_quotas(shop, at, &found)?;
        }
        self.check_prices(at)?;
        Ok(at)
    }

    /// Refuses lines with another price than expected, by records that were just read.
    fn check_prices(&self, at: Timestamp) -> Result<(), Refusal> {
        let change = self.lines.iter().find_map(|line| line.price_change(&line.product.offer, at));
        change.map_or(Ok(()), Err)
    }

    /// The counters of the quotas of the offers that run at an instant.
    fn quota_keys(&self, at: Timestamp) -> Vec<Key> {
        self.lines.iter().flat_map(|line| quotas::counters(&line.product, at)).collect()
    }

    /// Reads the quotas of the timed offers that run. Only where no commit is going to assert them, or one has been
    /// refused: an order else takes for granted that they suffice.
    pub(super) async fn read_quotas(&mut self, shop: &Shop, backoff: &mut Backoff) -> Result<(), Failure> {
        let at = shop.clock.now();
        let found = shop.table.get_all(&self.quota_keys(at), Consistency::Strong, backoff).await?;
        self.learn_quotas(shop, at, &found)
    }

    /// Whether the line of some offer that runs is priced without a look at the quota. A refusal needs one.
    pub(super) fn has_unread_quota(&self, at: Timestamp) -> bool {
        let is_unread = |line: &LinePreconditions| {
            let offer = line.product.offer_at(at).filter(|offer| offer.quota.is_some());
            offer.is_some_and(|offer| line.quota_left(offer).is_none())
        };
        self.lines.iter().any(is_unread)
    }

    fn learn_quotas(&mut self, shop: &Shop, at: Timestamp, found: &Found) -> Result<(), Failure> {
        for line in &mut self.lines {
            line.learn_quota(at, found)?;
            if line.missing_at_offer(at).is_some() {
                shop.cache_quota_short(&line.product.product_id, at);
            }
        }
        Ok(())
    }

    /// Refreshes the preconditions from the failures of a refused transaction, so that the retry fits.
    ///
    /// # Errors
    /// The refusals by the new preconditions, in this order: user, product, sale status, stock, coupon, ticket.
    pub(super) async fn refresh_from(
        &mut self,
        shop: &Shop,
        user: &UserId,
        failures: &ConditionFailures,
        asserted: &Asserted,
        backoff: &mut Backoff,
    ) -> Result<(), Failure> {
        if let Some(account) = failures.of::<Account>(asserted.account)? {
            self.account = accounts::ensure_active(user, account)?;
        }
        let at = shop.clock.now();
        let mut not_on_sale = None;
        let mut price_changed = None;
        let (mut short, mut outdated) = (Vec::new(), Vec::new());
        for (index, (line, positions)) in self.lines.iter_mut().zip(&asserted.takes).enumerate() {
            for (position, take) in positions.iter().zip(line.takes.clone()) {
                let Some(shard) = failures.of::<Shard>(*position)? else {
                    continue;
                };
                let id = &line.product.product_id;
                let Some(shard) = shard else {
                    // The product has fewer shards by now.
                    shop.invalidate_product(id);
                    short.push(index);
                    continue;
                };
                if shard.offer.terms != line.product.offer.terms {
                    outdated.push((index, take.shard));
                } else if shard.offer != line.product.offer {
                    shop.invalidate_product(id);
                    price_changed = price_changed.or_else(|| line.price_change(&shard.offer, at));
                    line.product.offer = shard.offer;
                }
                match shard.offer.status {
                    SaleStatus::Hidden => {
                        return Err(Refusal::not_found(Entity::Product, id).into());
                    }
                    SaleStatus::Discontinued => not_on_sale = not_on_sale.or(Some(id.clone())),
                    SaleStatus::OnSale if shard.remaining < take.units => short.push(index),
                    SaleStatus::OnSale => {}
                }
            }
        }
        if let Some(product_id) = not_on_sale {
            return Err(Refusal::NotOnSale { product_id }.into());
        }
        if let Some(price_changed) = price_changed {
            return Err(price_changed.into());
        }
        if !outdated.is_empty() {
            return self.learn_terms(shop, user, &outdated, backoff).await;
        }
        if asserted.quotas.iter().flatten().any(|position| failures.refuses(*position)) {
            // A changed price comes before a lack of units.
            self.read_quotas(shop, backoff).await?;
            self.check_prices(at)?;
            for line in &mut self.lines {
                line.gather_quota(shop, at, backoff).await?;
            }
        }
        short.dedup();
        for index in short {
            if let Some(line) = self.lines.get_mut(index) {
                line.reserve_from_few_shards(shop, backoff).await?;
            }
        }
        for (line, position) in self.lines.iter().zip(&asserted.limits) {
            if let Some(position) = position
                && let Some(count) = failures.of::<LimitCount>(*position)?
            {
                line.check_limit(count)?;
            }
        }
        for (line, positions) in self.lines.iter_mut().zip(&asserted.claims) {
            if positions.iter().any(|position| failures.refuses(*position)) {
                line.lose(positions.iter().map(|position| !failures.refuses(*position)));
            }
        }
        if let Some(coupon) = asserted.coupon
            && let Some(there) = failures.of::<IssuedCoupon>(coupon)?
        {
            self.coupon = there;
        }
        let is_budget_short = asserted.budget.iter().any(|position| failures.refuses(*position));
        if is_budget_short {
            self.read_budget(shop, backoff).await?;
        }
        if let Some(position) = asserted.sheet
            && let Some(there) = failures.of::<SheetRecord>(position)?
        {
            let sheet = there.ok_or(Failure::Internal("a sheet stays while it is ordered"))?.sheet;
            sheet.orderable(shop.clock.now())?;
            self.sheet = Some(sheet);
        }
        // The refusals of the coupon come first: the next attempt finds them.
        let is_coupon_changed = asserted.coupon.is_some_and(|coupon| failures.refuses(coupon)) || is_budget_short;
        if let (Some(admission), Some(position)) = (&self.admission, asserted.ticket)
            && failures.refuses(position)
            && !is_coupon_changed
        {
            return Err(admission.used().into());
        }
        Ok(())
    }

    /// Reads the products anew after shards, by index of their line, asserted other sale terms than are known. A shard
    /// that lacks the terms of its product gets them: the function that changed the product is about to set them, or has
    /// died.
    ///
    /// # Errors
    /// Those of [`Self::refresh`].
    pub(super) async fn learn_terms(
        &mut self,
        shop: &Shop,
        user: &UserId,
        outdated: &[(usize, u16)],
        backoff: &mut Backoff,
    ) -> Result<(), Failure> {
        self.refresh(shop, user, backoff).await?;
        for (index, shard) in outdated {
            if let Some(line) = self.lines.get(*index) {
                inventory::set_offer(shop, &line.product, *shard, backoff).await?;
            }
        }
        Ok(())
    }

    /// The counters of the lines with a purchase limit, for an order of this instant.
    fn counters<'a>(&'a self, user: &'a UserId, at: Timestamp) -> impl Iterator<Item = (&'a LinePreconditions, Key)> {
        self.lines.iter().filter_map(move |line| {
            let period = line.product.limit?.period(at);
            Some((line, keys::limit(user, &line.product.product_id, period)))
        })
    }

    /// Refuses a line beyond the purchase limit of its product, by the counters as they were just read.
    fn check_limits_in(&self, user: &UserId, at: Timestamp, found: &Found) -> Result<(), Failure> {
        for (line, key) in self.counters(user, at) {
            line.check_limit(found.get(&key)?)?;
        }
        Ok(())
    }

    /// Reads the counters that the order counts on before it reserves units, and the order itself, which may be there
    /// already. Returns that order, and whether a line is beyond a purchase limit.
    ///
    /// A user who tries again and again would else reserve units each time, only to release them.
    pub(super) async fn look_before_reserving(
        &self,
        shop: &Shop,
        user: &UserId,
        order: Option<&OrderId>,
        backoff: &mut Backoff,
    ) -> Result<(Option<OrderRecord>, bool), Failure> {
        let at = shop.clock.now();
        let order = order.map(keys::order);
        let wanted: Vec<Key> = order.iter().cloned().chain(self.counters(user, at).map(|(_, key)| key)).collect();
        let found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;
        let first = order.map(|key| found.get::<OrderRecord>(&key)).transpose()?.flatten();
        match self.check_limits_in(user, at, &found) {
            Ok(()) => Ok((first, false)),
            Err(Failure::Refused(_)) => Ok((first, true)),
            Err(failure) => Err(failure),
        }
    }

    /// Goes to other shards, and other parts of quotas, after a commit met others at those of some lines. Notes that products
    /// with such shards are hot.
    pub(super) async fn leave_contended(
        &mut self,
        shop: &Shop,
        contention: &Contention,
        asserted: &Asserted,
        backoff: &Backoff,
    ) {
        for (line, actions) in self.lines.iter_mut().zip(&asserted.takes) {
            if actions.iter().any(|action| contention.is_at(*action)) {
                line.leave_contended(shop, backoff).await;
            }
        }
        for (line, action) in self.lines.iter_mut().zip(&asserted.quotas) {
            if action.is_some_and(|action| contention.is_at(action)) {
                let part = shop.random.below(timed_offer::MAX_PARTS.into());
                line.preferred_part = u16::try_from(part).unwrap_or(line.preferred_part);
            }
        }
    }

    /// Refuses a product that was sold out a moment ago, without a read of its shards.
    pub(super) async fn check_not_sold_out(&mut self, shop: &Shop, backoff: &mut Backoff) -> Result<(), Failure> {
        for index in 0..self.lines.len() {
            let Some(line) = self.lines.get(index) else { continue };
            let (id, requested) = (line.product.product_id.clone(), i64::from(line.quantity.get()));
            if inventory::is_sold_out(shop, &id, line.product.stock_shards, backoff).await? {
                // A changed price comes before a lack of units.
                self.read_quotas(shop, backoff).await?;
                self.check_prices(shop.clock.now())?;
                return Err(Refusal::StockNotEnough { product_id: id, requested, available: 0 }.into());
            }
        }
        Ok(())
    }

    /// Refuses an order beyond the stock or a purchase limit, before any other refusal. One batch reads the counters and
    /// the shards that the units are planned to come from, and one more all shards of the lines that these are not enough
    /// for.
    pub(super) async fn check_stock(
        &mut self,
        shop: &Shop,
        user: &UserId,
        backoff: &mut Backoff,
    ) -> Result<(), Failure> {
        let at = shop.clock.now();
        let mut wanted = self.planned();
        wanted.extend(self.counters(user, at).map(|(_, key)| key));
        let found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;
        self.check_stock_in(shop, &found, backoff).await?;
        self.check_limits_in(user, at, &found)
    }

    /// The shards that the units are planned to come from.
    fn planned(&self) -> Vec<Key> {
        self.lines.iter().flat_map(LinePreconditions::planned).map(|(key, _)| key).collect()
    }

    async fn check_stock_in(&mut self, shop: &Shop, found: &Found, backoff: &mut Backoff) -> Result<(), Failure> {
        let mut short = Vec::new();
        for line in &mut self.lines {
            let mut is_enough = true;
            for (key, units) in line.planned() {
                is_enough &= found.get::<Shard>(&key)?.is_some_and(|shard| shard.remaining >= units);
            }
            if !is_enough {
                short.push(line);
            }
        }
        let all = short.iter().flat_map(|line| inventory::keys_of(&line.product.product_id, line.product.stock_shards));
        let found = shop.table.get_all(&all.collect::<Vec<_>>(), Consistency::Strong, backoff).await?;
        for line in short {
            let Product { product_id, stock_shards, .. } = &line.product;
            let shards = inventory::among_or_read(shop, &found, product_id, *stock_shards, backoff).await?;
            line.find_units_in(shop, shards, backoff).await?;
        }
        Ok(())
    }

    /// Whether units of some line are reserved ahead of the commit.
    pub(super) fn is_flash(&self) -> bool {
        self.lines.iter().any(|line| line.product.flash)
    }

    /// Refuses an order for all reasons that come before its coupon: user, product, sale status, expected price, stock,
    /// purchase limit. Nothing is taken from the cache, as no commit is going to assert it.
    pub(super) async fn check_all_but_coupon(
        &mut self,
        shop: &Shop,
        user: &UserId,
        backoff: &mut Backoff,
    ) -> Result<(), Failure> {
        let (at, mut wanted) = (shop.clock.now(), self.records(user));
        wanted.extend(self.planned());
        let counters: Vec<Key> = self.counters(user, at).map(|(_, key)| key).collect();
        wanted.extend(counters.iter().cloned());
        wanted.extend(self.quota_keys(at));
        let mut found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;
        self.refresh_by(shop, user, (&wanted, &found), backoff).await?;
        self.check_stock_in(shop, &found, backoff).await?;
        let by_now: Vec<Key> = self.counters(user, at).map(|(_, key)| key).collect();
        if by_now != counters {
            // A product has another limit than was known.
            found = shop.table.get_all(&by_now, Consistency::Strong, backoff).await?;
        }
        self.check_limits_in(user, at, &found)
    }

    /// Reads the budget of the coupon's campaign, if it has one.
    pub(super) async fn read_budget(&mut self, shop: &Shop, backoff: &mut Backoff) -> Result<(), Failure> {
        let coupon = self.coupon.as_ref();
        if let Some((coupon, shards)) = coupon.and_then(|coupon| Some((&coupon.coupon_id, coupon.budget_shards?))) {
            self.budget = BudgetLeft::Read(coupons::read_budget(shop, coupon, shards, backoff).await?);
        }
        Ok(())
    }

    /// Plans to spend a discount of the budget of the coupon's campaign, if it has one.
    ///
    /// # Errors
    /// [`CouponProblem::BudgetExceeded`] by the budget as it was last read.
    pub(super) fn plan_spends(&mut self, user: &UserId, discount: Won) -> Result<(), CouponProblem> {
        if let Some(shards) = self.coupon.as_ref().and_then(|coupon| coupon.budget_shards) {
            let plan = self.budget.plan(discount, bucket(user.as_str(), shards));
            self.spends = plan.map_err(|left| CouponProblem::BudgetExceeded { left })?;
        }
        Ok(())
    }

    /// The lines of the order, without the discount of the coupon.
    pub(super) fn order_lines(&self, at: Timestamp) -> Vec<OrderLine> {
        let scope = self.coupon.as_ref().and_then(|coupon| coupon.terms.scope.as_ref());
        let outside = |line: &LinePreconditions| scope.is_some_and(|scope| !scope.covers(&line.product));
        let lines = self.lines.iter().map(|line| OrderLine { outside_scope: outside(line), ..line.to_order_line(at) });
        let mut lines: Vec<OrderLine> = lines.collect();
        // The amounts of a sheet are of the products as they were.
        for (line, quoted) in lines.iter_mut().zip(self.sheet.iter().flat_map(|sheet| &sheet.items)) {
            line.outside_scope = quoted.outside_scope;
        }
        lines
    }

    /// The coupon, if it can be used at this instant.
    pub(super) fn usable_coupon(&self, now: Timestamp) -> Result<&IssuedCoupon, CouponProblem> {
        let coupon = self.coupon.as_ref().ok_or(CouponProblem::NotOwned)?;
        coupon.usable(now)?;
        Ok(coupon)
    }
}

impl LinePreconditions {
    /// Refuses the line if it is beyond the purchase limit of its product, by this counter.
    fn check_limit(&self, count: Option<LimitCount>) -> Result<(), Refusal> {
        let Some(limit) = self.product.limit else { return Ok(()) };
        let left = limit.left(count);
        if i64::from(self.quantity.get()) <= left {
            return Ok(());
        }
        Err(Refusal::PurchaseLimitExceeded { product_id: self.product.product_id.clone(), limit, left })
    }

    /// The line of an order of this instant, without the discount of the coupon.
    fn to_order_line(&self, at: Timestamp) -> OrderLine {
        let offer = self.offer_at(&self.product.offer, at);
        OrderLine {
            product_id: self.product.product_id.clone(),
            seller_id: self.product.seller_id.clone(),
            name: self.product.name.clone(),
            quantity: self.quantity,
            cancelled_quantity: 0,
            limit: self.product.limit.map(|limit| limit.period(at)),
            scrapped: 0,
            quota: self.timed_offer(at).and_then(|offer| self.quota_use(offer)),
            unit_price: offer.price,
            unit_discount: offer.discount,
            coupon_share: Won::ZERO,
            outside_scope: false,
            status: LineStatus::PendingPayment,
        }
    }

    /// The most reservations of its units before the last one: each is an action of the order's transaction.
    pub(super) fn max_reservations(&self) -> usize {
        self.most_takes.saturating_sub(1).max(1)
    }

    /// The timed offer at which the line is sold at an instant: the one that runs, unless too few units are left at it.
    fn timed_offer(&self, at: Timestamp) -> Option<&TimedOffer> {
        self.product.offer_at(at).filter(|_| self.missing_at_offer(at).is_none())
    }

    /// The units left at the timed offer that runs, if they are known to be too few for the line.
    fn missing_at_offer(&self, at: Timestamp) -> Option<i64> {
        let left = self.quota_left(self.product.offer_at(at)?)?;
        let left = left.iter().fold(0_i64, |sum, left| sum.saturating_add(*left));
        (left < i64::from(self.quantity.get())).then_some(left)
    }

    /// The units left in each part of the quota of an offer, if they are known.
    fn quota_left(&self, offer: &TimedOffer) -> Option<Vec<i64>> {
        let (quota, known) = (offer.quota?, self.quota.as_ref()?);
        (Some(known.id) == offer.quota_id()).then(|| quota.left(&known.counts))
    }

    /// The units that the line takes of the quota of an offer: from the order's own part, or from one with enough. If
    /// none has, they are moved together after the refused commit.
    fn quota_use(&self, offer: &TimedOffer) -> Option<QuotaUse> {
        let (quota, id) = (offer.quota?, offer.quota_id()?);
        let preferred = self.preferred_part.checked_rem(quota.parts).unwrap_or(0);
        let takes = self.quota_left(offer).and_then(|left| allocate(self.quantity.get().into(), &left, preferred));
        let part = takes.and_then(|takes| takes.first().copied()).map_or(preferred, |take| take.shard);
        Some(QuotaUse { id, part, until: offer.until, units: self.quantity.get() })
    }

    /// The offer that the line is sold at at an instant, if this is the product's.
    fn offer_at(&self, offer: &Offer, at: Timestamp) -> Offer {
        self.timed_offer(at).map_or(*offer, |timed| offer.discounted_by(timed))
    }

    fn learn_quota(&mut self, at: Timestamp, found: &Found) -> Result<(), Failure> {
        let counts: Result<Vec<QuotaCount>, StoreError> =
            quotas::counters(&self.product, at).iter().map(|key| Ok(found.get(key)?.unwrap_or_default())).collect();
        let id = self.product.offer_at(at).and_then(TimedOffer::quota_id);
        let counts = counts?;
        self.quota = id.map(|id| KnownQuota { id, counts });
        Ok(())
    }

    /// Moves room for the line to one part of the quota of the offer that runs, if the parts have enough only together.
    /// The sum stays, whether or not the order commits.
    async fn gather_quota(&mut self, shop: &Shop, at: Timestamp, backoff: &mut Backoff) -> Result<(), Failure> {
        let units = i64::from(self.quantity.get());
        let Some((offer, left)) = self.product.offer_at(at).and_then(|offer| Some((*offer, self.quota_left(offer)?)))
        else {
            return Ok(());
        };
        let takes = allocate(units, &left, 0).unwrap_or_default();
        let (Some((to, others)), Some(quota), Some(known)) = (takes.split_first(), offer.quota, &mut self.quota) else {
            return Ok(());
        };
        // Each giving part is an action, and so is the receiving one.
        for others in others.chunks(shop.bounds.table.actions.saturating_sub(1).max(1)) {
            let room = others.iter().map(|take| take.units).sum();
            let seen = known.counts.get(usize::from(to.shard)).copied().unwrap_or_default().taken;
            let (product, mut transaction) = (&self.product.product_id, Transaction::new());
            for other in others {
                let most = quota.most_of(other.shard);
                transaction.add(quotas::take(product, known.id, other.shard, other.units, most));
            }
            transaction.add(quotas::make_room(product, known.id, to.shard, room, seen));
            // Refused if another order was at it: the commit meets that again.
            let Outcome::Committed = shop.table.commit(transaction, backoff).await? else { return Ok(()) };
            for (part, change) in others.iter().map(|take| (take.shard, take.units)).chain([(to.shard, -room)]) {
                if let Some(count) = known.counts.get_mut(usize::from(part)) {
                    count.taken = count.taken.saturating_add(change);
                }
            }
        }
        Ok(())
    }

    /// The refusal of an offer with another price than the line expects, at an instant.
    pub(super) fn price_change(&self, offer: &Offer, at: Timestamp) -> Option<Refusal> {
        let offer = &self.offer_at(offer, at);
        let quoted = match self.quoted? {
            Quoted::Offer(quoted) if !quoted.costs_as_much_as(offer) => quoted.unit_cost(),
            Quoted::Cost(quoted) if quoted != offer.unit_cost() => quoted,
            Quoted::Offer(_) | Quoted::Cost(_) => return None,
        };
        let product_id = self.product.product_id.clone();
        let offer_left = self.missing_at_offer(at);
        Some(Refusal::PriceChanged { product_id, quoted, current: offer.unit_cost(), offer_left })
    }

    /// Finds the units. If they are in more shards than the order has room for, they are first moved together: the
    /// total stock stays, whether or not the order commits.
    pub(super) async fn reserve_from_few_shards(&mut self, shop: &Shop, backoff: &mut Backoff) -> Result<(), Failure> {
        inventory_sweep::hasten(shop, &self.product, backoff).await;
        loop {
            self.find_units(shop, backoff).await?;
            let taken = self.reserved.parts().len().saturating_add(self.takes.len());
            if taken <= self.most_takes || self.takes.len() <= 1 {
                return Ok(());
            }
            match inventory::gather(shop, &self.product.product_id, &self.takes, backoff).await? {
                Some(gathered) => {
                    self.takes = vec![gathered];
                    return Ok(());
                }
                None => backoff.pause("the units moved meanwhile").await?,
            }
        }
    }

    /// Plans to take the units from another shard after others were met at this one: from any, so that the orders that met
    /// here spread. Units that are scattered over several shards stay planned.
    pub(super) async fn leave_contended(&mut self, shop: &Shop, backoff: &Backoff) {
        if let Some(now) = scaling::met_others(shop, &self.product.product_id, backoff).await {
            self.product = Product { sweep: now.sweep, ..self.product.clone() }.at_scale(now.scale());
        }
        if let [take] = self.takes.as_mut_slice()
            && let Some(shard) = shop.random.below(u64::MAX).checked_rem(u64::from(self.product.stock_shards))
        {
            take.shard = u16::try_from(shard).unwrap_or(take.shard);
        }
    }

    /// The shards that the units are planned to come from, each with the units of its part.
    fn planned(&self) -> impl Iterator<Item = (Key, i64)> {
        self.takes.iter().map(|take| (keys::stock(&self.product.product_id, take.shard), take.units))
    }

    /// Reads all shards and chooses those that the units come from.
    pub(super) async fn find_units(&mut self, shop: &Shop, backoff: &mut Backoff) -> Result<(), Failure> {
        let Product { product_id, stock_shards, .. } = &self.product;
        let shards = inventory::read(shop, product_id, *stock_shards, backoff).await?;
        scaling::found_uneven(shop, product_id, &shards, backoff).await;
        self.find_units_in(shop, shards, backoff).await
    }

    /// Chooses the shards that the units come from among all shards as they were just read.
    async fn find_units_in(&mut self, shop: &Shop, shards: Vec<Shard>, backoff: &mut Backoff) -> Result<(), Failure> {
        let product_id = self.product.product_id.clone();
        if self.allocate(&shards) {
            return Ok(());
        }
        // There may be more shards than were known, and units on their way between them.
        let at = shop.clock.now();
        let shards = inventory::read_settled(shop, &product_id, shards, backoff).await?;
        if self.allocate(&shards) {
            return Ok(());
        }
        let requested = i64::from(self.quantity.get());
        let available = inventory::total(&shards).saturating_add(requested.saturating_sub(self.missing()));
        if available == 0 {
            shop.cache_product_sold_out(&product_id, at);
        }
        Err(Refusal::StockNotEnough { product_id, requested, available }.into())
    }

    /// Chooses the shards that the units come from; false if the stock is insufficient.
    fn allocate(&mut self, shards: &[Shard]) -> bool {
        self.product.stock_shards = u16::try_from(shards.len()).unwrap_or(self.product.stock_shards);
        let remaining: Vec<i64> = shards.iter().map(|shard| shard.remaining).collect();
        let preferred = self.takes.first().map_or(0, |take| take.shard);
        let takes = allocate(self.missing(), &remaining, preferred);
        takes.map(|takes| self.takes = takes).is_some()
    }
}

/// The products of an order, if all of them are for sale. A hidden product counts as missing.
fn on_sale<'i>(
    ids: impl Iterator<Item = &'i ProductId>,
    products: Vec<Option<Product>>,
) -> Result<Vec<Product>, Refusal> {
    let known = ids.zip(products).map(|(id, product)| {
        let product = product.filter(|product| product.offer.status != SaleStatus::Hidden);
        product.ok_or_else(|| Refusal::not_found(Entity::Product, id))
    });
    let known: Vec<Product> = known.collect::<Result<_, _>>()?;
    match known.iter().find(|product| product.offer.status != SaleStatus::OnSale) {
        Some(product) => Err(Refusal::NotOnSale { product_id: product.product_id.clone() }),
        None => Ok(known),
    }
}

/// Refuses products that are sold at another time, by fresh records.
fn check_windows(products: &[Product], at: Timestamp) -> Result<(), Refusal> {
    match products.iter().find(|product| !product.window.is_open(at)) {
        None => Ok(()),
        Some(Product { product_id, window, .. }) => {
            Err(Refusal::OutsideSaleWindow { product_id: product_id.clone(), window: *window })
        }
    }
}
