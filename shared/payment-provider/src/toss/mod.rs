//! The REST protocol of Toss Payments, version 1.
//!
//! The provider's `orderId` is the shop's id of the payment. Three rules keep money exact:
//!
//! - **Only the provider's own answer is believed, and only if it is about the payment in question:** another order id,
//!   payment key, currency or amount than the request's makes the outcome unknown, never paid.
//! - **A repetition has no second effect.** A confirmation has an idempotency key of payment and payment key, a
//!   cancellation has the refund's id. The provider forgets both after 15 days. A refund that is retried later needs a
//!   look-up first: the reason of each cancellation names its refund, so a look-up shows whether it happened.
//! - **A refusal is conclusive only if its code is listed** ([`refusals`]). For all else a look-up decides.

mod notice;
mod payment;
mod refusals;

use data_encoding::HEXLOWER;
use futures::future::{BoxFuture, FutureExt as _};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use shared::{
    app::payments::provider::{Cancellation, Confirmation, Notice, PaymentProvider, ProviderError},
    domain::{
        PaymentId,
        provider::{PaymentKey, ProviderName, ProviderPayment, ProviderState},
    },
};

use crate::transport::{Answer, Method, NoAnswer, Request, SecretKey, Transport};
use refusals::Verdict;

/// The longest idempotency key that the provider takes.
const MAX_IDEMPOTENCY_KEY: usize = 300;

/// The adapter to Toss Payments.
#[derive(Debug)]
pub struct Toss<T> {
    transport: T,
    client_key: String,
    secret_key: SecretKey,
}

impl<T: Transport> Toss<T> {
    pub fn new(transport: T, client_key: String, secret_key: SecretKey) -> Self {
        Self { transport, client_key, secret_key }
    }

    async fn get(&self, path: String) -> Result<Answer, ProviderError> {
        self.send(Method::Get, path, None, None).await
    }

    async fn post(&self, path: String, key: String, body: serde_json::Value) -> Result<Answer, ProviderError> {
        self.send(Method::Post, path, Some(key), Some(body.to_string())).await
    }

    async fn send(
        &self,
        method: Method,
        path: String,
        idempotency_key: Option<String>,
        body: Option<String>,
    ) -> Result<Answer, ProviderError> {
        let request = Request { method, path, secret: self.secret_key.clone(), idempotency_key, body };
        self.transport.send(request).await.map_err(|NoAnswer(reason)| ProviderError::Unknown(reason))
    }

    /// The payment with this key. The provider must know it.
    async fn find(&self, key: &PaymentKey) -> Result<ProviderPayment, ProviderError> {
        let answer = self.get(payment_path(key)?).await?;
        let found = payment::read(&answer)?.ok_or_else(|| unknown("no payment where there was one"))?;
        if found.payment_key == *key { Ok(found) } else { Err(unknown("an answer about another payment key")) }
    }

    async fn take(&self, confirmation: &Confirmation) -> Result<ProviderPayment, ProviderError> {
        let Confirmation { payment_id, payment_key, amount } = confirmation;
        let body =
            json!({ "paymentKey": payment_key.as_str(), "orderId": payment_id.as_str(), "amount": amount.get() });
        // A colon is in no id of a payment, so two pairs never share a key.
        let key = idempotency_key(format!("confirm:{payment_id}:{payment_key}"));
        let answer = self.post("/v1/payments/confirm".to_owned(), key, body).await?;
        let payment = match refusals::confirmation_verdict(&answer) {
            None => payment::read(&answer)?.ok_or_else(|| unknown("no payment where there was one"))?,
            Some(Verdict::LookUp(_)) => self.find(payment_key).await?,
            Some(Verdict::Refused(code)) => return Err(ProviderError::Refused { code }),
            Some(Verdict::Unknown(reason)) => return Err(ProviderError::Unknown(reason)),
        };
        if payment.payment_id != *payment_id || payment.payment_key != *payment_key {
            return Err(unknown("an answer about another payment"));
        }
        if payment.amount != *amount {
            return Err(unknown("an answer with another amount"));
        }
        if payment.state == ProviderState::Open {
            return Err(unknown("a confirmed payment is still open"));
        }
        Ok(payment)
    }

    async fn send_back(&self, cancellation: &Cancellation) -> Result<ProviderPayment, ProviderError> {
        let Cancellation { payment_key, refund_id, amount } = cancellation;
        let body = json!({ "cancelReason": payment::cancel_reason(refund_id), "cancelAmount": amount.get() });
        let path = format!("{}/cancel", payment_path(payment_key)?);
        let answer = self.post(path, idempotency_key(refund_id.clone()), body).await?;
        let (payment, refusal) = match refusals::cancellation_verdict(&answer) {
            None => (payment::read(&answer)?.ok_or_else(|| unknown("no payment where there was one"))?, None),
            Some(Verdict::LookUp(code)) => (self.find(payment_key).await?, Some(code)),
            Some(Verdict::Refused(code)) => return Err(ProviderError::Refused { code }),
            Some(Verdict::Unknown(reason)) => return Err(ProviderError::Unknown(reason)),
        };
        if payment.payment_key != *payment_key {
            return Err(unknown("an answer about another payment key"));
        }
        let own = payment.cancels.iter().find(|cancel| cancel.refund_id.as_deref() == Some(refund_id));
        match (own, refusal) {
            (Some(own), _) if own.amount == *amount => Ok(payment),
            (Some(_), _) => Err(unknown("a refund of another amount")),
            // The account of a deposit was closed before any money came.
            (None, None) if matches!(payment.state, ProviderState::Ended { .. }) => Ok(payment),
            (None, None) => Err(unknown("an answer without the refund")),
            (None, Some(code)) => Err(ProviderError::Refused { code }),
        }
    }
}

impl<T: Transport> PaymentProvider for Toss<T> {
    fn name(&self) -> ProviderName {
        ProviderName::Toss
    }

    fn client_key(&self) -> &str {
        &self.client_key
    }

    fn is_confirmed_by_admins(&self) -> bool {
        false
    }

    fn binds_keys(&self) -> bool {
        true
    }

    fn confirm<'a>(&'a self, confirmation: &'a Confirmation) -> BoxFuture<'a, Result<ProviderPayment, ProviderError>> {
        self.take(confirmation).boxed()
    }

    fn look_up<'a>(&'a self, payment: &'a PaymentId) -> BoxFuture<'a, Result<Option<ProviderPayment>, ProviderError>> {
        async move {
            // An id needs no escape.
            let answer = self.get(format!("/v1/payments/orders/{payment}")).await?;
            match payment::read(&answer)? {
                Some(found) if found.payment_id != *payment => Err(unknown("an answer about another payment")),
                found => Ok(found),
            }
        }
        .boxed()
    }

    fn cancel<'a>(&'a self, cancellation: &'a Cancellation) -> BoxFuture<'a, Result<ProviderPayment, ProviderError>> {
        self.send_back(cancellation).boxed()
    }

    fn read_notice(&self, body: &[u8]) -> Option<Notice> {
        notice::read(body)
    }
}

fn unknown(reason: &str) -> ProviderError {
    ProviderError::Unknown(reason.to_owned())
}

/// The path of a payment. The key comes from a browser, so everything but letters, digits and `-_~.` is escaped.
///
/// # Errors
/// If the key is a dot or two: a path cannot name it, even escaped.
fn payment_path(key: &PaymentKey) -> Result<String, ProviderError> {
    if matches!(key.as_str(), "." | "..") {
        return Err(unknown("a payment key that no path can name"));
    }
    let escape = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() || b"-_~.".contains(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    Ok(format!("/v1/payments/{}", key.as_str().bytes().map(escape).collect::<String>()))
}

/// An idempotency key of this text: the text itself, or its digest if the provider would not take it.
fn idempotency_key(text: String) -> String {
    let is_taken = (1..=MAX_IDEMPOTENCY_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_taken { text } else { format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(text))) }
}

#[cfg(test)]
mod tests;
