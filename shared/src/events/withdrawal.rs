//! The events of withdrawals.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Event, EventData, EventKind, payment::instant};
use crate::domain::{
    UserId, WithdrawalId, Won,
    withdrawal::{Withdrawal, WithdrawalStatus},
};

/// A withdrawal as others see it. The account is personal data: whoever pays it out looks the withdrawal up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WithdrawalSnapshot {
    /// The withdrawal.
    pub withdrawal_id: WithdrawalId,
    /// The user who cashes out.
    pub user_id: UserId,
    /// The amount in won.
    pub amount: Won,
    /// The instant of its creation.
    pub created_at: Timestamp,
}

/// The result of a withdrawal: the detail of the events `WithdrawalPaidOut` and `WithdrawalReturned`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WithdrawalResult {
    /// The withdrawal.
    pub withdrawal_id: WithdrawalId,
    /// When the money was on the account, or came back.
    #[serde(deserialize_with = "instant")]
    pub at: Timestamp,
    /// Why it came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The event of one change of a withdrawal, if it has one. The same change always makes the same event.
pub fn from_withdrawal_change(before: Option<&Withdrawal>, after: &Withdrawal) -> Option<Event> {
    let is_new = before.is_none() && after.status == WithdrawalStatus::Requested;
    is_new.then(|| {
        let Withdrawal { withdrawal_id, user_id, amount, created_at, version, .. } = after.clone();
        let aggregate = withdrawal_id.to_string();
        let data = WithdrawalSnapshot { withdrawal_id, user_id, amount, created_at };
        let kind = EventKind::WithdrawalRequested;
        Event::new(kind, aggregate, version, "", created_at, EventData::Withdrawal(data))
    })
}
