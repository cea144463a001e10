//! Steps that the tests of counting and recounting have in common.

use std::{
    collections::BTreeMap,
    future::{Future, IntoFuture},
    pin::pin,
    task::Poll,
};

use functions::stream::count_sales;
use jiff::{Timestamp, civil::Date};
use serde_json::{Value, json};
use shared::{
    domain::{
        OrderId, ProductId, Won,
        bestseller::{Listing, Rank, Ranking, SHOWN, units_in_window, window_start},
        order::Order,
        pricing::ShippingPolicy,
        product::SaleStatus,
        time::seoul_day,
    },
    store::{
        Action, Key, Outcome, Transaction, keys,
        orders::{self, OrderRecord},
        records::Record,
    },
};

use crate::{
    TestShop,
    drafts::{draft, id},
    fakes::{
        queue::DeadLetterQueue,
        stream::{self, Consumers},
    },
};

pub use crate::fakes::stream::record_of;

/// All records of the stream, oldest first.
pub fn records(shop: &TestShop) -> Vec<Value> {
    let mut reader = Consumers::new(shop.dynamo().clone());
    let batches = std::iter::from_fn(|| Some(reader.next_batch()).filter(|batch| !batch.is_empty()));
    batches.flatten().collect()
}

/// Delivers a batch to the aggregator, through the next instance in turn.
pub async fn count(shop: &TestShop, batch: &[Value]) -> Result<(), lambda_http::Error> {
    let dead_letters = DeadLetterQueue::default();
    let answer = count_sales::handle(shop.instance(), &dead_letters.of_stream(), stream::batch(batch)).await?;
    assert!(answer.batch_item_failures.is_empty() && dead_letters.taken().is_empty(), "{answer:?}");
    Ok(())
}

/// Runs a future that dies after so many polls; `None` if it died. Each call of DynamoDB takes several, before and
/// after it is carried out.
pub async fn dying_after<F: IntoFuture>(turns: u64, work: F) -> Option<F::Output> {
    let (mut work, mut left) = (pin!(work.into_future()), turns);
    std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

/// Writes to the table as the shop would not.
pub async fn tamper(shop: &TestShop, action: Action) {
    let mut transaction = Transaction::new();
    transaction.add(action);
    let shop = shop.instance();
    assert!(matches!(shop.table.commit(transaction, &mut shop.backoff()).await.unwrap(), Outcome::Committed));
}

/// A paid order of these lines, made now, as the API would put it into the table; nothing else changes with it.
pub fn paid_order(shop: &TestShop, number: usize, lines: &[(String, u16)]) -> Order {
    let lines: Vec<(&str, i64)> = lines.iter().map(|(product, units)| (product.as_str(), i64::from(*units))).collect();
    let shipping = ShippingPolicy { fee: Won::new(3_000), free_from: Won::new(30_000) };
    let draft = draft(&format!("u{}", number % 97), &lines, shipping, shop.now());
    Order::paid(id::<OrderId>(&format!("o{number:06}")), draft)
}

/// Puts orders into the table, a hundred a commit.
pub async fn put_orders(shop: &TestShop, all: impl IntoIterator<Item = Order>) {
    let all: Vec<Order> = all.into_iter().collect();
    for orders in all.chunks(Transaction::MAX_ACTIONS) {
        let mut transaction = Transaction::new();
        for order in orders {
            let record = OrderRecord { order: order.clone(), payload: "p".to_owned(), trace_id: None };
            transaction.add(orders::create(&record));
        }
        let shop = shop.instance();
        assert!(matches!(shop.table.commit(transaction, &mut shop.backoff()).await.unwrap(), Outcome::Committed));
    }
}

/// Units by product and day.
pub type Units = BTreeMap<(ProductId, Date), i64>;

/// The sales in the table: by the orders, by the counts, and by the index.
#[derive(Debug, Default)]
pub struct Sales {
    pub recounted: Units,
    pub counted: Units,
    counts: Vec<Rank>,
    listings: Vec<Listing>,
    on_sale: Vec<ProductId>,
}

impl Sales {
    /// Reads the whole table.
    pub async fn of(shop: &TestShop) -> Self {
        let today = seoul_day(shop.now());
        let counts = |day: &Date| (window_start(today)..=today).contains(day);
        let (mut sales, mut orders) = (Self::default(), Vec::new());
        let client = shop.dynamo().client();
        let mut items = client.scan().table_name(crate::TABLE).into_paginator().items().send();
        while let Some(item) = items.next().await {
            match Record::read(item.unwrap()).unwrap() {
                Record::Order(record) => orders.push(record.order),
                Record::Sales { product, sales: record } => {
                    let place = record.rank_place();
                    sales.listings.extend(place.map(|place| keys::listing_of_index_key(&place.sk).unwrap()));
                    let last_sold_at = Timestamp::from_millisecond(record.last_sold_at).unwrap();
                    let units = units_in_window(&record.days(), today);
                    sales.counts.push(Rank { units, last_sold_at, product_id: product.clone() });
                    let days = record.days().into_iter().filter(|(day, units)| counts(day) && *units != 0);
                    sales.counted.extend(days.map(|(day, units)| ((product.clone(), day), units)));
                }
                Record::Product(product) if product.offer.status == SaleStatus::OnSale => {
                    sales.on_sale.push(product.product_id);
                }
                _ => {}
            }
        }
        orders.retain(|order| order.paid_at.is_some_and(|at| counts(&seoul_day(at))));
        sales.with_orders(&orders)
    }

    /// Adds these paid orders.
    pub fn with_orders(mut self, orders: &[Order]) -> Self {
        for order in orders {
            for line in &order.items {
                let place = (line.product_id.clone(), seoul_day(order.paid_at.unwrap()));
                let units = if line.unit_price > line.unit_discount { line.live_units() } else { 0 };
                *self.recounted.entry(place).or_default() += i64::from(units);
            }
        }
        self.recounted.retain(|_, units| *units != 0);
        self
    }

    /// Asserts that all counts are right, and that the index has the best.
    pub fn check(&self, now: Timestamp) {
        assert_eq!(self.counted, self.recounted);
        let is_shown = |rank: &&Rank| rank.units > 0 && self.on_sale.contains(&rank.product_id);
        let mut best: Vec<Rank> = self.counts.iter().filter(is_shown).cloned().collect();
        best.sort();
        best.truncate(SHOWN);
        assert_eq!(self.ranked(now), best);
    }

    /// The best by the index.
    pub fn ranked(&self, now: Timestamp) -> Vec<Rank> {
        let mut listings = self.listings.clone();
        listings.sort_by(|a, b| a.bound.cmp(&b.bound));
        let mut ranking = Ranking::new(seoul_day(now), 1);
        ranking.add(0, &listings, false);
        ranking.take(SHOWN)
    }

    /// Reads the table of a shop, and asserts the same.
    pub async fn assert_right(shop: &TestShop) -> Self {
        let sales = Self::of(shop).await;
        sales.check(shop.now());
        sales
    }
}

/// An item as it is, with its types.
pub fn item(shop: &TestShop, key: &Key) -> Value {
    let key = json!({ "pk": { "S": key.pk }, "sk": { "S": key.sk } });
    let answer = shop.dynamo().execute("GetItem", json!({ "TableName": crate::TABLE, "Key": key })).unwrap();
    answer["Item"].clone()
}
