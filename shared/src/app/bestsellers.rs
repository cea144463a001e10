//! Bestsellers: counting what was sold from the table's stream, and the board that answers with one cheap read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::{Failure, Shop, products};
use crate::{
    domain::{
        ProductId,
        bestseller::{Board, Candidate, UnitsByDay, window_start},
        order::Order,
        product::{Product, SaleStatus},
        time::seoul_day,
    },
    store::{
        Backoff, Consistency, Key, Outcome, Transaction, keys,
        sales::{self, SalesRecord},
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
        let event_id = format!("{}-{}", new.order_id, new.version);
        (!units.is_empty()).then_some(Self::Sold { event_id, paid_at, units })
    }
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
    let mut sold = BTreeMap::new();
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
    let mut batch = Batch::default();
    for (event_id, (paid_at, units)) in sold {
        if !batch.has_room_for(&units) {
            count(shop, std::mem::take(&mut batch), &mut backoff).await?;
        }
        batch.add(event_id, paid_at, units);
    }
    count(shop, batch, &mut backoff).await?;
    refresh(shop, touched.into_iter().collect(), &mut backoff).await
}

/// Events that are counted in one transaction.
#[derive(Debug, Clone, Default)]
struct Batch(BTreeMap<String, (Timestamp, BTreeMap<ProductId, i64>)>);

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

    fn add(&mut self, event_id: String, paid_at: Timestamp, units: BTreeMap<ProductId, i64>) {
        self.0.insert(event_id, (paid_at, units));
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

async fn count(shop: &Shop, mut batch: Batch, backoff: &mut Backoff) -> Result<(), Failure> {
    // Products that are known to have been sold later than what is counted here.
    let mut sold_since: BTreeSet<ProductId> = BTreeSet::new();
    while !batch.0.is_empty() {
        let now = shop.clock.now();
        let mut transaction = Transaction::new();
        let mut marks = Vec::new();
        for event_id in batch.0.keys() {
            marks.push((event_id.clone(), transaction.add(sales::mark_counted(event_id, now)?)));
        }
        let mut counts = Vec::new();
        for (product, (days, last)) in batch.sums(shop) {
            let last = (!sold_since.contains(product)).then_some(last);
            counts.push((product.clone(), transaction.add(sales::count(product, &days, last, seoul_day(now))?)));
        }
        match shop.table.commit(transaction, backoff).await? {
            Outcome::Committed => return Ok(()),
            // Some were counted before: count the others.
            Outcome::Refused(evidence) => {
                for (event_id, _) in marks.into_iter().filter(|(_, mark)| evidence.refuses(*mark)) {
                    batch.0.remove(&event_id);
                }
                sold_since.extend(counts.into_iter().filter(|(_, count)| evidence.refuses(*count)).map(|(id, _)| id));
            }
        }
    }
    Ok(())
}

/// Puts the products' current counts, names and prices on the board.
///
/// A board that stays as it was is put up anew, too: another function may have read older counts and be about to put them
/// up in the place of the same board. The version stops it.
async fn refresh(shop: &Shop, touched: Vec<ProductId>, backoff: &mut Backoff) -> Result<(), Failure> {
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

async fn counts(
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
fn candidates(counts: &HashMap<ProductId, SalesRecord>, described: &HashMap<ProductId, Product>) -> Vec<Candidate> {
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
