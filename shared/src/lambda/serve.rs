//! Runs a function: its start-up, and the frame of each invocation.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use lambda_http::{Body, Error, Request, RequestExt, Response, service_fn};
use lambda_runtime::LambdaEvent;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::{Instant, timeout};

use super::{Config, config, telemetry::Telemetry};
use crate::{
    api::{
        ApiRequest, ApiResult,
        envelope::SUCCESS,
        identity::{Identity, IdentitySource},
    },
    app::{Failure, Shop, payments::provider::PaymentProvider},
    platform::{
        Clock, Random, aws,
        environment::ConfigError,
        trace::{self, TraceId},
    },
    store::{StoreError, Table},
};

/// The future of a function's handler.
pub type Handling<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

pub type Endpoint = for<'a> fn(&'a Shop, &'a ApiRequest) -> Handling<'a, ApiResult>;

/// A handler of HTTP requests that needs nothing but the request.
pub type ShoplessEndpoint = fn(&ApiRequest) -> ApiResult;

/// Runs a function in its only thread.
///
/// # Errors
/// If the function fails, or no runtime can be built.
pub fn block_on(function: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(function)
}

/// Serves an endpoint until Lambda ends the function.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub fn http(endpoint: Endpoint) -> Result<(), Error> {
    block_on(serve_http(endpoint))
}

async fn serve_http(endpoint: Endpoint) -> Result<(), Error> {
    let telemetry = Telemetry::start()?;
    let config = Config::from_env()?;
    serve_shop(open_shop(&config).await?, config.identity, endpoint, telemetry).await
}

async fn serve_shop(
    shop: Shop,
    identity: IdentitySource,
    endpoint: Endpoint,
    telemetry: Telemetry,
) -> Result<(), Error> {
    let (shop, identity) = (Arc::new(shop), Arc::new(identity));
    let telemetry = &telemetry;
    lambda_http::run(service_fn(move |request: Request| {
        let (shop, identity) = (Arc::clone(&shop), Arc::clone(&identity));
        async move {
            let response = answer(&shop, endpoint, request, &identity).await;
            telemetry.flush();
            Ok::<_, Error>(response)
        }
    }))
    .await
}

/// Serves an endpoint of a shop that is opened with more than its table.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub fn http_with(open: impl FnOnce(Shop) -> Result<Shop, ConfigError>, endpoint: Endpoint) -> Result<(), Error> {
    block_on(async {
        let telemetry = Telemetry::start()?;
        let config = Config::from_env()?;
        serve_shop(open(open_shop(&config).await?)?, config.identity, endpoint, telemetry).await
    })
}

/// Serves an endpoint that asks the shop's payment provider.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub fn http_with_provider<F>(provider: impl FnOnce() -> F, endpoint: Endpoint) -> Result<(), Error>
where
    F: Future<Output = Result<Option<Arc<dyn PaymentProvider>>, Error>>,
{
    block_on(async {
        let telemetry = Telemetry::start()?;
        let config = Config::from_env()?;
        let (shop, provider) = tokio::join!(open_shop(&config), provider());
        serve_shop(shop?.with_provider(provider?), config.identity, endpoint, telemetry).await
    })
}

/// Serves an endpoint without a shop: no client of the table is linked into the program or started.
///
/// # Errors
/// If the configuration is wrong, or Lambda's runtime interface fails.
pub fn http_without_shop(endpoint: ShoplessEndpoint) -> Result<(), Error> {
    block_on(serve_http_without_shop(endpoint))
}

async fn serve_http_without_shop(endpoint: ShoplessEndpoint) -> Result<(), Error> {
    let telemetry = Telemetry::start()?;
    let random = Random::system();
    let (random, identity) = (&random, &config::identity()?);
    lambda_http::run(service_fn(move |request: Request| async move {
        let admitted = identity.identify(&request);
        let context = RequestContext::begin(request, Identity::Anonymous, random);
        let response = trace::of(context.trace(), async {
            let result = admitted.map_err(Into::into).and_then(|_| endpoint(&context.request));
            context.end(result)
        })
        .await;
        telemetry.flush();
        Ok::<_, Error>(response)
    }))
    .await
}

/// Serves events of another service until Lambda ends the function.
///
/// # Errors
/// If the configuration is incomplete, or Lambda's runtime interface fails.
pub async fn events<E, R, F>(handle: impl Fn(E) -> F) -> Result<(), Error>
where
    E: DeserializeOwned,
    R: Serialize,
    F: Future<Output = Result<R, Error>>,
{
    let telemetry = Telemetry::start()?;
    let handle = &handle;
    lambda_runtime::run(service_fn(move |LambdaEvent { payload, context, .. }: LambdaEvent<E>| {
        let trace = TraceId::from_invocation(context.xray_trace_id.as_deref(), &context.request_id);
        trace::of(trace, async move {
            let result = handle(payload).await;
            if let Err(error) = &result {
                tracing::error!(%error, "a batch failed");
            }
            telemetry.flush();
            result
        })
    }))
    .await
}

/// The shop of a function without callers, by its environment.
///
/// # Errors
/// If the configuration is incomplete.
pub async fn shop_from_env() -> Result<Shop, Error> {
    open_shop(&Config::from_env()?).await
}

/// Opens the shop of a function, with its connection to the table.
///
/// # Errors
/// If the configuration is incomplete.
async fn open_shop(config: &Config) -> Result<Shop, Error> {
    let random = Random::system();
    let client = aws_sdk_dynamodb::Client::new(&aws::sdk_config()?);
    let table = Table::new(client, config.table_name.clone(), random.clone());
    // The first call pays for TLS; Lambda gives a starting function more CPU than a running one.
    table.connect().await;
    Ok(Shop::new(table, Clock::system(), random, config.policy).with_checkout(config.checkout.clone()))
}

/// The time that an invocation has, if its context does not say.
const INVOCATION_TIME: Duration = Duration::from_secs(10);

/// The time that is kept for the answer to a request which is given up.
const ANSWER_TIME: Duration = Duration::from_millis(500);

/// The longest time that a context is believed to give: that of API Gateway's integrations.
const LONGEST_INVOCATION: Duration = Duration::from_secs(30);

/// The time after which a request is given up. Its caller then hears to try again, whatever call it waits for: without
/// this, Lambda would end the function, and the caller would hear of an internal error.
fn time_to_answer(request: &Request, clock: &Clock) -> Duration {
    let deadline = request.lambda_context_ref().and_then(|context| i64::try_from(context.deadline).ok());
    let left_ms = deadline.and_then(|deadline| deadline.checked_sub(clock.now().as_millisecond()));
    let left = left_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
    let left = left.filter(|left| (ANSWER_TIME..=LONGEST_INVOCATION).contains(left));
    left.unwrap_or(INVOCATION_TIME).saturating_sub(ANSWER_TIME)
}

/// Answers one request: identifies the caller, calls the endpoint, writes the one line of the log.
///
/// A request that is given up may have been carried out, as one with a lost answer. Its key tells.
pub async fn answer(shop: &Shop, endpoint: Endpoint, request: Request, source: &IdentitySource) -> Response<Body> {
    let (identity, refused) = match source.identify(&request) {
        Ok(identity) => (identity, None),
        Err(refusal) => (Identity::Anonymous, Some(refusal)),
    };
    let time = time_to_answer(&request, &shop.clock);
    let context = RequestContext::begin(request, identity, &shop.random);
    trace::of(context.trace(), async {
        let result = match refused {
            Some(refusal) => Err(refusal.into()),
            None => timeout(time, endpoint(shop, &context.request)).await.unwrap_or_else(|_| {
                let given_up = StoreError::Busy("the time of the invocation is over".to_owned());
                Err(Failure::from(given_up).into())
            }),
        };
        context.end(result)
    })
    .await
}

/// The context of a request while it is handled.
struct RequestContext {
    request: ApiRequest,
    request_id: String,
    started: Instant,
}

impl RequestContext {
    fn begin(request: Request, identity: Identity, random: &Random) -> Self {
        let started = Instant::now();
        let request_id = request_id(random, &request);
        Self { request: ApiRequest::new(request, identity), request_id, started }
    }

    /// The trace that the request begins or continues.
    fn trace(&self) -> TraceId {
        TraceId::from_invocation(self.request.header(trace::HEADER), &self.request_id)
    }

    /// Renders the answer to a result; logs and counts it.
    fn end(self, result: ApiResult) -> Response<Body> {
        let Self { request, request_id, started } = self;
        let (order_id, inside) = match &result {
            Ok(reply) => (reply.order_id.clone(), None),
            Err(error) => (None, error.inside()),
        };
        let code = result.as_ref().map_or_else(|error| error.code().as_str(), |_| SUCCESS);
        let response = crate::api::render(result, request.language(), &request_id);

        let (method, path) = request.line();
        let status = response.status().as_u16();
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let user_id = request.known_caller().map(|caller| caller.user_id.as_str());
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    request.id = request_id,
                    http.method = method,
                    http.path = path,
                    http.status = status,
                    code,
                    user.id = user_id,
                    order.id = order_id,
                    duration_ms,
                    error = inside,
                    "{method} {path} {status}"
                )
            };
        }
        // Only a failure of ours has an internal cause; without one the field is left out.
        if status >= 500 {
            log!(error);
        } else {
            log!(info);
        }
        // The API counts and times all calls by itself, for nothing.
        if code != SUCCESS {
            metrics::counter!("Requests", "Code" => code).increment(1);
        }
        response
    }
}

/// Lambda's id of the invocation, so that an answer leads to its log lines.
fn request_id(random: &Random, request: &Request) -> String {
    match request.lambda_context_ref() {
        Some(context) if !context.request_id.is_empty() => context.request_id.clone(),
        _ => random.id(),
    }
}
