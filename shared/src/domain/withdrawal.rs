//! Withdrawals: money of a balance that its user cashes out.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Refusal, UserId, WithdrawalId, Won, text::Text};

pub use super::states::WithdrawalStatus;

/// Money that leaves the balance at once, and is paid out to an account at a bank later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Withdrawal {
    pub withdrawal_id: WithdrawalId,
    pub user_id: UserId,
    pub amount: Won,
    pub account: PayoutAccount,
    pub status: WithdrawalStatus,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub updated_at: Timestamp,
    /// Counts the changes, from 1: the sequence of its events.
    pub version: u64,
}

/// An account at a bank. Personal data: events name the withdrawal alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PayoutAccount {
    pub bank: String,
    pub number: String,
    pub holder: String,
}

/// The name of a bank, the number or the holder of an account.
pub type AccountText = Text<60>;

impl Withdrawal {
    /// The withdrawal in the state `to`; nothing if it is in that state already. Money that was paid out can still come
    /// back. Returned money is back for good.
    ///
    /// # Errors
    /// [`Refusal::WithdrawalStateConflict`].
    pub fn moved_to(&self, to: WithdrawalStatus, now: Timestamp) -> Result<Option<Self>, Refusal> {
        use WithdrawalStatus::{PaidOut, Requested, Returned};
        match (self.status, to) {
            (from, to) if from == to => Ok(None),
            (Requested, PaidOut | Returned) | (PaidOut, Returned) => {
                let version = self.version.saturating_add(1);
                Ok(Some(Self { status: to, updated_at: now, version, ..self.clone() }))
            }
            (status, _) => Err(Refusal::WithdrawalStateConflict { withdrawal_id: self.withdrawal_id.clone(), status }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn withdrawal(status: WithdrawalStatus) -> Withdrawal {
        let account = PayoutAccount { bank: "088".to_owned(), number: "110".to_owned(), holder: "Mina".to_owned() };
        let at = Timestamp::UNIX_EPOCH;
        Withdrawal {
            withdrawal_id: WithdrawalId::try_from("w1".to_owned()).unwrap(),
            user_id: UserId::try_from("mina".to_owned()).unwrap(),
            amount: Won::new(5_000),
            account,
            status,
            created_at: at,
            updated_at: at,
            version: 1,
        }
    }

    #[test]
    fn money_is_paid_out_or_returned_and_returned_for_good() {
        use WithdrawalStatus::{PaidOut, Requested, Returned};
        let now = Timestamp::from_second(9).unwrap();
        for (from, to, is_allowed) in [
            (Requested, PaidOut, true),
            (Requested, Returned, true),
            (PaidOut, Returned, true),
            (PaidOut, Requested, false),
            (Returned, PaidOut, false),
            (Returned, Requested, false),
        ] {
            let moved = withdrawal(from).moved_to(to, now);
            assert_eq!(moved.is_ok(), is_allowed, "{from:?} {to:?}");
            if let Ok(moved) = moved {
                let expected = Withdrawal { status: to, updated_at: now, version: 2, ..withdrawal(from) };
                assert_eq!(moved, Some(expected));
            }
        }
        for same in [Requested, PaidOut, Returned] {
            assert_eq!(withdrawal(same).moved_to(same, now), Ok(None));
        }
    }
}
