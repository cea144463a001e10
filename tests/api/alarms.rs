//! Alarms use metrics that something writes. `tests/template` checks the resources that they watch and the topics that they
//! notify.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::{metrics::WRITTEN, template::template};

/// The metrics of AWS that alarms may use, by the type of resource and its dimension.
const STANDARD: [(&str, &str, &str, &[&str]); 4] = [
    (
        "AWS/SQS",
        "AWS::SQS::Queue",
        "QueueName",
        &["ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"],
    ),
    (
        "AWS/Lambda",
        "AWS::Serverless::Function",
        "FunctionName",
        &["Duration", "Errors", "Invocations", "IteratorAge", "Throttles"],
    ),
    (
        "AWS/DynamoDB",
        "AWS::DynamoDB::Table",
        "TableName",
        &["ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents"],
    ),
    ("AWS/ApiGateway", "AWS::Serverless::HttpApi", "ApiId", &["4xx", "5xx", "Count", "Latency"]),
];

fn resources(kind: &str) -> BTreeMap<&'static str, &'static Value> {
    let resources = template()["Resources"].as_object().unwrap().iter();
    resources.filter(|(_, it)| it["Type"] == kind).map(|(name, it)| (name.as_str(), &it["Properties"])).collect()
}

/// The namespace of the stack's own metrics.
const OWN: &str = "Jangteo/${AWS::StackName}";

/// A metric that an alarm uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Metric {
    namespace: String,
    name: String,
    /// By name, with the resource or the text that it names.
    dimensions: BTreeMap<String, String>,
}

impl Metric {
    fn of(metric: &Value) -> Self {
        let text = |value: &Value| value.as_str().or(value["Fn::Sub"].as_str()).unwrap().to_owned();
        let dimensions = metric["Dimensions"].as_array().into_iter().flatten();
        let named = |value: &Value| match (&value["Ref"], &value["Fn::GetAtt"]) {
            (Value::String(name), _) => name.clone(),
            (_, Value::String(attribute)) => attribute.split('.').next().unwrap().to_owned(),
            _ => text(value),
        };
        Self {
            namespace: text(&metric["Namespace"]),
            name: text(&metric["MetricName"]),
            dimensions: dimensions.map(|it| (text(&it["Name"]), named(&it["Value"]))).collect(),
        }
    }
}

/// The metrics of an alarm: its own, or those of its formula.
fn metrics_of(alarm: &Value) -> Vec<Metric> {
    match alarm["Metrics"].as_array() {
        None => vec![Metric::of(alarm)],
        Some(metrics) => {
            let of_stat = metrics.iter().map(|metric| &metric["MetricStat"]["Metric"]);
            of_stat.filter(|metric| metric.is_object()).map(Metric::of).collect()
        }
    }
}

/// Whether a function or a service of AWS emits the metric.
fn exists(metric: &Metric) -> bool {
    let Metric { namespace, name, dimensions } = metric;
    if namespace == OWN {
        return WRITTEN.contains(&(name.clone(), dimensions.keys().cloned().collect()));
    }
    STANDARD.iter().any(|(standard, kind, dimension, names)| {
        let is_there = |(key, value): (&String, &String)| match key.as_str() {
            key if key == *dimension => resources(kind).contains_key(value.as_str()),
            "GlobalSecondaryIndexName" => {
                let indexes = &resources(kind)["Table"]["GlobalSecondaryIndexes"];
                indexes.as_array().unwrap().iter().any(|index| index["IndexName"] == value.as_str())
            }
            _ => false,
        };
        standard == namespace && names.contains(&name.as_str()) && dimensions.iter().all(is_there)
    })
}

#[test]
fn every_alarm_uses_existing_metrics() {
    let alarms = resources("AWS::CloudWatch::Alarm");
    assert!(alarms.len() > 10);
    for (name, alarm) in alarms {
        let metrics = metrics_of(alarm);
        assert!(!metrics.is_empty(), "{name}");
        metrics.iter().for_each(|metric| assert!(exists(metric), "{name}: {metric:?}"));
    }
}

/// The test above can fail.
#[test]
fn a_metric_without_an_emitter_is_found() {
    let metric = |namespace: &str, name: &str, key: &str, value: Value| {
        Metric::of(
            &json!({ "Namespace": namespace, "MetricName": name, "Dimensions": [{ "Name": key, "Value": value }] }),
        )
    };
    assert!(!exists(&metric("Jangteo", "Deliveries", "Outcome", json!("FAILED"))));
    assert!(exists(&metric(OWN, "Deliveries", "Outcome", json!("FAILED"))));
    assert!(!exists(&metric(OWN, "Deliveries", "Step", json!("FAILED"))));
    assert!(!exists(&metric(OWN, "Delivered", "Outcome", json!("FAILED"))));
    assert!(exists(&metric("AWS/Lambda", "Errors", "FunctionName", json!({ "Ref": "Sweep" }))));
    assert!(!exists(&metric("AWS/Lambda", "Errors", "FunctionName", json!({ "Ref": "SweepNothing" }))));
    assert!(!exists(&metric("AWS/Lambda", "Failures", "FunctionName", json!({ "Ref": "Sweep" }))));
    assert!(!exists(&metric("AWS/SQS", "Errors", "FunctionName", json!({ "Ref": "Sweep" }))));
}
