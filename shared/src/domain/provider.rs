//! Payments as a payment provider knows them.
//!
//! The shop believes of a payment only the provider's own answers about it: to a confirmation, to a look-up, to a
//! cancellation.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Invalid, PaymentId, Won, invalid::named};

/// A payment provider that the shop has an adapter for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProviderName {
    /// The REST protocol that Toss Payments publishes.
    Toss,
    /// Bank transfers that an admin confirms.
    Manual,
}

named!(ProviderName { "TOSS" => Toss, "MANUAL" => Manual });

/// The provider's own name of a payment: 1 to 200 visible ASCII characters. It comes from the customer's browser, so it
/// proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct PaymentKey(String);

impl PaymentKey {
    pub const MAX_LENGTH: usize = 200;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PaymentKey {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        if text.is_empty() || text.len() > Self::MAX_LENGTH {
            return Err(Invalid::Length { min: 1, max: Self::MAX_LENGTH });
        }
        if text.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(Self(text)) } else { Err(Invalid::Characters) }
    }
}

impl fmt::Display for PaymentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The account that a customer is to transfer the money to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deposit {
    /// The bank, as the provider names it.
    pub bank: String,
    /// The number of the account.
    pub account: String,
    /// The end of the time for the transfer.
    pub due_at: Timestamp,
}

/// A payment at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderPayment {
    pub payment_key: PaymentKey,
    /// The shop's own id of the payment, under which it was started.
    pub payment_id: PaymentId,
    /// The amount that was paid or is to be paid, before all cancellations.
    pub amount: Won,
    pub state: ProviderState,
    /// The cancellations, in whole or in part, oldest first.
    pub cancels: Vec<ProviderCancel>,
}

/// The state of a payment at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderState {
    /// The customer has begun it. No money moves without a confirmation.
    Open,
    /// Confirmed; the customer has yet to transfer the money.
    WaitingForDeposit {
        deposit: Deposit,
        /// The proof that a notice of the deposit carries, if the provider sends one.
        secret: Option<String>,
    },
    /// The provider has, or had, the money.
    Done,
    /// It has ended, and the provider never had the money.
    Ended {
        /// The provider's code of the reason.
        code: String,
    },
}

/// A cancellation of a payment at the provider: money that went back to the customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderCancel {
    /// The shop's id of the refund; none if somebody else cancelled.
    pub refund_id: Option<String>,
    pub amount: Won,
}

impl ProviderPayment {
    /// Whether it was cancelled for this refund of the shop.
    pub fn has_refund(&self, refund_id: &str) -> bool {
        self.cancels.iter().any(|cancel| cancel.refund_id.as_deref() == Some(refund_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_key_is_visible_ascii() {
        for good in ["tgen_20261126172042abcd1", "a=b/c+d", &"k".repeat(200)] {
            assert_eq!(PaymentKey::try_from(good.to_owned()).unwrap().as_str(), good);
        }
        let length = Err(Invalid::Length { min: 1, max: 200 });
        assert_eq!(PaymentKey::try_from(String::new()), length);
        assert_eq!(PaymentKey::try_from("k".repeat(201)), length);
        for bad in ["a b", "가", "a\n"] {
            assert_eq!(PaymentKey::try_from(bad.to_owned()), Err(Invalid::Characters), "{bad:?}");
        }
    }

    #[test]
    fn a_refund_is_found_by_its_id() {
        let cancel =
            |refund_id: Option<&str>| ProviderCancel { refund_id: refund_id.map(str::to_owned), amount: Won::new(1) };
        let payment = ProviderPayment {
            payment_key: PaymentKey::try_from("k".to_owned()).unwrap(),
            payment_id: PaymentId::try_from("p".to_owned()).unwrap(),
            amount: Won::new(2),
            state: ProviderState::Done,
            cancels: vec![cancel(None), cancel(Some("r1"))],
        };
        assert!(payment.has_refund("r1") && !payment.has_refund("r2"));
    }
}
