//! Alarms: they watch this stack and notify somebody, and all background work has one.

use serde_json::{Value, json};

use super::{Fault, Found, Rule, Violation, properties, remove, resource};
use crate::{
    plain::{Plain, Resource, attribute_of, binary_of, many, reference_to},
    sets::Set,
};

pub const RULES: &[Rule] = &[
    Rule {
        name: "alarms watch this stack only",
        finding: "P12",
        check: own_metrics,
        faults: &[
            Fault {
                name: "the audits of all stacks",
                set: Set::Defaults,
                plant: |template| properties(template, "AuditAlarm")["Namespace"] = "Jangteo".into(),
            },
            Fault {
                name: "the throttles of the account",
                set: Set::Everything,
                plant: |template| {
                    let metric = &mut properties(template, "TableThrottlesAlarm")["Metrics"][1];
                    remove(&mut metric["MetricStat"]["Metric"], "Dimensions");
                },
            },
            Fault {
                name: "a table of another stack",
                set: Set::Everything,
                plant: |template| {
                    let metric = &mut properties(template, "TableThrottlesAlarm")["Metrics"][1];
                    metric["MetricStat"]["Metric"]["Dimensions"][0]["Value"] = "jangteo-Table-1AB2C3".into();
                },
            },
        ],
    },
    Rule {
        name: "functions write their metrics for this stack",
        finding: "P12",
        check: namespace,
        faults: &[Fault {
            name: "a namespace for all stacks",
            set: Set::Defaults,
            plant: |template| {
                properties(template, "Sweep")["Environment"]["Variables"]["METRICS_NAMESPACE"] = "Jangteo".into();
            },
        }],
    },
    Rule {
        name: "alarms notify the topic and the address",
        finding: "M",
        check: notify,
        faults: &[
            Fault {
                name: "an alarm without actions",
                set: Set::Everything,
                plant: |template| remove(properties(template, "AuditAlarm"), "AlarmActions"),
            },
            Fault {
                name: "an alarm for the address only",
                set: Set::OwnIssuer,
                plant: |template| {
                    properties(template, "AuditAlarm")["AlarmActions"] =
                        json!([{ "Fn::If": ["HasAlarmEmail", { "Ref": "AlarmTopic" }, { "Ref": "AWS::NoValue" }] }]);
                },
            },
            Fault {
                name: "an alarm that is switched off",
                set: Set::Defaults,
                plant: |template| properties(template, "AuditAlarm")["ActionsEnabled"] = false.into(),
            },
            Fault {
                name: "an alarm without a description",
                set: Set::Defaults,
                plant: |template| remove(properties(template, "AuditAlarm"), "AlarmDescription"),
            },
            Fault {
                name: "an alarm without a meaning of silence",
                set: Set::Defaults,
                plant: |template| remove(properties(template, "AuditAlarm"), "TreatMissingData"),
            },
        ],
    },
    Rule {
        name: "background work has alarms",
        finding: "P10",
        check: background,
        faults: &[
            Fault {
                name: "an alarm that rings when two tasks of the sweep are missing",
                set: Set::Defaults,
                plant: |template| properties(template, "SweepsAlarm")["Threshold"] = 15.into(),
            },
            Fault {
                name: "an alarm that counts runs of the sweep that failed",
                set: Set::Defaults,
                plant: |template| {
                    let metrics = properties(template, "SweepsAlarm")["Metrics"].as_array_mut().unwrap();
                    metrics.retain(|metric| metric["Id"] != "failures");
                },
            },
            Fault {
                name: "a watch that may stop unseen",
                set: Set::Defaults,
                plant: |template| properties(template, "WatchAlarm")["TreatMissingData"] = "notBreaching".into(),
            },
            Fault {
                name: "a sweep of payments that may stop unseen",
                set: Set::Defaults,
                plant: |template| {
                    properties(template, "PaymentsOverdueAlarm")["TreatMissingData"] = "notBreaching".into();
                },
            },
            Fault {
                name: "a refund that fails unseen",
                set: Set::Defaults,
                plant: |template| remove(&mut template["Resources"], "RefundsFailedAlarm"),
            },
            Fault {
                name: "an audit without an alarm on its absence",
                set: Set::Everything,
                plant: |template| properties(template, "AuditMissingAlarm")["TreatMissingData"] = "notBreaching".into(),
            },
            Fault {
                name: "throttles of the table without an alarm",
                set: Set::Everything,
                plant: |template| remove(&mut template["Resources"], "TableThrottlesAlarm"),
            },
        ],
    },
    Rule {
        name: "essential alarms are few",
        finding: "M",
        check: allowance,
        faults: &[Fault {
            name: "a further metric",
            set: Set::Defaults,
            plant: |template| remove(resource(template, "OverdueAlarm"), "Condition"),
        }],
    },
];

/// A metric that an alarm uses.
#[derive(Debug)]
pub struct Metric<'p>(pub &'p Value);

impl Metric<'_> {
    pub fn is_own(&self) -> bool {
        self.0["Namespace"] == own_namespace()
    }

    pub fn is_named(&self, name: &str) -> bool {
        self.0["MetricName"] == name
    }

    pub fn has(&self, dimension: &str, value: &Value) -> bool {
        many(&self.0["Dimensions"]).iter().any(|it| it["Name"] == dimension && it["Value"] == *value)
    }
}

/// The metrics of an alarm: its own, or those of its formula.
pub fn metrics_of(alarm: &Resource) -> Vec<Metric<'_>> {
    if alarm["Metrics"].is_null() {
        return vec![Metric(&alarm.whole["Properties"])];
    }
    let metrics = many(&alarm["Metrics"]).into_iter().map(|metric| &metric["MetricStat"]["Metric"]);
    metrics.filter(|metric| metric.is_object()).map(Metric).collect()
}

/// The alarms on a metric of a resource.
pub fn alarms_on<'p>(plain: &'p Plain, metric: &str, dimension: &str, value: &Value) -> Vec<&'p Resource> {
    let is_on = |it: &Metric| it.is_named(metric) && it.has(dimension, value);
    plain.of("AWS::CloudWatch::Alarm").filter(|alarm| metrics_of(alarm).iter().any(is_on)).collect()
}

pub fn own_namespace() -> Value {
    json!({ "Fn::Sub": "Jangteo/${AWS::StackName}" })
}

/// The dimensions that name a resource, with the type of the resource and how it is named.
pub const DIMENSIONS: [(&str, &str, &str, Option<&str>); 4] = [
    ("AWS/ApiGateway", "ApiId", "AWS::ApiGatewayV2::Api", None),
    ("AWS/DynamoDB", "TableName", "AWS::DynamoDB::Table", None),
    ("AWS/Lambda", "FunctionName", "AWS::Lambda::Function", None),
    ("AWS/SQS", "QueueName", "AWS::SQS::Queue", Some("QueueName")),
];

fn own_metrics(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for alarm in plain.of("AWS::CloudWatch::Alarm") {
        let metrics = metrics_of(alarm);
        found.require(!metrics.is_empty(), &alarm.id, "needs a metric");
        for metric in metrics {
            let Metric(metric) = &metric;
            let namespace = &metric["Namespace"];
            let is_of_stack = *namespace == own_namespace()
                || DIMENSIONS.iter().any(|(of, dimension, kind, attribute)| {
                    let names = |resource: &Resource| {
                        let name = attribute.map(|attribute| attribute_of(&resource.id, attribute));
                        Metric(metric).has(dimension, &name.unwrap_or_else(|| reference_to(&resource.id)))
                    };
                    namespace == of && plain.of(kind).any(names)
                });
            found.require(is_of_stack, &alarm.id, format_args!("must watch a resource of this stack: {metric}"));
        }
    }
    found.0
}

fn namespace(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for function in plain.functions() {
        let namespace = &function["Environment"]["Variables"]["METRICS_NAMESPACE"];
        found.require(*namespace == own_namespace(), &function.id, "must write metrics for its stack");
    }
    found.0
}

fn notify(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let (topic, address) = (reference_to("AlarmTopicArn"), reference_to("AlarmTopic"));
    let wanted = [(topic, plain.asks_for("AlarmTopicArn")), (address, plain.asks_for("AlarmEmail"))];
    let wanted: Vec<&Value> = wanted.iter().filter(|(_, is_wanted)| *is_wanted).map(|(action, _)| action).collect();
    for alarm in plain.of("AWS::CloudWatch::Alarm") {
        let is_on = alarm["ActionsEnabled"] != false;
        found.require(
            is_on && many(&alarm["AlarmActions"]) == wanted,
            &alarm.id,
            "must notify the topic and the address",
        );
        let says = alarm["AlarmDescription"].as_str().is_some_and(|text| text.ends_with('.'));
        found.require(says, &alarm.id, "needs a description in sentences");
        let silence = alarm["TreatMissingData"].as_str().unwrap_or_default();
        found.require(["breaching", "notBreaching"].contains(&silence), &alarm.id, "must give silence a meaning");
    }
    found.0
}

/// Whether there is an alarm for each condition.
pub fn has_all_alarms(plain: &Plain) -> bool {
    plain.parameter("Alarms") == "ALL"
}

/// Streams and queues have alarms by the rules of their own. With essential alarms a nightly run that fails is a message
/// for the watch, and throttles of the table show as 5xx and as lags.
fn background(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    let all = has_all_alarms(plain);
    // Silence is the failure that these alarms are for.
    let rings = |name: &str, function: Option<&Resource>| {
        let is_it = |metric: &Metric| {
            let is_of = function
                .map_or_else(|| metric.is_own(), |function| metric.has("FunctionName", &reference_to(&function.id)));
            is_of && metric.is_named(name)
        };
        let mut alarms = plain.of("AWS::CloudWatch::Alarm").filter(|alarm| alarm["TreatMissingData"] == "breaching");
        alarms.find(|alarm| metrics_of(alarm).iter().any(is_it))
    };
    for schedule in plain.of("AWS::Scheduler::Schedule") {
        let function = plain.function_of(&schedule["Target"]["Arn"]);
        let is_watched = match function.map(|function| binary_of(&function.whole)) {
            Some("audit-books") => !all || rings("AuditsDone", None).is_some(),
            Some("rebuild-sales") => !all || rings("SalesRebuilt", None).is_some(),
            Some("sweep") => {
                let alarm = rings("Errors", function).filter(|_| rings("Invocations", function).is_some());
                alarm.is_some_and(|alarm| misses_one_task(plain, schedule, alarm))
            }
            Some("sweep-payments") => rings("PaymentsOverdueSeconds", None).is_some(),
            Some("watch") => rings("Errors", function).is_some(),
            _ => false,
        };
        found.require(is_watched, &schedule.id, "needs an alarm that rings when it stops");
    }
    for metric in ["RefundsFailed", "RefundsOverdue"] {
        let mut alarms = plain.of("AWS::CloudWatch::Alarm").flat_map(metrics_of);
        let is_told = alarms.any(|alarm| alarm.is_own() && alarm.is_named(metric));
        found.require(is_told, metric, "needs an alarm: a person must act");
    }
    let mut metrics = vec![("5xx", "ApiId", "Api")];
    if all {
        metrics.push(("WriteThrottleEvents", "TableName", "Table"));
    }
    for (metric, dimension, id) in metrics {
        let alarms = alarms_on(plain, metric, dimension, &reference_to(id));
        found.require(!alarms.is_empty(), id, format_args!("needs an alarm on {metric}"));
    }
    found.0
}

/// Whether an alarm on the runs of a function in five minutes, each schedule of which calls once a minute, rings when those
/// of one schedule are missing, and lets one run of all fail.
fn misses_one_task(plain: &Plain, schedule: &Resource, alarm: &Resource) -> bool {
    const MINUTES: usize = 5;
    let of_function = |it: &&Resource| it["Target"]["Arn"] == schedule["Target"]["Arn"];
    let runs = MINUTES * plain.of("AWS::Scheduler::Schedule").filter(of_function).count();
    let stat = |metric: &Value| metric["MetricStat"]["Period"].as_u64();
    let is_of_minutes = many(&alarm["Metrics"]).into_iter().filter_map(stat).all(|period| period == 300);
    let threshold = alarm["Threshold"].as_u64().and_then(|threshold| usize::try_from(threshold).ok());
    is_of_minutes
        && schedule["ScheduleExpression"] == "rate(1 minute)"
        && alarm["ComparisonOperator"] == "LessThanThreshold"
        && threshold.is_some_and(|threshold| (runs - MINUTES + 1..runs).contains(&threshold))
}

/// CloudWatch bills an alarm for each metric of its formula. An account has ten metrics for nothing. Three more, at
/// $0.10 a month each, are for customers' money that only a person brings back.
fn allowance(plain: &Plain) -> Vec<Violation> {
    const ALLOWANCE: usize = 10 + 3;
    let mut found = Found::default();
    let alarms = plain.of("AWS::CloudWatch::Alarm").filter(|alarm| alarm.id != "CanaryAlarm");
    let number: usize = alarms.map(|alarm| metrics_of(alarm).len()).sum();
    let wish = format_args!("may have {ALLOWANCE} metrics, and have {number}");
    found.require(has_all_alarms(plain) || number <= ALLOWANCE, "Essential alarms", wish);
    found.0
}
