//! The log as functions write it, and the metrics in it.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use lambda_runtime::tracing::{Instrument, info_span};
use serde_json::Value;
use shared::lambda::telemetry::Telemetry;

/// Captures the log of this process. A process has one log, so there can be one recorder.
#[derive(Debug)]
pub struct Recorder {
    telemetry: Telemetry,
    log: Log,
}

/// The output of functions, for some of their invocations.
#[derive(Debug, Clone, Default)]
pub struct Written {
    pub lines: usize,
    /// The bytes that CloudWatch takes in: all lines, without their ends.
    pub bytes: usize,
    /// Each metric with its dimensions.
    pub metrics: BTreeSet<String>,
}

impl Recorder {
    /// Sets up the log and the metrics of this process. Lines are JSON if `AWS_LAMBDA_LOG_FORMAT` says so, as Lambda does
    /// by the template's `LogFormat`.
    pub fn start() -> Self {
        let log = Log::default();
        let writer = log.clone();
        let telemetry = Telemetry::start_with(move || writer.clone()).expect("metrics are set up once");
        Self { telemetry, log }
    }

    /// Runs an invocation within the span that Lambda's runtime opens for each.
    pub async fn invocation<T>(&self, work: impl Future<Output = T>) -> T {
        let span = info_span!(
            target: "lambda_runtime::layers::trace",
            "Lambda runtime invoke",
            requestId = "8f507cfc-xmpl-4697-b07a-ac58fc914c95",
            xrayTraceId =
                "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=1:a87bd80c:0"
        );
        let result = work.instrument(span).await;
        self.telemetry.flush_to(self.log.clone());
        result
    }

    /// The output since the last time.
    pub fn take(&self) -> Written {
        let text = String::from_utf8(std::mem::take(&mut *self.log.0.lock().unwrap())).expect("a log is text");
        let mut written = Written::default();
        for line in text.lines() {
            written.lines += 1;
            written.bytes += line.len();
            let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            for directive in line["_aws"]["CloudWatchMetrics"].as_array().into_iter().flatten() {
                let names = directive["Dimensions"][0].as_array().into_iter().flatten().filter_map(Value::as_str);
                let dimensions: Vec<String> = names.map(|name| format!("{name}={}", line[name])).collect();
                for metric in directive["Metrics"].as_array().into_iter().flatten() {
                    let name = metric["Name"].as_str().expect("a metric has a name");
                    written.metrics.insert([&[name.to_owned()], &dimensions[..]].concat().join(" "));
                }
            }
        }
        written
    }
}

/// Keeps the written text.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
