//! The port to a payment provider. Adapters implement it; the use cases know nothing else of a provider.

use futures::future::BoxFuture;

use crate::domain::{
    PaymentId, Won,
    provider::{PaymentKey, ProviderName, ProviderPayment},
};

/// A payment provider.
///
/// Each call is one request with a time limit of its own. A call may reach the provider although its answer is lost, so
/// each is safe to repeat: the provider knows a confirmation by the payment, and a cancellation by the refund.
pub trait PaymentProvider: std::fmt::Debug + Send + Sync {
    fn name(&self) -> ProviderName;

    /// The key with which a page in the customer's browser begins a payment. It is public.
    fn client_key(&self) -> &str;

    /// Whether an admin confirms payments, who has seen the money arrive, and no customer.
    fn is_confirmed_by_admins(&self) -> bool;

    /// Whether the provider itself ties a payment key to one payment of the shop.
    fn binds_keys(&self) -> bool;

    /// Takes the money of a payment that the customer has begun, or opens its account for a deposit.
    fn confirm<'a>(&'a self, confirmation: &'a Confirmation) -> BoxFuture<'a, Result<ProviderPayment, ProviderError>>;

    /// The payment that was started under the shop's id, if there is one.
    fn look_up<'a>(&'a self, payment: &'a PaymentId) -> BoxFuture<'a, Result<Option<ProviderPayment>, ProviderError>>;

    /// Sends money of a payment back to the customer.
    fn cancel<'a>(&'a self, cancellation: &'a Cancellation) -> BoxFuture<'a, Result<ProviderPayment, ProviderError>>;

    /// Reads a notice. Foreign fields are ignored. Nothing if it is about no payment.
    fn read_notice(&self, body: &[u8]) -> Option<Notice>;
}

/// A payment to be confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    pub payment_id: PaymentId,
    pub payment_key: PaymentKey,
    pub amount: Won,
}

/// Money to be sent back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    pub payment_key: PaymentKey,
    /// The shop's id of the refund: the provider sends its money once.
    pub refund_id: String,
    pub amount: Won,
}

/// A hint of the provider that something happened to a payment. Only a look-up tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub payment_id: PaymentId,
    /// The proof of a deposit, if there is one in it.
    pub secret: Option<String>,
}

/// The failure of a call to a provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The provider refuses: by this call no money moves, now or later.
    #[error("the provider refuses: {code}")]
    Refused {
        /// The provider's code of the reason.
        code: String,
    },
    /// It is unknown whether the call had an effect: no answer in time, or one that says nothing.
    #[error("the provider's answer is unknown: {0}")]
    Unknown(String),
}
