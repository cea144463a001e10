//! Purchase limits: the most units of a product that a user may order.
//!
//! Each user has a counter for each setting of a limit; with [`Within::Day`] one for each Seoul day. An order adds its
//! units to the counter in its own commit. A change that cancels, ends or returns units subtracts them in its commit.

use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::{
    bounded::bounded,
    invalid::named,
    time::{seoul_day, start_of_seoul_day},
};

bounded! {
    /// The most units of a product for each user.
    UnitsPerUser(i64): 1, 10_000
}

/// The time within which a limit counts the units of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Within {
    /// All units since the limit was set.
    Ever,
    /// The units of each day in Seoul, by the day of the order.
    Day,
}

named!(Within { "EVER" => Ever, "DAY" => Day });

/// The purchase limit of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PurchaseLimit {
    pub per_user: i64,
    pub within: Within,
    /// The version of the product with which the counters began. A change of the number keeps them.
    pub since: u64,
}

/// A counter of a user and a product, as an order line names the one that has its units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitPeriod {
    pub since: u64,
    /// The day in Seoul, if the limit is one of a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<Date>,
}

/// The counter of a period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitCount {
    /// Units ordered or held, less those cancelled, expired and returned.
    pub units: i64,
}

/// The time for which the counter of a day is kept after it: longer than units of the day are returned.
const KEPT: SignedDuration = SignedDuration::from_hours(180 * 24);

impl PurchaseLimit {
    /// The limit that replaces another one at this version of the product. It goes on with the counters unless it counts
    /// within another time.
    pub fn replacing(before: Option<Self>, per_user: i64, within: Within, version: u64) -> Self {
        let since = before.filter(|before| before.within == within).map_or(version, |before| before.since);
        Self { per_user, within, since }
    }

    /// The counter of an order of this instant.
    pub fn period(&self, at: Timestamp) -> LimitPeriod {
        let day = match self.within {
            Within::Ever => None,
            Within::Day => Some(seoul_day(at)),
        };
        LimitPeriod { since: self.since, day }
    }

    /// The units that a user with this counter may still order.
    pub fn left(&self, count: Option<LimitCount>) -> i64 {
        self.per_user.saturating_sub(count.unwrap_or_default().units).max(0)
    }
}

impl LimitPeriod {
    /// The instant from which the counter may be removed; none for one without a day.
    pub fn kept_until(&self) -> Option<Timestamp> {
        start_of_seoul_day(self.day?).ok()?.checked_add(KEPT).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn another_number_keeps_the_counters_and_another_time_begins_new_ones() {
        let first = PurchaseLimit::replacing(None, 5, Within::Ever, 3);
        assert_eq!(first.since, 3);
        let lower = PurchaseLimit::replacing(Some(first), 2, Within::Ever, 4);
        assert_eq!(lower, PurchaseLimit { per_user: 2, within: Within::Ever, since: 3 });
        assert_eq!(PurchaseLimit::replacing(Some(lower), 2, Within::Day, 5).since, 5);
        assert_eq!(PurchaseLimit::replacing(None, 2, Within::Ever, 7).since, 7);
    }

    #[test]
    fn a_limit_of_a_day_counts_by_days_in_seoul() {
        let daily = PurchaseLimit { per_user: 2, within: Within::Day, since: 1 };
        let (before, after) = (daily.period(at("2026-11-27T14:59:59.999Z")), daily.period(at("2026-11-27T15:00:00Z")));
        assert_eq!((before.day, after.day), ("2026-11-27".parse().ok(), "2026-11-28".parse().ok()));
        assert_eq!(before.kept_until(), Some(at("2027-05-25T15:00:00Z")));
        let ever = PurchaseLimit { within: Within::Ever, ..daily };
        assert_eq!(ever.period(at("2026-11-27T15:00:00Z")), LimitPeriod { since: 1, day: None });
        assert_eq!(ever.period(at("2026-11-27T15:00:00Z")).kept_until(), None);
    }

    #[test]
    fn a_lowered_limit_leaves_nothing_rather_than_less() {
        let limit = PurchaseLimit { per_user: 2, within: Within::Ever, since: 1 };
        for (units, left) in [(0, 2), (1, 1), (2, 0), (5, 0)] {
            assert_eq!(limit.left(Some(LimitCount { units })), left);
        }
        assert_eq!(limit.left(None), 2);
    }
}
