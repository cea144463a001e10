//! The budget of a campaign: won for the discounts of all its coupons.
//!
//! It lies in shards, so that many orders can spend at once. An order takes the whole of its discount from them in its
//! commit, and each cancelled part of the discount returns: what is spent never exceeds the budget.

use serde::{Deserialize, Serialize};

use super::{Won, inventory};

/// The most shards of a budget. An order may have to take from all of them in its transaction.
pub const MAX_SHARDS: u16 = 8;

/// The number of shards of the budget of a campaign with this many counters.
pub fn shards(counter_shards: u16) -> u16 {
    counter_shards.clamp(1, MAX_SHARDS)
}

/// A shard of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetShard {
    /// The won that can still be spent.
    pub left: Won,
}

/// Won to take from one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spend {
    /// The number of the shard, from 0.
    pub shard: u16,
    pub amount: Won,
}

/// The won in each shard of a budget, in the order of their numbers, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BudgetLeft {
    /// Not read yet.
    Unknown,
    Read(Vec<Won>),
}

impl BudgetLeft {
    /// The shards to take a discount from: one with enough, the first of them going round from `preferred`, or else the
    /// fullest. An unread budget is taken for large enough.
    ///
    /// # Errors
    /// The won left, if they are fewer.
    pub fn plan(&self, discount: Won, preferred: u16) -> Result<Vec<Spend>, Won> {
        let Self::Read(left) = self else {
            return Ok(vec![Spend { shard: preferred, amount: discount }]);
        };
        let amounts: Vec<i64> = left.iter().map(|left| left.get()).collect();
        let takes = inventory::allocate(discount.get(), &amounts, preferred);
        let takes = takes.ok_or_else(|| Won::checked_sum(left.iter().copied()).unwrap_or_default())?;
        Ok(takes.into_iter().map(|take| Spend { shard: take.shard, amount: Won::new(take.units) }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(amounts: &[i64]) -> BudgetLeft {
        BudgetLeft::Read(amounts.iter().copied().map(Won::new).collect())
    }

    fn spend(shard: u16, amount: i64) -> Spend {
        Spend { shard, amount: Won::new(amount) }
    }

    #[test]
    fn an_order_spends_from_its_own_shard_then_another_then_several() {
        assert_eq!(BudgetLeft::Unknown.plan(Won::new(500), 3), Ok(vec![spend(3, 500)]));
        assert_eq!(left(&[900, 500, 499]).plan(Won::new(500), 2), Ok(vec![spend(0, 500)]));
        assert_eq!(left(&[300, 100, 250]).plan(Won::new(500), 1), Ok(vec![spend(0, 300), spend(2, 200)]));
    }

    #[test]
    fn a_discount_above_what_is_left_is_refused_with_the_rest() {
        assert_eq!(left(&[300, 100, 99]).plan(Won::new(500), 0), Err(Won::new(499)));
        assert_eq!(left(&[300, 100, 100]).plan(Won::new(500), 0).map(|spends| spends.len()), Ok(3));
    }
}
