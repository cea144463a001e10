//! The account of a user: the balance, its ledger's head, and the counts that caps are checked against.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    OrderId, PaymentId, UserId, Won,
    address::Missing,
    caps::{Caps, Held, Window},
    is_zero,
    ledger::{EntryHash, EntryKind, LedgerEntry},
    money::MAX_BALANCE,
    order::Actor,
    user::UserStatus,
};

/// The account of a user: the data that every payment reads and changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    pub status: UserStatus,
    /// The balance: always the sum of the ledger.
    pub balance: Won,
    /// The number of entries in the ledger. Every change of the balance adds one, so an unchanged sequence is an
    /// unchanged balance.
    pub sequence: u64,
    /// The hash of the last of them, for the next to chain to. It changes with the sequence only.
    #[serde(default)]
    pub head: EntryHash,
    /// Pending orders.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub held_orders: i64,
    /// Units held by these.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub held_units: i64,
    /// Of the pending orders, those that wait for a deposit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub deposit_orders: i64,
    /// Units held by these.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub deposit_units: i64,
    /// The number of the address record that orders of now are shipped to; 0 if there is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub address_number: u64,
    /// Whether that address has no postcode.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_postcode: bool,
    /// Whether that address has no first line.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_line1: bool,
    /// Counts the holds ever placed, so that a hold that came and went is seen.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub holds_placed: i64,
    /// The hour, since 1970, of the last order refused for an insufficient balance.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed_hour: i64,
    /// The number of these orders in that hour.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed_payments: i64,
}

/// An intended change of a balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// The id of the entry to be.
    pub entry_id: String,
    pub kind: EntryKind,
    /// The change of the balance: below zero for a payment.
    pub amount: Won,
    /// The order that is paid or refunded.
    pub order_id: Option<OrderId>,
    /// The payment from outside that the money is of.
    pub payment_id: Option<PaymentId>,
    /// The party that moves the money.
    pub actor: Actor,
    /// The reason that an admin gave.
    pub reason: Option<String>,
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
    /// The account of a new user: empty.
    pub const NEW: Self = Self {
        status: UserStatus::Active,
        balance: Won::ZERO,
        sequence: 0,
        head: EntryHash::NONE,
        held_orders: 0,
        held_units: 0,
        deposit_orders: 0,
        deposit_units: 0,
        address_number: 0,
        no_postcode: false,
        no_line1: false,
        holds_placed: 0,
        failed_hour: 0,
        failed_payments: 0,
    };

    /// The number of the address that an order of now is shipped to.
    pub fn ship_to(&self) -> Option<u64> {
        Some(self.address_number).filter(|number| *number != 0)
    }

    /// The parts that an order of now cannot be shipped without, and the user has not given.
    pub fn missing_address(&self) -> Missing {
        if self.address_number == 0 {
            return Missing::ALL;
        }
        Missing { postcode: self.no_postcode, line1: self.no_line1 }
    }

    /// Whether there is room for the hold of a new order.
    pub fn can_hold(&self, more: Held, caps: &Caps) -> bool {
        self.held_orders.saturating_add(more.orders) <= caps.pending_orders
            && self.held_units.saturating_add(more.units) <= caps.held_units
    }

    /// Whether there is room for another order that waits for a deposit.
    pub fn can_await_deposit(&self, more: Held, caps: &Caps) -> bool {
        self.deposit_orders.saturating_add(more.orders) <= caps.deposit_orders
            && self.deposit_units.saturating_add(more.units) <= caps.deposit_units
    }

    /// The account with another order of this hour refused for an insufficient balance.
    #[must_use]
    pub fn failed_again(self, hour: Window) -> Self {
        let failed_payments = self.failed_in(hour).saturating_add(1);
        Self { failed_hour: hour.number, failed_payments, ..self }
    }

    /// The number of orders of this hour refused for an insufficient balance.
    pub fn failed_in(&self, hour: Window) -> i64 {
        if self.failed_hour == hour.number { self.failed_payments } else { 0 }
    }

    /// Whether the account holds at least this amount.
    pub fn can_pay(&self, amount: Won) -> bool {
        amount <= self.balance
    }

    /// The account of `user` after a movement, and its entry, chained to the one before. That one need not be read: the
    /// account has its hash.
    ///
    /// # Errors
    /// If the balance would fall below zero or rise above [`MAX_BALANCE`].
    pub fn book(self, user: &UserId, movement: Movement) -> Result<(Self, LedgerEntry), OutOfBounds> {
        let Movement { entry_id, kind, amount, order_id, payment_id, actor, reason, at } = movement;
        let (balance_after, sequence) = self.moved(amount)?;
        let before = self.head;
        let entry = LedgerEntry {
            entry_id,
            sequence,
            kind,
            amount,
            balance_after,
            order_id,
            payment_id,
            actor: Some(actor),
            reason,
            at,
            before,
        };
        Ok((Self { balance: balance_after, sequence, head: entry.hash(user), ..self }, entry))
    }

    /// The balance and the sequence after a change by `amount` won.
    fn moved(&self, amount: Won) -> Result<(Won, u64), OutOfBounds> {
        let balance = self.balance.checked_add(amount).ok_or(OutOfBounds::TooMuch)?;
        if balance < Won::ZERO {
            return Err(OutOfBounds::NotEnough);
        }
        if balance > MAX_BALANCE {
            return Err(OutOfBounds::TooMuch);
        }
        let sequence = self.sequence.checked_add(1).ok_or(OutOfBounds::TooMuch)?;
        Ok((balance, sequence))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::domain) fn mina() -> UserId {
        UserId::try_from("mina".to_owned()).unwrap()
    }

    /// A movement, for any but a charge with an order.
    pub(in crate::domain) fn movement(kind: EntryKind, amount: i64) -> Movement {
        let order_id = (kind != EntryKind::Charge).then(|| OrderId::try_from("o1".to_owned()).unwrap());
        let at = "2026-11-20T03:00:00.123Z".parse().unwrap();
        let (entry_id, amount, actor) = ("e\"1\"".to_owned(), Won::new(amount), Actor::Customer);
        Movement { entry_id, kind, amount, order_id, payment_id: None, actor, reason: None, at }
    }

    #[test]
    fn pending_orders_hold_up_to_each_cap_and_no_more() {
        let caps = Caps { pending_orders: 3, held_units: 10, ..Caps::DEFAULT };
        let account = Account { held_orders: 2, held_units: 6, ..Account::NEW };
        for (orders, units, is_room) in [(1, 4, true), (1, 5, false), (2, 4, false), (0, 0, true)] {
            assert_eq!(account.can_hold(Held { orders, units }, &caps), is_room, "{orders} {units}");
        }
    }

    #[test]
    fn failed_payments_are_counted_within_an_hour_of_the_clock() {
        let hour = |number| Window { number, left_s: 1 };
        let failed = Account::NEW.failed_again(hour(7)).failed_again(hour(7));
        assert_eq!((failed.failed_in(hour(7)), failed.failed_in(hour(8))), (2, 0));
        let later = failed.failed_again(hour(8));
        assert_eq!((later.failed_in(hour(7)), later.failed_in(hour(8))), (0, 1));
    }

    #[test]
    fn the_record_of_an_account_leaves_out_what_is_zero() {
        for count in [0, 1] {
            let account = Account { held_orders: count, held_units: count, failed_hour: count, ..Account::NEW };
            let record = serde_json::json!(account);
            for name in ["heldOrders", "heldUnits", "failedHour"] {
                assert_eq!(record.get(name).is_some(), count != 0, "{name} {count}");
            }
        }
    }

    #[test]
    fn a_balance_stays_between_zero_and_the_maximum() {
        let account = Account { balance: Won::new(1_000), ..Account::NEW };
        let after = |amount| account.book(&mina(), movement(EntryKind::Charge, amount)).map(|(after, _)| after);
        let paid = after(-1_000).unwrap();
        assert_eq!((paid.balance, paid.sequence), (Won::ZERO, 1));
        assert_eq!(after(-1_001), Err(OutOfBounds::NotEnough));
        assert_eq!(after(MAX_BALANCE.get() - 1_000).map(|full| full.balance), Ok(MAX_BALANCE));
        assert_eq!(after(MAX_BALANCE.get() - 999), Err(OutOfBounds::TooMuch));
        assert_eq!(after(i64::MAX), Err(OutOfBounds::TooMuch));
        assert!(account.can_pay(Won::new(1_000)) && !account.can_pay(Won::new(1_001)));
    }
}
