//! Bestsellers: counting what was sold from the table's stream, and the board that answers with one cheap read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::{Failure, Shop, products};
use crate::{
    domain::{
        OrderId, ProductId,
        bestseller::{Board, Candidate, UnitsByDay, window_start},
        order::Order,
        product::{Product, SaleStatus},
        time::seoul_day,
    },
    store::{
        Applied, Backoff, Consistency, Key, Outcome, Transaction, keys,
        rebuild::Rebuild,
        sales::{self, Mark, SalesRecord},
    },
};

/// What the bestsellers must know of a change in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SalesChange {
    /// Units were sold (or given back, where below zero).
    Sold {
        /// Names the event, the same whenever it is delivered.
        event_id: String,
        /// When the order was paid: the day that counts.
        paid_at: Timestamp,
        /// Units of each product.
        units: BTreeMap<ProductId, i64>,
    },
    /// A product's name, price or sale status may be another.
    Described(ProductId),
}

impl SalesChange {
    /// The units that a change of an order sold, or gave back: the difference of its live units, once it is paid. The
    /// same change gives the same answer, however often it is delivered.
    pub fn of_order(old: Option<&Order>, new: &Order) -> Option<Self> {
        let paid_at = new.paid_at?;
        let mut units: BTreeMap<ProductId, i64> = BTreeMap::new();
        for line in &new.items {
            *units.entry(line.product_id.clone()).or_default() += i64::from(line.live_units());
        }
        for line in old.filter(|old| old.paid_at.is_some()).into_iter().flat_map(|old| &old.items) {
            *units.entry(line.product_id.clone()).or_default() -= i64::from(line.live_units());
        }
        units.retain(|_, units| *units != 0);
        let event_id = event_id(&new.order_id, new.version);
        (!units.is_empty()).then_some(Self::Sold { event_id, paid_at, units })
    }
}

/// Names the event that a change of an order is.
pub(super) fn event_id(order: &OrderId, version: u64) -> String {
    format!("{order}-{version}")
}

/// The bestsellers of today.
///
/// # Errors
/// Where the table gives no answer.
pub async fn top(shop: &Shop) -> Result<Vec<(Candidate, i64)>, Failure> {
    let board: Option<Board> = shop.table.get(keys::board(), Consistency::Eventual).await?;
    let today = seoul_day(shop.clock.now());
    let board = board.unwrap_or_default();
    Ok(board.top(today).into_iter().map(|(candidate, sold)| (candidate.clone(), sold)).collect())
}

/// Counts a batch of changes and brings the board up to date.
///
/// Every event counts once, however often and in whatever batches it comes: its mark is in the transaction of its
/// counts. The board is made from the counts after they are committed, so a batch that stops half-way is made good by
/// its own repetition.
///
/// # Errors
/// Where the table gives no answer; then the batch must come again.
pub async fn fold(shop: &Shop, changes: Vec<SalesChange>) -> Result<(), Failure> {
    let mut backoff = shop.backoff();
    let mut touched: BTreeSet<ProductId> = BTreeSet::new();
    let mut sold = Sold::new();
    for change in changes {
        match change {
            SalesChange::Described(product) => {
                touched.insert(product);
            }
            SalesChange::Sold { event_id, paid_at, units } => {
                touched.extend(units.keys().cloned());
                sold.insert(event_id, (paid_at, units));
            }
        }
    }
    count_all(shop, sold, false, &mut backoff).await?;
    refresh(shop, touched.into_iter().collect(), &mut backoff).await
}

/// Units of each product by event, with when they were paid.
pub(super) type Sold = BTreeMap<String, (Timestamp, BTreeMap<ProductId, i64>)>;

/// Counts events that may have been counted before, and marks them, as recovered by a rebuild where they are; how many had
/// not been.
pub(super) async fn count_all(
    shop: &Shop,
    sold: Sold,
    is_recovered: bool,
    backoff: &mut Backoff,
) -> Result<u64, Failure> {
    let (mut batch, mut counted) = (Batch::default(), 0_u64);
    for (event_id, (paid_at, units)) in sold {
        if !batch.has_room_for(&units) {
            counted = counted.saturating_add(count(shop, std::mem::take(&mut batch), is_recovered, backoff).await?);
        }
        batch.0.insert(event_id, (paid_at, units));
    }
    Ok(counted.saturating_add(count(shop, batch, is_recovered, backoff).await?))
}

/// Events that are counted in one transaction.
#[derive(Debug, Clone, Default)]
struct Batch(Sold);

impl Batch {
    fn products(&self) -> BTreeSet<&ProductId> {
        self.0.values().flat_map(|(_, units)| units.keys()).collect()
    }

    /// Whether the marks and the counts still fit one transaction. One order alone always does.
    fn has_room_for(&self, units: &BTreeMap<ProductId, i64>) -> bool {
        let known = self.products();
        let new = units.keys().filter(|product| !known.contains(product)).count();
        self.0.len() + 1 + known.len() + new <= Transaction::MAX_ACTIONS
    }

    /// Units by product and day, with the instant of the last sale. Days that no window reaches any more are left out.
    fn sums(&self, shop: &Shop) -> BTreeMap<&ProductId, (UnitsByDay, Timestamp)> {
        let first = window_start(seoul_day(shop.clock.now()));
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

/// Counts a batch; how many of its events nobody had counted before.
async fn count(shop: &Shop, mut batch: Batch, is_recovered: bool, backoff: &mut Backoff) -> Result<u64, Failure> {
    if batch.0.is_empty() {
        return Ok(0);
    }
    // Products that are known to have been sold later than what is counted here.
    let mut sold_since: BTreeSet<ProductId> = BTreeSet::new();
    let mut generation = generation(shop).await?;
    while !batch.0.is_empty() {
        let now = shop.clock.now();
        let mut transaction = Transaction::new();
        let mut marks = Vec::new();
        for event_id in batch.0.keys() {
            let mark = sales::mark_counted(event_id, Mark { generation, is_recovered }, now)?;
            marks.push((event_id.clone(), transaction.add(mark)));
        }
        let mut counts = Vec::new();
        for (product, (days, last)) in batch.sums(shop) {
            let known = (!sold_since.contains(product)).then_some(last);
            let count = sales::count(product, &days, known, generation, seoul_day(now))?;
            counts.push((product.clone(), last, transaction.add(count)));
        }
        let evidence = match shop.table.commit(transaction, backoff).await? {
            Outcome::Committed => return Ok(u64::try_from(batch.0.len()).unwrap_or(u64::MAX)),
            Outcome::Refused(evidence) => evidence,
        };
        // Some were counted before: count the others.
        for (event_id, _) in marks.into_iter().filter(|(_, mark)| evidence.refuses(*mark)) {
            batch.0.remove(&event_id);
        }
        let mut seen = Vec::new();
        for (product, last, position) in counts {
            if let Some(Some(there)) = evidence.of::<SalesRecord>(position)? {
                if there.last_sold_at > last.as_millisecond() {
                    sold_since.insert(product.clone());
                }
                seen.push((product, there.generation));
            }
        }
        generation = seen.iter().filter_map(|(_, theirs)| *theirs).fold(generation, u64::max);
        for (product, theirs) in seen.into_iter().filter(|(_, theirs)| *theirs < Some(generation)) {
            enter_generation(shop, &product, theirs, generation, backoff).await?;
        }
        backoff.again("others count the same products").await?;
    }
    Ok(0)
}

/// The generation in which sales are counted, unless a count turns out to be of another. It is not remembered: the first
/// count of a product in an old one would be left for wrong by a rebuild that goes on.
async fn generation(shop: &Shop) -> Result<u64, Failure> {
    let rebuild: Option<Rebuild> = shop.table.get(keys::rebuild(), Consistency::Eventual).await?;
    Ok(rebuild.map_or(0, |rebuild| rebuild.generation))
}

/// Takes a product's counts over to a generation, unless somebody else has done so; what they are then.
pub(super) async fn enter_generation(
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

/// Puts the products' current counts, names and prices on the board.
///
/// A board that stays as it was is put up anew, too: another function may have read older counts and be about to put them
/// up in the place of the same board. The version stops it.
pub(super) async fn refresh(shop: &Shop, touched: Vec<ProductId>, backoff: &mut Backoff) -> Result<(), Failure> {
    if touched.is_empty() {
        return Ok(());
    }
    loop {
        let seen: Option<Board> = shop.table.get(keys::board(), Consistency::Strong).await?;
        let version = seen.as_ref().map(|board| board.version);
        let mut board = seen.unwrap_or_default();

        let counts = counts(shop, &touched, backoff).await?;
        let described = products::describe(shop, &touched, backoff).await?;
        // What was not touched is on the board as it is: every change of a product or its count touches it.
        board.candidates.retain(|candidate| !touched.contains(&candidate.product_id));
        board.update(candidates(&counts, &described), seoul_day(shop.clock.now()));

        board.version = version.unwrap_or(0).saturating_add(1);
        let mut transaction = Transaction::new();
        transaction.add(sales::replace_board(&board, version)?);
        match shop.table.commit(transaction, backoff).await? {
            Outcome::Committed => return Ok(()),
            Outcome::Refused(_) => backoff.pause("the board changed meanwhile").await?,
        }
    }
}

pub(super) async fn counts(
    shop: &Shop,
    products: &[ProductId],
    backoff: &mut Backoff,
) -> Result<HashMap<ProductId, SalesRecord>, Failure> {
    let wanted: Vec<Key> = products.iter().map(keys::sales).collect();
    let found = shop.table.get_all(&wanted, Consistency::Strong, backoff).await?;
    let mut counts = HashMap::new();
    for (product, key) in products.iter().zip(&wanted) {
        counts.insert(product.clone(), found.get::<SalesRecord>(key)?.unwrap_or_default());
    }
    Ok(counts)
}

/// Of what was touched, what is listed: with its current name, price and counts.
pub(super) fn candidates(
    counts: &HashMap<ProductId, SalesRecord>,
    described: &HashMap<ProductId, Product>,
) -> Vec<Candidate> {
    let listed = described.values().filter(|product| product.offer.status == SaleStatus::OnSale);
    let candidate = |product: &Product| {
        let count = counts.get(&product.product_id)?;
        Some(Candidate {
            product_id: product.product_id.clone(),
            name: product.name.clone(),
            price: product.offer.price,
            days: count.days(),
            last_sold_at: Timestamp::from_millisecond(count.last_sold_at).ok()?,
        })
    };
    listed.filter_map(candidate).collect()
}
