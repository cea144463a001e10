//! Failures are visible: alarms and dashboards use metrics that exist.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use serde_json::{Value, json};
use tests::template::{project_file, template};

/// The metrics of AWS that alarms may use, by the type of resource and its dimension.
const STANDARD: [(&str, &str, &str, &[&str]); 4] = [
    ("AWS/SQS", "AWS::SQS::Queue", "QueueName", &["ApproximateNumberOfMessagesVisible"]),
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

/// A metric that an alarm or a dashboard uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Metric {
    namespace: String,
    name: String,
    /// By name, with the resource or the text that it names.
    dimensions: BTreeMap<String, String>,
}

impl Metric {
    fn of(metric: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
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

/// The metrics that functions write: the name of each, with the names of its dimensions.
fn written() -> BTreeSet<(String, Vec<String>)> {
    let mut found = BTreeSet::new();
    let mut folders: Vec<PathBuf> = vec![project_file("functions"), project_file("shared/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(path).unwrap();
                for call in text.split("metrics::").skip(1) {
                    let Some((kind, rest)) = call.split_once("!(") else { continue };
                    if ["counter", "gauge", "histogram"].contains(&kind) {
                        let arguments = rest.split_once(')').unwrap().0;
                        let mut names = arguments.split('"').skip(1).step_by(2).map(str::to_owned);
                        found.insert((names.next().unwrap(), names.collect()));
                    }
                }
            }
        }
    }
    found
}

/// Whether a function or a service of AWS emits the metric.
fn exists(metric: &Metric) -> bool {
    let Metric { namespace, name, dimensions } = metric;
    if namespace == "Jangteo" {
        return written().contains(&(name.clone(), dimensions.keys().cloned().collect()));
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
    assert!(exists(&metric("Jangteo", "Deliveries", "Outcome", json!("FAILED"))));
    assert!(!exists(&metric("Jangteo", "Deliveries", "Step", json!("FAILED"))));
    assert!(!exists(&metric("Jangteo", "Delivered", "Outcome", json!("FAILED"))));
    assert!(exists(&metric("AWS/Lambda", "Errors", "FunctionName", json!({ "Ref": "Sweep" }))));
    assert!(!exists(&metric("AWS/Lambda", "Errors", "FunctionName", json!({ "Ref": "SweepNothing" }))));
    assert!(!exists(&metric("AWS/Lambda", "Failures", "FunctionName", json!({ "Ref": "Sweep" }))));
    assert!(!exists(&metric("AWS/SQS", "Errors", "FunctionName", json!({ "Ref": "Sweep" }))));
}

#[test]
fn every_alarm_notifies_the_alarm_topic() {
    for (name, alarm) in resources("AWS::CloudWatch::Alarm") {
        assert_eq!(alarm["AlarmActions"]["Fn::If"][0], "HasAlarmTopic", "{name}");
        assert_eq!(alarm["AlarmActions"]["Fn::If"][1], json!([{ "Ref": "AlarmTopicArn" }]), "{name}");
        assert!(alarm["AlarmDescription"].as_str().unwrap().ends_with('.'), "{name}");
        assert!(["breaching", "notBreaching"].contains(&alarm["TreatMissingData"].as_str().unwrap()), "{name}");
    }
}

/// Whether an alarm uses this metric of this resource.
fn is_watched(name: &str, resource: &str) -> bool {
    watched().any(|metric| metric.name == name && metric.dimensions.values().any(|value| value == resource))
}

/// Whether an alarm uses a metric of the shop's own.
fn is_watched_for(name: &str) -> bool {
    watched().any(|metric| metric.name == name && metric.namespace == "Jangteo")
}

/// The metrics of all alarms.
fn watched() -> impl Iterator<Item = Metric> {
    resources("AWS::CloudWatch::Alarm").into_values().flat_map(metrics_of)
}

#[test]
fn dead_letters_of_every_queue_raise_an_alarm() {
    let mut dead_letters = BTreeSet::new();
    for (queue, properties) in resources("AWS::SQS::Queue") {
        match properties["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"].as_str() {
            Some(target) => dead_letters.insert(target.split('.').next().unwrap()),
            // Only dead letters are handled by hand.
            None => dead_letters.insert(queue),
        };
    }
    assert!(dead_letters.len() >= 7, "{dead_letters:?}");
    for queue in dead_letters {
        assert!(is_watched("ApproximateNumberOfMessagesVisible", queue), "{queue}");
    }
}

#[test]
fn every_background_resource_has_an_alarm() {
    for (name, function) in resources("AWS::Serverless::Function") {
        for event in function["Events"].as_object().into_iter().flat_map(|events| events.values()) {
            match event["Type"].as_str().unwrap() {
                "DynamoDB" => assert!(is_watched("IteratorAge", name), "{name}"),
                // The rebuild has a whole night, and reports its end.
                "ScheduleV2" if name == "RebuildSales" => assert!(is_watched_for("SalesRebuilt"), "{name}"),
                "ScheduleV2" if name == "AuditBooks" => assert!(is_watched_for("AuditsDone"), "{name}"),
                "ScheduleV2" => {
                    assert_eq!(name, "Sweep");
                    let event: Value = serde_json::from_str(event["Properties"]["Input"].as_str().unwrap()).unwrap();
                    let task = event["task"].as_str().unwrap();
                    let ends = |metric: &Metric| metric.name == "Sweeps" && metric.dimensions["Task"] == task;
                    assert!(watched().any(|metric| ends(&metric)), "{task}");
                }
                _ => {}
            }
        }
    }
    assert!(is_watched("5xx", "Api") && is_watched("WriteThrottleEvents", "Table"));
}

/// The shop's own metrics on the dashboard are written somewhere, and its metrics of AWS exist.
#[test]
fn the_dashboard_uses_existing_metrics() {
    let dashboards = resources("AWS::CloudWatch::Dashboard");
    let body = dashboards["Dashboard"]["DashboardBody"]["Fn::Sub"].as_str().unwrap();
    let body: Value = serde_json::from_str(body).expect("it is JSON");
    let shown: Vec<&Value> = body["widgets"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|it| it["properties"]["metrics"].as_array().unwrap())
        .collect();
    assert!(shown.len() > 15);
    for metric in shown {
        let metric = match metric[0]["expression"].as_str() {
            // SEARCH('{Namespace,Dimension} … MetricName="Name"', …)
            Some(search) => {
                let schema = search.split(['{', '}']).nth(1).unwrap();
                let (namespace, dimension) = schema.split_once(',').unwrap();
                let name = search.split("MetricName=\"").nth(1).unwrap().split('"').next().unwrap();
                assert!(namespace == "Jangteo" || search.contains("${"), "only this stack's: {search}");
                let standard = STANDARD.iter().find(|(it, ..)| *it == namespace);
                let value = standard.map_or("any", |(_, kind, ..)| resources(kind).into_keys().next().unwrap());
                Metric {
                    namespace: namespace.to_owned(),
                    name: name.to_owned(),
                    dimensions: [(dimension.to_owned(), value.to_owned())].into(),
                }
            }
            None => {
                let part = |place: usize| metric[place].as_str();
                let resource = part(3).and_then(|value| value.strip_prefix("${")).and_then(|it| it.strip_suffix('}'));
                let dimensions = part(2).zip(resource).map(|(name, value)| (name.to_owned(), value.to_owned()));
                Metric {
                    namespace: part(0).unwrap().to_owned(),
                    name: part(1).unwrap().to_owned(),
                    dimensions: dimensions.into_iter().collect(),
                }
            }
        };
        assert!(exists(&metric), "{metric:?}");
    }
}
