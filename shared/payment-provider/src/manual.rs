//! Bank transfers that an admin confirms.

use futures::future::{BoxFuture, FutureExt as _, ready};
use shared::{
    app::payments::provider::{Cancellation, Confirmation, Notice, PaymentProvider, ProviderError},
    domain::{
        PaymentId,
        provider::{ProviderName, ProviderPayment, ProviderState},
    },
};

/// Transfers to the shop's own account. The admin who confirms one is its provider: no other system knows it, so there
/// is nothing to look up, and a person sends money back.
#[derive(Debug, Clone)]
pub struct Manual {
    account: String,
}

impl Manual {
    /// `account` is the shop's account as customers are to read it: bank, number and holder.
    pub fn new(account: String) -> Self {
        Self { account }
    }
}

impl PaymentProvider for Manual {
    fn name(&self) -> ProviderName {
        ProviderName::Manual
    }

    fn client_key(&self) -> &str {
        &self.account
    }

    fn is_confirmed_by_admins(&self) -> bool {
        true
    }

    fn binds_keys(&self) -> bool {
        false
    }

    fn confirm<'a>(&'a self, confirmation: &'a Confirmation) -> BoxFuture<'a, Result<ProviderPayment, ProviderError>> {
        let Confirmation { payment_id, payment_key, amount } = confirmation.clone();
        let payment =
            ProviderPayment { payment_key, payment_id, amount, state: ProviderState::Done, cancels: Vec::new() };
        ready(Ok(payment)).boxed()
    }

    fn look_up<'a>(&'a self, _: &'a PaymentId) -> BoxFuture<'a, Result<Option<ProviderPayment>, ProviderError>> {
        ready(Ok(None)).boxed()
    }

    fn cancel<'a>(&'a self, _: &'a Cancellation) -> BoxFuture<'a, Result<ProviderPayment, ProviderError>> {
        ready(Err(ProviderError::Refused { code: "MANUAL_REFUND".to_owned() })).boxed()
    }

    fn read_notice(&self, _: &[u8]) -> Option<Notice> {
        None
    }
}

#[cfg(test)]
mod tests {
    use shared::domain::{Won, provider::PaymentKey};

    use super::*;

    #[tokio::test]
    async fn an_admin_confirms_and_a_person_refunds() {
        let manual = Manual::new("국민은행 123-45-678901 장터".to_owned());
        assert_eq!((manual.name(), manual.client_key()), (ProviderName::Manual, "국민은행 123-45-678901 장터"));
        assert!(manual.is_confirmed_by_admins() && !manual.binds_keys());
        let payment_id = PaymentId::try_from("p1".to_owned()).unwrap();
        let payment_key = PaymentKey::try_from("transfer-1".to_owned()).unwrap();
        let amount = Won::new(13_000);
        let confirmation = Confirmation { payment_id: payment_id.clone(), payment_key: payment_key.clone(), amount };
        let paid = manual.confirm(&confirmation).await.unwrap();
        assert_eq!((&paid.payment_id, &paid.payment_key, paid.amount), (&payment_id, &payment_key, amount));
        assert_eq!((paid.state, paid.cancels), (ProviderState::Done, vec![]));
        assert_eq!(manual.look_up(&payment_id).await, Ok(None));
        let cancellation = Cancellation { payment_key, refund_id: "r1".to_owned(), amount };
        let refused = Err(ProviderError::Refused { code: "MANUAL_REFUND".to_owned() });
        assert_eq!(manual.cancel(&cancellation).await, refused);
        assert_eq!(manual.read_notice(br#"{"orderId":"p1"}"#), None);
    }
}
