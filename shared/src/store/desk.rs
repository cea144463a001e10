//! The desk's rows: where an order, its lines and its claims are listed.
//!
//! A row has the version of the order that it was written from, and keys of indexes that say its state. It shows nothing:
//! readers take positions from it and read the order. Keys of rows never change, so a writer needs no read of the row.
//!
//! | written | effect |
//! |---|---|
//! | twice | the same row |
//! | at the same time, from two versions | the later version stays |
//! | without an answer | the same row by the repetition |

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Action, Key, keys, table::Range};
use crate::domain::{
    UserId,
    desk::{DeskChange, Period, listed_lines},
    order::{ClaimStatus, LineStatus, Order, OrderStatus},
};

/// A row as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeskRow {
    /// The version of the order.
    pub version: u64,
    pub by_time_pk: String,
    pub by_time_sk: String,
    /// Only of a line or a claim.
    #[serde(rename = "byDuePk", default, skip_serializing_if = "Option::is_none")]
    pub by_expiry_pk: Option<String>,
    #[serde(rename = "byDueSk", default, skip_serializing_if = "Option::is_none")]
    pub by_expiry_sk: Option<String>,
}

/// A row in a query: its position in the list.
#[derive(Debug, Deserialize)]
pub struct DeskPlace {
    sk: String,
}

impl DeskPlace {
    /// The position; nothing if the sort key is no row's.
    pub fn place(&self) -> Option<&str> {
        self.sk.strip_prefix(keys::DESK_PREFIX)
    }
}

/// The last heartbeat that came through table, stream, relay and queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeskHeartbeat {
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
    /// The first one: the desk has the row of each order since.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub since: Timestamp,
}

/// Those rows of an order that a change names, with their keys.
pub fn rows(order: &Order, change: &DeskChange) -> Vec<(Key, DeskRow)> {
    let (id, created_at, version) = (&order.order_id, order.created_at, order.version);
    let bucket = keys::desk_bucket(id);
    let mut rows = Vec::new();
    if change.order {
        let row = DeskRow {
            version,
            by_time_pk: keys::desk_orders_in(order.status, bucket),
            by_time_sk: keys::desk_order_place(created_at, id),
            by_expiry_pk: None,
            by_expiry_sk: None,
        };
        rows.push((keys::desk_order(created_at, id), row));
    }
    for (number, line) in listed_lines(order).filter(|(number, _)| change.lines.contains(number)) {
        let (seller, place) = (line.seller_id.as_ref(), keys::desk_line_place(created_at, id, number));
        let row = DeskRow {
            version,
            by_time_pk: keys::desk_lines_in(seller, line.status, bucket),
            by_time_sk: place.clone(),
            by_expiry_pk: Some(keys::desk_all_lines_in(line.status, bucket)),
            by_expiry_sk: Some(place),
        };
        rows.push((keys::desk_line(seller, created_at, id, number), row));
    }
    for (number, claim) in (1..).zip(&order.claims).filter(|(number, _)| change.claims.contains(number)) {
        let seller = order.line_in_claim(number).and_then(|line| line.seller_id.as_ref());
        let place = keys::desk_claim_place(claim.created_at, id, number);
        let row = DeskRow {
            version,
            by_time_pk: keys::desk_claims_in(seller, claim.status),
            by_time_sk: place.clone(),
            by_expiry_pk: Some(keys::desk_all_claims_in(claim.status)),
            by_expiry_sk: Some(place),
        };
        rows.push((keys::desk_claim(seller, claim.created_at, id, number), row));
    }
    rows
}

/// Writes a row; refused if there is one of a later version. One of the same version is written again, which repairs a
/// damaged row and costs no more than a refusal.
pub fn write(key: Key, row: &DeskRow) -> Action {
    let DeskRow { version, by_time_pk, by_time_sk, by_expiry_pk, by_expiry_sk } = row;
    let write = Action::update(key, "SET #version = :version, #byTimePk = :byTimePk, #byTimeSk = :byTimeSk")
        .value(":version", version)
        .value(":byTimePk", by_time_pk)
        .value(":byTimeSk", by_time_sk)
        .when("attribute_not_exists(#version) OR #version <= :version");
    match (by_expiry_pk, by_expiry_sk) {
        (Some(list), Some(place)) => write
            .and_also(", #byDuePk = :byDuePk, #byDueSk = :byDueSk")
            .value(":byDuePk", list)
            .value(":byDueSk", place),
        _ => write,
    }
}

/// Notes a heartbeat that came through to the desk; refused if a later one did.
pub fn note_heartbeat(at: Timestamp) -> Action {
    Action::update(keys::desk_heartbeat(), "SET #at = :at, #since = if_not_exists(#since, :at)")
        .when("attribute_not_exists(#at) OR #at < :at")
        .value(":at", at.as_millisecond())
}

/// The parts of the list of orders, in a state or in any.
pub fn orders(status: Option<OrderStatus>) -> impl Iterator<Item = Range> {
    (0..keys::DESK_BUCKETS).map(move |bucket| match status {
        Some(status) => Range::by_time(keys::desk_orders_in(status, bucket)),
        None => Range::of_partition(keys::desk_orders(bucket), keys::DESK_PREFIX).eventually(),
    })
}

/// The parts of the list of a seller's lines, in a state or in any.
pub fn lines_of(seller: &UserId, status: Option<LineStatus>) -> impl Iterator<Item = Range> {
    (0..keys::DESK_BUCKETS).map(move |bucket| match status {
        Some(status) => Range::by_time(keys::desk_lines_in(Some(seller), status, bucket)),
        None => Range::of_partition(keys::desk_lines(Some(seller), bucket), keys::DESK_PREFIX).eventually(),
    })
}

/// The parts of the list of all lines in a state.
pub fn lines_in(status: LineStatus) -> impl Iterator<Item = Range> {
    (0..keys::DESK_BUCKETS).map(move |bucket| Range::by_expiry(keys::desk_all_lines_in(status, bucket)))
}

/// The parts of a list of claims: a seller's or all, in a state or in any.
pub fn claims(seller: Option<&UserId>, status: Option<ClaimStatus>) -> Vec<Range> {
    match (seller, status) {
        (Some(seller), Some(status)) => vec![Range::by_time(keys::desk_claims_in(Some(seller), status))],
        (Some(seller), None) => {
            vec![Range::of_partition(keys::desk_claims(Some(seller)), keys::DESK_PREFIX).eventually()]
        }
        (None, Some(status)) => vec![Range::by_expiry(keys::desk_all_claims_in(status))],
        (None, None) => {
            ClaimStatus::ALL.iter().map(|status| Range::by_expiry(keys::desk_all_claims_in(*status))).collect()
        }
    }
}

/// The ends of a range of positions: those of orders created in a period, without those up to `after`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceRange {
    pub first: String,
    pub last: String,
}

impl PlaceRange {
    /// The positions after one, oldest first.
    pub fn oldest_first(period: Period, after: Option<&str>) -> Self {
        let Self { first, last } = Self::of(period);
        Self { first: after.map_or(first.clone(), |after| first.max(keys::after_place(after))), last }
    }

    /// The positions before one, newest first.
    pub fn newest_first(period: Period, after: Option<&str>) -> Self {
        let Self { first, last } = Self::of(period);
        Self { first, last: after.map_or(last.clone(), |after| last.min(keys::before_place(after))) }
    }

    /// An end is an instant alone, and no position is: whether the end belongs to the range makes no difference.
    fn of(Period { from, to }: Period) -> Self {
        let first = from.map_or_else(String::new, keys::instant);
        Self {
            first: if first.is_empty() { "0".to_owned() } else { first },
            last: to.map_or_else(|| "~".to_owned(), keys::instant),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.first > self.last
    }
}
