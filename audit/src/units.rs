//! The units of products in a shop that goes on: snapshots of their stock, and the orders of one pass over the table.
//!
//! A product's stock and its orders cannot be read at one instant: it may have a million orders. The stock can, and an
//! order tells its state at any instant by its history. A pass that begins after a snapshot therefore finds the units
//! that each order had at the snapshot. Only the changes around that instant are open, because a change notes the time
//! of its request and not of its commit: they make an interval of units. The rejected alternative reads all orders twice
//! and takes those with the same version; it costs another pass and decides less.
//!
//! A violation is certain if no number of the interval explains the stock. Several snapshots have different open changes,
//! so each narrows the result: the units that are missing are the same at all of them.
//!
//! The budgets of campaigns and the quotas of timed offers are judged in the same way, by the same pass
//! ([`crate::budgets`], [`crate::quotas`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use jiff::{SignedDuration, Timestamp, civil::Date};
use shared::{
    domain::{
        CouponId, OrderId, ProductId,
        inventory::Shard,
        order::{HistoryEntry, HistoryEvent, Order, OrderStatus},
        time::seoul_day,
    },
    store::{Item, Key, keys, records::Record},
};

use crate::{
    Scope,
    auditor::Auditor,
    budgets::BudgetSnapshots,
    inventory::UNITS,
    quotas::QuotaSnapshots,
    read::ReadError,
    relation::Relation,
    report::{Subject, Violation},
    source::{Items, Source},
};

/// A commit comes at most so long after the time that it notes: a function lives 10 seconds, and clocks differ.
pub(crate) const LATEST_COMMIT: SignedDuration = SignedDuration::from_secs(15);

/// A commit comes at most so long before the time that it notes, if clocks differ.
const EARLIEST_COMMIT: SignedDuration = SignedDuration::from_secs(5);

/// A pass may begin so long after the last snapshot: then it meets no change that was open at the snapshot.
pub(crate) const SETTLING: SignedDuration = SignedDuration::from_secs(20);

/// The age from which a change of an order has been counted among the sales, as the rebuild of the bestsellers has it.
const COUNTED_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// The most reserved units whose claim records are read for a snapshot.
const MAX_RESERVED: i64 = 5_000;

/// The units of a product that its orders have, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// The live units.
    pub(crate) live: RangeInclusive<i128>,
    /// The counted units of each day.
    pub(crate) by_day: BTreeMap<Date, RangeInclusive<i64>>,
}

/// A product's items at one instant between two.
#[derive(Debug)]
struct Snapshot {
    since: Timestamp,
    until: Timestamp,
    items: Vec<Item>,
    /// The first sequence number of each shard that is not swept.
    swept: BTreeMap<u16, i64>,
    /// The orders that had claimed reserved units by then.
    claimed_by: BTreeSet<OrderId>,
    /// The least and the most live units.
    live: (i128, i128),
    /// The least and the most counted units of each day.
    by_day: BTreeMap<Date, (i64, i64)>,
}

/// The snapshots of the products, budgets and quotas that look wrong.
#[derive(Debug, Default)]
pub(crate) struct Units {
    products: BTreeMap<ProductId, Books>,
    budgets: BudgetSnapshots,
    quotas: QuotaSnapshots,
}

#[derive(Debug, Default)]
struct Books {
    snapshots: Vec<Snapshot>,
    /// The claim records of reserved units, by shard and first sequence number.
    claims: BTreeMap<(u16, i64), Item>,
    /// The next sequence number of each shard, once all claim records have been read.
    ends: BTreeMap<u16, i64>,
}

/// The result for one product or budget, or for the quotas of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) violations: Vec<Violation>,
    /// The most units or won that can be missing or too many, if that is not decided; unknown without a snapshot.
    pub(crate) undecided: Option<Option<u128>>,
}

/// The units or won that are missing, by snapshots that each leave an interval. Below zero, they are too many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Missing {
    least: i128,
    most: i128,
    /// Whether each snapshot excludes that nothing is missing.
    excludes: bool,
    snapshots: usize,
}

impl Missing {
    pub(crate) const UNKNOWN: Self = Self { least: i128::MIN, most: i128::MAX, excludes: true, snapshots: 0 };

    /// Adds a snapshot, with its interval if it has one.
    pub(crate) fn add(&mut self, interval: Option<(i128, i128)>) {
        if let Some((fewest, greatest)) = interval {
            (self.least, self.most) = (self.least.max(fewest), self.most.min(greatest));
            self.excludes &= !(fewest..=greatest).contains(&0);
        }
        self.snapshots += 1;
    }

    /// Whether some are missing, or too many, for certain.
    pub(crate) fn is_wrong(&self) -> bool {
        let is_possible = self.least <= self.most;
        let is_excluded = if is_possible { !(self.least..=self.most).contains(&0) } else { self.excludes };
        self.snapshots > 0 && is_excluded
    }

    /// The most that can be missing or too many, if it is not decided; unknown without a snapshot.
    pub(crate) fn undecided(&self) -> Option<Option<u128>> {
        if self.snapshots == 0 {
            return Some(None);
        }
        let largest = self.least.unsigned_abs().max(self.most.unsigned_abs());
        (!self.is_wrong() && self.least != self.most).then_some(Some(largest))
    }
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (least, most) = (self.least.min(self.most), self.least.max(self.most));
        if least == most { write!(f, "{least} missing") } else { write!(f, "{least} to {most} missing") }
    }
}

impl Units {
    /// Products, budgets and products with quotas to judge; each needs at least one snapshot.
    pub(crate) fn new(
        products: impl IntoIterator<Item = ProductId>,
        budgets: impl IntoIterator<Item = CouponId>,
        quotas: impl IntoIterator<Item = ProductId>,
    ) -> Self {
        let products = products.into_iter().map(|product| (product, Books::default())).collect();
        Self { products, budgets: BudgetSnapshots::new(budgets), quotas: QuotaSnapshots::new(quotas) }
    }

    /// Takes a snapshot of each product, budget and quota. One that is too busy for a snapshot goes without.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub(crate) async fn take_snapshots(
        &mut self,
        source: &Source,
        now: &(dyn Fn() -> Timestamp + Send + Sync),
    ) -> Result<(), ReadError> {
        for (product, books) in &mut self.products {
            books.snapshots.extend(snapshot(source, product, now).await?);
        }
        self.budgets.take(source, now).await?;
        self.quotas.take(source, now).await
    }

    /// Reads how far each shard has reserved units, after all orders.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub(crate) async fn take_ends(&mut self, source: &Source) -> Result<(), ReadError> {
        for (product, books) in self.products.iter_mut().filter(|(_, books)| !books.claims.is_empty()) {
            let shards: BTreeSet<u16> = books.claims.keys().map(|(shard, _)| *shard).collect();
            let items = source.get(shards.into_iter().map(|shard| keys::stock(product, shard))).await?;
            books.ends = shards_of(&items).map(|(number, shard)| (number, shard.next)).collect();
        }
        Ok(())
    }

    /// Adds an item that was read after all snapshots.
    pub(crate) fn add(&mut self, item: Item) {
        let is_of =
            |prefix: &str| item.get("pk").and_then(|pk| pk.as_s().ok()).is_some_and(|pk| pk.starts_with(prefix));
        if !is_of(keys::ORDER_PREFIX) && !is_of(keys::UNITS_PREFIX) {
            return;
        }
        match Record::read(item.clone()) {
            Ok(Record::Order(record)) => self.add_order(&record.order),
            Ok(Record::UnitClaim { product, shard, place, .. }) => {
                if let Some(books) = self.products.get_mut(&product) {
                    books.claims.insert((shard, place), item);
                }
            }
            // The audit of the whole table reports what it cannot read.
            _ => {}
        }
    }

    fn add_order(&mut self, order: &Order) {
        self.budgets.add(order);
        self.quotas.add(order);
        let products: BTreeSet<&ProductId> = order.items.iter().map(|line| &line.product_id).collect();
        for product in products {
            let Some(books) = self.products.get_mut(product) else { continue };
            let states = states(order, product);
            books.snapshots.iter_mut().for_each(|snapshot| snapshot.add(order, &states));
        }
    }

    /// Judges each product and budget, and the quotas of each product.
    pub(crate) fn judge(self, scope: Scope) -> Vec<(Subject, Judgement)> {
        let judged = |(product, books): (ProductId, Books)| {
            let judgement = judge(&product, books, scope);
            (Subject::Product(product), judgement)
        };
        self.products.into_iter().map(judged).chain(self.budgets.judge()).chain(self.quotas.judge()).collect()
    }
}

/// Reads a product, its shards, its count of sales and the claim records of the units reserved last. The claim records
/// are read after the rest, which must not change meanwhile.
async fn snapshot(
    source: &Source,
    id: &ProductId,
    now: &(dyn Fn() -> Timestamp + Send + Sync),
) -> Result<Option<Snapshot>, ReadError> {
    let shards = match source.get([keys::product(id)]).await?.remove(&keys::product(id)).map(Record::read) {
        Some(Ok(Record::Product(product))) => product.stock_shards,
        _ => 1,
    };
    let mut of_product = vec![keys::product(id), keys::sales(id), keys::rebuild()];
    // One more than there are: a shard that should not be there.
    of_product.extend((0..=shards).map(|shard| keys::stock(id, shard)));
    let since = now();
    let Some(items) = source.get_at_once(&of_product).await? else { return Ok(None) };
    let reserved = reserved(id, &items);
    if reserved.is_empty() {
        return Ok(Some(Snapshot::new(since, now(), items, BTreeSet::new())));
    }
    if reserved.len() > usize::try_from(MAX_RESERVED).unwrap_or(usize::MAX) {
        return Ok(None);
    }
    let claims = source.get(reserved).await?;
    let Some(again) = source.get_at_once(&of_product).await? else { return Ok(None) };
    if again != items {
        return Ok(None);
    }
    let claimed_by = claims.values().cloned().filter_map(|item| match Record::read(item) {
        Ok(Record::UnitClaim { claim, .. }) => claim.order_id,
        _ => None,
    });
    let claimed_by = claimed_by.collect();
    Ok(Some(Snapshot::new(since, now(), items.into_iter().chain(claims).collect(), claimed_by)))
}

/// The keys of the claim records that the units reserved and not swept can have, up to one more than is read.
fn reserved(product: &ProductId, items: &Items) -> Vec<Key> {
    let places =
        shards_of(items).flat_map(|(number, shard)| (shard.swept.to..shard.next).map(move |place| (number, place)));
    let most = usize::try_from(MAX_RESERVED).unwrap_or(usize::MAX).saturating_add(1);
    places.take(most).map(|(number, place)| keys::unit_claim(product, number, place)).collect()
}

/// The shards among some items.
fn shards_of(items: &Items) -> impl Iterator<Item = (u16, Shard)> {
    items.values().cloned().filter_map(|item| match Record::read(item) {
        Ok(Record::Shard { number, shard, .. }) => Some((number, shard)),
        _ => None,
    })
}

impl Snapshot {
    fn new(since: Timestamp, until: Timestamp, items: Items, claimed_by: BTreeSet<OrderId>) -> Self {
        let swept = shards_of(&items).map(|(number, shard)| (number, shard.swept.to)).collect();
        let items = items.into_values().collect();
        Self { since, until, items, swept, claimed_by, live: (0, 0), by_day: BTreeMap::new() }
    }

    /// Adds the units of an order, from its states after each number of changes.
    fn add(&mut self, order: &Order, states: &[State]) {
        let (mut least, most) = changes(order, (self.since, self.until), LATEST_COMMIT);
        if self.claimed_by.contains(&order.order_id) {
            least = least.max(1);
        }
        let possible = |least: usize| states.get(least..=most.max(least)).unwrap_or_default();
        let live = possible(least).iter().map(|state| state.live);
        if let Some((least, most)) = live.clone().min().zip(live.max()) {
            self.live = (self.live.0 + i128::from(least), self.live.1 + i128::from(most));
        }
        let Some(day) = order.paid_at.map(seoul_day) else { return };
        let (counted_of, _) = changes(order, (self.since, self.until), COUNTED_AFTER);
        let counted = possible(counted_of).iter().map(|state| state.counted);
        if let Some((least, most)) = counted.clone().min().zip(counted.max()).filter(|range| *range != (0, 0)) {
            let of_day = self.by_day.entry(day).or_default();
            *of_day = (of_day.0 + least, of_day.1 + most);
        }
    }
}

/// The numbers of changes, the least and the most, that an order can have had at an instant between two, if a change
/// takes effect at most so long after the time that it notes.
fn changes(order: &Order, (since, until): (Timestamp, Timestamp), latest: SignedDuration) -> (usize, usize) {
    let since = since.checked_sub(latest).unwrap_or(Timestamp::MIN);
    let until = until.checked_add(EARLIEST_COMMIT).unwrap_or(Timestamp::MAX);
    let least = order.history.iter().rposition(|entry| entry.at < since).map_or(0, |last| last + 1);
    (least, order.history.iter().take_while(|entry| entry.at <= until).count())
}

/// Adds to a least and a most sum those of an order's values, one after each number of its changes, that it can have had at
/// an instant between two.
pub(crate) fn add_possible(sums: &mut (i128, i128), order: &Order, values: &[i128], between: (Timestamp, Timestamp)) {
    let (least, most) = changes(order, between, LATEST_COMMIT);
    let possible = values.get(least..=most.max(least)).unwrap_or_default().iter();
    if let Some((least, most)) = possible.clone().min().zip(possible.max()) {
        *sums = (sums.0 + least, sums.1 + most);
    }
}

/// The live units of each line after none, one, … and all changes of an order.
pub(crate) fn live_units(order: &Order) -> Vec<Vec<i64>> {
    let mut live = vec![0_i64; order.items.len()];
    let mut all = vec![live.clone()];
    for entry in &order.history {
        follow(&mut live, entry, order, all.len() == 1);
        all.push(live.clone());
    }
    // The order itself has the last word. It is compared with its history by the check of the order.
    if let Some(last) = all.last_mut().filter(|_| !order.history.is_empty()) {
        *last = match order.status {
            OrderStatus::PaymentFailed => vec![0; order.items.len()],
            _ => order.items.iter().map(|line| i64::from(line.live_units())).collect(),
        };
    }
    all
}

/// The units of a product that an order has after a number of changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct State {
    /// The units that are not in stock: live, scrapped, or held for exchanges.
    live: i64,
    counted: i64,
}

/// The units of a product after none, one, … and all changes of an order.
fn states(order: &Order, product: &ProductId) -> Vec<State> {
    let (live, mut is_paid) = (live_units(order), false);
    let mut others = vec![0_i64; order.items.len()];
    let mut states = vec![State::default()];
    for (entry, live) in order.history.iter().zip(live.iter().skip(1)) {
        is_paid |= entry.event == HistoryEvent::Paid;
        for (number, units) in order.taken_by(entry) {
            if let Some(others) = number.checked_sub(1).and_then(|index| others.get_mut(index)) {
                *others += units;
            }
        }
        states.push(sum(order, product, (live, &others), is_paid));
    }
    let live = live.last().map(Vec::as_slice).unwrap_or_default();
    let others = (1..=order.items.len()).map(|number| order.off_shelf(number)).zip(live);
    let others: Vec<i64> = others
        .map(|(off_shelf, live)| if *live == 0 && order.paid_at.is_none() { 0 } else { off_shelf - live })
        .collect();
    if let Some(last) = states.last_mut().filter(|_| !order.history.is_empty()) {
        *last = sum(order, product, (live, &others), order.paid_at.is_some());
    }
    states
}

/// Takes the live units of each line through one change.
fn follow(live: &mut [i64], entry: &HistoryEntry, order: &Order, is_first: bool) {
    match entry.event {
        HistoryEvent::Placed | HistoryEvent::Paid if is_first => {
            live.iter_mut().zip(&order.items).for_each(|(live, line)| *live = i64::from(line.quantity.get()));
        }
        HistoryEvent::Placed
        | HistoryEvent::Paid
        | HistoryEvent::AddressChanged
        | HistoryEvent::PaymentReturned
        | HistoryEvent::DepositRequested
        | HistoryEvent::RefundSucceeded
        | HistoryEvent::RefundFailed
        | HistoryEvent::RefundRetried
        | HistoryEvent::RefundOverdue => {}
        HistoryEvent::PaymentFailed | HistoryEvent::PaymentDeclined | HistoryEvent::HoldExpired => live.fill(0),
        HistoryEvent::Cancelled if entry.lines.is_empty() => live.fill(0),
        HistoryEvent::Cancelled
        | HistoryEvent::LineMoved
        | HistoryEvent::ParcelShipped
        | HistoryEvent::ParcelMoved
        | HistoryEvent::ClaimRequested
        | HistoryEvent::ClaimAccepted
        | HistoryEvent::ClaimRefused
        | HistoryEvent::ClaimWithdrawn
        | HistoryEvent::ClaimReceived => {
            for step in &entry.lines {
                if let Some(live) = step.number.checked_sub(1).and_then(|index| live.get_mut(index)) {
                    *live -= i64::from(step.units);
                }
            }
        }
    }
}

fn sum(order: &Order, product: &ProductId, (live, others): (&[i64], &[i64]), is_paid: bool) -> State {
    let lines = || order.items.iter().zip(live).filter(|(line, _)| line.product_id == *product);
    let counted = lines().filter(|(line, _)| is_paid && !line.is_free());
    let others = order.items.iter().zip(others).filter(|(line, _)| line.product_id == *product);
    let off_shelf = lines().map(|(_, live)| live).chain(others.map(|(_, units)| units));
    State { live: off_shelf.sum(), counted: counted.map(|(_, live)| live).sum() }
}

/// Judges a product by its snapshots. A rule other than that of the units must be broken at each of them: a change of a
/// product reaches its shards one by one.
fn judge(product: &ProductId, books: Books, scope: Scope) -> Judgement {
    let mut broken: Option<BTreeMap<String, Violation>> = None;
    let mut missing = Missing::UNKNOWN;
    let mut units = None;
    for snapshot in books.snapshots {
        let known = Known {
            live: snapshot.live.0..=snapshot.live.1,
            by_day: snapshot.by_day.iter().map(|(day, (least, most))| (*day, *least..=*most)).collect(),
        };
        let mut auditor = Auditor::of_relation(Relation::Product(product.clone()), Some(known), scope);
        let until = snapshot.until;
        let claims = books.claims.iter().filter(|((shard, place), _)| {
            let is_swept = snapshot.swept.get(shard).is_some_and(|swept| place < swept);
            is_swept || books.ends.get(shard).is_none_or(|end| place >= end)
        });
        claims.for_each(|(_, item)| auditor.add(item.clone()));
        snapshot.items.into_iter().for_each(|item| auditor.add(item));
        missing.add(auditor.missing_units(product));
        let found = auditor.finish_pass(until).0.violations.into_iter();
        let mut found: BTreeMap<String, Violation> =
            found.map(|it| (format!("{} {}", it.invariant, it.rule), it)).collect();
        units = found.extract_if(.., |_, it| it.rule == UNITS).map(|(_, it)| it).next().or(units);
        broken = Some(match broken {
            None => found,
            Some(before) => found.into_iter().filter(|(rule, _)| before.contains_key(rule)).collect(),
        });
    }
    let mut violations: Vec<Violation> = broken.unwrap_or_default().into_values().collect();
    if missing.is_wrong() {
        let expected = "none missing".to_owned();
        violations.extend(units.map(|violation| Violation { found: missing.to_string(), expected, ..violation }));
    }
    Judgement { violations, undecided: missing.undecided() }
}
