//! The progress of a sweep that looks for orphans: tickets of a campaign, or reservations of a product.
//!
//! Tickets and reserved units are numbered, each number once, and a number has a claim record once it is claimed or
//! voided. The sweep first records how far numbers were given out at an instant, and a while later looks for their
//! claim records.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The progress of a sweep. Both figures stay true later: claim records are never deleted while they are needed, and
/// the next number only grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Swept {
    /// Every number before this one has a claim record.
    pub to: i64,
    /// Every number before this one had been given out at `at`.
    pub seen: i64,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
}

impl Swept {
    /// A sweep that has nothing to look for before this number.
    pub fn beginning_at(number: i64) -> Self {
        Self { to: number, seen: number, at: Timestamp::UNIX_EPOCH }
    }

    /// The numbers to look up: all that were given out `grace` ago, less those swept; nothing if it is too early. A
    /// claim that comes later still is refused by the voided claim, and its request allocates or reserves again.
    pub fn due(&self, now: Timestamp, grace: SignedDuration) -> Option<Range<i64>> {
        let Self { to, seen, at } = *self;
        let is_due = at.checked_add(grace).is_ok_and(|due| due <= now);
        is_due.then_some(to..seen.max(to))
    }

    /// The progress to record when everything before `to` has been swept, and `next` is given out next; nothing if that
    /// is recorded already.
    pub fn moved(&self, to: i64, next: i64, now: Timestamp) -> Option<Self> {
        let moved = if to < self.seen { Self { to, ..*self } } else { Self { to, seen: next.max(to), at: now } };
        ((moved.to, moved.seen) != (self.to, self.seen)).then_some(moved)
    }

    /// Whether everything before `next` has its claim record.
    pub fn reaches(&self, next: i64) -> bool {
        self.to >= next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn what_was_drawn_is_looked_for_a_while_after_it_was_seen() {
        let (seen_at, grace) = (at("2026-11-20T03:00:00Z"), SignedDuration::from_secs(30));
        let swept = Swept { to: 2, seen: 7, at: seen_at };
        assert_eq!(swept.due(at("2026-11-20T03:00:29.999Z"), grace), None);
        let later = at("2026-11-20T03:00:30Z");
        assert_eq!(swept.due(later, grace), Some(2..7));
        // A part of it: the rest is next, and was given out long enough ago already.
        assert_eq!(swept.moved(5, 9, later), Some(Swept { to: 5, seen: 7, at: seen_at }));
        // All of it: numbers given out since have to wait.
        let all = Swept { to: 7, seen: 9, at: later };
        assert_eq!(swept.moved(7, 9, later), Some(all));
        assert!(!all.reaches(9));
        let all = Swept { to: 9, seen: 9, at: later };
        assert!(all.reaches(9));
        assert_eq!(all.moved(9, 9, at("2026-11-20T03:10:00Z")), None, "nothing new is not noted");
        // Numbers that were never swept are looked at first.
        assert_eq!(Swept::default().due(later, grace), Some(0..0));
        assert_eq!(Swept::beginning_at(40).due(later, grace), Some(40..40));
    }
}
