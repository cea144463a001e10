//! Dead letters are a workflow: listed, shown, redriven and dropped by the tool that `cargo xtask dlq` runs.

use std::{
    collections::HashMap,
    path::PathBuf,
    process::{Command, Output},
};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::stack::{Shop, eventually};

/// The tool, as xtask runs it.
pub struct Tool(Vec<(String, String)>, PathBuf);

impl Tool {
    pub async fn of(shop: &Shop) -> Self {
        let environment = shop.stack().aws_environment();
        let mut environment: Vec<(String, String)> =
            environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        environment.push(("STACK_NAME".to_owned(), "jangteo".to_owned()));
        let binaries = local_stack::build(&["dead-letters"]).await.unwrap();
        Self(environment, binaries.path("dlq").expect("it is built").to_owned())
    }

    fn output(&self, arguments: &[&str]) -> Output {
        let Self(environment, path) = self;
        Command::new(path).args(arguments).envs(environment.iter().cloned()).output().unwrap()
    }

    /// The tool's output when it succeeds.
    pub fn run(&self, arguments: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.output(arguments);
        assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }

    /// The tool's error message when it fails.
    fn fail(&self, arguments: &[&str]) -> String {
        let Output { status, stderr, .. } = self.output(arguments);
        assert!(!status.success(), "{arguments:?}");
        String::from_utf8(stderr).unwrap()
    }

    /// The lines of a queue's letters.
    fn letters(&self, queue: &str) -> Vec<String> {
        let list = self.run(&["list", "--queue", queue]);
        list.lines().filter_map(|line| line.strip_prefix("  ")).map(str::to_owned).collect()
    }

    async fn wait_for(&self, queue: &str, count: usize) -> Vec<String> {
        eventually("the letters are there", || async {
            let letters = self.letters(queue);
            if letters.len() == count { Ok(letters) } else { Err(format!("{letters:?}")) }
        })
        .await
    }
}

fn id(line: &str) -> &str {
    line.split_whitespace().next().unwrap()
}

/// The letter of an order's event.
fn letter_of<'l>(letters: &'l [String], order: &str) -> &'l str {
    letters.iter().find(|line| line.contains(order)).map(|line| id(line)).unwrap()
}

const PLATFORM: &str = "DataPlatformDeadLetters";
const RELAY: &str = "RelayDeadLetters";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_listed_shown_redriven_and_dropped() {
    let topic = "arn:aws:sns:ap-northeast-2:000000000000:alarms";
    // All options of the template are switched on.
    let options = [("Alarms", "ALL"), ("ShowDashboard", "true"), ("DataLake", "true"), ("AlarmTopicArn", topic)];
    let shop = Shop::start_with("e2e-dead-letters", &options).await;
    let (api, tool) = (&shop.api, Tool::of(&shop).await);
    api.customers(1, 1_000_000).await;
    api.product("tea", 1_000, 1_000).await;
    let queues = tool.run(&["list"]);
    for empty in [
        "DataLakeDeadLetters -> ?: none",
        "DataPlatformDeadLetters -> DataPlatformQueue: none",
        "DeskDeadLetters -> Desk: none",
        "ExpiryDeadLetters -> Expiry: none",
        "NightlyFailures -> the function that failed: none",
        "PaymentRequestsDeadLetters -> PaymentRequests: none",
        "PaymentResultsDeadLetters -> PaymentResults: none",
        "RelayDeadLetters -> RelayEvents: none",
        "SalesDeadLetters -> CountSales: none",
        "ShippingInstructionsDeadLetters -> ShippingInstructions: none",
        "StreamFailures -> the function that failed: none",
    ] {
        assert!(queues.lines().any(|line| line == empty), "{empty}: {queues}");
    }

    // The platform refuses three orders for good.
    shop.data_platform_answers(400).await;
    let mut orders = Vec::new();
    for _ in 0..3 {
        orders.push(api.order("u0", "tea").await.data()["orderId"].as_str().unwrap().to_owned());
    }
    let letters = tool.wait_for(PLATFORM, 3).await;
    for (order, letter) in orders.iter().map(|order| (order, letter_of(&letters, order))) {
        let line = letters.iter().find(|line| id(line) == letter).unwrap();
        assert!(line.contains(&format!("  OrderPaid  {order}-1  the data platform answered 400: ")), "{line}");
    }
    let (first, second) = (letter_of(&letters, &orders[0]), letter_of(&letters, &orders[1]));
    let shown = tool.run(&["show", first]);
    let body: Value = serde_json::from_str(shown.splitn(3, '\n').nth(2).unwrap()).unwrap();
    assert_eq!((&body["detail"]["aggregateId"], &body["detail"]["data"]["paid"]), (&json!(orders[0]), &json!(4_000)));

    // A redrive without any change: the letter is back, with the reason, and no other has moved.
    tool.run(&["redrive", first]);
    let letters = eventually("it is back", || async {
        let letters = tool.letters(PLATFORM);
        let is_back = letters.len() == 3 && letters.iter().all(|line| id(line) != first);
        if is_back { Ok(letters) } else { Err(format!("{letters:?}")) }
    })
    .await;
    shop.data_platform_answers(200).await;
    let first = letter_of(&letters, &orders[0]);
    assert!(tool.run(&["redrive", first]).starts_with(&format!("redriven {PLATFORM} {first}")));
    shop.data_platform_holds(&orders[..1]).await;
    assert!(tool.fail(&["redrive", first]).contains("no such letter"));

    // One is dropped, the rest redriven.
    assert!(tool.run(&["drop", second]).starts_with(&format!("dropped {PLATFORM} {second}")));
    assert_eq!(tool.run(&["redrive", "--all"]).lines().count(), 1);
    shop.data_platform_holds(&[orders[0].clone(), orders[2].clone()]).await;
    assert_eq!(tool.letters(PLATFORM), [""; 0]);

    // The first record could not be read by the relay, and can be read now; the second still cannot.
    shop.forget_received().await;
    let sqs = aws_sdk_sqs::Client::new(&shop.aws());
    let record = record(&shop, &orders[1]).await;
    for body in [record.to_string(), json!({ "eventID": "poison" }).to_string()] {
        let url = shop.stack().output("RelayDeadLettersUrl").unwrap();
        sqs.send_message().queue_url(url).message_body(body).send().await.unwrap();
    }
    assert_eq!(tool.wait_for(RELAY, 2).await.iter().filter(|line| line.contains("INSERT ORDER#")).count(), 1);
    assert_eq!(tool.run(&["redrive", "--all", "--queue", RELAY]).lines().count(), 2);
    shop.data_platform_holds(&orders[1..2]).await;
    let left = tool.wait_for(RELAY, 1).await;
    assert!(left[0].contains("missing field"), "put aside again, with the reason: {left:?}");
    assert!(tool.fail(&["drop", "--all", "--queue", "Expiry"]).contains("no dead-letter queue Expiry"));
    assert_eq!(tool.run(&["drop", "--all", "--queue", RELAY]).lines().count(), 1);

    assert!(tool.run(&["list"]).lines().all(|line| line.ends_with(": none")));
    shop.audit().await;
    shop.stop().await;
}

/// The stream's record of an order's creation.
async fn record(shop: &Shop, order: &str) -> Value {
    let key = HashMap::from([("pk", format!("ORDER#{order}")), ("sk", "ORDER".to_owned())]);
    let key: HashMap<_, _> = key.into_iter().map(|(name, value)| (name.to_owned(), AttributeValue::S(value))).collect();
    let dynamodb = aws_sdk_dynamodb::Client::new(&shop.aws());
    let table = shop.stack().output("TableName").unwrap();
    let item = dynamodb.get_item().table_name(table).set_key(Some(key.clone())).send().await.unwrap().item.unwrap();
    json!({
        "eventID": "of-an-order", "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
        "awsRegion": "ap-northeast-2", "eventSourceARN": "arn",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_795_143_600, "Keys": map(&key), "NewImage": map(&item),
            "SequenceNumber": "7", "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    })
}

fn map(item: &HashMap<String, AttributeValue>) -> Value {
    item.iter().map(|(name, value)| (name.clone(), plain(value))).collect()
}

fn plain(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::Bool(is) => json!({ "BOOL": is }),
        AttributeValue::L(values) => json!({ "L": values.iter().map(plain).collect::<Vec<_>>() }),
        AttributeValue::M(fields) => json!({ "M": map(fields) }),
        other => panic!("an order has no {other:?}"),
    }
}
