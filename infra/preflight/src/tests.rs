//! Accounts by the answers of AWS's services, through the SDK.

use std::collections::BTreeMap;

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_cbor::Encoder;
use aws_smithy_runtime_api::client::{
    behavior_version::BehaviorVersion,
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::{body::SdkBody, retry::RetryConfig};
use aws_types::{SdkConfig, region::Region};
use serde_json::{Value, json};

use crate::{
    account::{self, Account},
    quotas::{self, Sale},
    verdict::Verdict,
};

/// The answers of an account: by service for its quotas, or else by operation. What is not among them is not supported, as
/// by an emulator. An answer that is text is XML.
#[derive(Debug, Clone)]
struct Answers(BTreeMap<&'static str, Value>);

impl HttpConnector for Answers {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let sent = request.body().bytes().unwrap_or_default();
        let body: Value = serde_json::from_slice(sent).unwrap_or_default();
        let target = request.headers().get("x-amz-target").unwrap_or_else(|| request.uri());
        let operation = target.rsplit(['.', '/']).next().unwrap_or_default();
        // The older protocol of SNS names its operation in a form.
        let form = std::str::from_utf8(sent).ok().and_then(|text| text.strip_prefix("Action="));
        let operation = form.and_then(|form| form.split('&').next()).unwrap_or(operation);
        let key = body["ServiceCode"].as_str().unwrap_or(operation);
        let (status, answer) = match self.0.get(key) {
            Some(answer) => (200, answer.clone()),
            None => (400, json!({ "__type": "UnknownOperationException", "message": "not here" })),
        };
        let answer = match answer {
            Value::String(xml) => SdkBody::from(xml),
            answer if target.contains("/operation/") => {
                let mut encoder = Encoder::new(Vec::new());
                encode(&answer, &mut encoder);
                SdkBody::from(encoder.into_writer())
            }
            answer => SdkBody::from(answer.to_string()),
        };
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status.try_into().unwrap(), answer)))
    }
}

/// Encodes an answer as CBOR, the protocol of CloudWatch.
fn encode(value: &Value, encoder: &mut Encoder) {
    match value {
        Value::Object(fields) => {
            encoder.map(fields.len());
            for (name, value) in fields {
                encoder.str(name);
                encode(value, encoder);
            }
        }
        Value::Array(values) => {
            encoder.array(values.len());
            values.iter().for_each(|value| encode(value, encoder));
        }
        Value::Bool(is_true) => drop(encoder.boolean(*is_true)),
        Value::String(text) => drop(encoder.str(text)),
        other => panic!("no answer has {other}"),
    }
}

const TOPIC: &str = "arn:aws:sns:ap-northeast-2:123456789012:jangteo-AlarmTopic-1AB2C";

fn alarm(name: &str, actions: &[&str]) -> Value {
    json!({ "AlarmName": name, "ActionsEnabled": true, "AlarmActions": actions })
}

/// The subscriptions of the topic, by ARN.
fn subscribed(arns: &[&str]) -> Value {
    let member = |arn: &&str| format!("<member><SubscriptionArn>{arn}</SubscriptionArn></member>");
    let members: String = arns.iter().map(member).collect();
    let result = format!("<Subscriptions>{members}</Subscriptions>");
    let result = format!("<ListSubscriptionsByTopicResult>{result}</ListSubscriptionsByTopicResult>");
    format!("<ListSubscriptionsByTopicResponse>{result}</ListSubscriptionsByTopicResponse>").into()
}

fn quota(name: &str, value: f64) -> Value {
    json!({ "QuotaName": name, "QuotaCode": "L-00000000", "Value": value })
}

fn list(quotas: &[Value]) -> Value {
    json!({ "Quotas": quotas })
}

/// An account with the default quotas of Seoul and a new table.
fn default_account(concurrency: u32) -> BTreeMap<&'static str, Value> {
    let table = json!({
        "TableName": "jangteo-Table-1AB2C", "DeletionProtectionEnabled": true,
        "WarmThroughput": { "ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000, "Status": "ACTIVE" },
        "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES" },
    });
    let recovery = json!({ "PointInTimeRecoveryStatus": "ENABLED" });
    BTreeMap::from([
        ("lambda", list(&[json!({ "QuotaName": "Concurrent executions", "QuotaCode": "L-B99A9384", "Value": 1000 })])),
        ("dynamodb", list(&[quota("Table-level write throughput limit", 40_000.0)])),
        ("apigateway", list(&[json!({ "QuotaName": "Throttle rate", "QuotaCode": "L-8A5B8E43", "Value": 10_000 })])),
        (
            "events",
            list(&[
                quota("PutEvents throttle limit in transactions per second", 600.0),
                quota("Invocations throttle limit in transactions per second", 1_100.0),
            ]),
        ),
        ("sqs", list(&[])),
        (
            "account-settings",
            json!({
                "AccountLimit": { "ConcurrentExecutions": concurrency, "UnreservedConcurrentExecutions": concurrency },
            }),
        ),
        (
            "DescribeAlarms",
            json!({ "MetricAlarms": [
                alarm("jangteo-SweepsAlarm-1AB2C", &[TOPIC]), alarm("jangteo-dev-SweepsAlarm-9ZY", &[]),
            ] }),
        ),
        ("ListSubscriptionsByTopic", subscribed(&[&format!("{TOPIC}:5d1f")])),
        ("ListTables", json!({ "TableNames": ["jangteo-dev-Table-9ZY", "jangteo-Table-1AB2C"] })),
        ("DescribeTable", json!({ "Table": table })),
        (
            "DescribeContinuousBackups",
            json!({
                "ContinuousBackupsDescription": {
                    "ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery,
                },
            }),
        ),
    ])
}

async fn read(answers: BTreeMap<&'static str, Value>) -> Account {
    let connector = SharedHttpConnector::new(Answers(answers));
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("ap-northeast-2"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test")))
        .retry_config(RetryConfig::disabled())
        .endpoint_url("http://aws.test")
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build();
    account::read(&config, "jangteo", &quotas::defaults("ap-northeast-2").unwrap().unwrap()).await
}

/// Whether the rate can be sold, and the verdict in words.
async fn verdict(answers: BTreeMap<&'static str, Value>, sales: &[Sale], target: f64) -> (bool, String) {
    let account = read(answers).await;
    let (defaults, needs) = (quotas::defaults("ap-northeast-2").unwrap().unwrap(), quotas::needs().unwrap());
    let verdict = Verdict::new(&account, &defaults, &needs, sales, target);
    (verdict.is_met(), verdict.to_string())
}

#[track_caller]
fn says(verdict: &str, facts: &[&str]) {
    for fact in facts {
        assert!(verdict.contains(fact), "{fact}\nis not in\n{verdict}");
    }
}

#[tokio::test]
async fn a_new_account_is_bound_by_its_ten_functions() {
    let (is_met, words) = verdict(default_account(10), &Sale::ALL, 1_000.0).await;
    assert!(!is_met);
    says(
        &words,
        &[
            "can sell 83 orders/s paid from the balance: first limit Lambda: concurrent executions",
            "can sell 27 orders/s paid externally: first limit Lambda: concurrent executions",
            "ask for Lambda: concurrent executions: 360, by Service Quotas: lambda L-B99A9384",
            "the target of 1000 a second is not met",
        ],
    );
}

#[tokio::test]
async fn a_default_account_is_bound_by_its_table_and_its_bus() {
    let (is_met, words) = verdict(default_account(1_000), &Sale::ALL, 1_000.0).await;
    assert!(!is_met);
    says(
        &words,
        &[
            "can sell 111 orders/s paid externally: first limit the table's warm throughput, write units/s",
            "can sell 200 orders/s paid from the balance: first limit the table's warm throughput, write units/s",
            "ask for EventBridge: invocations of targets/s: 2000, by Service Quotas: events Invocations throttle limit",
            "ask for EventBridge: PutEvents calls/s: 1400, by Service Quotas: events PutEvents throttle limit",
            "ask for warm the table up: aws dynamodb update-table --table-name jangteo-Table-1AB2C",
            "WriteUnitsPerSecond=36000",
            "deletion protection on, point-in-time recovery on, stream on",
        ],
    );
    assert!(!words.contains("ask for Lambda"), "{words}");
    assert!(!words.contains("not known"), "{words}");

    let mut warm = default_account(1_000);
    warm.get_mut("DescribeTable").unwrap()["Table"]["WarmThroughput"]["WriteUnitsPerSecond"] = 40_000.into();
    let (_, words) = verdict(warm, &Sale::ALL, 1_000.0).await;
    says(
        &words,
        &[
            "can sell 1100 orders/s paid from the balance: first limit EventBridge: invocations of targets/s",
            "can sell 428 orders/s paid externally: first limit EventBridge: PutEvents calls/s",
        ],
    );

    let (is_met, words) = verdict(default_account(1_000), &[Sale::Balance], 200.0).await;
    assert!(is_met, "{words}");
    says(&words, &["the target of 200 a second is met"]);
    assert!(!words.contains("ask for"), "{words}");
}

#[tokio::test]
async fn alarms_that_nobody_hears_of_are_said() {
    let says_of = async |answers| {
        let (_, words) = verdict(answers, &Sale::ALL, 100.0).await;
        words
    };
    let heard = says_of(default_account(1_000)).await;
    let topic = "topic jangteo-AlarmTopic-1AB2C";
    says(
        &heard,
        &["alarms 1, of which notify nobody: 0\n", &format!("{topic}: 1 confirmed subscriptions, 0 to be confirmed\n")],
    );

    let mut unconfirmed = default_account(1_000);
    unconfirmed.insert("ListSubscriptionsByTopic", subscribed(&["PendingConfirmation", "Deleted"]));
    let nobody = "0 confirmed subscriptions, 1 to be confirmed; nobody hears of its alarms";
    says(&says_of(unconfirmed).await, &[&format!("{topic}: {nobody}")]);

    let mut silent = default_account(1_000);
    let off = json!({ "AlarmName": "jangteo-B-1", "ActionsEnabled": false, "AlarmActions": [TOPIC] });
    silent.insert("DescribeAlarms", json!({ "MetricAlarms": [alarm("jangteo-A-1", &[]), off] }));
    let words = says_of(silent).await;
    let names = "(jangteo-A-1, jangteo-B-1; set AlarmEmail or AlarmTopicArn)";
    says(&words, &[&format!("alarms 2, of which notify nobody: 2 {names}")]);
    assert!(!words.contains("topic "), "{words}");

    let mut without = default_account(1_000);
    without.insert("DescribeAlarms", json!({ "MetricAlarms": [] }));
    says(&says_of(without).await, &["alarms 0, of which notify nobody: 0"]);
}

#[tokio::test]
async fn a_raised_account_sells_at_the_rate() {
    let mut raised = default_account(3_000);
    raised.insert(
        "events",
        list(&[
            quota("PutEvents throttle limit in transactions per second", 2_000.0),
            quota("Invocations throttle limit in transactions per second", 6_000.0),
        ]),
    );
    raised.get_mut("DescribeTable").unwrap()["Table"]["WarmThroughput"]["WriteUnitsPerSecond"] = 40_000.into();
    let orders = [Sale::Balance, Sale::External];
    let (is_met, words) = verdict(raised.clone(), &orders, 1_000.0).await;
    assert!(is_met, "{words}");
    says(
        &words,
        &[
            "can sell 2000 orders/s paid from the balance: first limit",
            "can sell 1111 orders/s paid externally: first limit DynamoDB: write units/s of a table",
            "the target of 1000 a second is met",
        ],
    );
    assert!(!verdict(raised, &orders, 1_112.0).await.0);
}

#[tokio::test]
async fn what_an_emulator_does_not_know_is_said() {
    let mut emulator = default_account(1_000);
    for unknown in [
        "lambda",
        "dynamodb",
        "apigateway",
        "events",
        "sqs",
        "account-settings",
        "DescribeContinuousBackups",
        "DescribeAlarms",
    ] {
        emulator.remove(unknown);
    }
    emulator.get_mut("DescribeTable").unwrap()["Table"].as_object_mut().unwrap().remove("WarmThroughput");
    let (_, words) = verdict(emulator, &Sale::ALL, 100.0).await;
    says(
        &words,
        &[
            "not known: Service Quotas of events: UnknownOperationException",
            "not known: Lambda's account settings",
            "not known: the alarms: UnknownOperationException",
            "(not told; the default of the region)",
            "warm write units/s not told",
            "point-in-time recovery not told",
        ],
    );

    let mut without_table = default_account(1_000);
    without_table.insert("ListTables", json!({ "TableNames": ["jangteo-dev-Table-9ZY"] }));
    says(
        &verdict(without_table, &Sale::ALL, 100.0).await.1,
        &["not known: the table: there is none of the stack jangteo"],
    );
}
