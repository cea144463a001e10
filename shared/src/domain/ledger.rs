//! The ledger: every change of an account's balance, in order, never changed again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{OrderId, Won, money::MAX_BALANCE, user::Account};

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EntryKind {
    /// The user added money.
    Charge,
    /// An order was paid.
    Payment,
    /// A cancelled or returned part of an order was paid back.
    Refund,
}

/// One change of a balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerEntry {
    /// Names the entry.
    pub entry_id: String,
    /// Its place in the account's ledger, from 1 without a gap.
    pub sequence: u64,
    /// Why the money moved.
    #[serde(rename = "type")]
    pub kind: EntryKind,
    /// By how much the balance changed: below zero for a payment.
    pub amount: Won,
    /// The balance after it: the balance after the entry before, plus the amount.
    pub balance_after: Won,
    /// The order that was paid or refunded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// When.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
}

/// The balance would leave the bounds of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutOfBounds {
    /// Below zero.
    NotEnough,
    /// Above [`MAX_BALANCE`].
    TooMuch,
}

impl Account {
    /// The account after its balance has changed by `amount` won.
    ///
    /// # Errors
    /// Where the balance would fall below zero or rise above [`MAX_BALANCE`].
    pub fn moved(self, amount: Won) -> Result<Self, OutOfBounds> {
        let balance = self.balance.checked_add(amount).ok_or(OutOfBounds::TooMuch)?;
        if balance < Won::ZERO {
            return Err(OutOfBounds::NotEnough);
        }
        if balance > MAX_BALANCE {
            return Err(OutOfBounds::TooMuch);
        }
        let sequence = self.sequence.checked_add(1).ok_or(OutOfBounds::TooMuch)?;
        Ok(Self { balance, sequence, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_balance_stays_between_zero_and_the_maximum() {
        let account = Account { balance: Won::new(1_000), ..Account::NEW };
        let paid = account.moved(Won::new(-1_000)).unwrap();
        assert_eq!((paid.balance, paid.sequence), (Won::ZERO, 1));
        assert_eq!(account.moved(Won::new(-1_001)), Err(OutOfBounds::NotEnough));
        assert_eq!(account.moved(MAX_BALANCE), Err(OutOfBounds::TooMuch));
        assert_eq!(account.moved(Won::new(i64::MAX)), Err(OutOfBounds::TooMuch));
    }
}
