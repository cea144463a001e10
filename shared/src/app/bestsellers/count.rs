//! Counts units sold, each event once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::{StreamExt, stream};
use jiff::Timestamp;

use crate::{
    app::{Failure, Shop},
    domain::{
        ProductId,
        bestseller::{UnitsByDay, window_start},
        time::seoul_day,
    },
    store::{
        Applied, Backoff, Consistency, Found, Key, Outcome, RetryKind, StoreError, Transaction, keys,
        rebuild::Generation,
        sales::{self, Addition, Mark, SalesRecord},
    },
};

/// Units of each product by event, with the instant of payment.
pub(in crate::app) type Sold = BTreeMap<String, (Timestamp, BTreeMap<ProductId, i64>)>;

/// The result of counting.
#[derive(Debug, Default)]
pub(in crate::app) struct Counted {
    /// The number of events that had not been counted before.
    pub(in crate::app) events: u64,
    /// Products with a key in the index that may not fit their description: a count that began, or one whose function
    /// may have died before it read the description.
    pub(in crate::app) unsure: BTreeSet<ProductId>,
    /// The events that cannot be counted, with the reason: a record that they need cannot be read. They have no mark.
    pub(in crate::app) uncounted: BTreeMap<String, String>,
}

impl Counted {
    fn extend(&mut self, other: Self) {
        self.events = self.events.saturating_add(other.events);
        self.unsure.extend(other.unsure);
        self.uncounted.extend(other.uncounted);
    }
}

/// Counts events that may have been counted before, and marks them, as recovered by a rebuild if `is_recovered`.
///
/// An event that needs an unreadable record is left out, and so is no other.
///
/// Events that share no product are counted in transactions of their own, concurrently. One transaction for all would
/// collide with those of other functions in each of its products, and be refused as a whole for any of them.
pub(in crate::app) async fn count_all(
    shop: &Shop,
    sold: Sold,
    is_recovered: bool,
    backoff: &mut Backoff,
) -> Result<Counted, Failure> {
    let mut counted = Counted::default();
    if sold.is_empty() {
        return Ok(counted);
    }
    let products = sold.values().flat_map(|(_, units)| units.keys()).collect();
    let seen = Seen::read(shop, products, Consistency::Eventual, backoff).await?;
    let fork = || backoff.fork(shop.bounds.count_first_wait_ms);
    let groups = independent_groups(sold).into_iter();
    let work: Vec<_> = groups.map(|group| count_group(shop, group, &seen, is_recovered, fork())).collect();
    // A failed group stops no other: the repetition of the batch then has less to count.
    let results: Vec<_> = stream::iter(work).buffer_unordered(shop.bounds.counts_at_once.max(1)).collect().await;
    for result in results {
        counted.extend(result?);
    }
    Ok(counted)
}

/// Groups events so that no product is in two groups: the connected components by product, in the order of their first
/// events.
fn independent_groups(sold: Sold) -> Vec<Sold> {
    let mut groups: Vec<Sold> = Vec::new();
    let mut group_of: BTreeMap<ProductId, usize> = BTreeMap::new();
    for (event_id, (paid_at, units)) in sold {
        let joined: BTreeSet<usize> = units.keys().filter_map(|product| group_of.get(product).copied()).collect();
        let group = joined.first().copied().unwrap_or(groups.len());
        let mut events = Sold::from([(event_id, (paid_at, units))]);
        for other in joined {
            events.extend(groups.get_mut(other).map(std::mem::take).unwrap_or_default());
        }
        group_of.extend(events.values().flat_map(|(_, units)| units.keys()).map(|product| (product.clone(), group)));
        match groups.get_mut(group) {
            Some(emptied) => *emptied = events,
            None => groups.push(events),
        }
    }
    groups.retain(|group| !group.is_empty());
    groups
}

/// Counts a group, in several transactions one after the other if it exceeds one.
async fn count_group(
    shop: &Shop,
    group: Sold,
    seen: &Seen,
    is_recovered: bool,
    mut backoff: Backoff,
) -> Result<Counted, Failure> {
    let mut counted = Counted::default();
    for (number, batch) in batches(group, shop.bounds.table.actions).into_iter().enumerate() {
        let seen = match number {
            0 => seen.of(&batch),
            // The batch before may have changed the same counts.
            _ => Seen::read(shop, batch.products(), Consistency::Strong, &mut backoff).await?,
        };
        counted.extend(count(shop, batch, seen, is_recovered, &mut backoff).await?);
    }
    Ok(counted)
}

/// Cuts a group to the size of a transaction. Events of one product stay together as far as possible, so that each
/// product is written as rarely as possible.
fn batches(group: Sold, actions: usize) -> Vec<Batch> {
    let mut events: Vec<_> = group.into_iter().collect();
    events.sort_by(|(_, (_, a)), (_, (_, b))| a.keys().next().cmp(&b.keys().next()));
    let (mut batches, mut batch) = (Vec::new(), Batch::default());
    for (event_id, (paid_at, units)) in events {
        if !batch.0.is_empty() && !batch.has_room_for(&units, actions) {
            batches.push(std::mem::take(&mut batch));
        }
        batch.0.insert(event_id, (paid_at, units));
    }
    batches.push(batch);
    batches
}

/// Events that are counted in one transaction.
#[derive(Debug, Default)]
struct Batch(Sold);

impl Batch {
    fn products(&self) -> BTreeSet<&ProductId> {
        self.0.values().flat_map(|(_, units)| units.keys()).collect()
    }

    /// Removes the events that cannot be counted, and returns them with the reason.
    fn set_aside(&mut self, seen: &Seen) -> BTreeMap<String, String> {
        let reason = |units: &BTreeMap<ProductId, i64>| units.keys().find_map(|product| seen.reason_against(product));
        let aside =
            self.0.iter().filter_map(|(event_id, (_, units))| Some((event_id.clone(), reason(units)?.to_owned())));
        let aside: BTreeMap<String, String> = aside.collect();
        self.0.retain(|event_id, _| !aside.contains_key(event_id));
        aside
    }

    /// Whether the marks and the counts still fit one transaction. One order alone always does.
    fn has_room_for(&self, units: &BTreeMap<ProductId, i64>, actions: usize) -> bool {
        let known = self.products();
        let new = units.keys().filter(|product| !known.contains(product)).count();
        self.0.len() + 1 + known.len() + new <= actions
    }

    /// Units by product and day, with the instant of the last sale. Days that no window reaches any more are left out.
    fn sums(&self, now: Timestamp) -> BTreeMap<&ProductId, (UnitsByDay, Timestamp)> {
        let first = window_start(seoul_day(now));
        let mut sums: BTreeMap<&ProductId, (UnitsByDay, Timestamp)> = BTreeMap::new();
        for (paid_at, units) in self.0.values().filter(|(paid_at, _)| seoul_day(*paid_at) >= first) {
            for (product, units) in units {
                let (days, last) = sums.entry(product).or_insert_with(|| (UnitsByDay::new(), *paid_at));
                *days.entry(seoul_day(*paid_at)).or_default() += units;
                *last = (*last).max(*paid_at);
            }
        }
        sums
    }
}

async fn count(
    shop: &Shop,
    mut batch: Batch,
    mut seen: Seen,
    is_recovered: bool,
    backoff: &mut Backoff,
) -> Result<Counted, Failure> {
    let mut counted = Counted::default();
    loop {
        counted.uncounted.append(&mut batch.set_aside(&seen));
        if batch.0.is_empty() {
            return Ok(counted);
        }
        let now = shop.clock.now();
        let sums = batch.sums(now);
        let Some(generation) = seen.enter_generation(shop, sums.keys().copied(), backoff).await? else { continue };
        let mut transaction = Transaction::new();
        let mut marks = Vec::new();
        for event_id in batch.0.keys() {
            let mark = sales::mark_counted(event_id, Mark { generation, is_recovered }, now);
            marks.push((event_id.clone(), transaction.add(mark)));
        }
        let mut counts = Vec::new();
        for (product, (units, last)) in &sums {
            let addition = Addition { units, last: *last };
            let count = sales::count(product, seen.counts.get(product), addition, generation, now);
            counts.push(((*product).clone(), transaction.add(count)));
        }
        let retry = match shop.table.try_commit(transaction).await? {
            Some(Outcome::Committed) => {
                let begun = counts.into_iter().map(|(product, _)| product);
                counted.unsure.extend(begun.filter(|product| !seen.counts.contains_key(product)));
                counted.events = u64::try_from(batch.0.len()).unwrap_or(u64::MAX);
                return Ok(counted);
            }
            Some(Outcome::Refused(failures)) => {
                // Some were counted before: count the others.
                for (event_id, _) in marks.into_iter().filter(|(_, mark)| failures.refuses(*mark)) {
                    let before = batch.0.remove(&event_id);
                    counted.unsure.extend(before.into_iter().flat_map(|(_, units)| units.into_keys()));
                }
                for (product, position) in counts {
                    seen.learn_refusal(product, failures.of(position), generation);
                }
                counted.uncounted.append(&mut batch.set_aside(&seen));
                if batch.0.is_empty() {
                    return Ok(counted);
                }
                backoff.retry("others count the same products").await?
            }
            // The concurrent transaction changes the counts: the same one again would be refused.
            None => {
                backoff.pause("others count the same products").await?;
                RetryKind::AfterBackoff
            }
        };
        if retry == RetryKind::AfterBackoff {
            seen.refresh(shop, batch.products(), backoff).await?;
        }
    }
}

/// The known counts that batches add to. Their commits assert them.
#[derive(Debug)]
struct Seen {
    /// The generation in which sales are counted, unless a count turns out to be of another; the reason if it cannot be
    /// read. It is not kept from batch to batch: a running rebuild would leave the first count of a product in an old
    /// generation uncorrected.
    generation: Result<u64, String>,
    counts: HashMap<ProductId, SalesRecord>,
    /// The products with unreadable counts, each with the reason.
    unreadable: BTreeMap<ProductId, String>,
}

impl Seen {
    /// Reads the counts, a hundred in a round trip.
    async fn read(
        shop: &Shop,
        products: BTreeSet<&ProductId>,
        read: Consistency,
        backoff: &mut Backoff,
    ) -> Result<Self, Failure> {
        let mut wanted: Vec<Key> = products.iter().map(|product| keys::sales(product)).collect();
        wanted.push(keys::rebuild());
        let found = shop.table.get_all(&wanted, read, backoff).await?;
        let generation = match found.get::<Generation>(&keys::rebuild()) {
            Ok(rebuild) => Ok(rebuild.map_or(0, |rebuild| rebuild.generation)),
            Err(error) => Err(reason(&keys::rebuild(), &error)),
        };
        let mut seen = Self { generation, counts: HashMap::new(), unreadable: BTreeMap::new() };
        seen.take_counts(&found, products);
        Ok(seen)
    }

    /// Replaces the counts by those found.
    fn take_counts(&mut self, found: &Found, products: BTreeSet<&ProductId>) {
        self.counts.clear();
        self.unreadable.clear();
        for product in products {
            match found.get(&keys::sales(product)) {
                Ok(there) => self.counts.extend(there.map(|there| (product.clone(), there))),
                Err(error) => self.refuse(product, &error),
            }
        }
    }

    /// Notes that a product's count cannot be read.
    fn refuse(&mut self, product: &ProductId, error: &StoreError) {
        self.unreadable.insert(product.clone(), reason(&keys::sales(product), error));
    }

    /// The reason for which sales of a product cannot be counted, if there is one.
    ///
    /// Only a count that is about to begin needs the generation of the rebuild: all others have their own.
    fn reason_against(&self, product: &ProductId) -> Option<&str> {
        let unreadable = self.unreadable.get(product).map(String::as_str);
        let is_new = !self.counts.contains_key(product);
        unreadable.or_else(|| self.generation.as_ref().err().filter(|_| is_new).map(String::as_str))
    }

    /// Takes the count that a refusal brought, if its condition failed.
    ///
    /// A count that is as it was seen refuses its own conditions, and would refuse each later transaction. One of another
    /// generation is none of these: it enters the newest before the next attempt.
    fn learn_refusal(
        &mut self,
        product: ProductId,
        there: Result<Option<Option<SalesRecord>>, StoreError>,
        generation: u64,
    ) {
        match there {
            Ok(Some(Some(there))) => {
                let is_same = self.counts.get(&product) == Some(&there);
                if is_same && there.generation == Some(generation) {
                    self.refuse(&product, &StoreError::contradictory());
                }
                self.counts.insert(product, there);
            }
            Ok(Some(None)) => drop(self.counts.remove(&product)),
            Ok(None) => {}
            Err(error) => self.refuse(&product, &error),
        }
    }

    /// Reads the counts of these products again. Only a count that is about to begin needs the generation: all others
    /// have their own. Otherwise every retry of every function would read the rebuild's one record, up to the limit of
    /// its partition.
    async fn refresh(
        &mut self,
        shop: &Shop,
        products: BTreeSet<&ProductId>,
        backoff: &mut Backoff,
    ) -> Result<(), Failure> {
        if !products.iter().all(|product| self.counts.contains_key(*product)) {
            *self = Self::read(shop, products, Consistency::Strong, backoff).await?;
            return Ok(());
        }
        let wanted: Vec<Key> = products.iter().map(|product| keys::sales(product)).collect();
        let found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;
        self.take_counts(&found, products);
        Ok(())
    }

    /// The part of it that a batch adds to.
    fn of(&self, batch: &Batch) -> Self {
        let count = |product: &ProductId| Some((product.clone(), self.counts.get(product)?.clone()));
        let counts = batch.products().into_iter().filter_map(count).collect();
        Self { generation: self.generation.clone(), counts, unreadable: self.unreadable.clone() }
    }

    /// Moves these products' counts to the newest generation that is known, and returns it; none if one of them turns out
    /// to be unreadable.
    async fn enter_generation(
        &mut self,
        shop: &Shop,
        products: impl Iterator<Item = &ProductId>,
        backoff: &mut Backoff,
    ) -> Result<Option<u64>, Failure> {
        let known = self.generation.as_ref().copied().unwrap_or_default();
        let newest = self.counts.values().filter_map(|there| there.generation).fold(known, u64::max);
        self.generation = self.generation.as_ref().map(|_| newest).map_err(Clone::clone);
        let mut are_readable = true;
        for product in products {
            let Some(there) = self.counts.get(product).filter(|there| there.generation < Some(newest)) else {
                continue;
            };
            match enter_generation(shop, product, there.generation, newest, backoff).await {
                Ok(Some(now)) => drop(self.counts.insert(product.clone(), now)),
                Ok(None) => drop(self.counts.remove(product)),
                Err(Failure::Store(error)) if error.is_of_item() => {
                    self.refuse(product, &error);
                    are_readable = false;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(are_readable.then_some(newest))
    }
}

/// The reason of a dead letter: the item that cannot be read, and the failure.
pub(super) fn reason(key: &Key, error: &StoreError) -> String {
    format!("{}: {error}", key.pk)
}

/// Moves a product's counts to a generation, unless another function has done so. Returns them as they are then.
///
/// # Errors
/// If the table cannot be reached, or the count cannot be read.
pub(in crate::app) async fn enter_generation(
    shop: &Shop,
    product: &ProductId,
    seen: Option<u64>,
    generation: u64,
    backoff: &mut Backoff,
) -> Result<Option<SalesRecord>, Failure> {
    let today = seoul_day(shop.clock.now());
    let entering = sales::enter_generation(product, seen, generation, today);
    Ok(match shop.table.apply(&entering, backoff).await? {
        Applied::Done(there) => Some(there),
        Applied::Refused(Some(there)) if there.generation == seen => return Err(StoreError::contradictory().into()),
        Applied::Refused(there) => there,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sold(events: &[(&str, &[&str])]) -> Sold {
        let product = |id: &&str| (ProductId::try_from((*id).to_owned()).unwrap(), 1);
        let event = |(id, products): &(&str, &[&str])| {
            ((*id).to_owned(), (Timestamp::UNIX_EPOCH, products.iter().map(product).collect()))
        };
        events.iter().map(event).collect()
    }

    fn ids(groups: Vec<Sold>) -> Vec<Vec<String>> {
        groups.into_iter().map(|group| group.into_keys().collect()).collect()
    }

    #[test]
    fn events_that_share_a_product_are_in_one_group() {
        let apart: &[(&str, &[&str])] = &[("1", &["tea"]), ("2", &["cup"]), ("3", &["tea"])];
        assert_eq!(ids(independent_groups(sold(apart))), [vec!["1", "3"], vec!["2"]]);
        // The last links all groups before it.
        let linked: &[(&str, &[&str])] =
            &[("1", &["tea"]), ("2", &["cup"]), ("3", &["pot"]), ("4", &["cup", "pot", "tea"])];
        assert_eq!(ids(independent_groups(sold(linked))), [vec!["1", "2", "3", "4"]]);
        // Linked groups stay linked.
        let chain: &[(&str, &[&str])] =
            &[("1", &["tea", "cup"]), ("2", &["cup", "pot"]), ("3", &["ink"]), ("4", &["pot"])];
        assert_eq!(ids(independent_groups(sold(chain))), [vec!["1", "2", "4"], vec!["3"]]);
        assert_eq!(independent_groups(Sold::new()).len(), 0);
    }
}
