//! Logs as JSON lines, metrics in CloudWatch's embedded format: both on standard output.

use metrics_cloudwatch_embedded::{Builder, Collector};

use crate::platform::environment;

/// The namespace of the metrics of a shop without one of its own (`METRICS_NAMESPACE`). Each stack has its own.
const NAMESPACE: &str = "Jangteo";

/// Sets up logs and metrics for a function.
///
/// # Errors
/// If metrics were set up before.
pub(super) fn start() -> Result<&'static Collector, metrics_cloudwatch_embedded::Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let namespace = environment::optional("METRICS_NAMESPACE").unwrap_or_else(|| NAMESPACE.to_owned());
    Builder::new().cloudwatch_namespace(namespace).init()
}

/// Writes out the metrics collected since the last time.
pub(super) fn flush(collector: &Collector) {
    if let Err(error) = collector.flush(std::io::stdout().lock()) {
        tracing::warn!(%error, "metrics could not be written");
    }
}
