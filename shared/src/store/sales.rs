//! Units sold: counts by product, their keys in the index by sales, and the processed-event records of the counted
//! events.
//!
//! Counts and processed-event records bear a generation, which a rebuild raises. The transaction of a count asserts
//! that both bear the same one. When a count enters the next generation, its snapshot is therefore exactly the sum of
//! the events of the generations before. A rebuild can compare the two while counting goes on.
//!
//! A count and its key in the index by sales change in one write, which asserts the units that the key is derived from.
//! The alternative, a second write after the count, leaves a wrong key behind if a function dies between the two.

use std::collections::{BTreeSet, HashMap};

use jiff::{Timestamp, ToSpan, civil::Date};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

use super::{
    Action,
    keys::{self, IndexKey},
    rebuild::Rebuild,
};
use crate::domain::{
    ProductId,
    bestseller::{Listing, UnitsByDay},
    time::seoul_day,
};

/// Units sold of a product, by day, as stored: an attribute a day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SalesRecord {
    /// The instant of its last sale, in milliseconds since 1970.
    pub last_sold_at: i64,
    /// The generation in which it is counted; none if it was not written by the shop.
    pub generation: Option<u64>,
    /// The last rebuild that corrected it.
    pub corrected: Option<u64>,
    /// The product's description from which the key was last derived.
    #[serde(flatten)]
    pub summary: OfferSummary,
    by_sales_pk: Option<String>,
    by_sales_sk: Option<String>,
    #[serde(flatten, deserialize_with = "with_units_by_day")]
    rest: HashMap<String, Value>,
}

/// Reads the attributes without a field of their own. Units of a day that are no whole number make the item unreadable:
/// taken for absent, they would refuse every condition on them.
fn with_units_by_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HashMap<String, Value>, D::Error> {
    let rest: HashMap<String, Value> = HashMap::deserialize(deserializer)?;
    let is_of_day = |name: &str| [DAY_PREFIX, SNAPSHOT_PREFIX].iter().any(|prefix| name.starts_with(prefix));
    match rest.iter().find(|(name, units)| is_of_day(name) && !units.is_i64()) {
        Some((name, _)) => Err(D::Error::custom(format_args!("{name} is no whole number"))),
        None => Ok(rest),
    }
}

/// The part of a product's description that the index by sales depends on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OfferSummary {
    /// Whether the product is off sale, so that its count is not in the index.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub off_sale: bool,
    /// The number of shards of its stock, if there are several: the index tells a reader how many to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stock_shards: Option<u16>,
}

impl SalesRecord {
    pub fn days(&self) -> UnitsByDay {
        self.by_day(DAY_PREFIX)
    }

    /// The units when the count entered its generation; none if it began with it.
    pub fn snapshot(&self) -> UnitsByDay {
        self.by_day(SNAPSHOT_PREFIX)
    }

    /// Whether it is in the list of counts, as all counts written by the shop are.
    pub fn is_listed(&self) -> bool {
        self.rest.contains_key(keys::BY_TIME.pk)
    }

    /// Its key in the index by sales.
    pub fn rank_place(&self) -> Option<IndexKey> {
        Some(IndexKey { pk: self.by_sales_pk.clone()?, sk: self.by_sales_sk.clone()? })
    }

    /// The key that it should have, for a product with this description.
    pub fn place_of(&self, product: &ProductId, summary: OfferSummary, now: Timestamp) -> Option<IndexKey> {
        place_of(product, &self.days(), self.last_sold_at, summary, now)
    }

    fn by_day(&self, prefix: &str) -> UnitsByDay {
        let day = |(name, units): (&String, &Value)| {
            let day = Date::strptime("%Y%m%d", name.strip_prefix(prefix)?).ok()?;
            Some((day, units.as_i64()?))
        };
        self.rest.iter().filter_map(day).collect()
    }
}

fn place_of(
    product: &ProductId,
    days: &UnitsByDay,
    last_sold_at_ms: i64,
    summary: OfferSummary,
    now: Timestamp,
) -> Option<IndexKey> {
    let last_sold_at = Timestamp::from_millisecond(last_sold_at_ms).ok().filter(|_| !summary.off_sale)?;
    Some(keys::sales_ranked(&Listing::of(product, days, last_sold_at, now)?))
}

const DAY_PREFIX: &str = "day_";
const SNAPSHOT_PREFIX: &str = "snapshot_";

/// `2026-11-21` as an attribute's name; names in expressions have no dashes.
fn attribute(prefix: &str, day: Date) -> String {
    format!("{prefix}{}", day.strftime("%Y%m%d"))
}

/// The age in days from which a count matters no more: a day more than can count, so that two functions may see
/// different midnights.
const STALE_AFTER_DAYS: i64 = 4;

/// The days of which a snapshot may still be left before storage deletes the whole item.
const STALE_DAYS: std::ops::RangeInclusive<i64> = STALE_AFTER_DAYS..=14;

/// An update of a count under assembly: clauses of its expression, conditions, values.
struct Update<'a> {
    product: &'a ProductId,
    sets: Vec<String>,
    removes: Vec<String>,
    conditions: Vec<String>,
    values: Vec<(String, Value)>,
}

impl<'a> Update<'a> {
    fn new(product: &'a ProductId) -> Self {
        Self { product, sets: Vec::new(), removes: Vec::new(), conditions: Vec::new(), values: Vec::new() }
    }

    fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.sets.push(format!("#{name} = :{name}"));
        self.values.push((format!(":{name}"), value.into()));
    }

    fn remove(&mut self, name: &str) {
        self.removes.push(format!("#{name}"));
    }

    fn require(&mut self, condition: impl Into<String>) {
        self.conditions.push(condition.into());
    }

    fn value(&mut self, name: &str, value: impl Into<Value>) {
        self.values.push((name.to_owned(), value.into()));
    }

    /// Adds the count to the list of all counts.
    fn list(&mut self) {
        let IndexKey { pk, sk } = keys::sales_listed(self.product);
        self.set(keys::BY_TIME.pk, pk);
        self.set(keys::BY_TIME.sk, sk);
    }

    /// Asserts everything that a key is derived from, and these days.
    fn require_seen(&mut self, seen: Option<&SalesRecord>, added: &UnitsByDay, now: Timestamp) {
        let Some(seen) = seen else {
            return self.require("attribute_not_exists(#pk)");
        };
        self.require("attribute_exists(#pk)");
        let days = seen.days();
        let (first, last) = Listing::days_at(now).into_inner();
        let listed = std::iter::successors(Some(first), |day| day.tomorrow().ok()).take_while(|day| *day <= last);
        let asserted: BTreeSet<Date> = listed.chain(added.keys().copied()).collect();
        for day in asserted {
            let name = attribute(DAY_PREFIX, day);
            match days.get(&day) {
                Some(units) => {
                    self.require(format!("#{name} = :seen_{name}"));
                    self.value(&format!(":seen_{name}"), *units);
                }
                None => self.require(format!("attribute_not_exists(#{name})")),
            }
        }
        self.require("(attribute_not_exists(#lastSoldAt) OR #lastSoldAt = :seenLast)");
        self.value(":seenLast", seen.last_sold_at);
        if seen.summary.off_sale {
            self.require("#offSale = :seenOffSale");
            self.value(":seenOffSale", true);
        } else {
            self.require("attribute_not_exists(#offSale)");
        }
    }

    /// Moves the count to a key of the index by sales, or out of the index.
    fn place(&mut self, seen: Option<&SalesRecord>, place: Option<IndexKey>) {
        match place {
            Some(IndexKey { pk, sk }) => {
                self.set(keys::BY_SALES.pk, pk);
                self.set(keys::BY_SALES.sk, sk);
            }
            None if seen.is_some_and(|seen| seen.by_sales_pk.is_some() || seen.by_sales_sk.is_some()) => {
                self.remove(keys::BY_SALES.pk);
                self.remove(keys::BY_SALES.sk);
            }
            None => {}
        }
    }

    fn into_action(self) -> Action {
        let clauses = [("SET", self.sets), ("REMOVE", self.removes)].into_iter().filter(|(_, parts)| !parts.is_empty());
        let clauses: Vec<String> = clauses.map(|(verb, parts)| format!("{verb} {}", parts.join(", "))).collect();
        let action = Action::update(keys::sales(self.product), clauses.join(" ")).when(self.conditions.join(" AND "));
        self.values.into_iter().fold(action, |action, (name, value)| action.value(&name, value))
    }
}

/// Units to add to a product's counts.
#[derive(Debug, Clone, Copy)]
pub struct Addition<'a> {
    pub units: &'a UnitsByDay,
    /// The instant of the last sale among them. The stored instant only ever moves forward.
    pub last: Timestamp,
}

/// Adds to a product's counts as they were read, and moves them to their new key in the index by sales.
fn add(
    update: &mut Update<'_>,
    seen: Option<&SalesRecord>,
    Addition { units: added, last }: Addition<'_>,
    now: Timestamp,
) {
    update.require_seen(seen, added, now);
    let mut days = seen.map(SalesRecord::days).unwrap_or_default();
    for (day, units) in added {
        let sum = days.entry(*day).or_default();
        *sum = sum.saturating_add(*units);
        update.set(&attribute(DAY_PREFIX, *day), *sum);
    }
    let last_ms = last.as_millisecond().max(seen.map_or(0, |seen| seen.last_sold_at));
    update.list();
    update.set("lastSoldAt", last_ms);
    update.set("ttl", kept_until(last_ms));
    let summary = seen.map(|seen| seen.summary).unwrap_or_default();
    update.place(seen, place_of(update.product, &days, last_ms, summary, now));
    let stale = seoul_day(now).saturating_sub(STALE_AFTER_DAYS.days());
    days.range(..=stale).for_each(|(day, _)| update.remove(&attribute(DAY_PREFIX, *day)));
}

/// Adds to a product's counts as they were read; refused if the counts have changed or are of another generation. Only
/// for a transaction that also creates the processed-event records, in the same generation.
///
/// A new count takes its product to be on sale. The caller checks the description afterwards. A key too many makes a
/// reader look at one product more; a key too few would hide a bestseller.
pub fn count(
    product: &ProductId,
    seen: Option<&SalesRecord>,
    addition: Addition<'_>,
    generation: u64,
    now: Timestamp,
) -> Action {
    let mut update = Update::new(product);
    if seen.is_some() {
        update.require("#generation = :generation");
    }
    update.set("generation", generation);
    add(&mut update, seen, addition, now);
    update.into_action()
}

/// Moves a count to the key that its units and its product's description ask for; refused if the counts have changed.
/// The transaction has to assert the description.
pub fn rank(product: &ProductId, seen: &SalesRecord, summary: OfferSummary, now: Timestamp) -> Action {
    let mut update = Update::new(product);
    update.require_seen(Some(seen), &UnitsByDay::new(), now);
    update.place(Some(seen), seen.place_of(product, summary, now));
    match (summary.off_sale, seen.summary.off_sale) {
        (true, false) => update.set("offSale", true),
        (false, true) => update.remove("offSale"),
        _ => {}
    }
    match (summary.stock_shards, seen.summary.stock_shards) {
        (Some(shards), before) if before != Some(shards) => update.set("stockShards", shards),
        (None, Some(_)) => update.remove("stockShards"),
        _ => {}
    }
    update.into_action()
}

/// The time for which a count is kept after the last sale: longer than any day of it counts.
const KEPT_SECONDS: i64 = 10 * 24 * 60 * 60;

fn kept_until(last_ms: i64) -> i64 {
    (last_ms / 1_000).saturating_add(KEPT_SECONDS)
}

/// Moves a product's counts to the next generation with a snapshot of them; refused if they are of another generation
/// than was read. An unlisted count stays unlisted: until it is listed, the rebuild finds it through its product.
pub fn enter_generation(product: &ProductId, seen: Option<u64>, generation: u64, today: Date) -> Action {
    // A day more than can count at either end: this function may see another midnight than the rebuild.
    let held = (-1..*STALE_DAYS.start()).map(|ago| {
        let day = today.saturating_sub(ago.days());
        format!("#{} = if_not_exists(#{}, :none)", attribute(SNAPSHOT_PREFIX, day), attribute(DAY_PREFIX, day))
    });
    let held = held.collect::<Vec<_>>().join(", ");
    let stale = STALE_DAYS.map(|ago| format!("#{}", attribute(SNAPSHOT_PREFIX, today.saturating_sub(ago.days()))));
    let stale = stale.collect::<Vec<_>>().join(", ");
    let expression = format!("SET #generation = :generation, {held} REMOVE {stale}");
    let action = Action::update(keys::sales(product), expression);
    let action = action.value(":generation", generation).value(":none", 0);
    match seen {
        None => action.when("attribute_exists(#pk) AND attribute_not_exists(#generation)"),
        Some(seen) => action.when("#generation = :seen").value(":seen", seen),
    }
}

/// The counts that a correction applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corrected {
    /// Counts that the rebuild has taken over.
    TakenOver,
    /// Counts that it has not seen: they are absent, or began in its generation.
    Unseen,
}

impl SalesRecord {
    /// Whether a rebuild may correct this count; `None` is an absent one.
    pub fn is_correctable(there: Option<&Self>, rebuild: &Rebuild, corrected: Corrected) -> bool {
        let once =
            |there: &Self| there.generation == Some(rebuild.generation) && there.corrected < Some(rebuild.generation);
        match (there, corrected) {
            (Some(there), Corrected::TakenOver) => once(there),
            (Some(there), Corrected::Unseen) => once(there) && !there.snapshot().contains_key(&rebuild.days.last),
            (None, Corrected::TakenOver) => false,
            (None, Corrected::Unseen) => true,
        }
    }
}

/// Adds the units that a rebuild found missing to a product's counts as they were read, once. Refused if the counts
/// have changed, were corrected by this rebuild, or are of another generation.
pub fn correct(
    product: &ProductId,
    seen: Option<&SalesRecord>,
    missing: Addition<'_>,
    (rebuild, corrected): (&Rebuild, Corrected),
    now: Timestamp,
) -> Action {
    let mut update = Update::new(product);
    if seen.is_some() {
        update.require("#generation = :generation AND (attribute_not_exists(#corrected) OR #corrected < :generation)");
        if corrected == Corrected::Unseen {
            update.require(format!("attribute_not_exists(#{})", attribute(SNAPSHOT_PREFIX, rebuild.days.last)));
        }
    }
    update.set("generation", rebuild.generation);
    update.sets.push("#corrected = :generation".to_owned());
    add(&mut update, seen, missing, now);
    update.into_action()
}

/// The processed-event record: the event has been counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// The generation of the counts to which it was added; 0 in records older than generations.
    #[serde(default)]
    pub generation: u64,
    /// Whether a rebuild counted it because nothing else had.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_recovered: bool,
}

/// Marks an event as counted; refused if it was counted before.
pub fn mark_counted(event_id: &str, mark: Mark, now: Timestamp) -> Action {
    // A stream keeps records for a day, and its dead letters count for three. The record outlives every replay of an
    // event that could still count.
    let a_week_on = now.as_second().saturating_add(7 * 24 * 60 * 60);
    Action::create(keys::counted(event_id), &mark).expires_at(a_week_on)
}
