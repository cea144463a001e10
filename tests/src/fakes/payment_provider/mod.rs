//! The provider as the transport of the shop's adapter, in the same process.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt as _};
use payment_provider::{Answer, HttpTransport, Method, NoAnswer, Transport};
use payment_system::{Delivery, Provider, Request};
use shared::platform::Clock;

/// A provider behind a lock. All clones are the same provider.
///
/// A response that is late or never arrives takes its time by tokio's clock, up to the limit of the real transport.
#[derive(Debug, Clone)]
pub struct InProcess {
    provider: Arc<Mutex<Provider>>,
    clock: Clock,
}

impl InProcess {
    /// A provider with empty books and this clock.
    pub fn new(clock: Clock) -> Self {
        Self { provider: Arc::default(), clock }
    }

    /// The provider itself. A caller that holds it makes others wait.
    pub fn provider(&self) -> MutexGuard<'_, Provider> {
        // No holder of the lock can leave a change half-made.
        self.provider.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn exchange(&self, request: payment_provider::Request) -> Result<Answer, NoAnswer> {
        let mut headers = vec![("authorization".to_owned(), request.secret.authorization())];
        headers.extend(request.idempotency_key.map(|key| ("idempotency-key".to_owned(), key)));
        let method = match request.method {
            Method::Get => "GET",
            Method::Post => "POST",
        };
        let body = request.body.unwrap_or_default().into_bytes();
        let request = Request { method: method.to_owned(), path: request.path, headers, body };
        let response = self.provider().answer(&request, self.clock.now());
        let delay = match response.delivery {
            Delivery::AtOnce => Duration::ZERO,
            Delivery::After(time) => time,
            Delivery::Never => Duration::MAX,
        };
        if !delay.is_zero() {
            tokio::time::sleep(delay.min(HttpTransport::TIME_LIMIT)).await;
        }
        if delay >= HttpTransport::TIME_LIMIT {
            return Err(NoAnswer("the time limit of an answer is over".to_owned()));
        }
        Ok(Answer { status: response.status, body: response.body.into_bytes() })
    }
}

impl Transport for InProcess {
    fn send(&self, request: payment_provider::Request) -> BoxFuture<'_, Result<Answer, NoAnswer>> {
        self.exchange(request).boxed()
    }
}

#[cfg(test)]
mod tests;
