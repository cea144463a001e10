//! The payment provider of the shop, by the environment.
//!
//! Its secret key is in a parameter of the SSM Parameter Store, which an operator changes while functions run. It is
//! cached for a few minutes, and read again once the provider refuses it.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture, lock::Mutex};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::Error;
use payment_provider::{Answer, HttpTransport, Manual, NoAnswer, Request, SecretKey, Toss, Transport};
use shared::{
    app::payments::provider::PaymentProvider,
    lambda::parameter_store::Client,
    platform::{
        Clock, aws,
        environment::{ConfigError, optional, required},
    },
};

/// The longest time of a request to the provider.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// The address of Toss Payments.
const TOSS: &str = "https://api.tosspayments.com";

/// The age from which a cached key is read again.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(5);

/// The age to which a cached key is used if the store cannot be reached.
const MAX_AGE_IN_OUTAGE: SignedDuration = SignedDuration::from_hours(1);

/// The status by which a provider refuses the key.
const UNAUTHORIZED: u16 = 401;

/// The provider that `PAYMENT_PROVIDER` names, `NONE` for none. `PAYMENT_CLIENT_KEY` is its public key, or the shop's
/// account at a bank for `MANUAL`; `PAYMENT_SECRET_PARAMETER` names the parameter with its secret key;
/// `PAYMENT_PROVIDER_URL` is its address, if it is another than the provider's own.
///
/// # Errors
/// If the configuration is incomplete.
#[expect(clippy::unused_async, reason = "it stands where the opening of a shop does")]
pub async fn from_env() -> Result<Option<Arc<dyn PaymentProvider>>, Error> {
    let client_key = optional("PAYMENT_CLIENT_KEY").unwrap_or_default();
    match optional("PAYMENT_PROVIDER").as_deref() {
        None | Some("NONE") => Ok(None),
        Some("MANUAL") => Ok(Some(Arc::new(Manual::new(client_key)))),
        Some("TOSS") => {
            let address = optional("PAYMENT_PROVIDER_URL").unwrap_or_else(|| TOSS.to_owned());
            let http = HttpTransport::new(&address.parse()?, TIME_LIMIT)?;
            let client = Client::new(&aws::sdk_config()?)?;
            let parameter = required("PAYMENT_SECRET_PARAMETER")?;
            let transport = StoredKey::new(http, client, parameter, Clock::system());
            // The transport puts the stored key in its place.
            Ok(Some(Arc::new(Toss::new(transport, client_key, SecretKey::new(String::new())))))
        }
        Some(_) => Err(ConfigError::NotOneOf("PAYMENT_PROVIDER", "TOSS, MANUAL, NONE").into()),
    }
}

/// Requests with the key in a parameter of the store.
#[derive(Debug)]
pub struct StoredKey<T> {
    transport: T,
    client: Client,
    parameter: String,
    clock: Clock,
    /// The cached key and the instant of its read. Held during a read.
    key: Mutex<Option<(SecretKey, Timestamp)>>,
}

impl<T> StoredKey<T> {
    /// Sends requests by this transport, with the key in the parameter of this name.
    pub fn new(transport: T, client: Client, parameter: String, clock: Clock) -> Self {
        Self { transport, client, parameter, clock, key: Mutex::default() }
    }

    async fn key(&self) -> Result<SecretKey, NoAnswer> {
        let (mut cached, now) = (self.key.lock().await, self.clock.now());
        let is_younger =
            |at: Timestamp, age: SignedDuration| (SignedDuration::ZERO..age).contains(&now.duration_since(at));
        if let Some((key, _)) = cached.as_ref().filter(|(_, at)| is_younger(*at, MAX_AGE)) {
            return Ok(key.clone());
        }
        let text = self.client.read(&self.parameter).await.ok();
        match (text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()), cached.as_ref()) {
            (Some(text), _) => {
                let key = SecretKey::new(text);
                *cached = Some((key.clone(), now));
                Ok(key)
            }
            (None, Some((key, at))) if is_younger(*at, MAX_AGE_IN_OUTAGE) => {
                tracing::warn!("the secret key of the payment provider could not be read again");
                Ok(key.clone())
            }
            (None, _) => Err(NoAnswer("the secret key of the payment provider could not be read".to_owned())),
        }
    }
}

impl<T: Transport> Transport for StoredKey<T> {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Answer, NoAnswer>> {
        async move {
            let secret = self.key().await?;
            let answer = self.transport.send(Request { secret, ..request }).await?;
            if answer.status == UNAUTHORIZED {
                *self.key.lock().await = None;
            }
            Ok(answer)
        }
        .boxed()
    }
}
