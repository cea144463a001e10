//! Logs as JSON lines, metrics in CloudWatch's embedded format: both on standard output.

use std::{fmt, io};

use lambda_runtime::tracing::subscriber::fmt::MakeWriter;
use metrics_cloudwatch_embedded::{Builder, Collector};

use crate::platform::environment;

/// The namespace of the metrics of a shop without one of its own (`METRICS_NAMESPACE`). Each stack has its own.
const NAMESPACE: &str = "Jangteo";

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
        lambda_runtime::tracing::init_default_subscriber_with_writer(log);
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

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Telemetry")
    }
}
