//! The tool of dead letters, on the failures bucket and on the queues of failures.

use dead_letters::{Act, DeadLetterClient, Operator, OperatorError};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::fakes::{account::Account, bucket};

const COUNT: &str = "shop-CountSales-1AB";
const AUDIT: &str = "shop-AuditBooks-1AB";
const LETTERS: &str = "shop-SalesDeadLetters-1AB";
const NOTICES: &str = "shop-StreamFailureNotices-1AB";
const NIGHTLY: &str = "shop-NightlyFailures-1AB";

fn now() -> Timestamp {
    "2026-11-20T03:00:00Z".parse().unwrap()
}

/// An account with the queues, functions and the bucket of a stack, and some of another.
fn account() -> Account {
    let account = Account::default();
    for queue in [LETTERS, NOTICES, NIGHTLY, "shop-Expiry-1AB", "other-SalesDeadLetters-1AB"] {
        account.add_queue(queue, None);
    }
    let url = format!("http://aws.test/1/{LETTERS}");
    account.add_function(COUNT, json!({ "DEAD_LETTERS_URL": url, "FAILURES_BUCKET": bucket::NAME }));
    account.add_function(AUDIT, json!({}));
    account.add_function("other-CountSales-1AB", json!({}));
    account.bucket.set_clock(now());
    account
}

fn batch(numbers: &[u32]) -> Value {
    let record = |number: &u32| json!({ "dynamodb": { "SequenceNumber": number.to_string() } });
    json!({ "Records": numbers.iter().map(record).collect::<Vec<_>>() })
}

/// An object as Lambda writes it.
fn failed(function: &str, batch: &Value) -> String {
    let arn = format!("arn:aws:lambda:ap-northeast-2:1:function:{function}");
    let context = json!({ "functionArn": arn, "condition": "RetryAttemptsExhausted" });
    json!({ "requestContext": context, "payload": batch.to_string() }).to_string()
}

fn notice(key: &str) -> Value {
    json!({ "Records": [{ "s3": { "bucket": { "name": bucket::NAME }, "object": { "key": key } } }] })
}

const OLD: &str = "aws/lambda/1/shardId-0/2026/11/20/2026-11-20T01.00.00-1";
const OTHER: &str = "dead-letters/shop-CountSales-1AB/2026/11/20/02.00.00-2";

/// Two letters in the bucket, of two records and of one, with their notices.
fn with_objects() -> Account {
    let account = account();
    account.bucket.put(OLD, &failed(COUNT, &batch(&[7, 8])));
    let context = json!({ "functionArn": COUNT, "condition": "RecordTooLargeForQueue" });
    let own = json!({ "requestContext": context, "reason": "so", "payload": batch(&[9]).to_string() });
    account.bucket.put(OTHER, &own.to_string());
    for key in [OLD, OTHER] {
        account.send(NOTICES, &notice(key));
    }
    account
}

async fn operator<'o>(
    account: &Account,
    only: Option<&str>,
    at: Timestamp,
    out: &'o mut Vec<u8>,
) -> Operator<&'o mut Vec<u8>> {
    let client = DeadLetterClient::new(&account.config(), "shop".to_owned());
    Operator::of(client, only, at, out).await.unwrap()
}

/// Carries out a command, and returns its lines.
async fn act(account: &Account, id: Option<&str>, act: Act) -> Result<Vec<String>, OperatorError> {
    act_at(account, None, id, act, now()).await
}

async fn act_at(
    account: &Account,
    only: Option<&str>,
    id: Option<&str>,
    act: Act,
    at: Timestamp,
) -> Result<Vec<String>, OperatorError> {
    let mut out = Vec::new();
    operator(account, only, at, &mut out).await.act(id, act).await?;
    Ok(String::from_utf8(out).unwrap().lines().map(str::to_owned).collect())
}

async fn list(account: &Account) -> String {
    let mut out = Vec::new();
    operator(account, None, now() + SignedDuration::from_hours(1), &mut out).await.list().await.unwrap();
    String::from_utf8(out).unwrap()
}

fn events(account: &Account) -> Vec<Value> {
    let mut events: Vec<Value> = account.invocations().into_iter().map(|invocation| invocation.event).collect();
    events.sort_by_key(Value::to_string);
    events
}

#[tokio::test]
async fn every_place_is_listed() {
    let account = with_objects();
    let event = json!({
        "requestContext": { "functionArn": format!("arn:aws:lambda:r:1:function:{AUDIT}:$LATEST"), "condition": "RetriesExhausted" },
        "requestPayload": {}, "responsePayload": { "errorMessage": "out of time" },
    });
    account.send(NIGHTLY, &event);
    insta::assert_snapshot!(list(&account).await, @r"
    NightlyFailures -> the function that failed: 1 letter
      m3  -  shop-AuditBooks-1AB  -  RetriesExhausted: out of time
    SalesDeadLetters -> CountSales: none
    StreamFailureNotices -> StreamFailures: 2 letters
      m1  -  ObjectCreated  aws/lambda/1/shardId-0/2026/11/20/2026-11-20T01.00.00-1  the bucket has a new object
      m2  -  ObjectCreated  dead-letters/shop-CountSales-1AB/2026/11/20/02.00.00-2  the bucket has a new object
    StreamFailures -> the function that failed: 2 letters
      aws/lambda/1/shardId-0/2026/11/20/2026-11-20T01.00.00-1  1 h  shop-CountSales-1AB (2 records)  7  RetryAttemptsExhausted
      dead-letters/shop-CountSales-1AB/2026/11/20/02.00.00-2  1 h  shop-CountSales-1AB (1 records)  9  so
    ");
    let mut out = Vec::new();
    operator(&account, None, now(), &mut out).await.show(OTHER).await.unwrap();
    assert!(String::from_utf8(out).unwrap().contains("RecordTooLargeForQueue"));
}

/// By its key, by its notice, or all: the records are handed over once, and nothing is left that would raise the alarm.
#[tokio::test]
async fn objects_are_handed_to_the_function_that_failed() {
    let account = with_objects();
    assert_eq!(act(&account, Some(OTHER), Act::Redrive).await.unwrap().len(), 1);
    assert_eq!(events(&account), [batch(&[9])]);
    assert_eq!(account.messages(NOTICES), [notice(OLD)]);
    assert!(matches!(act(&account, Some(OTHER), Act::Redrive).await, Err(OperatorError::NoLetter)));

    assert_eq!(act(&account, Some("m1"), Act::Redrive).await.unwrap().len(), 1);
    assert_eq!(events(&account), [batch(&[7, 8]), batch(&[9])]);
    assert!(account.messages(NOTICES).is_empty() && account.bucket.objects().is_empty());

    let account = with_objects();
    // S3 has told that it found the queue.
    account.send(NOTICES, &json!({ "Service": "Amazon S3", "Event": "s3:TestEvent" }));
    act(&account, None, Act::Redrive).await.unwrap();
    assert_eq!(events(&account), [batch(&[7, 8]), batch(&[9])]);
    assert!(account.invocations().iter().all(|it| it.function == COUNT && !it.is_asynchronous));
    assert!(account.messages(NOTICES).is_empty() && account.bucket.objects().is_empty());

    let account = with_objects();
    act_at(&account, Some("StreamFailures"), None, Act::Drop, now()).await.unwrap();
    assert!(account.messages(NOTICES).is_empty() && account.bucket.objects().is_empty());
    assert_eq!(account.invocations(), []);
}

#[tokio::test]
async fn an_object_stays_until_its_function_has_taken_all_records() {
    let account = with_objects();
    account.answer(|_, event| match event == &batch(&[7, 8]) {
        true => json!({ "batchItemFailures": [{ "itemIdentifier": "8" }] }),
        false => json!({ "batchItemFailures": [] }),
    });
    let failed = act_at(&account, Some("StreamFailures"), None, Act::Redrive, now()).await;
    assert!(matches!(failed, Err(OperatorError::Left(1))), "{failed:?}");
    // No lease is left either.
    assert_eq!(account.bucket.objects().keys().collect::<Vec<_>>(), [OLD]);
    assert_eq!(account.messages(NOTICES), [notice(OLD)]);
    account.answer(|_, _| json!({ "errorMessage": "it died" }));
    assert!(matches!(act(&account, Some(OLD), Act::Redrive).await, Err(OperatorError::Left(1))));
    assert_eq!(account.bucket.objects().keys().collect::<Vec<_>>(), [OLD]);
}

/// Not to a function of another stack, and not what is no failed invocation.
#[tokio::test]
async fn an_object_without_a_destination_stays() {
    let account = account();
    account.bucket.put(OLD, &failed("other-CountSales-1AB", &batch(&[1])));
    account.bucket.put(OTHER, "?");
    account.bucket.put("exports/1", "?");
    let failed = act(&account, None, Act::Redrive).await;
    assert!(matches!(failed, Err(OperatorError::Left(2))), "{failed:?}");
    assert_eq!((account.bucket.objects().len(), account.invocations()), (3, vec![]));
}

/// Of concurrent tools one redrives an object. The lease of a tool that died ends after five minutes.
#[tokio::test]
async fn an_object_is_in_one_tools_hands() {
    let account = with_objects();
    let tools =
        futures::future::join_all((0..4).map(|_| act_at(&account, Some("StreamFailures"), None, Act::Redrive, now())));
    let done: usize = tools.await.into_iter().flatten().map(|lines| lines.len()).sum();
    assert_eq!(events(&account), [batch(&[7, 8]), batch(&[9])]);
    assert!(done <= 2 && account.bucket.objects().is_empty(), "{done}");

    let account = with_objects();
    account.bucket.put(&format!("leases/{OLD}"), "another");
    let at = |minutes| now() + SignedDuration::from_mins(minutes);
    for minutes in [0, 5] {
        let failed = act_at(&account, None, Some(OLD), Act::Redrive, at(minutes)).await;
        assert!(matches!(failed, Err(OperatorError::Left(1))), "{minutes}: {failed:?}");
    }
    assert_eq!(account.invocations(), []);
    let both = [0, 1].map(|_| act_at(&account, None, Some(OLD), Act::Redrive, at(6)));
    let _ = futures::future::join_all(both).await;
    assert_eq!(events(&account), [batch(&[7, 8])]);
    assert_eq!(account.bucket.objects().keys().collect::<Vec<_>>(), [OTHER]);
}

/// An asynchronous invocation is repeated as one: if it fails again, Lambda sends another letter.
#[tokio::test]
async fn a_nightly_failure_is_repeated() {
    let account = account();
    let failed = |function: &str| {
        let arn = format!("arn:aws:lambda:r:1:function:{function}:$LATEST");
        json!({ "requestContext": { "functionArn": arn }, "requestPayload": { "id": "1" } })
    };
    account.send(NIGHTLY, &failed(AUDIT));
    account.send(NIGHTLY, &failed("other-CountSales-1AB"));
    let left = act(&account, None, Act::Redrive).await;
    assert!(matches!(left, Err(OperatorError::Left(1))), "{left:?}");
    let [repeated] = &account.invocations()[..] else { panic!("one") };
    assert_eq!((repeated.function.as_str(), &repeated.event), (AUDIT, &json!({ "id": "1" })));
    assert!(repeated.is_asynchronous);
    assert_eq!(account.messages(NIGHTLY).len(), 1);
}

/// More objects than a command looks at: it says so, and the next goes on.
#[tokio::test]
async fn a_command_looks_at_a_thousand_objects() {
    let account = account();
    for number in 0..1_005 {
        let key = format!("aws/lambda/1/shardId-0/2026/11/20/{number:05}");
        account.bucket.put(&key, &failed(COUNT, &batch(&[number])));
    }
    assert!(list(&account).await.contains("StreamFailures -> the function that failed: 1000 letters and more"));
    assert_eq!(act(&account, None, Act::Drop).await.unwrap().len(), 1_000);
    assert_eq!(act(&account, None, Act::Drop).await.unwrap().len(), 5);
}
