//! Reads parameters of the SSM Parameter Store.
//!
//! The SDK has a client of all hundred and fifty operations of Systems Manager. It was the largest dependency by far, and
//! nearly a fifth of what the linker reads for each function. Functions call one operation, so it is described here for the
//! SDK's runtime, which signs, limits and repeats it as it does others.

use std::fmt;

use aws_runtime::{
    auth::{
        SigV4OperationSigningConfig,
        sigv4::{SCHEME_ID, SigV4AuthScheme},
    },
    retries::classifiers::AwsErrorCodeClassifier,
};
use aws_smithy_runtime::client::{
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        auth::{AuthSchemeOptionResolverParams, static_resolver::StaticAuthSchemeOptionResolver},
        behavior_version::BehaviorVersion,
        orchestrator::{HttpRequest, HttpResponse, OrchestratorError, SensitiveOutput},
        result::SdkError,
        runtime_components::RuntimeComponentsBuilder,
        runtime_plugin::StaticRuntimePlugin,
    },
};
use aws_smithy_types::{
    body::SdkBody, config_bag::Layer, error::ErrorMetadata, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_types::{SdkConfig, SigningName, region::SigningRegion};
use serde::Deserialize;
use serde_json::json;

use crate::platform::environment::ConfigError;

/// A client of the Parameter Store. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Client(Operation<String, Answer, ErrorMetadata>);

/// The failure of a read. The texts hold nothing of the answer but the error's code and message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("there is no parameter of this name")]
    NotFound,
    /// The store gave no answer that says anything about the parameter.
    #[error("{0}")]
    Unreachable(String),
}

/// The answer of the operation `GetParameter`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    parameter: Parameter,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    value: String,
}

/// It is a secret, and the SDK's runtime shows answers in its traces.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer(..)")
    }
}

impl Client {
    /// A client with the region, credentials, retries and timeouts of this configuration. It knows the addresses of the
    /// partition `aws`; another one has to be configured.
    ///
    /// # Errors
    /// If it has no region or credentials.
    pub fn new(config: &SdkConfig) -> Result<Self, ConfigError> {
        let region = config.region().ok_or(ConfigError::Missing("AWS_REGION"))?.clone();
        let endpoint =
            config.endpoint_url().map_or_else(|| format!("https://ssm.{region}.amazonaws.com"), str::to_owned);
        let mut signing = Layer::new("signing");
        signing
            .store_put(SigningName::from_static("ssm"))
            .store_put(SigningRegion::from(region))
            .store_put(SigV4OperationSigningConfig::default())
            .store_put(AuthSchemeOptionResolverParams::new(()))
            .store_put(SensitiveOutput);
        let components = RuntimeComponentsBuilder::new("signing")
            .with_http_client(config.http_client())
            .with_auth_scheme(SigV4AuthScheme::new())
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
            .with_identity_resolver(
                SCHEME_ID,
                config.credentials_provider().ok_or(ConfigError::Missing("AWS_ACCESS_KEY_ID"))?,
            );
        let operation = Operation::builder()
            .service_name("SSM")
            .operation_name("GetParameter")
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&endpoint)
            .standard_retry(&config.retry_config().cloned().unwrap_or_else(RetryConfig::standard))
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
            .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
            .timeout_config(config.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled))
            .with_connection_poisoning()
            .runtime_plugin(
                StaticRuntimePlugin::new().with_config(signing.freeze()).with_runtime_components(components),
            )
            .serializer(|name: String| request(&name))
            .deserializer(answer)
            .build();
        Ok(Self(operation))
    }

    /// Returns the value of the parameter of this name, decrypted.
    ///
    /// # Errors
    /// If there is none, or the store does not say so.
    pub async fn read(&self, name: &str) -> Result<String, ReadError> {
        match self.0.invoke(name.to_owned()).await {
            Ok(answer) => Ok(answer.parameter.value),
            Err(error) => Err(failure(&error)),
        }
    }
}

fn request(name: &str) -> Result<HttpRequest, BoxError> {
    let body = json!({ "Name": name, "WithDecryption": true });
    let mut request = HttpRequest::new(SdkBody::from(body.to_string()));
    request.set_method("POST")?;
    request.set_uri("/")?;
    let headers = request.headers_mut();
    headers.insert("content-type", "application/x-amz-json-1.1");
    headers.insert("x-amz-target", "AmazonSSM.GetParameter");
    Ok(request)
}

fn answer(response: &HttpResponse) -> Result<Answer, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        // The reason of a fault quotes the text, which is a secret.
        return serde_json::from_slice(body).map_err(|_| OrchestratorError::other("it is no parameter"));
    }
    Err(OrchestratorError::operation(refusal(body)))
}

/// The error's code and message, as far as the body tells them. A proxy's page tells neither.
fn refusal(body: &[u8]) -> ErrorMetadata {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Refusal {
        #[serde(rename = "__type")]
        code: Option<String>,
        #[serde(alias = "Message")]
        message: Option<String>,
    }
    let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
    let mut metadata = ErrorMetadata::builder();
    if let Some(code) = refusal.code {
        // Some services put the namespace of their model in front.
        metadata = metadata.code(code.rsplit('#').next().unwrap_or_default());
    }
    if let Some(message) = refusal.message {
        metadata = metadata.message(message);
    }
    metadata.build()
}

fn failure(error: &SdkError<ErrorMetadata, HttpResponse>) -> ReadError {
    match error.as_service_error().map(|metadata| (metadata.code(), metadata.message())) {
        Some((Some("ParameterNotFound"), _)) => ReadError::NotFound,
        Some((Some(code), message)) => ReadError::Unreachable(format!("{code}: {}", message.unwrap_or("no message"))),
        Some((None, _)) | None => ReadError::Unreachable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_types::region::Region;

    use super::*;

    /// A store that is throttled at first, and notes the requests.
    #[derive(Debug, Clone, Default)]
    struct Store(Arc<Mutex<Vec<HttpRequest>>>);

    impl HttpConnector for Store {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let mut requests = self.0.lock().unwrap();
            requests.push(request);
            let (status, body) = match requests.len() {
                1 => (400, r#"{ "__type": "ThrottlingException" }"#),
                2 => (503, ""),
                _ => (200, r#"{ "Parameter": { "Value": "v" } }"#),
            };
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body))))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_signed_and_repeated() {
        let store = Store::default();
        let connector = SharedHttpConnector::new(store.clone());
        let credentials = Credentials::new("key", "secret", Some("session".to_owned()), None, "test");
        let config = SdkConfig::builder()
            .region(Region::new("ap-northeast-2"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build();
        assert_eq!(Client::new(&config).unwrap().read("/shop/key").await, Ok("v".to_owned()));
        let requests = store.0.lock().unwrap();
        assert_eq!(requests.len(), 3);
        for request in requests.iter() {
            assert_eq!((request.method(), request.uri()), ("POST", "https://ssm.ap-northeast-2.amazonaws.com/"));
            let header = |name: &str| request.headers().get(name).unwrap().to_owned();
            assert_eq!(
                (header("x-amz-target"), header("x-amz-security-token")),
                ("AmazonSSM.GetParameter".to_owned(), "session".to_owned())
            );
            let signed = header("authorization");
            assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=key/"), "{signed}");
            assert!(
                signed.contains("/ap-northeast-2/ssm/aws4_request, SignedHeaders=content-type;host;x-amz-date;"),
                "{signed}"
            );
            assert_eq!(request.body().bytes(), Some(&br#"{"Name":"/shop/key","WithDecryption":true}"#[..]));
        }
    }

    fn answered(status: u16, body: &'static str) -> Result<String, Option<String>> {
        let response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        match answer(&response) {
            Ok(answer) => Ok(answer.parameter.value),
            Err(error) => Err(error.as_operation_error().and_then(|error| error.code().map(str::to_owned))),
        }
    }

    #[test]
    fn an_answer_is_the_value_or_the_code_of_an_error() {
        let value = r#"{ "Parameter": { "Name": "n", "Type": "SecureString", "Value": "v", "Version": 1 } }"#;
        assert_eq!(answered(200, value), Ok("v".to_owned()));
        assert_eq!(answered(200, "{}"), Err(None));
        for body in
            [r#"{ "__type": "ThrottlingException" }"#, r#"{ "__type": "com.amazonaws.ssm#ThrottlingException" }"#]
        {
            assert_eq!(answered(400, body), Err(Some("ThrottlingException".to_owned())), "{body}");
        }
        for body in ["", "<html>", "{}", "[]", r#"{ "__type": 1 }"#] {
            assert_eq!(answered(503, body), Err(None), "{body}");
        }
    }

    #[test]
    fn a_value_is_not_shown() {
        let answer = Answer { parameter: Parameter { value: "secret".to_owned() } };
        assert_eq!(format!("{answer:?}"), "Answer(..)");
    }
}
