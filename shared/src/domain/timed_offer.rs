//! Timed offers: discounts that replace that of a product for a time, such as "the first 100 at half price".
//!
//! The quota of an offer is counted in parts, so that many orders can take from it at once. An order takes all units of a
//! line from one part in its commit; a part never counts more units than it has.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Invalid, Won, bounded::bounded, spread::spread};

/// The most offers of a product.
pub const MAX_OFFERS: usize = 10;

/// The most parts of a quota.
pub const MAX_PARTS: u16 = 16;

bounded! {
    /// The units that are sold at an offer.
    OfferQuantity(i64): 1, 1_000_000
}

/// A discount that replaces that of a product from one instant to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimedOffer {
    pub discount: Won,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub from: Timestamp,
    /// Exclusive.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub until: Timestamp,
    /// Without one, all units are sold at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
}

/// The number of units that are sold at an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quota {
    pub quantity: i64,
    /// The number of parts, which never changes.
    pub parts: u16,
    /// The version of the product with which the counters began.
    pub since: u64,
}

/// The counters of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuotaId {
    pub since: u64,
    /// The begin of the offer, by which it differs from others of the product.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub from: Timestamp,
}

/// The counter of a part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaCount {
    /// Units sold at the offer, less those cancelled in its time. It is below zero where room of other parts was moved to
    /// this one.
    pub taken: i64,
}

/// The units that an order line has of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuotaUse {
    #[serde(flatten)]
    pub id: QuotaId,
    /// The number of the part that has them, from 0.
    pub part: u16,
    /// The end of the offer at the order: from then on nothing returns.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub until: Timestamp,
    pub units: u16,
}

/// An offer as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewOffer {
    pub discount: Won,
    pub from: Timestamp,
    pub until: Timestamp,
    pub quantity: Option<i64>,
}

impl TimedOffer {
    pub fn runs(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }

    /// The counters of its quota, if it has one.
    pub fn quota_id(&self) -> Option<QuotaId> {
        self.quota.map(|quota| QuotaId { since: quota.since, from: self.from })
    }

    /// The offers that replace others at this version of their product, in the order of their time. An offer that begins
    /// at the same instant as one before goes on with its counters. A new quota has a part for each so many units.
    ///
    /// # Errors
    /// The index of an offer with a smaller quantity than it had: its parts may have sold more already.
    pub fn replacing(
        before: &[Self],
        new: &[NewOffer],
        version: u64,
        part_units: i64,
    ) -> Result<Vec<Self>, (usize, Invalid)> {
        let mut offers = Vec::new();
        for (index, NewOffer { discount, from, until, quantity }) in new.iter().copied().enumerate() {
            let seen = before.iter().find(|offer| offer.from == from).and_then(|offer| offer.quota);
            let quota = match (seen, quantity) {
                (_, None) => None,
                (None, Some(quantity)) => {
                    Some(Quota { quantity, parts: parts_of(quantity, part_units), since: version })
                }
                (Some(seen), Some(quantity)) if quantity < seen.quantity => {
                    return Err((index, Invalid::Range { min: seen.quantity, max: OfferQuantity::MAX }));
                }
                (Some(seen), Some(quantity)) => Some(Quota { quantity, ..seen }),
            };
            offers.push(Self { discount, from, until, quota });
        }
        offers.sort_by_key(|offer| offer.from);
        Ok(offers)
    }
}

/// The index of an offer that begins while another one of the list runs.
pub fn overlapping(offers: &[NewOffer]) -> Option<usize> {
    let begins_within = |(index, offer): (usize, &NewOffer)| {
        let others = offers.iter().enumerate().filter(|(other, _)| *other != index);
        let is_within = |(other, it): (usize, &NewOffer)| {
            it.from < offer.from && offer.from < it.until || it.from == offer.from && other < index
        };
        others.into_iter().any(is_within).then_some(index)
    };
    offers.iter().enumerate().find_map(begins_within)
}

fn parts_of(quantity: i64, part_units: i64) -> u16 {
    u16::try_from(quantity / part_units.max(1)).unwrap_or(MAX_PARTS).clamp(1, MAX_PARTS)
}

impl Quota {
    /// The most units of each part. A larger quantity makes none of them smaller.
    pub fn most(&self) -> Vec<i64> {
        spread(self.quantity, self.parts)
    }

    /// The most units of a part.
    pub fn most_of(&self, part: u16) -> i64 {
        self.most().get(usize::from(part)).copied().unwrap_or_default()
    }

    /// The units left in each part, by the counters as they were read.
    pub fn left(&self, counts: &[QuotaCount]) -> Vec<i64> {
        let taken = counts.iter().map(|count| count.taken).chain(std::iter::repeat(0));
        self.most().into_iter().zip(taken).map(|(most, taken)| most.saturating_sub(taken).max(0)).collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + seconds.seconds()
    }

    fn offer(from: i64, until: i64, quantity: Option<i64>) -> NewOffer {
        NewOffer { discount: Won::new(500), from: at(from), until: at(until), quantity }
    }

    fn replaced(before: &[TimedOffer], new: &[NewOffer], version: u64) -> Vec<TimedOffer> {
        TimedOffer::replacing(before, new, version, 8).unwrap()
    }

    #[test]
    fn an_offer_runs_from_its_begin_until_its_end() {
        let [offer] = replaced(&[], &[offer(10, 20, None)], 1)[..] else { panic!("one") };
        assert_eq!([9, 10, 19, 20].map(|second| offer.runs(at(second))), [false, true, true, false]);
        assert_eq!(offer.quota_id(), None);
    }

    #[test]
    fn offers_are_kept_by_time() {
        let offers = replaced(&[], &[offer(20, 30, None), offer(10, 20, None)], 1);
        assert_eq!(offers.iter().map(|offer| offer.from).collect::<Vec<_>>(), [at(10), at(20)]);
    }

    #[test]
    fn an_offer_that_begins_at_the_same_instant_goes_on_with_its_counters() {
        let first = replaced(&[], &[offer(10, 20, Some(100))], 3);
        assert_eq!(first[0].quota, Some(Quota { quantity: 100, parts: 12, since: 3 }));
        let longer = replaced(&first, &[offer(10, 50, Some(1_000))], 4);
        assert_eq!(longer[0].quota, Some(Quota { quantity: 1_000, parts: 12, since: 3 }));
        let moved = replaced(&longer, &[offer(11, 50, Some(10))], 5);
        assert_eq!(moved[0].quota, Some(Quota { quantity: 10, parts: 1, since: 5 }));
        let open = replaced(&longer, &[offer(10, 50, None)], 6);
        assert_eq!(replaced(&open, &[offer(10, 50, Some(5))], 7)[0].quota.map(|quota| quota.since), Some(7));
    }

    #[test]
    fn a_quota_only_grows() {
        let first = replaced(&[], &[offer(10, 20, Some(100))], 1);
        let smaller = TimedOffer::replacing(&first, &[offer(30, 40, None), offer(10, 20, Some(99))], 2, 8);
        assert_eq!(smaller, Err((1, Invalid::Range { min: 100, max: 1_000_000 })));
    }

    #[test]
    fn offers_overlap_if_one_begins_while_another_runs() {
        let index = |times: &[(i64, i64)]| {
            let offers: Vec<NewOffer> = times.iter().map(|&(from, until)| offer(from, until, None)).collect();
            overlapping(&offers)
        };
        assert_eq!(index(&[(10, 20), (20, 30), (5, 10)]), None);
        assert_eq!(index(&[(10, 20), (19, 30)]), Some(1));
        assert_eq!(index(&[(19, 30), (10, 20)]), Some(0));
        assert_eq!(index(&[(10, 20), (10, 20)]), Some(1));
        assert_eq!(index(&[(10, 40), (20, 30)]), Some(1));
        assert_eq!(index(&[]), None);
    }

    #[test]
    fn a_part_has_the_room_that_was_moved_to_it() {
        let quota = Quota { quantity: 10, parts: 3, since: 1 };
        let counts = [4, -2, 1].map(|taken| QuotaCount { taken });
        assert_eq!((quota.most(), quota.left(&counts)), (vec![4, 3, 3], vec![0, 5, 2]));
        assert_eq!((quota.left(&[]), quota.most_of(2), quota.most_of(3)), (vec![4, 3, 3], 3, 0));
    }

    proptest! {
        #[test]
        fn more_units_make_no_part_smaller(quantity in 1_i64..5_000, more in 0_i64..5_000) {
            let quota = Quota { quantity, parts: parts_of(quantity, 8), since: 1 };
            let larger = Quota { quantity: quantity + more, ..quota };
            prop_assert!(quota.most().iter().zip(larger.most()).all(|(before, after)| *before <= after));
            prop_assert!((1..=MAX_PARTS).contains(&quota.parts));
            prop_assert_eq!(larger.most().iter().sum::<i64>(), quantity + more);
        }
    }
}
