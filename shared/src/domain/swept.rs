//! The progress of a sweep that looks for orphans: tickets of a campaign, or reservations of a product.
//!
//! Tickets and reserved units are numbered, each number once, and a number has a claim record once it is claimed or
//! voided. The sweep first records how far numbers were given out at an instant, and a while later looks for their
//! claim records.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::is_zero;

/// The plan of the sweep of a product or a campaign: listed by the instant of the next look, it waits the longer, the more
/// often a look found nothing to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepPlan {
    /// The instant of the next look; none if there is nothing to sweep.
    #[serde(
        rename = "sweepFrom",
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub from: Option<Timestamp>,
    /// The looks in a row that found nothing to do.
    #[serde(rename = "idleSweeps", default, skip_serializing_if = "is_zero")]
    pub idle: u8,
}

/// The first pause between two looks. It is shorter than the minute between two runs, so that each run looks.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(30);

/// The idle looks after which pauses begin to double, and those after which they are an hour and stay so.
const IDLE_BEFORE_DOUBLING: u8 = 2;
const MOST_DOUBLINGS: u8 = 7;

/// A look within this time is soon enough for orphans that may be about to come.
const SOON: SignedDuration = SignedDuration::from_secs(90);

impl SweepPlan {
    /// A plan that begins at this instant.
    pub fn beginning_at(from: Timestamp) -> Self {
        Self { from: Some(from), idle: 0 }
    }

    /// The plan after a look that found something to do, or nothing.
    #[must_use]
    pub fn after_look(self, now: Timestamp, is_idle: bool) -> Self {
        let idle = if is_idle { self.idle.saturating_add(1) } else { 0 };
        Self { from: now.checked_add(pause(idle)).ok(), idle }
    }

    /// The plan with a look at once: the last one has not finished.
    #[must_use]
    pub fn again(now: Timestamp) -> Self {
        Self::beginning_at(now)
    }

    /// The plan with a look soon, for something that is about to begin; none if the next look comes soon in any case.
    ///
    /// A plan from a cache may be outdated while its look is under way. If that look may plan the next one for later than
    /// soon, a look is planned again.
    pub fn hastened(self, now: Timestamp) -> Option<Self> {
        let wait = self.from?.duration_since(now);
        let is_under_way = wait <= SignedDuration::ZERO && pause(self.idle.saturating_add(1)) > SOON;
        (wait > SOON || is_under_way).then(|| Self { from: now.checked_add(FIRST_PAUSE).ok(), idle: 0 })
    }
}

/// The pause after a look, with this number of idle looks in a row before it.
fn pause(idle: u8) -> SignedDuration {
    let doublings = idle.saturating_sub(IDLE_BEFORE_DOUBLING).min(MOST_DOUBLINGS);
    FIRST_PAUSE.saturating_mul(1 << doublings)
}

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
    fn pauses_double_up_to_an_hour_while_there_is_nothing_to_do() {
        let now = at("2026-11-20T03:00:00Z");
        let mut plan = SweepPlan::beginning_at(now);
        let mut pauses = Vec::new();
        for _ in 0..12 {
            plan = plan.after_look(now, true);
            pauses.push(plan.from.unwrap().duration_since(now).as_secs());
        }
        assert_eq!(pauses, [30, 30, 60, 120, 240, 480, 960, 1_920, 3_840, 3_840, 3_840, 3_840]);
        let busy = plan.after_look(now, false);
        assert_eq!((busy.from, busy.idle), (Some(at("2026-11-20T03:00:30Z")), 0));
        for _ in 0..300 {
            plan = plan.after_look(now, true);
        }
        assert_eq!(plan.idle, u8::MAX);
    }

    #[test]
    fn a_look_is_hastened_if_it_does_not_come_soon() {
        let now = at("2026-11-20T03:00:00Z");
        let plan = |from: &str, idle| SweepPlan { from: Some(at(from)), idle }.hastened(now);
        let soon = Some(SweepPlan { from: Some(at("2026-11-20T03:00:30Z")), idle: 0 });
        assert_eq!(plan("2026-11-20T03:01:30Z", 9), None);
        assert_eq!(plan("2026-11-20T03:01:31Z", 9), soon);
        // The look of an outdated plan may have planned the next one for later.
        assert_eq!([plan("2026-11-20T03:00:00Z", 2), plan("2026-11-20T03:00:00Z", 3)], [None, soon]);
        assert_eq!(SweepPlan::default().hastened(now), None);
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
