//! The table's stream: its readers lose nothing, and one that stands still is seen.

use serde_json::{Value, json};
use shared::lambda::failures_bucket::LETTERS_PREFIX;
use tests::fakes::event_source::passes;

use super::{Fault, Found, Rule, Violation, metrics::alarms_on, properties, remove, remove_item};
use crate::{
    plain::{Plain, Resource, arn_of, attribute_of, binary_of, many, reference_to, target},
    sets::Set,
};

pub const RULES: &[Rule] = &[
    Rule {
        name: "readers of the stream lose nothing",
        finding: "P9",
        check: nothing_lost,
        faults: &[
            Fault {
                name: "a record that is given up after ten attempts",
                set: Set::Defaults,
                plant: |template| properties(template, "CountSalesStream")["MaximumRetryAttempts"] = 10.into(),
            },
            Fault {
                name: "a reader that the stream forgets records for",
                set: Set::Defaults,
                plant: |template| {
                    properties(template, "RelayEventsStream")["MaximumRecordAgeInSeconds"] = 86_400.into()
                },
            },
            Fault {
                name: "a batch that fails as a whole",
                set: Set::Defaults,
                plant: |template| remove(properties(template, "RelayEventsStream"), "FunctionResponseTypes"),
            },
            Fault {
                name: "failed records as places in the stream",
                set: Set::Defaults,
                plant: |template| {
                    properties(template, "CountSalesStream")["DestinationConfig"]["OnFailure"]["Destination"] =
                        json!({ "Fn::GetAtt": ["SalesDeadLetters", "Arn"] });
                },
            },
            Fault {
                name: "a bucket that tells nobody",
                set: Set::Defaults,
                plant: |template| remove(properties(template, "StreamFailures"), "NotificationConfiguration"),
            },
            Fault {
                name: "letters of the functions that nobody hears of",
                set: Set::Defaults,
                plant: |template| {
                    let notifications = &mut properties(template, "StreamFailures")["NotificationConfiguration"];
                    remove_item(&mut notifications["QueueConfigurations"], 1);
                },
            },
            Fault {
                name: "a reader without a place for large letters",
                set: Set::Defaults,
                plant: |template| {
                    remove(&mut properties(template, "CountSales")["Environment"]["Variables"], "FAILURES_BUCKET");
                },
            },
            Fault {
                name: "a queue that refuses the bucket",
                set: Set::Defaults,
                plant: |template| {
                    let statement =
                        &mut properties(template, "StreamFailuresMayTell")["PolicyDocument"]["Statement"][0];
                    statement["Principal"]["Service"] = "sns.amazonaws.com".into();
                },
            },
            Fault {
                name: "a stream without its reader",
                set: Set::Defaults,
                plant: |template| properties(template, "CountSalesStream")["Enabled"] = false.into(),
            },
        ],
    },
    Rule {
        name: "an event source has no more filters than an account may have",
        finding: "P9",
        check: filters,
        faults: &[Fault {
            name: "a sixth filter",
            set: Set::Defaults,
            plant: |template| {
                let filters = &mut properties(template, "RelayEventsStream")["FilterCriteria"]["Filters"];
                let first = filters[0].clone();
                filters.as_array_mut().expect("filters").push(first);
            },
        }],
    },
    Rule {
        name: "a reader that stands still raises an alarm",
        finding: "P9",
        check: heartbeat,
        faults: &[
            Fault {
                name: "a reader without a heartbeat",
                set: Set::Defaults,
                plant: |template| {
                    remove_item(&mut properties(template, "CountSalesStream")["FilterCriteria"]["Filters"], 1);
                },
            },
            Fault {
                name: "a heartbeat that is seen once",
                set: Set::Defaults,
                plant: |template| {
                    let filters = &mut properties(template, "RelayEventsStream")["FilterCriteria"]["Filters"];
                    let mut filters = filters.as_array_mut().into_iter().flatten();
                    let heartbeat = filters.find(|filter| filter["Pattern"].to_string().contains("HEARTBEAT"));
                    heartbeat.expect("heartbeats are read")["Pattern"] =
                        r#"{"eventName":["INSERT"],"dynamodb":{"Keys":{"sk":{"S":["HEARTBEAT"]}}}}"#.into();
                },
            },
            Fault {
                name: "silence that is taken for health",
                set: Set::Defaults,
                plant: |template| properties(template, "RelayLagAlarm")["TreatMissingData"] = "notBreaching".into(),
            },
            Fault {
                name: "an alarm on another function",
                set: Set::Defaults,
                plant: |template| {
                    properties(template, "SalesLagAlarm")["Dimensions"][0]["Value"] = json!({ "Ref": "RelayEvents" });
                },
            },
        ],
    },
];

/// The ages at which a record goes to the bucket, whole. The stream keeps records for a day.
const AGE: std::ops::RangeInclusive<u64> = 12 * 3_600..=22 * 3_600;

/// The event sources on the table's stream, with their functions.
fn readers(plain: &Plain) -> Vec<(&Resource, &Resource)> {
    let stream = attribute_of("Table", "StreamArn");
    let sources = plain.of("AWS::Lambda::EventSourceMapping").filter(|source| source["EventSourceArn"] == stream);
    sources.filter_map(|source| Some((source, plain.function_of(&source["FunctionName"])?))).collect()
}

fn nothing_lost(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for binary in ["count-sales", "relay-events"] {
        let reads = |(source, function): &(&Resource, &Resource)| {
            binary_of(&function.whole) == binary && source["Enabled"] != false
        };
        found.require(readers(plain).iter().any(reads), binary, "must read the table's stream");
    }
    for (source, function) in readers(plain) {
        let bucket = target(&function["Environment"]["Variables"]["FAILURES_BUCKET"]).and_then(|id| plain.get(id));
        let is_bucket = bucket.is_some_and(|bucket| LETTERS.iter().all(|prefix| tells(plain, bucket, prefix)));
        found.require(is_bucket, &function.id, "needs a bucket for letters too large for a queue, which tells of them");
        let reports = source["FunctionResponseTypes"] == json!(["ReportBatchItemFailures"]);
        found.require(reports, &source.id, "must take reports of the records that failed");
        found.require(source["BisectBatchOnFunctionError"] == true, &source.id, "must halve a batch that fails");
        found.require(source["MaximumRetryAttempts"] == -1, &source.id, "must try for as long as the stream lasts");
        let age = source["MaximumRecordAgeInSeconds"].as_u64();
        found.require(
            age.is_some_and(|age| AGE.contains(&age)),
            &source.id,
            "must save records before they are a day old",
        );
        let start = &source["StartingPosition"];
        found.require(start == "TRIM_HORIZON", &source.id, "must begin with the oldest record of the stream");
        let bucket = plain.named(&source["DestinationConfig"]["OnFailure"]["Destination"], "AWS::S3::Bucket");
        found.require(bucket.is_some(), &source.id, "must save records whole: to a bucket");
        let is_told = bucket.is_none_or(|bucket| LETTERS.iter().all(|prefix| tells(plain, bucket, prefix)));
        found.require(is_told, &source.id, "must save records in a bucket that tells a queue of each letter");
    }
    found.0
}

/// Lambda refuses an event source with more, unless the account's quota was raised.
const MOST_FILTERS: usize = 5;

fn filters(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for source in plain.of("AWS::Lambda::EventSourceMapping") {
        let count = many(&source["FilterCriteria"]["Filters"]).len();
        found.require(count <= MOST_FILTERS, &source.id, format_args!("has {count} filters, more than {MOST_FILTERS}"));
    }
    found.0
}

/// The keys of letters: Lambda's, and the functions' own. Leases of letters are no letters.
const LETTERS: [&str; 2] = ["aws/lambda/", LETTERS_PREFIX];

/// Whether each object of the bucket with this prefix becomes a message. The queue has an alarm, as all queues that hold
/// no work.
fn tells(plain: &Plain, bucket: &Resource, prefix: &str) -> bool {
    many(&bucket["NotificationConfiguration"]["QueueConfigurations"]).into_iter().any(|configuration| {
        let Some(queue) = plain.named(&configuration["Queue"], "AWS::SQS::Queue") else { return false };
        let lets = |policy: &&Resource| {
            let of_bucket = |statement: &&Value| statement["Principal"]["Service"] == "s3.amazonaws.com";
            many(&policy["Queues"]).into_iter().any(|it| target(it) == Some(&queue.id))
                && many(&policy["PolicyDocument"]["Statement"]).iter().any(of_bucket)
        };
        let policy = plain.of("AWS::SQS::QueuePolicy").find(lets);
        // S3 asks the queue when the bucket is created.
        let waits =
            policy.is_some_and(|policy| many(&bucket.whole["DependsOn"]).iter().any(|it| *it == policy.id.as_str()));
        let filter = json!({ "S3Key": { "Rules": [{ "Name": "prefix", "Value": prefix }] } });
        configuration["Event"] == "s3:ObjectCreated:*"
            && configuration["Filter"] == filter
            && configuration["Queue"] == arn_of(&queue.id)
            && waits
    })
}

/// `IteratorAge` exists only while the function is invoked: each minute's heartbeat invokes it, and silence means that
/// it does not read.
fn heartbeat(plain: &Plain) -> Vec<Violation> {
    let mut found = Found::default();
    for (source, function) in readers(plain) {
        let filters = many(&source["FilterCriteria"]["Filters"]).into_iter().filter_map(|it| it["Pattern"].as_str());
        let filters: Vec<Value> = filters.map(|pattern| serde_json::from_str(pattern).unwrap_or_default()).collect();
        for event in ["INSERT", "MODIFY"] {
            let keys = json!({ "pk": { "S": "HEARTBEAT" }, "sk": { "S": "HEARTBEAT" } });
            let record = json!({ "eventName": event, "dynamodb": { "Keys": keys } });
            let is_seen = filters.iter().any(|filter| passes(filter, &record));
            found.require(is_seen, &source.id, format_args!("must let the heartbeat pass, also as {event}"));
        }
        let alarms = alarms_on(plain, "IteratorAge", "FunctionName", &reference_to(&function.id));
        let rings = |alarm: &&Resource| {
            alarm["TreatMissingData"] == "breaching"
                && alarm["ComparisonOperator"] == "GreaterThanThreshold"
                && alarm["Statistic"] == "Maximum"
        };
        found.require(alarms.iter().any(rings), &function.id, "needs an alarm on its lag that rings when it is silent");
    }
    found.0
}
