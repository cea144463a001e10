//! Functions that die at a call to another service, before it is sent or after it was carried out.

use std::{
    fmt,
    future::{IntoFuture, pending},
    sync::{Arc, Mutex},
};

use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture},
    orchestrator::HttpRequest,
};
use futures::future::{BoxFuture, FutureExt as _};
use payment_provider::{Answer, NoAnswer, Request, Transport};
use shared::lambda::{failures_bucket, parameter_store};
use tokio::sync::Notify;

use crate::{
    Dynamo,
    fakes::{payment_provider::InProcess, wire},
    night::is_night,
};

/// The side of a call on which the function dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Before it is sent.
    Before,
    /// After it was carried out.
    After,
}

/// The calls that change nothing.
const READS: [&str; 7] = ["BatchGetItem", "GET", "GetItem", "GetParameter", "Query", "Scan", "TransactGetItems"];

/// Watches the calls that a function makes, and lets it die at one of them.
#[derive(Debug, Clone, Default)]
pub struct Deaths(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    point: Option<(usize, Side)>,
    calls: Mutex<Vec<String>>,
    died: Notify,
}

impl Deaths {
    /// Lets the function die at the call with this number, from 0.
    pub fn at(call: usize, side: Side) -> Self {
        Self(Arc::new(Inner { point: Some((call, side)), ..Inner::default() }))
    }

    /// The operations of the calls made so far.
    pub fn calls(&self) -> Vec<String> {
        self.0.calls.lock().unwrap().clone()
    }

    /// The points at which a function with the calls made so far is to die. Between two writes nothing changes, so each
    /// death there leaves the same, unless calls are on their way at once. So by day it dies before its first call, and
    /// after each write.
    pub fn points(&self) -> Vec<(usize, Side)> {
        let calls = self.calls();
        let all = (0..calls.len()).flat_map(|call| [(call, Side::Before), (call, Side::After)]);
        let differs = |(call, side): &(usize, Side)| match side {
            Side::Before => *call == 0,
            Side::After => !READS.contains(&calls[*call].as_str()),
        };
        all.filter(|point| is_night() || differs(point)).collect()
    }

    /// Runs a function; `None` if it dies.
    pub async fn run<F: IntoFuture>(&self, function: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            () = self.0.died.notified() => None,
            answer = function.into_future() => Some(answer),
        }
    }

    /// Makes a watched call.
    pub async fn call<F: IntoFuture>(&self, name: &str, call: F) -> F::Output {
        let number = {
            let mut calls = self.0.calls.lock().unwrap();
            calls.push(name.to_owned());
            calls.len() - 1
        };
        if self.0.point == Some((number, Side::Before)) {
            return self.die().await;
        }
        let answer = call.await;
        if self.0.point == Some((number, Side::After)) {
            return self.die().await;
        }
        answer
    }

    async fn die<T>(&self) -> T {
        self.0.died.notify_one();
        pending().await
    }

    /// A client of DynamoDB with watched calls.
    pub fn dynamodb(&self, dynamo: Dynamo) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&wire::to(self.watched(dynamo)))
    }

    /// A client of EventBridge with watched calls.
    pub fn eventbridge(&self, bus: impl HttpConnector + 'static) -> aws_sdk_eventbridge::Client {
        aws_sdk_eventbridge::Client::new(&wire::to(self.watched(bus)))
    }

    /// A client of SQS with watched calls.
    pub fn sqs(&self, queue: impl HttpConnector + 'static) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&wire::to(self.watched(queue)))
    }

    /// A client of the Parameter Store with watched calls.
    pub fn ssm(&self, store: impl HttpConnector + 'static) -> parameter_store::Client {
        parameter_store::Client::new(&wire::to(self.watched(store))).expect("it is complete")
    }

    /// A client of S3 with watched calls.
    pub(crate) fn s3(&self, bucket: impl HttpConnector + 'static) -> aws_sdk_s3::Client {
        failures_bucket::client(&wire::to(self.watched(bucket)))
    }

    /// A way to the payment provider with watched calls.
    pub(crate) fn provider(&self, provider: InProcess) -> Arc<dyn Transport> {
        Arc::new(WatchedProvider { provider, deaths: self.clone() })
    }

    /// A service with watched calls.
    pub(crate) fn watched<S: HttpConnector + 'static>(&self, service: S) -> impl HttpConnector + 'static {
        Watched { service: Arc::new(service), deaths: self.clone() }
    }
}

#[derive(Debug)]
struct WatchedProvider {
    provider: InProcess,
    deaths: Deaths,
}

impl Transport for WatchedProvider {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Answer, NoAnswer>> {
        let name = format!("provider {}", request.path.rsplit('/').next().unwrap_or_default());
        async move { self.deaths.call(&name, self.provider.send(request)).await }.boxed()
    }
}

struct Watched<S> {
    service: Arc<S>,
    deaths: Deaths,
}

impl<S> fmt::Debug for Watched<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}

impl<S: HttpConnector + 'static> HttpConnector for Watched<S> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let name = target.rsplit('.').next().filter(|name| !name.is_empty());
        // A call to a bucket names its operation by its method.
        let name = name.unwrap_or_else(|| request.method()).to_owned();
        let (service, deaths) = (Arc::clone(&self.service), self.deaths.clone());
        HttpConnectorFuture::new(async move {
            // The service is asked when the call is sent, not before.
            deaths.call(&name, async { service.call(request).await }).await
        })
    }
}
