//! The bounds of a shop's code: the amount that is read, cached, tried or swept at a time.
//!
//! No client relies on any of them but [`Bounds::cart_items`]. They are values and not constants so that a test can
//! choose small ones: a bound that no test reaches is a branch that no test takes.

use std::time::Duration;

use jiff::SignedDuration;

use crate::{
    domain::{
        order::{HistoryBounds, MAX_LINES},
        scaling::ScalingPace,
    },
    store::TableBounds,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub table: TableBounds,
    pub cached_entries: usize,
    /// The age up to which a product is taken from the cache, with its number of shards and its flash mode.
    pub product_age: SignedDuration,
    /// The times that an instance meets others at shards of a product, within [`Self::heat_window`], after which the product
    /// is hot for it.
    pub hot_after: u32,
    pub heat_window: SignedDuration,
    /// The time for which an instance does not look at a hot product again.
    pub hot_look: SignedDuration,
    /// The times between two steps of scaling.
    pub scaling_pace: ScalingPace,
    /// The tickets for each of which a new campaign gets a counter.
    pub tickets_a_counter: i64,
    /// The fewest tickets for which a campaign that is hot gets another counter.
    pub least_tickets: i64,
    /// The time that a request spends on a step.
    pub scaling_budget: Duration,
    /// Concurrent moves of units between shards.
    pub moves_at_once: usize,
    /// The age up to which an account is taken from the cache.
    pub account_age: SignedDuration,
    /// The age up to which a campaign is taken from the cache.
    pub campaign_age: SignedDuration,
    /// The age up to which a product or a campaign is refused as sold out without another read.
    pub sold_out_age: SignedDuration,
    /// The age up to which the line of a drop is taken from the cache.
    pub drop_age: SignedDuration,
    /// The units of a quota by which it gets another part.
    pub quota_part_units: i64,
    /// The time for which an instance allocates no ticket of a campaign after a claim was throttled.
    pub claims_rest: SignedDuration,
    /// The age up to which the bestsellers are shown from the cache.
    pub bestsellers_age: SignedDuration,
    /// The age up to which a product or a part of the catalogue is shown from the cache, for `stock=recent`.
    pub recent_age: SignedDuration,
    /// The age up to which the last heartbeat of the desk is taken from the cache.
    pub desk_heartbeat_age: SignedDuration,
    /// Rows of an order in the desk's lists that are written concurrently.
    pub desk_rows_at_once: usize,
    /// Parts of the catalogue that are cached.
    pub cached_parts: usize,
    /// Entries of each list of the index by sales that are read at first.
    pub first_rank_page: usize,
    /// Entries that are read at a time if those are not enough.
    pub next_rank_page: usize,
    /// The number of times that the lists are read on for one request.
    pub rank_rounds: usize,
    /// Concurrent transactions that count a batch of the stream.
    pub counts_at_once: usize,
    /// The longest first wait of such a transaction after a conflict.
    pub count_first_wait_ms: u64,
    /// Batches of products that are ranked before the progress of the refresh is recorded.
    pub ranks_noted: usize,
    /// Products in a cart: no more than an order takes.
    pub cart_items: u16,
    /// Shards read for a page of products, or counters for a page of campaigns, after which it is cut. Those of the
    /// first entry are read in any case.
    pub list_shards: usize,
    /// The weight of an order's history.
    pub history: HistoryBounds,
    /// Coupons read at once to find those of a status, and the reads of one request.
    pub coupon_page: usize,
    pub coupon_pages: usize,
    /// Payments of an order in a list, by default.
    pub payments_listed: usize,
    /// Products of a seller that are paused or resumed before the progress is recorded.
    pub seller_page: usize,
    /// The number of these handled concurrently.
    pub seller_products_at_once: usize,
    /// The time during which a request begins another page of these products.
    pub seller_budget: Duration,
    /// Things of an export that are read at once, and the items that a page of a scan looks at.
    pub export_page: usize,
    pub export_scan: usize,
    /// Pages of a part of an export, and the bytes after which it has no further page.
    pub export_pages: usize,
    pub export_part_bytes: usize,
    /// Parts of an export.
    pub export_parts: usize,
    /// Entries of the expiry index read at once.
    pub expired_page: usize,
    /// Tickets of a counter, or sequence numbers of a shard, that one step of a sweep looks up.
    pub sweep_part: i64,
    /// Things that a run of a sweep handles at a time.
    pub sweeps_at_once: usize,
    /// Shards or counters of one thing that a sweep handles at a time.
    pub sweep_shards_at_once: usize,
    /// Holds that end in one commit.
    pub holds_joined: usize,
    /// The time during which a run of a sweep begins something new.
    pub sweep_budget: Duration,
    /// The time that an allocated ticket or a reservation may wait for its claim record before a sweep takes it for
    /// orphaned.
    pub claim_grace: SignedDuration,
}

impl Bounds {
    /// The bounds in production.
    ///
    /// - 1,000 entries of a few hundred bytes are below a megabyte of a function's memory.
    /// - A commit asserts prices and balances of any age. Names show in carts. With an old number of shards and an old
    ///   flash mode a hot product sells as slowly as before: five seconds of that cost one read in five seconds.
    /// - A look at a hot product is half a read unit, four a second for each instance that meets others. 4,000 instances
    ///   read less than three partitions' worth, and a throttled look is left out.
    /// - One partition key takes a thousand updates a second, so that all coupons of a campaign can be issued in about a
    ///   second.
    /// - A counter's 50 tickets are allocated in a twentieth of a second; a read of it costs as much as half a ticket.
    /// - Old accounts and campaigns cost another attempt, or a read a minute.
    /// - Returned units and tickets are sold within a second.
    /// - A turn in a drop's line is shown at most a second late, and is honoured at once.
    /// - A line of up to eight units fits a part of a quota, and a hundred units are in twelve parts.
    /// - The bestsellers may be a second old. 16 entries weigh less than 4 KiB with ids of any length: half a read
    ///   unit. 400,000 products, up to which they are read, are more than a shop sells within three days.
    /// - Recent stock is at most a second old by contract. 100 parts of the catalogue, 100 products each, are some 2
    ///   MB.
    /// - The desk's heartbeat comes each minute, and an older one is as true.
    /// - An order of 50 lines has 51 rows: five rounds of writes.
    /// - A popular product is counted by many functions at once, each of which holds it for 10 ms, and no client waits.
    ///   Shorter first waits cost more conflicts and throttle more reads.
    /// - The reads of a list of coupons, 5,000 in all, end within a request's retry budget.
    /// - A part of an export takes a second or two, and 4 MiB of memory with a page more. 250 parts are a gigabyte at
    ///   most, and the last step copies them within its five minutes.
    /// - Eight products at once are some 300 a second, so the sweep of one minute pauses those of a seller of 10,000. A
    ///   request pauses those of most sellers before it answers.
    /// - A sweep has a minute, and the next run begins then. Sixteen idle campaigns or products at once are some 1,500 a
    ///   second in the model of limits.
    /// - A hold's end is up to four actions of a transaction, so that 25 with one product fit.
    /// - A function lives 10 s, so that after three times that no function is about to claim.
    pub const PRODUCTION: Self = Self {
        table: TableBounds::PRODUCTION,
        cached_entries: 1_000,
        product_age: SignedDuration::from_secs(5),
        hot_after: 3,
        heat_window: SignedDuration::from_secs(2),
        hot_look: SignedDuration::from_millis(250),
        scaling_pace: ScalingPace::PRODUCTION,
        tickets_a_counter: 1_000,
        least_tickets: 50,
        scaling_budget: Duration::from_secs(1),
        moves_at_once: 32,
        account_age: SignedDuration::from_secs(60),
        campaign_age: SignedDuration::from_secs(60),
        sold_out_age: SignedDuration::from_secs(1),
        drop_age: SignedDuration::from_secs(1),
        quota_part_units: 8,
        claims_rest: SignedDuration::from_secs(1),
        bestsellers_age: SignedDuration::from_secs(1),
        recent_age: SignedDuration::from_secs(1),
        desk_heartbeat_age: SignedDuration::from_secs(5),
        desk_rows_at_once: 10,
        cached_parts: 100,
        first_rank_page: 16,
        next_rank_page: 256,
        rank_rounds: 200,
        counts_at_once: 20,
        count_first_wait_ms: 64,
        ranks_noted: 20,
        cart_items: MAX_LINES,
        list_shards: 400,
        history: HistoryBounds::PRODUCTION,
        coupon_page: 100,
        coupon_pages: 50,
        payments_listed: 100,
        seller_page: 100,
        seller_products_at_once: 8,
        seller_budget: Duration::from_secs(2),
        export_page: 50,
        export_scan: 1_000,
        export_pages: 50,
        export_part_bytes: 4 << 20,
        export_parts: 250,
        expired_page: 100,
        sweep_part: 1_000,
        sweeps_at_once: 16,
        sweep_shards_at_once: 8,
        holds_joined: 25,
        sweep_budget: Duration::from_secs(40),
        claim_grace: SignedDuration::from_secs(30),
    };
}
