//! The automatic scaling of a hot product: more shards, then flash mode, and back once it has cooled.
//!
//! One step at a time. A step that makes the product faster comes soon after the last one, a step back only minutes after
//! the last sign of heat. So a sale that comes in waves keeps its shards from one wave to the next.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::patch::Patch;

/// The most shards of a product, and the most counters of a campaign. An order line may have to take from all of them in
/// one transaction of at most 100 actions.
pub const MAX_SHARDS: u16 = 64;

/// The settings of the shop for all products, and for the counters of campaigns, that scale by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScalingPolicy {
    /// The fewest shards of a product.
    pub least_shards: u16,
    /// The most shards of a product, and the most counters of a campaign.
    pub most_shards: u16,
    /// Whether a product may enter flash mode by itself.
    pub auto_flash: bool,
}

impl ScalingPolicy {
    pub const DEFAULT: Self = Self { least_shards: 1, most_shards: MAX_SHARDS, auto_flash: false };

    /// The number of shards of a new product that scales by itself.
    pub fn first_shards(&self) -> u16 {
        self.least_shards.clamp(1, MAX_SHARDS)
    }
}

/// The times between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScalingPace {
    /// The time after a sign of heat within which no function takes a further step.
    pub step: SignedDuration,
    /// The time after a sign of heat after which another is stored although it changes nothing else.
    pub mark: SignedDuration,
    /// The time after the last sign of heat after which a product has cooled.
    pub cooling: SignedDuration,
}

impl ScalingPace {
    /// - A step takes some 100 ms: the commit, and one round of moves. Three steps lead to all shards.
    /// - A product that stays hot costs one mark a minute, and keeps its shards for five minutes after the last.
    pub const PRODUCTION: Self = Self {
        step: SignedDuration::from_millis(250),
        mark: SignedDuration::from_secs(60),
        cooling: SignedDuration::from_secs(300),
    };
}

/// The part of a product's record that says how it scales.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scaling {
    /// Whether the number of shards is as an admin set it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shards_pinned: bool,
    /// The fewest shards of a product that scales by itself. An older record has none: the number that it has is its
    /// floor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_shards: Option<u16>,
    /// Whether flash mode is on or off as an admin set it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flash_pinned: bool,
    /// Whether a product that scales by itself always stays in flash mode. An older record has none: the mode that it
    /// has is its floor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_flash: Option<bool>,
    /// The last sign of heat that was stored.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub hot_at: Option<Timestamp>,
    /// The last step that the product took by itself.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub scaled_at: Option<Timestamp>,
}

impl Scaling {
    /// Whether the last step made the product faster; else it had cooled.
    pub fn was_hot(&self) -> bool {
        self.scaled_at.is_some() && self.scaled_at == self.hot_at
    }
}

/// The number of shards and the mode of a product, with the way in which it scales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    pub shards: u16,
    pub flash: bool,
    pub scaling: Scaling,
}

/// The factor of a step. Under a rush each step has to get one commit through on shards that hardly let one through, so a
/// few large steps come sooner than many small ones.
const GROWTH: u16 = 4;

/// A clock that is further ahead than this is wrong, and its marks count for nothing.
const MOST_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// Whether a mark was stored less than this ago.
pub(super) fn is_within(time: SignedDuration, mark: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(mark);
    age < time && age > SignedDuration::ZERO.saturating_sub(MOST_SKEW)
}

impl Scale {
    /// The scale of a new product: pinned where a value is given, else automatic.
    pub fn new(shards: Option<u16>, flash: Option<bool>, policy: &ScalingPolicy) -> Self {
        let automatic = Self {
            shards: policy.first_shards(),
            flash: false,
            scaling: Scaling { least_shards: Some(1), least_flash: Some(false), ..Scaling::default() },
        };
        automatic.changed(shards.map_or(Patch::Keep, Patch::Set), flash.map_or(Patch::Keep, Patch::Set))
    }

    /// The scale after a change by an admin: a value pins, and none makes it automatic. The number of shards only grows
    /// here, since fewer take several commits.
    #[must_use]
    pub fn changed(mut self, shards: Patch<u16>, flash: Patch<bool>) -> Self {
        let scaling = &mut self.scaling;
        match shards {
            Patch::Keep => {}
            Patch::Clear => (scaling.shards_pinned, scaling.least_shards) = (false, Some(1)),
            Patch::Set(count) => {
                (scaling.shards_pinned, scaling.least_shards) = (true, None);
                self.shards = self.shards.max(count);
            }
        }
        match flash {
            Patch::Keep => {}
            Patch::Clear => (scaling.flash_pinned, scaling.least_flash) = (false, Some(false)),
            Patch::Set(flash) => {
                (scaling.flash_pinned, scaling.least_flash) = (true, None);
                self.flash = flash;
            }
        }
        self
    }

    /// The fewest shards that the product shrinks to by itself.
    pub fn floor(&self, policy: &ScalingPolicy) -> u16 {
        if self.scaling.shards_pinned {
            return self.shards;
        }
        self.scaling.least_shards.unwrap_or(self.shards).max(policy.first_shards()).min(self.shards)
    }

    /// Whether the product stays in flash mode, or out of it, whatever happens.
    fn keeps_flash(&self) -> bool {
        self.scaling.flash_pinned || self.scaling.least_flash.unwrap_or(self.flash)
    }

    /// Whether a sign of heat was stored less than this ago.
    fn was_hot_within(&self, time: SignedDuration, now: Timestamp) -> bool {
        self.scaling.hot_at.is_some_and(|at| is_within(time, at, now))
    }

    /// Whether a function that finds the product hot may have something to store.
    pub fn may_heat(&self, now: Timestamp, policy: &ScalingPolicy, pace: &ScalingPace) -> bool {
        !self.was_hot_within(pace.step, now)
            && (self.next_shards(policy).is_some()
                || self.may_enter_flash(policy)
                || self.needs_mark(now, policy, pace))
    }

    /// Whether the product would cool without a further mark.
    fn needs_mark(&self, now: Timestamp, policy: &ScalingPolicy, pace: &ScalingPace) -> bool {
        let may_cool = self.shards > self.floor(policy) || (self.flash && !self.keeps_flash());
        may_cool && !self.was_hot_within(pace.mark, now)
    }

    fn next_shards(&self, policy: &ScalingPolicy) -> Option<u16> {
        let most = policy.most_shards.min(MAX_SHARDS);
        let next = self.shards.saturating_mul(GROWTH).min(most);
        (!self.scaling.shards_pinned && next > self.shards).then_some(next)
    }

    fn may_enter_flash(&self, policy: &ScalingPolicy) -> bool {
        policy.auto_flash && !self.flash && !self.scaling.flash_pinned
    }

    /// The scale after a sign of heat, with `units` in stock; none if there is nothing to store.
    ///
    /// The shards become four times as many, as far as each has two units to sell. Then flash mode follows. After that the
    /// mark alone is renewed, which keeps the product from cooling.
    #[must_use]
    pub fn heated(mut self, units: i64, now: Timestamp, policy: &ScalingPolicy, pace: &ScalingPace) -> Option<Self> {
        if self.was_hot_within(pace.step, now) {
            return None;
        }
        let enough_for = u16::try_from(units / 2).unwrap_or(u16::MAX);
        let next = self.next_shards(policy);
        if let Some(next) = next.map(|next| next.min(enough_for)).filter(|next| *next > self.shards) {
            self.scaling.least_shards = Some(self.scaling.least_shards.unwrap_or(self.shards));
            self.shards = next;
            self.scaling.scaled_at = Some(now);
        } else if next.is_none() && self.may_enter_flash(policy) && enough_for >= self.shards {
            self.scaling.least_flash = Some(self.scaling.least_flash.unwrap_or(false));
            self.flash = true;
            self.scaling.scaled_at = Some(now);
        } else if !self.needs_mark(now, policy, pace) {
            return None;
        }
        self.scaling.hot_at = Some(now);
        Some(self)
    }

    /// The scale with a sign of heat, by which one of many functions evens the shards out; none if it is not its turn.
    #[must_use]
    pub fn marked(mut self, now: Timestamp, pace: &ScalingPace) -> Option<Self> {
        if self.scaling.shards_pinned || self.shards == 1 || self.was_hot_within(pace.step, now) {
            return None;
        }
        self.scaling.hot_at = Some(now);
        Some(self)
    }

    /// The scale with a sign of heat, because flash mode is in use: nothing meets others there, so no function tells it.
    /// None if there is nothing to store.
    #[must_use]
    pub fn used(mut self, now: Timestamp, policy: &ScalingPolicy, pace: &ScalingPace) -> Option<Self> {
        if !self.needs_mark(now, policy, pace) {
            return None;
        }
        self.scaling.hot_at = Some(now);
        Some(self)
    }

    /// The scale one step back, if the product has cooled: flash mode goes first, then half of the shards.
    #[must_use]
    pub fn cooled(mut self, now: Timestamp, policy: &ScalingPolicy, pace: &ScalingPace) -> Option<Self> {
        if self.was_hot_within(pace.cooling, now) {
            return None;
        }
        if self.flash && !self.keeps_flash() {
            self.flash = false;
            self.scaling.scaled_at = Some(now);
            return Some(self);
        }
        let fewer = self.shards.div_ceil(2).max(self.floor(policy));
        self.scaling.scaled_at = Some(now);
        (fewer < self.shards).then_some(Self { shards: fewer, ..self })
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;

    const PACE: ScalingPace = ScalingPace::PRODUCTION;
    const AUTO: ScalingPolicy = ScalingPolicy { auto_flash: true, ..ScalingPolicy::DEFAULT };

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap() + ms.milliseconds()
    }

    fn new() -> Scale {
        Scale::new(None, None, &AUTO)
    }

    #[test]
    fn shards_multiply_step_by_step_and_flash_mode_follows() {
        let (mut scale, mut now, mut seen) = (new(), 0, Vec::new());
        while let Some(next) = scale.heated(1_000, at(now), &AUTO, &PACE) {
            seen.push((next.shards, next.flash));
            assert_eq!(next.heated(1_000, at(now + 249), &AUTO, &PACE), None, "too soon");
            (scale, now) = (next, now + 250);
        }
        assert_eq!(seen, [(4, false), (16, false), (64, false), (64, true)]);
        assert_eq!(
            scale.heated(1_000, at(now - 250 + 60_000), &AUTO, &PACE).unwrap().scaling.hot_at,
            Some(at(now + 59_750))
        );
        assert!(!scale.may_heat(at(now), &AUTO, &PACE) && scale.may_heat(at(now + 60_000), &AUTO, &PACE));
    }

    #[test]
    fn a_product_with_few_units_gets_no_shards_that_would_be_empty() {
        assert_eq!(new().heated(3, at(0), &AUTO, &PACE), None);
        assert_eq!(new().heated(4, at(0), &AUTO, &PACE).unwrap().shards, 2);
    }

    #[test]
    fn flash_mode_follows_only_where_it_may() {
        let full = Scale { shards: 64, ..new() };
        let heated = |scale: Scale, policy| scale.heated(1_000, at(0), &policy, &PACE).unwrap();
        assert!(heated(full, AUTO).flash);
        assert!(!heated(full, ScalingPolicy::DEFAULT).flash);
        assert!(!heated(full.changed(Patch::Keep, Patch::Set(false)), AUTO).flash);
        let pinned = heated(Scale::new(Some(3), None, &AUTO), AUTO);
        assert_eq!((pinned.shards, pinned.flash), (3, true));
        let limited = ScalingPolicy { most_shards: 3, ..ScalingPolicy::DEFAULT };
        assert_eq!(heated(Scale { shards: 2, ..new() }, limited).shards, 3);
    }

    #[test]
    fn a_product_cools_one_step_at_a_time_down_to_its_floor() {
        let hot = Scaling { hot_at: Some(at(0)), ..new().scaling };
        let mut scale = Scale { shards: 5, flash: true, scaling: hot };
        assert_eq!(scale.cooled(at(299_999), &AUTO, &PACE), None);
        let mut seen = Vec::new();
        while let Some(next) = scale.cooled(at(300_000), &AUTO, &PACE) {
            seen.push((next.shards, next.flash));
            scale = next;
        }
        assert_eq!(seen, [(5, false), (3, false), (2, false), (1, false)]);
        let policy = ScalingPolicy { least_shards: 4, ..AUTO };
        assert_eq!(Scale { shards: 5, ..new() }.cooled(at(0), &policy, &PACE).unwrap().shards, 4);
        assert_eq!(Scale { shards: 3, ..new() }.cooled(at(0), &policy, &PACE), None);
    }

    #[test]
    fn a_mark_a_minute_keeps_a_product_in_flash_mode_while_it_is_used() {
        let hot = Scaling { hot_at: Some(at(0)), ..new().scaling };
        let scale = Scale { shards: 64, flash: true, scaling: hot };
        assert_eq!(scale.used(at(59_999), &AUTO, &PACE), None);
        let used = scale.used(at(60_000), &AUTO, &PACE).unwrap();
        assert_eq!(used.cooled(at(359_999), &AUTO, &PACE), None);
        assert!(!used.cooled(at(360_000), &AUTO, &PACE).unwrap().flash);
        assert_eq!(Scale::new(Some(4), Some(true), &AUTO).used(at(0), &AUTO, &PACE), None, "a pinned one never cools");
    }

    #[test]
    fn a_stored_value_of_an_older_record_is_the_floor() {
        let old = Scale { shards: 4, flash: true, scaling: Scaling::default() };
        assert_eq!(old.cooled(at(0), &AUTO, &PACE), None);
        let grown = old.heated(1_000, at(0), &AUTO, &PACE).unwrap();
        assert_eq!((grown.shards, grown.scaling.least_shards), (16, Some(4)));
        let cooled = grown.cooled(at(300_000), &AUTO, &PACE).unwrap();
        let cooled = cooled.cooled(at(300_000), &AUTO, &PACE).unwrap();
        assert_eq!((cooled.shards, cooled.flash, cooled.cooled(at(300_000), &AUTO, &PACE)), (4, true, None));
        let old = Scale { shards: 64, flash: false, scaling: Scaling::default() };
        let flash = old.heated(1_000, at(0), &AUTO, &PACE).unwrap();
        let cooled = flash.cooled(at(300_000), &AUTO, &PACE).unwrap();
        assert_eq!((flash.flash, cooled.flash, cooled.shards), (true, false, 64));
        assert_eq!([flash, cooled].map(|scale| scale.scaling.was_hot()), [true, false]);
    }

    #[test]
    fn a_value_pins_and_none_makes_it_automatic_again() {
        let pinned = Scale::new(Some(4), Some(true), &AUTO);
        assert_eq!((pinned.shards, pinned.flash), (4, true));
        assert_eq!(pinned.heated(1_000, at(0), &AUTO, &PACE), None);
        assert!(!pinned.may_heat(at(0), &AUTO, &PACE));
        assert_eq!(pinned.cooled(at(0), &AUTO, &PACE), None);
        let automatic = pinned.changed(Patch::Clear, Patch::Clear);
        assert_eq!((automatic.shards, automatic.flash), (4, true));
        assert!(!automatic.cooled(at(0), &AUTO, &PACE).unwrap().flash);
        assert_eq!(pinned.changed(Patch::Set(2), Patch::Keep).shards, 4, "fewer take several commits");
    }

    #[test]
    fn one_function_at_a_time_evens_out_the_shards_of_a_product_that_scales() {
        let spread = Scale { shards: 2, ..new() };
        let marked = spread.marked(at(0), &PACE).unwrap();
        assert_eq!(marked.marked(at(249), &PACE), None);
        assert!(marked.marked(at(250), &PACE).is_some());
        assert_eq!([new().marked(at(0), &PACE), Scale::new(Some(2), None, &AUTO).marked(at(0), &PACE)], [None; 2]);
    }

    #[test]
    fn a_mark_of_a_clock_that_is_far_ahead_counts_for_nothing() {
        let marked = |ms| Scale { scaling: Scaling { hot_at: Some(at(ms)), ..new().scaling }, ..new() };
        assert_eq!(marked(5_000).heated(1_000, at(0), &AUTO, &PACE), None);
        assert!(marked(60_000).heated(1_000, at(0), &AUTO, &PACE).is_some());
    }
}
