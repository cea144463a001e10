//! What every use case works with.

use jiff::{SignedDuration, Timestamp, ToSpan};
use quick_cache::sync::Cache;

use super::bestsellers::Bestseller;
use crate::{
    domain::{
        CouponId, ProductId, UserId, coupon::Campaign, pricing::ShippingPolicy, product::Product, tickets::Left,
        user::Account,
    },
    runtime::{Clock, Random},
    store::{Backoff, Table},
};

/// The shop as a function sees it: its table, the outside world, and what it remembers from one request to the next.
#[derive(Debug)]
pub struct Shop {
    /// Where everything is stored.
    pub table: Table,
    /// Tells the time.
    pub clock: Clock,
    /// Gives random bits.
    pub random: Random,
    /// The shop's own rules.
    pub policy: Policy,
    memory: Memory,
}

/// The rules that a shop sets for itself. Orders and sheets keep what they were made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// What shipping costs.
    pub shipping: ShippingPolicy,
    /// For how long an order waits for the money.
    pub hold: SignedDuration,
    /// For how long an order sheet is valid.
    pub sheet_validity: SignedDuration,
    /// For how long an instance shows the bestsellers that it has read.
    pub bestsellers_fresh: SignedDuration,
}

impl Policy {
    /// How old the bestsellers shown may be.
    pub const BESTSELLERS_FRESH: SignedDuration = SignedDuration::from_secs(1);
}

/// What is remembered. Nothing here is trusted: a commit asserts it, and only a failed condition or a fresh read can
/// lead to a refusal. That a campaign is sold out is fresh for a second.
#[derive(Debug)]
struct Memory {
    accounts: Cache<UserId, Account>,
    products: Cache<ProductId, (Timestamp, Product)>,
    campaigns: Cache<CouponId, Campaign>,
    /// Products of which nothing was left, and when that was seen.
    sold_out: Cache<ProductId, Timestamp>,
    counters: Cache<CouponId, Look>,
    /// Who was told that a campaign is sold out, and when that had been seen.
    refused: Cache<(CouponId, UserId), Timestamp>,
    /// The bestsellers, and when they were read.
    bestsellers: Cache<(), (Timestamp, Vec<Bestseller>)>,
}

/// What is known of a campaign's counters once one of them was found empty.
#[derive(Debug, Clone)]
struct Look {
    left: Left,
    /// Since when all of them are known to have been empty: one look showed it.
    nothing_at: Option<Timestamp>,
}

/// What is known of the being sold out of a product or a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SoldOut {
    /// Nothing: there may be some.
    NotKnown,
    /// It was, but some may have come back since.
    Was,
    /// It was at this instant, less than a second ago.
    Is(Timestamp),
}

/// How many of each kind are remembered.
const REMEMBERED: usize = 1_000;

/// For how long a product's name, which no condition asserts, is taken from memory.
const PRODUCT_FRESH_SECONDS: i64 = 60;

/// For how long nobody looks again whether what was sold out, a product or a campaign, is so still: what comes in shows
/// within a second.
const SOLD_OUT_FRESH_MS: i64 = 1_000;

impl Shop {
    /// A shop that remembers nothing yet.
    pub fn new(table: Table, clock: Clock, random: Random, policy: Policy) -> Self {
        let memory = Memory {
            accounts: Cache::new(REMEMBERED),
            products: Cache::new(REMEMBERED),
            campaigns: Cache::new(REMEMBERED),
            sold_out: Cache::new(REMEMBERED),
            counters: Cache::new(REMEMBERED),
            refused: Cache::new(REMEMBERED),
            bestsellers: Cache::new(1),
        };
        Self { table, clock, random, policy, memory }
    }

    /// The patience of one request.
    pub fn backoff(&self) -> Backoff {
        self.table.backoff()
    }

    /// A new id, or a part of one: 26 characters.
    pub fn new_id(&self) -> String {
        self.random.id()
    }

    pub(super) fn remembered_account(&self, user: &UserId) -> Option<Account> {
        self.memory.accounts.get(user)
    }

    pub(super) fn remember_account(&self, user: &UserId, account: Account) {
        self.memory.accounts.insert(user.clone(), account);
    }

    pub(super) fn remembered_product(&self, product: &ProductId) -> Option<Product> {
        let (seen_at, product) = self.memory.products.get(product)?;
        let stale = seen_at.checked_add(PRODUCT_FRESH_SECONDS.seconds()).is_ok_and(|until| self.clock.now() >= until);
        (!stale).then_some(product)
    }

    pub(super) fn remember_product(&self, product: &Product) {
        self.memory.products.insert(product.product_id.clone(), (self.clock.now(), product.clone()));
    }

    pub(super) fn forget_product(&self, product: &ProductId) {
        self.memory.products.remove(product);
    }

    /// Whether a product is known to be sold out.
    pub(super) fn product_sold_out(&self, product: &ProductId) -> SoldOut {
        self.sold_out_since(self.memory.sold_out.get(product))
    }

    /// Remembers that a look which began at this instant saw nothing left of a product.
    pub(super) fn remember_product_sold_out(&self, product: &ProductId, at: Timestamp) {
        self.memory.sold_out.insert(product.clone(), at);
    }

    pub(super) fn forget_product_sold_out(&self, product: &ProductId) {
        self.memory.sold_out.remove(product);
    }

    fn sold_out_since(&self, seen_at: Option<Timestamp>) -> SoldOut {
        let now_ms = self.clock.now().as_millisecond();
        match seen_at {
            None => SoldOut::NotKnown,
            Some(at) if (0..SOLD_OUT_FRESH_MS).contains(&now_ms.saturating_sub(at.as_millisecond())) => SoldOut::Is(at),
            Some(_) => SoldOut::Was,
        }
    }

    /// The bestsellers, if they were read a moment ago. By a clock that is set back they were not.
    pub(super) fn cached_bestsellers(&self) -> Option<Vec<Bestseller>> {
        let (at, best) = self.memory.bestsellers.get(&())?;
        let age = self.clock.now().duration_since(at);
        (SignedDuration::ZERO..self.policy.bestsellers_fresh).contains(&age).then_some(best)
    }

    pub(super) fn cache_bestsellers(&self, at: Timestamp, best: Vec<Bestseller>) {
        self.memory.bestsellers.insert((), (at, best));
    }

    pub(super) fn remembered_campaign(&self, coupon: &CouponId) -> Option<Campaign> {
        self.memory.campaigns.get(coupon)
    }

    pub(super) fn remember_campaign(&self, campaign: &Campaign) {
        self.memory.campaigns.insert(campaign.coupon_id.clone(), campaign.clone());
    }

    /// What each counter of a campaign had left when it was last heard of; nothing as long as none was found empty.
    pub(super) fn remembered_left(&self, coupon: &CouponId) -> Option<Left> {
        self.memory.counters.get(coupon).map(|look| look.left)
    }

    /// Remembers a look at all counters that began at this instant.
    pub(super) fn remember_left(&self, coupon: &CouponId, at: Timestamp, left: Left) {
        let nothing_at = left.is_nothing().then_some(at);
        self.memory.counters.insert(coupon.clone(), Look { left, nothing_at });
    }

    /// Remembers what was heard of one counter.
    pub(super) fn remember_drawn(&self, coupon: &CouponId, shard: u16, left: i64) {
        if let Some(mut look) = self.memory.counters.get(coupon) {
            look.left.note(shard, left);
            look.nothing_at = look.nothing_at.filter(|_| left <= 0);
            self.memory.counters.insert(coupon.clone(), look);
        }
    }

    /// Whether a campaign is known to be sold out.
    pub(super) fn sold_out(&self, coupon: &CouponId) -> SoldOut {
        self.sold_out_since(self.memory.counters.get(coupon).and_then(|look| look.nothing_at))
    }

    /// Remembers that a user was told so.
    pub(super) fn remember_refused(&self, coupon: &CouponId, user: &UserId) {
        if let SoldOut::Is(at) = self.sold_out(coupon) {
            self.memory.refused.insert((coupon.clone(), user.clone()), at);
        }
    }

    /// Whether a user was told that the campaign is sold out, and nobody has looked again since.
    pub(super) fn has_refused(&self, coupon: &CouponId, user: &UserId) -> bool {
        let told = self.memory.refused.get(&(coupon.clone(), user.clone()));
        told.is_some_and(|at| self.sold_out(coupon) == SoldOut::Is(at))
    }
}
