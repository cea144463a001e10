//! Logs as JSON lines, metrics in CloudWatch's embedded format: both on standard output.

use std::{fmt, io};

use lambda_runtime::tracing::subscriber::{self, EnvFilter, fmt::MakeWriter};
use metrics_cloudwatch_embedded::{Builder, Collector};

use crate::platform::environment;

/// The namespace of the metrics of a shop without one of its own (`METRICS_NAMESPACE`). Each stack has its own.
const NAMESPACE: &str = "Jangteo";

/// The runtime's spans are on the level INFO.
const RUNTIME: &str = "lambda_runtime=warn";

/// The logs and metrics of a function.
#[derive(Clone, Copy)]
pub struct Telemetry(&'static Collector);

impl Telemetry {
    /// Sets up logs and metrics.
    ///
    /// # Errors
    /// If metrics were set up before.
    pub(super) fn start() -> Result<Self, metrics_cloudwatch_embedded::Error> {
        Self::start_with(io::stdout)
    }

    /// Sets them up with another destination of the log, as tools do that count its bytes.
    ///
    /// # Errors
    /// If metrics were set up before.
    pub fn start_with<W>(log: W) -> Result<Self, metrics_cloudwatch_embedded::Error>
    where
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        start_log(log);
        let namespace = environment::optional("METRICS_NAMESPACE").unwrap_or_else(|| NAMESPACE.to_owned());
        Ok(Self(Builder::new().cloudwatch_namespace(namespace).init()?))
    }

    /// Writes out the metrics collected since the last time.
    pub(super) fn flush(self) {
        self.flush_to(io::stdout().lock());
    }

    /// Writes them to another destination.
    pub fn flush_to(self, log: impl io::Write) {
        if let Err(error) = self.0.flush(log) {
            tracing::warn!(%error, "metrics could not be written");
        }
    }
}

/// Level and format are those that Lambda sets by the template's `ApplicationLogLevel` and `LogFormat`.
///
/// A line is shorter than by the runtime's own subscriber, since CloudWatch bills its bytes: the innermost span alone, which
/// has the trace, and no span of the runtime, whose ids are those of the trace and of the line about the request.
fn start_log<W>(writer: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let level = environment::optional("AWS_LAMBDA_LOG_LEVEL").unwrap_or_else(|| "info".to_owned());
    let own = environment::optional("RUST_LOG").unwrap_or_default();
    let filter = EnvFilter::builder().parse_lossy(format!("{level},{RUNTIME},{own}"));
    let lines = subscriber::fmt().with_target(false).without_time().with_env_filter(filter).with_writer(writer);
    let is_json = environment::optional("AWS_LAMBDA_LOG_FORMAT").is_some_and(|it| it.eq_ignore_ascii_case("json"));
    if is_json {
        lines.json().with_span_list(false).init();
    } else {
        lines.init();
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Telemetry")
    }
}
