//! The shop: the state that every use case works with.

use std::{
    hash::{BuildHasher, DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex},
};

use jiff::{SignedDuration, Timestamp};
use quick_cache::{OptionsBuilder, UnitWeighter, sync::DefaultLifecycle};

use super::{
    Bounds,
    bestsellers::Bestseller,
    caps::Paced,
    exports::files::ExportFiles,
    payments::provider::PaymentProvider,
    products::{Catalogue, Stocked},
};
use crate::{
    domain::{
        CouponId, DropId, ProductId, UserId, Won,
        account::Account,
        address::Address,
        benefits::OnPartialCancel,
        caps::Caps,
        coupon::Campaign,
        drops::DropState,
        order::ClaimPolicy,
        pricing::ShippingPolicy,
        product::Product,
        provider::ProviderName,
        scaling::ScalingPolicy,
        shipping::{SellerShipping, ShippingTerms, TERMS_AGE},
        swept::SweepPlan,
        tickets::RemainingTickets,
    },
    platform::{CipherKey, Clock, Random},
    store::{Backoff, Table},
};

/// The shop as a function sees it: its table, clock and randomness, and its caches, which last from one request to the
/// next.
#[derive(Debug)]
pub struct Shop {
    pub table: Table,
    pub clock: Clock,
    pub random: Random,
    pub policy: Policy,
    pub bounds: Bounds,
    /// The provider's page on which payments from outside begin, if the shop takes any.
    pub checkout: Option<Checkout>,
    /// The provider of payments from outside, in a function that asks it.
    pub provider: Option<Arc<dyn PaymentProvider>>,
    /// The store of the files of exports, in a function that builds or shows them.
    pub files: Option<Arc<dyn ExportFiles>>,
    caches: Caches,
}

/// The settings of a shop. Orders and sheets keep those that they were created with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    pub shipping: ShippingPolicy,
    /// The shop's fee for a return after a change of mind.
    pub return_fee: Won,
    /// The time for which an order waits for its payment.
    pub hold: SignedDuration,
    /// The time for which an order sheet is valid.
    pub sheet_validity: SignedDuration,
    pub caps: Caps,
    /// Whether customers charge their own balance without paying.
    pub self_charge: bool,
    /// The time after which the shop confirms a delivered line for a silent customer.
    pub confirm_after: SignedDuration,
    pub claims: ClaimPolicy,
    /// The treatment of the benefits of later orders of which a part is cancelled or returned.
    pub on_partial_cancel: OnPartialCancel,
    pub payments: PaymentPolicy,
    pub people: PeoplePolicy,
    pub exports: ExportPolicy,
    pub scaling: ScalingPolicy,
}

/// The settings of addresses and personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeoplePolicy {
    /// Whether an order of goods that are shipped needs an address with a postcode and a first line.
    pub require_address: bool,
    /// The time from a withdrawal to the erasure of the personal data.
    pub erase_after: SignedDuration,
    /// The time from a delivery for which its seller sees the address.
    pub address_shown: SignedDuration,
    /// The time for which an access to personal data by another is kept in the log.
    pub access_kept: SignedDuration,
}

impl PeoplePolicy {
    pub const DEFAULT: Self = Self {
        require_address: false,
        erase_after: SignedDuration::ZERO,
        address_shown: SignedDuration::from_hours(30 * 24),
        access_kept: SignedDuration::from_hours(365 * 24),
    };
}

/// The settings of exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportPolicy {
    /// The time for which a link is valid.
    pub link: SignedDuration,
    /// The time from the request for which the file is kept.
    pub kept: SignedDuration,
    /// Exports of a user that run at the same time.
    pub open: i64,
}

impl ExportPolicy {
    pub const DEFAULT: Self =
        Self { link: SignedDuration::from_mins(10), kept: SignedDuration::from_hours(24), open: 3 };
}

/// The settings of payments from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaymentPolicy {
    /// The way in which external orders are paid.
    pub path: PaymentPath,
    /// The time for which a session of a top-up can be confirmed.
    pub session: SignedDuration,
    /// The business time after which a refund without a result is overdue.
    pub refund_patience: SignedDuration,
}

/// The page of a payment provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    pub provider: ProviderName,
    /// The key with which a page in the customer's browser begins a payment. It is public.
    pub client_key: String,
}

/// The way in which external orders are paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentPath {
    /// In a payment session.
    Session,
    /// By an external payment system that is asked by event, and answers over the bus.
    Bus,
    /// By the first of the two: for a local shop.
    Both,
}

/// The shop's fee for a return after a change of mind, unless it is configured.
pub const RETURN_FEE: Won = Won::new(3_000);

impl Policy {
    /// The terms on which the shop itself ships.
    pub fn shipping_terms(&self) -> ShippingTerms {
        let ShippingPolicy { fee, free_from } = self.shipping;
        ShippingTerms { fee, free_from, return_fee: self.return_fee }
    }
}

/// Eight days: one more than a customer has to change their mind.
pub const CONFIRM_AFTER: SignedDuration = SignedDuration::from_hours(8 * 24);

impl PaymentPolicy {
    pub const DEFAULT: Self = Self {
        path: PaymentPath::Both,
        session: SignedDuration::from_mins(30),
        refund_patience: SignedDuration::from_hours(72),
    };

    /// Whether orders can be paid in a session.
    pub fn takes_sessions(&self) -> bool {
        self.path != PaymentPath::Bus
    }

    /// Whether the external payment system is asked by event.
    pub fn asks_by_event(&self) -> bool {
        self.path != PaymentPath::Session
    }
}

/// The caches. No entry is trusted: a commit asserts it, and only a failed condition or a fresh read can lead to a
/// refusal. Knowledge that something is sold out is fresh for a second.
///
/// Each entry has the instant of the read that it is from, and an age at which it ends. A value from a cache is never
/// cached again as new, so that a product that sells without a pause is read again, too.
#[derive(Debug)]
struct Caches {
    accounts: Cache<UserId, (Timestamp, Account)>,
    /// Keys of users, for at most [`Bounds::account_age`]: a deleted key opens nothing after that.
    keys: Cache<UserId, (Timestamp, CipherKey)>,
    /// The address that a user's last order is shipped to, for as long. It has no number while the user has none with one.
    addresses: Cache<UserId, (Timestamp, (u64, Option<Address>))>,
    products: Cache<ProductId, (Timestamp, Product)>,
    campaigns: Cache<CouponId, (Timestamp, Campaign)>,
    drops: Cache<DropId, (Timestamp, DropState)>,
    /// The terms on which sellers ship, or that one has none, and the instant of that read.
    terms: Cache<UserId, (Timestamp, Option<SellerShipping>)>,
    /// The contention at the shards of products and the counters of campaigns.
    heat: Cache<Hot, Heat>,
    /// Products without stock, and the instant of that read.
    sold_out: Cache<ProductId, Timestamp>,
    /// Products with too few units left at the timed offer that runs, and the instant of that read.
    short_quotas: Cache<ProductId, Timestamp>,
    counters: Cache<CouponId, CounterSnapshot>,
    /// Users who were refused because a campaign is sold out, and the instant of that read.
    refused: Cache<(CouponId, UserId), Timestamp>,
    /// Campaigns with claims of tickets that were throttled, and the instant.
    throttled: Cache<CouponId, Timestamp>,
    /// The number of a user's actions in a minute, and the minute.
    paces: Cache<(Paced, UserId), (i64, i64)>,
    /// The bestsellers, and the instant of the read.
    bestsellers: Mutex<Option<(Timestamp, Vec<Bestseller>)>>,
    /// The last heartbeat that came through to the desk, and the instant of the read.
    desk_heartbeat: Mutex<Option<(Timestamp, Timestamp)>>,
    /// Products with their stock, for `stock=recent`: only public ones.
    stock: Cache<ProductId, (Timestamp, Stocked)>,
    /// Parts of the catalogue, for `stock=recent`.
    catalogue: Cache<CataloguePart, (Timestamp, Catalogue)>,
}

/// The key of a part of the catalogue: the position after which it begins, the products skipped, and its limit.
pub(super) type CataloguePart = (Option<String>, usize, usize);

type Cache<K, V> = quick_cache::sync::Cache<K, V, UnitWeighter, SeededHasher>;

/// A cache that evicts the same entries for the same random bits, on any number of cores.
///
/// It has one shard, for a function has one thread. Otherwise the library would look for the number of cores in several
/// files, which a cold start can do without.
#[expect(clippy::expect_used, reason = "both sizes are given")]
fn cache<K: Hash + Eq, V: Clone>(entries: usize, seed: u128) -> Cache<K, V> {
    let weight = u64::try_from(entries).unwrap_or(u64::MAX);
    let sizes = OptionsBuilder::new().shards(1).estimated_items_capacity(entries).weight_capacity(weight).build();
    let sizes = sizes.expect("both sizes are given");
    Cache::with_options(sizes, UnitWeighter, SeededHasher(seed), DefaultLifecycle::default())
}

/// A hasher seeded with the shop's random bits, so that no caller can choose keys that collide.
#[derive(Debug, Clone, Copy)]
struct SeededHasher(u128);

impl BuildHasher for SeededHasher {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u128(self.0);
        hasher
    }
}

/// The longest rest of an instance between two steps of scaling that meet others, in times between two looks.
const MOST_REST: i32 = 16;

/// A thing that may get hot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Hot {
    Product(ProductId),
    Campaign(CouponId),
}

/// The contention that an instance met at the shards of a product, or the counters of a campaign.
#[derive(Debug, Clone, Copy)]
struct Heat {
    /// The beginning of the time in which it is counted.
    since: Timestamp,
    met: u32,
    looked_at: Timestamp,
    /// The time from a step that met others to the next one, and the instant until when no step is tried.
    rest: SignedDuration,
    rests_until: Timestamp,
}

impl Heat {
    fn since(now: Timestamp) -> Self {
        Self { since: now, met: 0, looked_at: Timestamp::MIN, rest: SignedDuration::ZERO, rests_until: Timestamp::MIN }
    }

    /// A rest after a step that met others: twice as long as the last one, `least` at first. `chance` (any number) makes it
    /// end at some time between now and twice of that.
    fn resting(self, now: Timestamp, least: SignedDuration, chance: u64) -> Self {
        let rest = self.rest.saturating_mul(2).clamp(least, least.saturating_mul(MOST_REST));
        let most_ms = u64::try_from(rest.as_millis()).unwrap_or(0).saturating_mul(2);
        let ms = chance.checked_rem(most_ms.saturating_add(1)).and_then(|ms| i64::try_from(ms).ok()).unwrap_or(0);
        Self { rest, rests_until: now.saturating_add(SignedDuration::from_millis(ms)).unwrap_or(now), ..self }
    }
}

/// The tickets known to be left in a campaign's counters, once one of them was found empty.
#[derive(Debug, Clone)]
struct CounterSnapshot {
    left: RemainingTickets,
    /// The instant since when all of them are known to be empty, by one read of all.
    nothing_at: Option<Timestamp>,
}

/// The knowledge of whether a product or a campaign is sold out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SoldOut {
    /// Nothing is known: there may be some left.
    NotKnown,
    /// It was, but some may have come back since.
    Was,
    /// It was at this instant, less than a second ago.
    Is(Timestamp),
}

impl Shop {
    /// A shop with empty caches, within production's bounds.
    pub fn new(table: Table, clock: Clock, random: Random, policy: Policy) -> Self {
        Self::within(Bounds::PRODUCTION, table, clock, random, policy)
    }

    /// A shop with empty caches.
    pub fn within(bounds: Bounds, table: Table, clock: Clock, random: Random, policy: Policy) -> Self {
        let (seed, entries) = (random.bits(), bounds.cached_entries);
        let caches = Caches {
            accounts: cache(entries, seed),
            keys: cache(entries, seed),
            addresses: cache(entries, seed),
            products: cache(entries, seed),
            campaigns: cache(entries, seed),
            drops: cache(entries, seed),
            terms: cache(entries, seed),
            heat: cache(entries, seed),
            sold_out: cache(entries, seed),
            short_quotas: cache(entries, seed),
            counters: cache(entries, seed),
            refused: cache(entries, seed),
            throttled: cache(entries, seed),
            paces: cache(entries, seed),
            bestsellers: Mutex::default(),
            desk_heartbeat: Mutex::default(),
            stock: cache(entries, seed),
            catalogue: cache(bounds.cached_parts, seed),
        };
        Self {
            table: table.within(bounds.table),
            clock,
            random,
            policy,
            bounds,
            checkout: None,
            provider: None,
            files: None,
            caches,
        }
    }

    /// The shop with a provider's page.
    #[must_use]
    pub fn with_checkout(self, checkout: Option<Checkout>) -> Self {
        Self { checkout, ..self }
    }

    /// The shop with a provider of payments, and its page.
    #[must_use]
    pub fn with_provider(self, provider: Option<Arc<dyn PaymentProvider>>) -> Self {
        let page = |provider: &Arc<dyn PaymentProvider>| Checkout {
            provider: provider.name(),
            client_key: provider.client_key().to_owned(),
        };
        Self { checkout: provider.as_ref().map(page), provider, ..self }
    }

    /// The shop with the store of the files of exports.
    #[must_use]
    pub fn with_files(self, files: Option<Arc<dyn ExportFiles>>) -> Self {
        Self { files, ..self }
    }

    /// A retry budget for one request, which begins now.
    pub fn backoff(&self) -> Backoff {
        self.table.backoff()
    }

    /// A new id, or a part of one: 26 characters.
    pub fn new_id(&self) -> String {
        self.random.id()
    }

    /// The value of an entry below this age. One from the future, by another clock, counts as from now.
    fn fresh<V>(&self, entry: Option<(Timestamp, V)>, age: SignedDuration) -> Option<V> {
        let (seen_at, value) = entry?;
        (self.clock.now().duration_since(seen_at) < age).then_some(value)
    }

    pub(super) fn cached_account(&self, user: &UserId) -> Option<Account> {
        self.fresh(self.caches.accounts.get(user), self.bounds.account_age)
    }

    /// Caches an account from a read or a commit of now.
    pub(super) fn cache_account(&self, user: &UserId, account: Account) {
        self.caches.accounts.insert(user.clone(), (self.clock.now(), account));
    }

    /// The key of a user, if it was read within [`Bounds::account_age`].
    pub(super) fn cached_key(&self, user: &UserId) -> Option<CipherKey> {
        self.shown(self.caches.keys.get(user)?, self.bounds.account_age).map(|(_, key)| key)
    }

    pub(super) fn cache_key(&self, user: &UserId, key: &CipherKey) {
        self.caches.keys.insert(user.clone(), (self.clock.now(), key.clone()));
    }

    /// The address of a user with this number, if it was read within [`Bounds::account_age`]; or that there is none.
    pub(super) fn cached_address(&self, user: &UserId, number: u64) -> Option<Option<Address>> {
        let (_, (cached, address)) = self.shown(self.caches.addresses.get(user)?, self.bounds.account_age)?;
        (cached == number).then_some(address)
    }

    /// Whether any address of a user was read within [`Bounds::account_age`].
    pub(super) fn has_cached_address(&self, user: &UserId) -> bool {
        let cached = self.caches.addresses.get(user);
        cached.is_some_and(|(at, _)| self.is_younger(at, self.bounds.account_age))
    }

    pub(super) fn cache_address(&self, user: &UserId, number: u64, address: Option<Address>) {
        self.caches.addresses.insert(user.clone(), (self.clock.now(), (number, address)));
    }

    /// Drops everything personal that is cached of a user.
    pub(super) fn invalidate_personal(&self, user: &UserId) {
        self.caches.keys.remove(user);
        self.caches.addresses.remove(user);
    }

    pub(super) fn cached_product(&self, product: &ProductId) -> Option<Product> {
        self.fresh(self.caches.products.get(product), self.bounds.product_age)
    }

    /// Caches a product as it was read just now.
    pub(super) fn cache_product(&self, product: &Product) {
        self.caches.products.insert(product.product_id.clone(), (self.clock.now(), product.clone()));
    }

    pub(super) fn invalidate_product(&self, product: &ProductId) {
        self.caches.products.remove(product);
    }

    /// A drop with the state of its line, if it was read a moment ago.
    pub(super) fn cached_drop(&self, drop: &DropId) -> Option<DropState> {
        self.shown(self.caches.drops.get(drop)?, self.bounds.drop_age).map(|(_, state)| state)
    }

    /// Caches a drop that was asked for at an instant. Its age counts from there: a step takes calls of its own.
    pub(super) fn cache_drop(&self, state: &DropState, asked_at: Timestamp) {
        self.caches.drops.insert(state.drop_id.clone(), (asked_at, state.clone()));
    }

    /// Counts that a request met others at a shard of a product, or at a counter of a campaign. Returns whether it is to be
    /// looked at: if this instance met enough of them within a moment, and has not just looked.
    pub(super) fn note_contention(&self, hot: &Hot) -> bool {
        let (now, Bounds { hot_after, heat_window, hot_look, .. }) = (self.clock.now(), self.bounds);
        let mut heat = self.caches.heat.get(hot).unwrap_or(Heat::since(now));
        if !self.is_younger(heat.since, heat_window) {
            (heat.since, heat.met) = (now, 0);
        }
        heat.met = heat.met.saturating_add(1);
        let is_hot = heat.met >= hot_after && !self.is_younger(heat.looked_at, hot_look);
        if is_hot {
            (heat.since, heat.met, heat.looked_at) = (now, 0, now);
        }
        self.caches.heat.insert(hot.clone(), heat);
        is_hot
    }

    /// Whether shards or counters that were found uneven are to be looked at: if this instance has not just looked.
    pub(super) fn note_uneven(&self, hot: &Hot) -> bool {
        let now = self.clock.now();
        let mut heat = self.caches.heat.get(hot).unwrap_or(Heat::since(now));
        let is_due = !self.is_younger(heat.looked_at, self.bounds.hot_look);
        if is_due {
            heat.looked_at = now;
            self.caches.heat.insert(hot.clone(), heat);
        }
        is_due
    }

    /// Whether this instance may try a step of scaling: not while it rests, after its last one met others.
    pub(super) fn may_step(&self, hot: &Hot) -> bool {
        self.caches.heat.get(hot).is_none_or(|heat| heat.rests_until <= self.clock.now())
    }

    /// Lets this instance rest after its step met others. Hundreds of instances that try again and again would throttle the
    /// product that they want to relieve.
    pub(super) fn note_step_met_others(&self, hot: &Hot) {
        let now = self.clock.now();
        let heat = self.caches.heat.get(hot).unwrap_or(Heat::since(now));
        let resting = heat.resting(now, self.bounds.hot_look, self.random.below(u64::MAX));
        self.caches.heat.insert(hot.clone(), resting);
    }

    /// Notes that a step was taken, by this instance or another.
    pub(super) fn note_step(&self, hot: &Hot) {
        if let Some(heat) = self.caches.heat.get(hot) {
            let rested = Heat { rest: SignedDuration::ZERO, rests_until: Timestamp::MIN, ..heat };
            self.caches.heat.insert(hot.clone(), rested);
        }
    }

    /// The terms on which a seller ships, or that they have none, if it was read a moment ago.
    pub(super) fn cached_terms(&self, seller: &UserId) -> Option<Option<SellerShipping>> {
        self.shown(self.caches.terms.get(seller)?, TERMS_AGE).map(|(_, terms)| terms)
    }

    /// Caches the terms on which a seller ships, as a read which began at this instant found them.
    pub(super) fn cache_terms(&self, seller: &UserId, at: Timestamp, terms: Option<SellerShipping>) {
        self.caches.terms.insert(seller.clone(), (at, terms));
    }

    /// Whether a product is known to be sold out.
    pub(super) fn product_sold_out(&self, product: &ProductId) -> SoldOut {
        self.sold_out_since(self.caches.sold_out.get(product))
    }

    /// Caches that a read which began at this instant found a product without stock.
    pub(super) fn cache_product_sold_out(&self, product: &ProductId, at: Timestamp) {
        self.caches.sold_out.insert(product.clone(), at);
    }

    pub(super) fn invalidate_product_sold_out(&self, product: &ProductId) {
        self.caches.sold_out.remove(product);
    }

    /// Whether a product had too few units left at its timed offer a moment ago. Its counters are then read before an order
    /// takes for granted that they suffice.
    pub(super) fn is_quota_short(&self, product: &ProductId) -> bool {
        let seen_at = self.caches.short_quotas.get(product);
        seen_at.is_some_and(|at| self.is_younger(at, self.bounds.sold_out_age))
    }

    /// Caches that a read which began at this instant found too few units left at the timed offer of a product.
    pub(super) fn cache_quota_short(&self, product: &ProductId, at: Timestamp) {
        self.caches.short_quotas.insert(product.clone(), at);
    }

    fn sold_out_since(&self, seen_at: Option<Timestamp>) -> SoldOut {
        let now_ms = self.clock.now().as_millisecond();
        let fresh_ms = i64::try_from(self.bounds.sold_out_age.as_millis()).unwrap_or(i64::MAX);
        match seen_at {
            None => SoldOut::NotKnown,
            Some(at) if (0..fresh_ms).contains(&now_ms.saturating_sub(at.as_millisecond())) => SoldOut::Is(at),
            Some(_) => SoldOut::Was,
        }
    }

    /// The entry if it is below this age, to be shown to a caller. After the clock was set back it is not: it is
    /// unknown for how long it has been shown.
    fn shown<V>(&self, entry: (Timestamp, V), age: SignedDuration) -> Option<(Timestamp, V)> {
        self.is_younger(entry.0, age).then_some(entry)
    }

    fn is_younger(&self, at: Timestamp, age: SignedDuration) -> bool {
        (SignedDuration::ZERO..age).contains(&self.clock.now().duration_since(at))
    }

    /// The bestsellers, if they were read a moment ago.
    pub(super) fn cached_bestsellers(&self) -> Option<Vec<Bestseller>> {
        let cached = self.caches.bestsellers.lock().ok()?.clone()?;
        self.shown(cached, self.bounds.bestsellers_age).map(|(_, best)| best)
    }

    pub(super) fn cache_bestsellers(&self, at: Timestamp, best: Vec<Bestseller>) {
        if let Ok(mut cached) = self.caches.bestsellers.lock() {
            *cached = Some((at, best));
        }
    }

    /// The last heartbeat that came through to the desk, if it was read a few seconds ago.
    pub(super) fn cached_desk_heartbeat(&self) -> Option<Timestamp> {
        let (read_at, at) = (*self.caches.desk_heartbeat.lock().ok()?)?;
        self.is_younger(read_at, self.bounds.desk_heartbeat_age).then_some(at)
    }

    pub(super) fn cache_desk_heartbeat(&self, read_at: Timestamp, at: Timestamp) {
        if let Ok(mut cached) = self.caches.desk_heartbeat.lock() {
            *cached = Some((read_at, at));
        }
    }

    /// Whether a read that began at this instant still counts as recent.
    pub(super) fn is_recent(&self, at: Timestamp) -> bool {
        self.is_younger(at, self.bounds.recent_age)
    }

    /// A product with its stock, if it was read a moment ago, and the instant that the read began.
    pub(super) fn cached_stock(&self, product: &ProductId) -> Option<(Timestamp, Stocked)> {
        self.shown(self.caches.stock.get(product)?, self.bounds.recent_age)
    }

    pub(super) fn cache_stock(&self, at: Timestamp, stocked: &Stocked) {
        self.caches.stock.insert(stocked.product.product_id.clone(), (at, stocked.clone()));
    }

    pub(super) fn invalidate_stock(&self, product: &ProductId) {
        self.caches.stock.remove(product);
    }

    /// A part of the catalogue, if it was read a moment ago, and the instant that the read began.
    pub(super) fn cached_catalogue(&self, part: &CataloguePart) -> Option<(Timestamp, Catalogue)> {
        self.shown(self.caches.catalogue.get(part)?, self.bounds.recent_age)
    }

    pub(super) fn cache_catalogue(&self, part: CataloguePart, at: Timestamp, catalogue: &Catalogue) {
        self.caches.catalogue.insert(part, (at, catalogue.clone()));
    }

    pub(super) fn cached_campaign(&self, coupon: &CouponId) -> Option<Campaign> {
        self.fresh(self.caches.campaigns.get(coupon), self.bounds.campaign_age)
    }

    /// Caches a campaign as it was read just now.
    pub(super) fn cache_campaign(&self, campaign: &Campaign) {
        self.caches.campaigns.insert(campaign.coupon_id.clone(), (self.clock.now(), campaign.clone()));
    }

    /// Whether the campaign in the cache was read a moment ago.
    pub(super) fn is_campaign_recent(&self, coupon: &CouponId) -> bool {
        let cached = self.caches.campaigns.get(coupon);
        cached.is_some_and(|(at, _)| self.is_younger(at, self.bounds.sold_out_age))
    }

    /// The tickets left in each counter of a campaign when it was last read; nothing while none was found empty.
    pub(super) fn cached_counters(&self, coupon: &CouponId) -> Option<RemainingTickets> {
        self.caches.counters.get(coupon).map(|look| look.left)
    }

    /// Caches a read of all counters that began at this instant.
    pub(super) fn cache_counters(&self, coupon: &CouponId, at: Timestamp, left: RemainingTickets) {
        let nothing_at = left.is_nothing().then_some(at);
        self.caches.counters.insert(coupon.clone(), CounterSnapshot { left, nothing_at });
    }

    /// Caches the tickets left in one counter.
    pub(super) fn cache_allocated(&self, coupon: &CouponId, shard: u16, left: i64) {
        if let Some(mut look) = self.caches.counters.get(coupon) {
            look.left.note(shard, left);
            look.nothing_at = look.nothing_at.filter(|_| left <= 0);
            self.caches.counters.insert(coupon.clone(), look);
        }
    }

    /// Whether a campaign is known to be sold out.
    pub(super) fn sold_out(&self, coupon: &CouponId) -> SoldOut {
        self.sold_out_since(self.caches.counters.get(coupon).and_then(|look| look.nothing_at))
    }

    /// Lets claims of a campaign's tickets rest, since one was throttled for as long as its request could wait.
    pub(super) fn let_claims_rest(&self, coupon: &CouponId) {
        self.caches.throttled.insert(coupon.clone(), self.clock.now());
    }

    /// Whether claims of a campaign's tickets rest.
    pub(super) fn claims_rest(&self, coupon: &CouponId) -> bool {
        let throttled_at = self.caches.throttled.get(coupon);
        throttled_at.is_some_and(|at| self.is_younger(at, self.bounds.claims_rest))
    }

    /// Changes the plan of the sweep of a cached product, which keeps its age.
    pub(super) fn cache_product_plan(&self, product: &ProductId, sweep: SweepPlan) {
        if let Some((at, cached)) = self.caches.products.get(product) {
            self.caches.products.insert(product.clone(), (at, Product { sweep, ..cached }));
        }
    }

    /// Changes the plan of the sweep of a cached campaign, which keeps its age.
    pub(super) fn cache_campaign_plan(&self, coupon: &CouponId, sweep: SweepPlan) {
        if let Some((at, cached)) = self.caches.campaigns.get(coupon) {
            self.caches.campaigns.insert(coupon.clone(), (at, Campaign { sweep, ..cached }));
        }
    }

    /// The number of times that a user has done this in this minute, which is counted since 1970.
    pub(super) fn counted(&self, what: Paced, user: &UserId, minute: i64) -> i64 {
        let counted = self.caches.paces.get(&(what, user.clone()));
        counted.filter(|(of, _)| *of == minute).map_or(0, |(_, count)| count)
    }

    pub(super) fn count(&self, what: Paced, user: &UserId, minute: i64, count: i64) {
        self.caches.paces.insert((what, user.clone()), (minute, count));
    }

    /// Caches that a user was refused because the campaign is sold out.
    pub(super) fn cache_refusal(&self, coupon: &CouponId, user: &UserId) {
        if let SoldOut::Is(at) = self.sold_out(coupon) {
            self.caches.refused.insert((coupon.clone(), user.clone()), at);
        }
    }

    /// Whether a user was refused because the campaign is sold out, and the counters have not been read since.
    pub(super) fn has_refused(&self, coupon: &CouponId, user: &UserId) -> bool {
        let refused_at = self.caches.refused.get(&(coupon.clone(), user.clone()));
        refused_at.is_some_and(|at| self.sold_out(coupon) == SoldOut::Is(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_rests_longer_after_each_step_that_meets_others() {
        let (now, least) = (Timestamp::UNIX_EPOCH, SignedDuration::from_millis(250));
        let mut heat = Heat::since(now);
        for longest_ms in [500, 1_000, 2_000, 4_000, 8_000, 8_000] {
            heat = heat.resting(now, least, longest_ms);
            assert_eq!(u64::try_from(heat.rests_until.as_millisecond()), Ok(longest_ms));
        }
        assert_eq!(heat.resting(now, least, 8_001).rests_until, now, "some try again at once");
        let quick = Heat::since(now).resting(now, SignedDuration::ZERO, u64::MAX);
        assert_eq!(quick.rests_until, now);
    }
}
