use std::{
    collections::BTreeMap,
    process::{Command, Output, Stdio},
    sync::Arc,
};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::refusal;
use crate::{
    Task, build,
    error::{Context as _, Error, Result},
};

/// The seconds between two of the eight snapshots of a product that looks wrong. A developer does not wait ten.
const PAUSE_SECONDS: &str = "1";

/// The tools of operators, run as they are: `cargo xtask audit` and `cargo xtask dlq`.
#[derive(Clone, Debug)]
pub(super) struct OperatorTools {
    environment: Arc<BTreeMap<&'static str, String>>,
    /// One tool at a time: each is built first.
    turn: Arc<Mutex<()>>,
}

/// The letters that a command is about: one, or all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Letters {
    id: Option<String>,
}

impl OperatorTools {
    pub(super) fn new(environment: BTreeMap<&'static str, String>) -> Self {
        Self { environment: Arc::new(environment), turn: Arc::default() }
    }

    /// - `POST /_dev/audit` audits the table.
    /// - `GET /_dev/dead-letters` lists all dead letters.
    /// - `POST /_dev/dead-letters/redrive {"id"?}` redrives one or all, `…/drop` deletes them.
    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/_dev/audit", post(audit))
            .route("/_dev/dead-letters", get(list_letters))
            .route("/_dev/dead-letters/redrive", post(redrive))
            .route("/_dev/dead-letters/drop", post(drop_letters))
            .with_state(self)
    }

    async fn run(&self, package: &str, name: &str, arguments: &[&str]) -> Result<Output> {
        let _turn = self.turn.lock().await;
        let binaries = build(&[package]).await?;
        let path = binaries.path(name).ok_or(Error::BuildFailed)?;
        let mut command = Command::new(path);
        command.args(arguments).envs(self.environment.iter());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let action = format!("run {name}");
        Task::start(command).context(&action)?.output().await.context(&action)
    }

    async fn change_letters(&self, act: &str, Letters { id }: Letters) -> Response {
        let which = id.as_deref().unwrap_or("--all");
        // An id that looks like an option would be one.
        if id.is_some() && which.starts_with('-') {
            return refusal(StatusCode::BAD_REQUEST, "id: no letter has such an id");
        }
        match self.run("dead-letters", "dlq", &[act, which]).await {
            Ok(output) if output.status.success() => Json(json!({ "lines": lines(&output.stdout) })).into_response(),
            output => failed(output),
        }
    }
}

async fn audit(State(tools): State<OperatorTools>) -> Response {
    let table = tools.environment.get("TABLE_NAME").cloned().unwrap_or_default();
    let output = tools.run("audit-cli", "audit", &["--table", &table, "--pause", PAUSE_SECONDS]).await;
    match output {
        // 1 stands for books that are wrong, 2 for a table that cannot be read.
        Ok(output) if matches!(output.status.code(), Some(0 | 1)) => {
            let is_clean = output.status.success();
            Json(json!({ "isClean": is_clean, "sentences": lines(&output.stdout) })).into_response()
        }
        output => failed(output),
    }
}

async fn list_letters(State(tools): State<OperatorTools>) -> Response {
    match tools.run("dead-letters", "dlq", &["list", "--json"]).await {
        Ok(output) if output.status.success() => match serde_json::from_slice::<Value>(&output.stdout) {
            Ok(places) => Json(json!({ "places": places })).into_response(),
            Err(_) => failed(Ok(output)),
        },
        output => failed(output),
    }
}

async fn redrive(State(tools): State<OperatorTools>, Json(letters): Json<Letters>) -> Response {
    tools.change_letters("redrive", letters).await
}

async fn drop_letters(State(tools): State<OperatorTools>, Json(letters): Json<Letters>) -> Response {
    tools.change_letters("drop", letters).await
}

fn lines(output: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(output).lines().map(str::to_owned).collect()
}

/// A tool that did not do its work, with its own last words.
fn failed(output: Result<Output>) -> Response {
    let message = match output {
        Ok(output) => lines(&output.stderr).pop().unwrap_or_else(|| "the tool gave no reason".to_owned()),
        Err(error) => error.to_string(),
    };
    refusal(StatusCode::BAD_GATEWAY, &message)
}
