//! The dashboard: every widget shows something of this stack, and nothing of another.

use serde_json::{Value, json};
use tests::metrics::WRITTEN;

use super::{
    Fault, Found, Rule, Violation,
    metrics::DIMENSIONS,
    properties,
    search::{Metric, Search},
};
use crate::{
    plain::{Plain, attribute_of, many, reference_to},
    sets::Set,
};

pub const RULES: &[Rule] = &[Rule {
    name: "every widget of the dashboard shows this stack",
    finding: "P1",
    check: widgets,
    faults: &[
        Fault {
            name: "the stack's name in quotes, which matches whole values only",
            set: Set::Everything,
            plant: |template| replace(template, "} ${AWS::StackName} ", "} \\\"${AWS::StackName}\\\" "),
        },
        Fault {
            name: "the functions of all stacks",
            set: Set::Everything,
            plant: |template| {
                replace(template, "{AWS/Lambda,FunctionName} ${AWS::StackName} ", "{AWS/Lambda,FunctionName} ")
            },
        },
        Fault {
            name: "a namespace with a slash and without quotes",
            set: Set::Everything,
            plant: |template| {
                replace(template, "\\\"Jangteo/${AWS::StackName}\\\",Kind", "Jangteo/${AWS::StackName},Kind")
            },
        },
        Fault {
            name: "the metrics of all stacks",
            set: Set::Everything,
            plant: |template| {
                replace(
                    template,
                    "[\"Jangteo/${AWS::StackName}\", \"OverdueSeconds\"",
                    "[\"Jangteo\", \"OverdueSeconds\"",
                )
            },
        },
        Fault {
            name: "a metric that nothing writes",
            set: Set::Everything,
            plant: |template| replace(template, "MetricName=\\\"Requests\\\"", "MetricName=\\\"Request\\\""),
        },
        Fault {
            name: "a dimension that the metric does not have",
            set: Set::Everything,
            plant: |template| replace(template, "${AWS::StackName}\\\",Outcome}", "${AWS::StackName}\\\",Step}"),
        },
        Fault {
            name: "the API of another stack",
            set: Set::Everything,
            plant: |template| replace(template, "\"5xx\", \"ApiId\", \"${Api}\"", "\"5xx\", \"ApiId\", \"a1b2c3d4\""),
        },
    ],
}];

/// Replaces a text of the dashboard's body, to plant a fault.
fn replace(template: &mut Value, from: &str, to: &str) {
    let body = &mut properties(template, "Dashboard")["DashboardBody"]["Fn::Sub"];
    let text = body.as_str().unwrap_or_else(|| panic!("the dashboard has a body"));
    assert!(text.contains(from), "the dashboard has {from}");
    *body = text.replace(from, to).into();
}

/// The names of stacks that a dashboard is drawn for, and of another in the same region.
const STACKS: [&str; 3] = ["jangteo", "my-shop", "shop2"];
const OTHERS: [&str; 2] = ["other", "my-other"];

fn widgets(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for dashboard in plain.of("AWS::CloudWatch::Dashboard") {
        for stack in STACKS {
            let (own, others) = (samples(plain, stack), OTHERS.map(|other| samples(plain, other)).concat());
            let body = plain.text(&dashboard["DashboardBody"], stack).unwrap_or_default();
            let Ok(body) = serde_json::from_str::<Value>(&body) else {
                found.require(false, &dashboard.id, "must be JSON");
                continue;
            };
            for widget in many(&body["widgets"]) {
                let title = widget["properties"]["title"].as_str().unwrap_or_default();
                for entry in many(&widget["properties"]["metrics"]) {
                    let reason = match shown(entry) {
                        Err(reason) => reason,
                        Ok(shown) if others.iter().any(|metric| shown.is(metric)) => {
                            "it shows another stack".to_owned()
                        }
                        Ok(shown) if !own.iter().any(|metric| shown.is(metric)) => "it shows nothing".to_owned(),
                        Ok(_) => continue,
                    };
                    let wish = format_args!("must show {stack} under \"{title}\": {reason}, by {entry}");
                    found.require(false, &dashboard.id, wish);
                }
            }
            found.require(!many(&body["widgets"]).is_empty(), &dashboard.id, "needs widgets");
        }
    }
    found.0
}

/// An entry of a widget.
enum Shown {
    Search(Search),
    Metric(Metric),
}

impl Shown {
    fn is(&self, metric: &Metric) -> bool {
        match self {
            Self::Search(search) => search.finds(metric),
            Self::Metric(named) => named == metric,
        }
    }
}

fn shown(entry: &Value) -> Result<Shown, String> {
    if let Some(expression) = entry[0]["expression"].as_str() {
        return Search::parse(expression).map(Shown::Search);
    }
    let texts: Vec<&str> = many(entry).into_iter().filter_map(Value::as_str).collect();
    let [namespace, name, dimensions @ ..] = &texts[..] else { return Err("it names no metric".to_owned()) };
    let (pairs, _) = dimensions.as_chunks::<2>();
    let dimensions: Vec<(&str, &str)> = pairs.iter().map(|[name, value]| (*name, *value)).collect();
    Ok(Shown::Metric(Metric::new(namespace, name, &dimensions)))
}

/// The metrics of AWS's services that the dashboard may show.
const STANDARD: [(&str, &[&str]); 4] = [
    ("AWS/ApiGateway", &["4xx", "5xx", "Count", "Latency"]),
    (
        "AWS/DynamoDB",
        &["ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents"],
    ),
    ("AWS/Lambda", &["Duration", "Errors", "Invocations", "IteratorAge", "Throttles"]),
    ("AWS/SQS", &["ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"]),
];

/// Metrics of a stack of this name: those of its resources, and those that its functions write.
fn samples(plain: &Plain, stack: &str) -> Vec<Metric> {
    let mut samples = Vec::new();
    for ((namespace, dimension, kind, attribute), (_, names)) in DIMENSIONS.iter().zip(STANDARD) {
        for resource in plain.of(kind) {
            let reference = attribute.map(|attribute| attribute_of(&resource.id, attribute));
            let name = plain.text(&reference.unwrap_or_else(|| reference_to(&resource.id)), stack).unwrap_or_default();
            samples.extend(names.iter().map(|metric| Metric::new(namespace, metric, &[(*dimension, &name)])));
        }
    }
    let namespace = plain.text(&json!({ "Fn::Sub": "Jangteo/${AWS::StackName}" }), stack).unwrap_or_default();
    for (name, dimensions) in WRITTEN.iter() {
        let dimensions: Vec<(&str, &str)> = dimensions.iter().map(|dimension| (dimension.as_str(), "PAID")).collect();
        samples.push(Metric::new(&namespace, name, &dimensions));
    }
    samples
}
