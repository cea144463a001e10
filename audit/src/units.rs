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

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use jiff::{SignedDuration, Timestamp, civil::Date};
use shared::{
    domain::{
        OrderId, ProductId,
        inventory::Shard,
        order::{HistoryEntry, HistoryEvent, Order, OrderStatus},
        time::seoul_day,
    },
    store::{Item, Key, keys, records::Record},
};

use crate::{
    Scope,
    auditor::Auditor,
    inventory::UNITS,
    read::ReadError,
    relation::Relation,
    report::Violation,
    source::{Items, Source},
};

/// A commit comes at most so long after the time that it notes: a function lives 10 seconds, and clocks differ.
const LATEST_COMMIT: SignedDuration = SignedDuration::from_secs(15);

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

/// The snapshots of the products that look wrong.
#[derive(Debug, Default)]
pub(crate) struct Units(BTreeMap<ProductId, Books>);

#[derive(Debug, Default)]
struct Books {
    snapshots: Vec<Snapshot>,
    /// The claim records of reserved units, by shard and first sequence number.
    claims: BTreeMap<(u16, i64), Item>,
    /// The next sequence number of each shard, once all claim records have been read.
    ends: BTreeMap<u16, i64>,
}

/// The result for one product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) violations: Vec<Violation>,
    /// The most units that can be missing or too many, if that is not decided; unknown without a snapshot.
    pub(crate) undecided: Option<Option<u128>>,
}

impl Units {
    /// Products to judge; each needs at least one snapshot.
    pub(crate) fn new(products: impl IntoIterator<Item = ProductId>) -> Self {
        Self(products.into_iter().map(|product| (product, Books::default())).collect())
    }

    /// Takes a snapshot of each product. One that is too busy for a snapshot goes without.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub(crate) async fn take_snapshots(
        &mut self,
        source: &Source,
        now: &(dyn Fn() -> Timestamp + Send + Sync),
    ) -> Result<(), ReadError> {
        for (product, books) in &mut self.0 {
            books.snapshots.extend(snapshot(source, product, now).await?);
        }
        Ok(())
    }

    /// Reads how far each shard has reserved units, after all orders.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub(crate) async fn take_ends(&mut self, source: &Source) -> Result<(), ReadError> {
        for (product, books) in self.0.iter_mut().filter(|(_, books)| !books.claims.is_empty()) {
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
                if let Some(books) = self.0.get_mut(&product) {
                    books.claims.insert((shard, place), item);
                }
            }
            // The audit of the whole table reports what it cannot read.
            _ => {}
        }
    }

    fn add_order(&mut self, order: &Order) {
        let products: BTreeSet<&ProductId> = order.items.iter().map(|line| &line.product_id).collect();
        for product in products {
            let Some(books) = self.0.get_mut(product) else { continue };
            let states = states(order, product);
            books.snapshots.iter_mut().for_each(|snapshot| snapshot.add(order, &states));
        }
    }

    /// Judges each product.
    pub(crate) fn judge(self, scope: Scope) -> Vec<(ProductId, Judgement)> {
        let judged = |(product, books): (ProductId, Books)| {
            let judgement = judge(&product, books, scope);
            (product, judgement)
        };
        self.0.into_iter().map(judged).collect()
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
        let since = |age: SignedDuration| self.since.checked_sub(age).unwrap_or(Timestamp::MIN);
        let after = self.until.checked_add(EARLIEST_COMMIT).unwrap_or(Timestamp::MAX);
        let most = order.history.iter().take_while(|entry| entry.at <= after).count();
        let certain_before = |instant: Timestamp| {
            let last = order.history.iter().rposition(|entry| entry.at < instant);
            last.map_or(0, |last| last + 1)
        };
        let mut least = certain_before(since(LATEST_COMMIT));
        if self.claimed_by.contains(&order.order_id) {
            least = least.max(1);
        }
        let possible = |least: usize| states.get(least..=most.max(least)).unwrap_or_default();
        let live = possible(least).iter().map(|state| state.live);
        if let Some((least, most)) = live.clone().min().zip(live.max()) {
            self.live = (self.live.0 + i128::from(least), self.live.1 + i128::from(most));
        }
        let Some(day) = order.paid_at.map(seoul_day) else { return };
        let counted = possible(certain_before(since(COUNTED_AFTER))).iter().map(|state| state.counted);
        if let Some((least, most)) = counted.clone().min().zip(counted.max()).filter(|range| *range != (0, 0)) {
            let of_day = self.by_day.entry(day).or_default();
            *of_day = (of_day.0 + least, of_day.1 + most);
        }
    }
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
    let (mut live, mut is_paid) = (vec![0_i64; order.items.len()], false);
    let mut others = live.clone();
    let mut states = vec![State::default()];
    for entry in &order.history {
        is_paid |= entry.event == HistoryEvent::Paid;
        follow(&mut live, entry, order, states.len() == 1);
        for (number, units) in order.taken_by(entry) {
            if let Some(others) = number.checked_sub(1).and_then(|index| others.get_mut(index)) {
                *others += units;
            }
        }
        states.push(sum(order, product, (&live, &others), is_paid));
    }
    // The order itself has the last word. It is compared with its history by the check of the order.
    let live: Vec<i64> = match order.status {
        OrderStatus::PaymentFailed => vec![0; order.items.len()],
        _ => order.items.iter().map(|line| i64::from(line.live_units())).collect(),
    };
    let others = (1..=order.items.len()).map(|number| order.off_shelf(number)).zip(&live);
    let others: Vec<i64> = others
        .map(|(off_shelf, live)| if *live == 0 && order.paid_at.is_none() { 0 } else { off_shelf - live })
        .collect();
    if let Some(last) = states.last_mut().filter(|_| !order.history.is_empty()) {
        *last = sum(order, product, (&live, &others), order.paid_at.is_some());
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
    let (mut least, mut most, mut excludes) = (i128::MIN, i128::MAX, true);
    let mut units = None;
    let is_seen = !books.snapshots.is_empty();
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
        if let Some((fewest, greatest)) = auditor.missing_units(product) {
            (least, most) = (least.max(fewest), most.min(greatest));
            excludes &= !(fewest..=greatest).contains(&0);
        }
        let found = auditor.finish_pass(until).0.violations.into_iter();
        let mut found: BTreeMap<String, Violation> =
            found.map(|it| (format!("{} {}", it.invariant, it.rule), it)).collect();
        units = found.extract_if(.., |_, it| it.rule == UNITS).map(|(_, it)| it).next().or(units);
        broken = Some(match broken {
            None => found,
            Some(before) => found.into_iter().filter(|(rule, _)| before.contains_key(rule)).collect(),
        });
    }
    let is_possible = least <= most;
    let is_wrong = if is_possible { !(least..=most).contains(&0) } else { excludes };
    let largest = least.unsigned_abs().max(most.unsigned_abs());
    let undecided = match (is_seen, is_wrong) {
        (false, _) => Some(None),
        (true, false) if least != most => Some(Some(largest)),
        (true, _) => None,
    };
    let mut violations: Vec<Violation> = broken.unwrap_or_default().into_values().collect();
    if is_wrong && is_seen {
        violations.extend(
            units
                .map(|violation| Violation { found: range(least, most), ..violation })
                .map(|violation| Violation { expected: "none missing".to_owned(), ..violation }),
        );
    }
    Judgement { violations, undecided }
}

/// The units that are missing, below zero if there are too many.
fn range(least: i128, most: i128) -> String {
    let (least, most) = (least.min(most), least.max(most));
    if least == most { format!("{least} missing") } else { format!("{least} to {most} missing") }
}
