//! A Parameter Store in this process, with the secrets of deliveries.

use std::sync::{Arc, LazyLock, Mutex};

use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::{body::SdkBody, retry::RetryConfig};
use functions::{provider::StoredKey, queue::deliver_orders::Signer};
use serde_json::{Value, json};
use shared::{lambda::parameter_store::Client, platform::Clock};
use webhook::Secrets;

use crate::fakes::wire;

/// The secret in a new store.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The secret in a new store, for a receiver.
pub static SECRETS: LazyLock<Secrets> = LazyLock::new(|| SECRET.parse().expect("it is well-formed"));

const NAME: &str = "/jangteo/data-platform/secrets";

/// A store with one parameter.
#[derive(Debug, Clone)]
pub struct ParameterStore(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    value: Option<String>,
    is_down: bool,
    reads: usize,
}

impl Default for ParameterStore {
    /// A store with [`SECRET`].
    fn default() -> Self {
        let state = State { value: Some(SECRET.to_owned()), is_down: false, reads: 0 };
        Self(Arc::new(Mutex::new(state)))
    }
}

impl ParameterStore {
    /// Changes the value of the parameter, or deletes it.
    pub fn set(&self, value: Option<&str>) {
        self.0.lock().unwrap().value = value.map(str::to_owned);
    }

    /// Makes the store refuse every call, or answer again.
    pub fn set_down(&self, is_down: bool) {
        self.0.lock().unwrap().is_down = is_down;
    }

    /// The number of reads so far.
    pub fn reads(&self) -> usize {
        self.0.lock().unwrap().reads
    }

    /// A client that does not repeat refused calls: tests count them, and most clocks stand still.
    pub(crate) fn client(&self) -> Client {
        let config = wire::to(self.clone()).into_builder().retry_config(RetryConfig::disabled()).build();
        Client::new(&config).expect("it is complete")
    }

    /// A signer with the parameter of this store.
    pub fn signer(&self, clock: Clock) -> Signer {
        self.signer_over(self.client(), clock)
    }

    /// A transport to a payment provider, with the key in the parameter of this store.
    pub fn stored_key<T>(&self, transport: T, clock: Clock) -> StoredKey<T> {
        StoredKey::new(transport, self.client(), NAME.to_owned(), clock)
    }

    /// A signer that reaches the store by this client.
    pub fn signer_over(&self, client: Client, clock: Clock) -> Signer {
        Signer::new(client, NAME.to_owned(), clock)
    }
}

impl HttpConnector for ParameterStore {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        assert_eq!(request.headers().get("x-amz-target"), Some("AmazonSSM.GetParameter"));
        let request: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).expect("JSON");
        assert_eq!(request, json!({ "Name": NAME, "WithDecryption": true }));
        let mut state = self.0.lock().unwrap();
        state.reads += 1;
        let (status, answer) = match &state.value {
            _ if state.is_down => (503, json!({ "__type": "ServiceUnavailable" })),
            None => (400, json!({ "__type": "ParameterNotFound" })),
            Some(value) => {
                let parameter = json!({ "Name": NAME, "Type": "SecureString", "Value": value, "Version": 1 });
                (200, json!({ "Parameter": parameter }))
            }
        };
        let answer = SdkBody::from(answer.to_string());
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status.try_into().expect("a status"), answer)))
    }
}
