//! The secret key of the payment provider, which functions read from the parameter store.

use std::sync::{Arc, Mutex};

use functions::provider::StoredKey;
use futures::future::{BoxFuture, FutureExt as _};
use jiff::Timestamp;
use payment_provider::{Answer, Method, NoAnswer, Request, SecretKey, Transport};
use shared::platform::Clock;
use tests::{
    fakes::parameters::ParameterStore,
    permissions::{Permissions, running_as},
};

/// A provider that knows one key, and notes each that it is asked with.
#[derive(Debug, Clone)]
struct Provider {
    known: Arc<Mutex<&'static str>>,
    asked: Arc<Mutex<Vec<SecretKey>>>,
}

impl Transport for Provider {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Answer, NoAnswer>> {
        async move {
            let is_known = request.secret == key(*self.known.lock().unwrap());
            self.asked.lock().unwrap().push(request.secret);
            Ok(Answer { status: if is_known { 200 } else { 401 }, body: Vec::new() })
        }
        .boxed()
    }
}

fn key(text: &str) -> SecretKey {
    SecretKey::new(text.to_owned())
}

struct Way {
    store: ParameterStore,
    provider: Provider,
    now: Arc<Mutex<i64>>,
    transport: StoredKey<Provider>,
}

impl Way {
    fn new() -> Self {
        let (store, now) = (ParameterStore::default(), Arc::new(Mutex::new(0)));
        store.set(Some("first\n"));
        let provider = Provider { known: Arc::new(Mutex::new("first")), asked: Arc::default() };
        let time = Arc::clone(&now);
        let clock = Clock::new(move || Timestamp::from_second(*time.lock().unwrap()).unwrap());
        let transport = store.stored_key(provider.clone(), clock);
        Self { store, provider, now, transport }
    }

    /// The status of a request so many seconds after the start; nothing if it was not sent.
    async fn ask(&self, function: &str, at: i64) -> Option<u16> {
        *self.now.lock().unwrap() = at;
        let path = "/v1/payments/orders/o1".to_owned();
        let (secret, idempotency_key, body) = (key("none"), None, None);
        let request = Request { method: Method::Get, path, secret, idempotency_key, body };
        running_as(function, self.transport.send(request)).await.ok().map(|answer| answer.status)
    }
}

/// The three functions that ask the provider, and no other.
#[tokio::test]
async fn the_functions_that_ask_the_provider_may_read_its_key() {
    for function in ["confirm-payment", "receive-payment-notice", "sweep-payments"] {
        assert_eq!(Way::new().ask(function, 0).await, Some(200), "{function}");
    }
    let actions = Permissions::from_template().actions();
    let readers = actions.iter().filter(|(_, actions)| actions.contains("ssm:GetParameter"));
    let readers: Vec<&str> = readers.map(|(function, _)| function.as_str()).collect();
    assert_eq!(readers, ["confirm-payment", "deliver-orders", "receive-payment-notice", "sweep-payments"]);
}

#[tokio::test]
async fn a_key_that_the_provider_refuses_is_read_again_at_once() {
    let way = Way::new();
    assert_eq!(way.ask("confirm-payment", 0).await, Some(200));
    assert_eq!(way.ask("confirm-payment", 299).await, Some(200));
    assert_eq!(way.store.reads(), 1);
    way.store.set(Some("second"));
    assert_eq!(way.ask("confirm-payment", 300).await, Some(401), "it is changed at the provider later");
    *way.provider.known.lock().unwrap() = "second";
    assert_eq!((way.ask("confirm-payment", 301).await, way.store.reads()), (Some(200), 3));
    assert_eq!(*way.provider.asked.lock().unwrap(), [key("first"), key("first"), key("second"), key("second")]);
}

#[tokio::test]
async fn an_outage_of_the_parameter_store_stops_payments_after_an_hour() {
    let way = Way::new();
    assert_eq!(way.ask("sweep-payments", 0).await, Some(200));
    way.store.set_down(true);
    assert_eq!(way.ask("sweep-payments", 3_599).await, Some(200));
    assert_eq!(way.ask("sweep-payments", 3_600).await, None);
    way.store.set_down(false);
    assert_eq!(way.ask("sweep-payments", 3_601).await, Some(200));
    for unusable in [None, Some(""), Some(" \n")] {
        let way = Way::new();
        way.store.set(unusable);
        assert_eq!(way.ask("sweep-payments", 0).await, None, "{unusable:?}");
    }
}
