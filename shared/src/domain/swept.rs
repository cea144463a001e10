//! How far a sweep has come that looks for what was drawn and never claimed: tickets of a campaign, units of a shelf.
//!
//! What is drawn is numbered, each number once, and has a slot once it is claimed or given back. The sweep first notes what
//! had been drawn at an instant, and a while later looks for the slots of that.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How far a sweep has come. Both figures stay true whatever happens since: slots are never taken away while they are
/// needed, and what is drawn next only grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Swept {
    /// Everything before this number has a slot.
    pub to: i64,
    /// Everything before this number had been drawn at `at`.
    pub seen: i64,
    /// When that was seen.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
}

impl Swept {
    /// A sweep that has nothing to look for before this number.
    pub fn beginning_at(number: i64) -> Self {
        Self { to: number, seen: number, at: Timestamp::UNIX_EPOCH }
    }

    /// The numbers whose slots are to be looked for: all that were drawn `grace` ago, less what was swept; nothing
    /// where it is too early. A claim that comes later still is refused by the slot, and draws again.
    pub fn due(&self, now: Timestamp, grace: SignedDuration) -> Option<Range<i64>> {
        let Self { to, seen, at } = *self;
        let is_due = at.checked_add(grace).is_ok_and(|due| due <= now);
        is_due.then_some(to..seen.max(to))
    }

    /// What to note when everything before `to` has been swept, where `next` is what is drawn next; nothing where that is
    /// known already.
    pub fn moved(&self, to: i64, next: i64, now: Timestamp) -> Option<Self> {
        let moved = if to < self.seen { Self { to, ..*self } } else { Self { to, seen: next.max(to), at: now } };
        ((moved.to, moved.seen) != (self.to, self.seen)).then_some(moved)
    }

    /// Whether everything before `next` has its slot.
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
        // A part of it: the rest is next, and was seen long enough ago already.
        assert_eq!(swept.moved(5, 9, later), Some(Swept { to: 5, seen: 7, at: seen_at }));
        // All of it: what was drawn since has to wait.
        let all = Swept { to: 7, seen: 9, at: later };
        assert_eq!(swept.moved(7, 9, later), Some(all));
        assert!(!all.reaches(9));
        let all = Swept { to: 9, seen: 9, at: later };
        assert!(all.reaches(9));
        assert_eq!(all.moved(9, 9, at("2026-11-20T03:10:00Z")), None, "nothing new is not noted");
        // What was never swept is looked at first.
        assert_eq!(Swept::default().due(later, grace), Some(0..0));
        assert_eq!(Swept::beginning_at(40).due(later, grace), Some(40..40));
    }
}
