//! Lambda's runtime API, for one program at a time.

use std::time::{Duration, Instant};

use axum::{
    Router,
    extract::State,
    http::{HeaderName, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::Error;

/// The longest time for a start or an invocation.
const PATIENCE: Duration = Duration::from_secs(60);

const REQUEST: &str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";

/// A program's request for an invocation.
pub(super) struct Waiting {
    /// Its arrival.
    pub(super) since: Instant,
    reply: oneshot::Sender<String>,
}

/// An answer, or the failure of a function.
type Answer = Result<String, String>;

pub(super) struct Runtime {
    address: String,
    waiting: mpsc::Receiver<Waiting>,
    answers: mpsc::Receiver<Answer>,
}

#[derive(Clone)]
struct Ends {
    waiting: mpsc::Sender<Waiting>,
    answers: mpsc::Sender<Answer>,
}

impl Runtime {
    pub(super) async fn start() -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (waiting_end, waiting) = mpsc::channel(8);
        let (answers_end, answers) = mpsc::channel(8);
        let failed = async |State(ends): State<Ends>, body: String| {
            let _ = ends.answers.send(Err(body)).await;
            StatusCode::ACCEPTED
        };
        let answered = async |State(ends): State<Ends>, body: String| {
            let _ = ends.answers.send(Ok(body)).await;
            StatusCode::ACCEPTED
        };
        let invocation = "/2018-06-01/runtime/invocation";
        let router = Router::new()
            .route(&format!("{invocation}/next"), get(next))
            .route(&format!("{invocation}/{REQUEST}/response"), post(answered))
            .route(&format!("{invocation}/{REQUEST}/error"), post(failed))
            .route("/2018-06-01/runtime/init/error", post(failed))
            .with_state(Ends { waiting: waiting_end, answers: answers_end });
        tokio::spawn(axum::serve(listener, router).into_future());
        Ok(Self { address, waiting, answers })
    }

    /// The variables that Lambda sets, as far as a runtime reads them.
    pub(super) fn environment(&self, function: &str) -> [(&'static str, String); 8] {
        [
            ("AWS_LAMBDA_RUNTIME_API", self.address.clone()),
            ("AWS_LAMBDA_FUNCTION_NAME", function.to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "log".to_owned()),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "log".to_owned()),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON".to_owned()),
            ("AWS_LAMBDA_LOG_LEVEL", "INFO".to_owned()),
        ]
    }

    /// The next request for an invocation.
    pub(super) async fn waiting(&mut self) -> Result<Waiting, Error> {
        tokio::select! {
            waiting = timeout(PATIENCE, self.waiting.recv()) => {
                waiting.map_err(|_| "the function did not start")?.ok_or_else(|| "the runtime API has ended".into())
            }
            Some(Err(failure)) = self.answers.recv() => Err(format!("the function failed: {failure}").into()),
        }
    }

    /// Has an event handled. Returns the answer, and the request for the next invocation.
    pub(super) async fn invoke(&mut self, waiting: Waiting, event: &Value) -> Result<(Value, Waiting), Error> {
        waiting.reply.send(event.to_string()).map_err(|_| "the function has ended")?;
        let answer = timeout(PATIENCE, self.answers.recv()).await.map_err(|_| "the function did not answer")?;
        let answer = answer.ok_or("the runtime API has ended")?.map_err(|failure| format!("it failed: {failure}"))?;
        let waiting = self.waiting().await?;
        Ok((serde_json::from_str(&answer)?, waiting))
    }
}

async fn next(State(ends): State<Ends>) -> Response {
    let (reply, event) = oneshot::channel();
    let _ = ends.waiting.send(Waiting { since: Instant::now(), reply }).await;
    let Ok(event) = event.await else { return StatusCode::GONE.into_response() };
    let headers = [
        ("lambda-runtime-aws-request-id", REQUEST),
        ("lambda-runtime-deadline-ms", "4102444800000"),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:ap-northeast-2:000000000000:function:f"),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0"),
        ("content-type", "application/json"),
    ];
    (headers.map(|(name, value)| (HeaderName::from_static(name), value)), event).into_response()
}
