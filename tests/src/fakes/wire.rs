//! Clients of AWS services in this process: the real SDK, with another end of the wire.

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_dynamodb::config::BehaviorVersion;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::HttpRequest,
};
use aws_types::{SdkConfig, region::Region};

use crate::{
    fakes::{aws_rules, dynamo},
    permissions,
};

/// The configuration of a client that reaches `service`, as far as the running function's role allows. It retries as the
/// shipped ones do.
pub fn to(service: impl HttpConnector + 'static) -> SdkConfig {
    let connector = SharedHttpConnector::new(Guarded(service));
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("ap-northeast-2"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test")))
        .endpoint_url("http://aws.test")
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build()
}

/// A service behind the roles of the functions and the rules of AWS.
#[derive(Debug)]
struct Guarded<S>(S);

impl<S: HttpConnector> HttpConnector for Guarded<S> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let refusal = permissions::refusal(&request).or_else(|| {
            let target = request.headers().get("x-amz-target").unwrap_or_default();
            let operation = target.strip_prefix("DynamoDB_20120810.")?;
            aws_rules::refusal(operation, &dynamo::parse(&request).1)
        });
        match refusal {
            Some((status, body)) => HttpConnectorFuture::ready(Ok(dynamo::respond(status, &body))),
            None => self.0.call(request),
        }
    }
}
