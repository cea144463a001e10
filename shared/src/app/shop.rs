//! What every use case works with.

use jiff::{SignedDuration, Timestamp, ToSpan};
use quick_cache::sync::Cache;

use crate::{
    domain::{CouponId, ProductId, UserId, coupon::Campaign, pricing::ShippingPolicy, product::Product, user::Account},
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
}

/// What is remembered. Nothing here is trusted: a commit asserts it, and only a failed condition or a fresh read can
/// lead to a refusal.
#[derive(Debug)]
struct Memory {
    accounts: Cache<UserId, Account>,
    products: Cache<ProductId, (Timestamp, Product)>,
    campaigns: Cache<CouponId, Campaign>,
    /// Products of which nothing was left, and when that was seen.
    sold_out: Cache<ProductId, Timestamp>,
}

/// How many of each kind are remembered.
const REMEMBERED: usize = 1_000;

/// For how long a product's name, which no condition asserts, is taken from memory.
const PRODUCT_FRESH_SECONDS: i64 = 60;

impl Shop {
    /// A shop that remembers nothing yet.
    pub fn new(table: Table, clock: Clock, random: Random, policy: Policy) -> Self {
        let memory = Memory {
            accounts: Cache::new(REMEMBERED),
            products: Cache::new(REMEMBERED),
            campaigns: Cache::new(REMEMBERED),
            sold_out: Cache::new(REMEMBERED),
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

    /// When nothing was left of a product, as far as is remembered.
    pub(super) fn sold_out_at(&self, product: &ProductId) -> Option<Timestamp> {
        self.memory.sold_out.get(product)
    }

    pub(super) fn remember_sold_out(&self, product: &ProductId) {
        self.memory.sold_out.insert(product.clone(), self.clock.now());
    }

    pub(super) fn forget_sold_out(&self, product: &ProductId) {
        self.memory.sold_out.remove(product);
    }

    pub(super) fn remembered_campaign(&self, coupon: &CouponId) -> Option<Campaign> {
        self.memory.campaigns.get(coupon)
    }

    pub(super) fn remember_campaign(&self, campaign: &Campaign) {
        self.memory.campaigns.insert(campaign.coupon_id.clone(), campaign.clone());
    }
}
