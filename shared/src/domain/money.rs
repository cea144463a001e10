//! Amounts of money and numbers of units: integers with checked arithmetic.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    Invalid,
    bounded::{bounded, in_range},
};

/// An amount in Korean won. It may be negative if it is a change (a ledger entry of a payment).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Won(i64);

/// The most that an account can hold: below 2^53, so that every JSON reader gets it exactly.
pub const MAX_BALANCE: Won = Won(9_000_000_000_000_000);

/// The most won of a payment of the external system: more than twice the largest order. A higher amount is a mistake
/// and not a payment, and the shop asks for no refund of it.
pub const MAX_PAYMENT: Won = Won(100_000_000_000_000);

/// The highest price of one unit. 50 lines of 999 units at this price still are far below [`MAX_BALANCE`].
pub const MAX_PRICE: Won = Won(1_000_000_000);

impl Won {
    pub const ZERO: Self = Self(0);

    pub const fn new(amount: i64) -> Self {
        Self(amount)
    }

    pub const fn get(self) -> i64 {
        self.0
    }

    /// The sum, or nothing on overflow.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or nothing on overflow.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// This amount for each of `quantity` units, or nothing on overflow.
    pub fn checked_mul(self, quantity: Quantity) -> Option<Self> {
        self.0.checked_mul(i64::from(quantity.get())).map(Self)
    }

    /// The sum of all, or nothing on overflow.
    pub fn checked_sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }

    pub fn negated(self) -> Self {
        Self(-self.0)
    }

    /// Whether the amount is zero; lets a record leave the attribute out.
    pub fn is_zero(&self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Won {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The amount of one charge: more than 0, below 100,000,000 won, a multiple of 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChargeAmount(Won);

impl ChargeAmount {
    /// A charge is a multiple of this many won.
    pub const STEP: i64 = 100;
    pub const MIN: i64 = Self::STEP;
    pub const MAX: i64 = 100_000_000 - Self::STEP;

    pub fn won(self) -> Won {
        self.0
    }
}

impl TryFrom<i64> for ChargeAmount {
    type Error = Invalid;

    fn try_from(amount: i64) -> Result<Self, Invalid> {
        in_range(amount, Self::MIN, Self::MAX)?;
        if amount % Self::STEP != 0 {
            return Err(Invalid::MultipleOf(Self::STEP));
        }
        Ok(Self(Won(amount)))
    }
}

/// The amount by which an admin corrects a balance: any but 0, up to [`MAX_BALANCE`] either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdjustmentAmount(Won);

impl AdjustmentAmount {
    pub const MIN: i64 = -MAX_BALANCE.get();
    pub const MAX: i64 = MAX_BALANCE.get();

    pub fn won(self) -> Won {
        self.0
    }
}

impl TryFrom<i64> for AdjustmentAmount {
    type Error = Invalid;

    fn try_from(amount: i64) -> Result<Self, Invalid> {
        in_range(amount, Self::MIN, Self::MAX)?;
        if amount == 0 { Err(Invalid::Zero) } else { Ok(Self(Won(amount))) }
    }
}

/// An amount that moves: more than 0, up to [`MAX_BALANCE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PositiveAmount(Won);

impl PositiveAmount {
    pub const MIN: i64 = 1;
    pub const MAX: i64 = MAX_BALANCE.get();

    pub fn won(self) -> Won {
        self.0
    }
}

impl TryFrom<i64> for PositiveAmount {
    type Error = Invalid;

    fn try_from(amount: i64) -> Result<Self, Invalid> {
        in_range(amount, Self::MIN, Self::MAX)?;
        Ok(Self(Won(amount)))
    }
}

/// The price of one unit, or the discount on it: 0 to [`MAX_PRICE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price(Won);

impl Price {
    pub const MIN: i64 = 0;
    pub const MAX: i64 = MAX_PRICE.get();

    pub fn won(self) -> Won {
        self.0
    }
}

impl TryFrom<i64> for Price {
    type Error = Invalid;

    fn try_from(amount: i64) -> Result<Self, Invalid> {
        in_range(amount, Self::MIN, Self::MAX)?;
        Ok(Self(Won(amount)))
    }
}

/// The amount of an order or a part of it: 0 to [`MAX_BALANCE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payable(Won);

impl Payable {
    pub const MIN: i64 = 0;
    pub const MAX: i64 = MAX_BALANCE.get();

    pub fn won(self) -> Won {
        self.0
    }
}

impl TryFrom<i64> for Payable {
    type Error = Invalid;

    fn try_from(amount: i64) -> Result<Self, Invalid> {
        in_range(amount, Self::MIN, Self::MAX)?;
        Ok(Self(Won(amount)))
    }
}

bounded! {
    /// The number of units of one product in an order.
    Quantity(u16): 1, 999
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_positive_below_100_million_and_a_multiple_of_100() {
        for good in [100, 1_000, 99_999_900] {
            assert_eq!(ChargeAmount::try_from(good).unwrap().won(), Won::new(good));
        }
        for out_of_range in [0, -100, 100_000_000, i64::MAX, i64::MIN] {
            assert!(matches!(ChargeAmount::try_from(out_of_range), Err(Invalid::Range { .. })), "{out_of_range}");
        }
        assert_eq!(ChargeAmount::try_from(150), Err(Invalid::MultipleOf(100)));
    }

    #[test]
    fn an_adjustment_changes_something() {
        for good in [1, -1, MAX_BALANCE.get(), -MAX_BALANCE.get()] {
            assert_eq!(AdjustmentAmount::try_from(good).map(AdjustmentAmount::won), Ok(Won::new(good)));
        }
        assert_eq!(AdjustmentAmount::try_from(0), Err(Invalid::Zero));
        assert!(AdjustmentAmount::try_from(i64::MIN).is_err() && AdjustmentAmount::try_from(i64::MAX).is_err());
    }

    #[test]
    fn an_amount_that_moves_is_positive() {
        assert_eq!(PositiveAmount::try_from(1).map(PositiveAmount::won), Ok(Won::new(1)));
        for bad in [0, -1, MAX_BALANCE.get() + 1] {
            assert!(PositiveAmount::try_from(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_quantity_is_1_to_999() {
        assert_eq!(Quantity::try_from(999).unwrap().get(), 999);
        for bad in [0, -1, 1_000, i64::MAX] {
            assert!(Quantity::try_from(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn arithmetic_never_wraps() {
        assert_eq!(Won::new(i64::MAX).checked_add(Won::new(1)), None);
        assert_eq!(Won::new(i64::MIN).checked_sub(Won::new(1)), None);
        assert_eq!(Won::new(i64::MAX).checked_mul(Quantity::try_from(2).unwrap()), None);
        assert_eq!(Won::checked_sum([Won::new(1), Won::new(2)]), Some(Won::new(3)));
    }

    #[test]
    fn amounts_add_up_to_the_won() {
        let (won, units) = (Won::new, Quantity::try_from(3).unwrap());
        assert_eq!(won(7).checked_add(won(-2)), Some(won(5)));
        assert_eq!(won(7).checked_sub(won(9)), Some(won(-2)));
        assert_eq!(won(7).checked_mul(units), Some(won(21)));
        assert_eq!([won(7), won(-7), Won::ZERO].map(Won::negated), [won(-7), won(7), Won::ZERO]);
        assert_eq!([won(7), won(-7), Won::ZERO].map(|amount| amount.is_zero()), [false, false, true]);
        assert_eq!(won(-1_000).to_string(), "-1000");
    }

    #[test]
    fn a_price_and_a_payable_amount_are_within_their_bounds() {
        let price = |amount| Price::try_from(amount).map(Price::won);
        let payable = |amount| Payable::try_from(amount).map(Payable::won);
        for (amount, is_price, is_payable) in [
            (-1, false, false),
            (0, true, true),
            (1_000_000_000, true, true),
            (1_000_000_001, false, true),
            (9_000_000_000_000_000, false, true),
            (9_000_000_000_000_001, false, false),
        ] {
            let within = |is_within: bool, max| {
                if is_within { Ok(Won::new(amount)) } else { Err(Invalid::Range { min: 0, max }) }
            };
            assert_eq!(price(amount), within(is_price, Price::MAX), "{amount}");
            assert_eq!(payable(amount), within(is_payable, Payable::MAX), "{amount}");
        }
    }

    #[test]
    fn the_largest_order_fits_an_account() {
        let line = MAX_PRICE.checked_mul(Quantity::try_from(Quantity::MAX).unwrap()).unwrap();
        let order = Won::checked_sum(std::iter::repeat_n(line, 50)).unwrap();
        assert!(order < MAX_BALANCE);
    }
}
