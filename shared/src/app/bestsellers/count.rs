//! Counts units sold, each event once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use crate::{
    app::{Failure, Shop},
    domain::{
        ProductId,
        bestseller::{UnitsByDay, window_start},
        time::seoul_day,
    },
    store::{
        Applied, Backoff, Consistency, Key, Lesson, Outcome, Transaction, keys,
        rebuild::Rebuild,
        sales::{self, Addition, Mark, SalesRecord},
    },
};

/// Units of each product by event, with when they were paid.
pub(in crate::app) type Sold = BTreeMap<String, (Timestamp, BTreeMap<ProductId, i64>)>;

/// What counting came to.
#[derive(Debug, Default)]
pub(in crate::app) struct Counted {
    /// How many events nobody had counted before.
    pub(in crate::app) events: u64,
    /// Products whose place may not fit their description: a count that began, or one whose function may have died
    /// before it looked.
    pub(in crate::app) unsure: BTreeSet<ProductId>,
}

/// Counts events that may have been counted before, and marks them, as recovered by a rebuild where they are.
pub(in crate::app) async fn count_all(
    shop: &Shop,
    sold: Sold,
    is_recovered: bool,
    backoff: &mut Backoff,
) -> Result<Counted, Failure> {
    // Events of one product go together: each product is written as rarely as possible, and batches of other functions
    // meet fewer of the same products.
    let mut events: Vec<_> = sold.into_iter().collect();
    events.sort_by(|(_, (_, a)), (_, (_, b))| a.keys().next().cmp(&b.keys().next()));
    let (mut batch, mut counted) = (Batch::default(), Counted::default());
    for (event_id, (paid_at, units)) in events {
        if !batch.has_room_for(&units, shop.bounds.table.actions) {
            count(shop, std::mem::take(&mut batch), is_recovered, backoff, &mut counted).await?;
        }
        batch.0.insert(event_id, (paid_at, units));
    }
    count(shop, batch, is_recovered, backoff, &mut counted).await?;
    Ok(counted)
}

/// Events that are counted in one transaction.
#[derive(Debug, Clone, Default)]
struct Batch(Sold);

impl Batch {
    fn products(&self) -> BTreeSet<&ProductId> {
        self.0.values().flat_map(|(_, units)| units.keys()).collect()
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

/// Counts a batch.
async fn count(
    shop: &Shop,
    mut batch: Batch,
    is_recovered: bool,
    backoff: &mut Backoff,
    counted: &mut Counted,
) -> Result<(), Failure> {
    if batch.0.is_empty() {
        return Ok(());
    }
    let mut seen = Seen::read(shop, &batch, Consistency::Eventual, backoff).await?;
    loop {
        let now = shop.clock.now();
        let sums = batch.sums(now);
        let generation = seen.enter_generation(shop, sums.keys().copied(), backoff).await?;
        let mut transaction = Transaction::new();
        let mut marks = Vec::new();
        for event_id in batch.0.keys() {
            let mark = sales::mark_counted(event_id, Mark { generation, is_recovered }, now)?;
            marks.push((event_id.clone(), transaction.add(mark)));
        }
        let mut counts = Vec::new();
        for (product, (units, last)) in &sums {
            let addition = Addition { units, last: *last };
            let count = sales::count(product, seen.counts.get(product), addition, generation, now)?;
            counts.push(((*product).clone(), transaction.add(count)));
        }
        let evidence = match shop.table.commit(transaction, backoff).await? {
            Outcome::Committed => {
                let begun = counts.into_iter().map(|(product, _)| product);
                counted.unsure.extend(begun.filter(|product| !seen.counts.contains_key(product)));
                counted.events = counted.events.saturating_add(u64::try_from(batch.0.len()).unwrap_or(u64::MAX));
                return Ok(());
            }
            Outcome::Refused(evidence) => evidence,
        };
        // Some were counted before: count the others.
        for (event_id, _) in marks.into_iter().filter(|(_, mark)| evidence.refuses(*mark)) {
            let before = batch.0.remove(&event_id);
            counted.unsure.extend(before.into_iter().flat_map(|(_, units)| units.into_keys()));
        }
        for (product, position) in counts {
            match evidence.of::<SalesRecord>(position)? {
                Some(Some(there)) => drop(seen.counts.insert(product, there)),
                Some(None) => drop(seen.counts.remove(&product)),
                None => {}
            }
        }
        if batch.0.is_empty() {
            return Ok(());
        }
        if backoff.again("others count the same products").await? == Lesson::Old {
            seen = Seen::read(shop, &batch, Consistency::Strong, backoff).await?;
        }
    }
}

/// What is known of the counts that a batch adds to. Its commit asserts it.
struct Seen {
    /// The generation in which sales are counted, unless a count turns out to be of another. It is not remembered from
    /// batch to batch: the first count of a product in an old one would be left for wrong by a rebuild that goes on.
    generation: u64,
    counts: HashMap<ProductId, SalesRecord>,
}

impl Seen {
    /// Reads them in one round trip.
    async fn read(shop: &Shop, batch: &Batch, read: Consistency, backoff: &mut Backoff) -> Result<Self, Failure> {
        let products = batch.products();
        let mut wanted: Vec<Key> = products.iter().map(|product| keys::sales(product)).collect();
        wanted.push(keys::rebuild());
        let found = shop.table.get_all(&wanted, read, backoff).await?;
        let rebuild: Option<Rebuild> = found.get(&keys::rebuild())?;
        let mut counts = HashMap::new();
        for (product, key) in products.into_iter().zip(&wanted) {
            if let Some(there) = found.get(key)? {
                counts.insert(product.clone(), there);
            }
        }
        Ok(Self { generation: rebuild.map_or(0, |rebuild| rebuild.generation), counts })
    }

    /// Takes these products' counts over to the newest generation that is known, and returns it.
    async fn enter_generation(
        &mut self,
        shop: &Shop,
        products: impl Iterator<Item = &ProductId>,
        backoff: &mut Backoff,
    ) -> Result<u64, Failure> {
        let newest = self.counts.values().filter_map(|there| there.generation).fold(self.generation, u64::max);
        self.generation = newest;
        for product in products {
            let Some(there) = self.counts.get(product).filter(|there| there.generation < Some(newest)) else {
                continue;
            };
            match enter_generation(shop, product, there.generation, newest, backoff).await? {
                Some(now) => self.counts.insert(product.clone(), now),
                None => self.counts.remove(product),
            };
        }
        Ok(newest)
    }
}

/// Takes a product's counts over to a generation, unless somebody else has done so; what they are then.
pub(in crate::app) async fn enter_generation(
    shop: &Shop,
    product: &ProductId,
    seen: Option<u64>,
    generation: u64,
    backoff: &mut Backoff,
) -> Result<Option<SalesRecord>, Failure> {
    let today = seoul_day(shop.clock.now());
    let entering = sales::enter_generation(product, seen, generation, today)?;
    Ok(match shop.table.apply(&entering, backoff).await? {
        Applied::Done(there) => Some(there),
        Applied::Refused(there) => there,
    })
}
