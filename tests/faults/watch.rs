//! The watch over queues that only a person empties: it fails exactly if one has a message or cannot be looked at.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use functions::schedule::watch::Watch;
use serde_json::{Value, json};
use tests::{fakes::wire, permissions::running_as, template::template};

/// Queues by address, with their numbers of messages. One that is not among them does not exist.
#[derive(Debug, Clone, Default)]
struct Queues(Arc<Mutex<BTreeMap<String, u32>>>);

const FIRST: &str = "http://aws.test/0/ExpiryDeadLetters";
const NOTICES: &str = "http://aws.test/0/StreamFailureNotices";
const SECOND: &str = "http://aws.test/0/NightlyFailures";

impl Queues {
    fn set(&self, url: &str, messages: u32) {
        self.0.lock().unwrap().insert(url.to_owned(), messages);
    }

    async fn look(&self) -> Result<(), String> {
        self.look_at(&[FIRST.to_owned(), SECOND.to_owned()]).await
    }

    async fn look_at(&self, urls: &[String]) -> Result<(), String> {
        let client = aws_sdk_sqs::Client::new(&wire::to(self.clone()));
        let watch = Watch::new(client, urls.to_vec()).with_notices(Some(NOTICES.to_owned()));
        running_as("watch", watch.look()).await.map_err(|error| error.to_string())
    }
}

impl HttpConnector for Queues {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).expect("JSON");
        let url = body["QueueUrl"].as_str().expect("an address");
        let messages = self.0.lock().unwrap().get(url).copied();
        let (status, answer) = match messages {
            // The first message is S3's own, any other a notice.
            Some(messages) if operation == "AmazonSQS.ReceiveMessage" => {
                let message = |number: u32| {
                    let event = if number == 0 { "s3:TestEvent" } else { "ObjectCreated:Put" };
                    json!({ "ReceiptHandle": number.to_string(), "Body": json!({ "Event": event }).to_string() })
                };
                (200, json!({ "Messages": (0..messages).map(message).collect::<Vec<_>>() }))
            }
            Some(messages) if operation == "AmazonSQS.DeleteMessage" => {
                assert_eq!(body["ReceiptHandle"], "0");
                self.set(url, messages - 1);
                (200, json!({}))
            }
            Some(messages) => (200, json!({ "Attributes": { "ApproximateNumberOfMessages": messages.to_string() } })),
            None => (400, json!({ "__type": "com.amazonaws.sqs#QueueDoesNotExist" })),
        };
        let answer = SdkBody::from(answer.to_string());
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status.try_into().expect("a status"), answer)))
    }
}

#[tokio::test]
async fn a_message_in_any_queue_fails_the_watch() {
    let queues = Queues::default();
    queues.set(FIRST, 0);
    queues.set(SECOND, 0);
    assert_eq!(queues.look().await, Ok(()));
    queues.set(SECOND, 1);
    assert_eq!(queues.look().await, Err("queues that need a person: 1".to_owned()));
    queues.set(FIRST, 20);
    assert_eq!(queues.look().await, Err("queues that need a person: 2".to_owned()));
}

/// With every option on, all queues of the function's environment are looked at under its role.
#[tokio::test]
async fn every_queue_of_the_environment_is_watched() {
    let variables = &template()["Resources"]["Watch"]["Properties"]["Environment"]["Variables"];
    let listed = variables["WATCHED_QUEUES"]["Fn::Join"][1].as_array().unwrap();
    let names = listed.iter().map(|queue| queue.pointer("/Fn::If/1").unwrap_or(queue)["Ref"].as_str().unwrap());
    let urls: Vec<String> = names.map(|name| format!("http://aws.test/0/{name}")).collect();
    assert!(urls.len() > 8, "{urls:?}");
    let queues = Queues::default();
    urls.iter().for_each(|url| queues.set(url, 0));
    for url in urls.iter().filter(|url| *url != NOTICES) {
        assert_eq!(queues.look_at(&urls).await, Ok(()), "{url}");
        queues.set(url, 1);
        assert_eq!(queues.look_at(&urls).await, Err("queues that need a person: 1".to_owned()), "{url}");
        queues.set(url, 0);
    }
}

/// S3 sends a message when the bucket's notifications are set. It is no notice of a failure.
#[tokio::test]
async fn the_test_message_of_s3_fails_no_watch() {
    let queues = Queues::default();
    queues.set(NOTICES, 1);
    assert_eq!(queues.look_at(&[NOTICES.to_owned()]).await, Ok(()));
    assert_eq!(queues.0.lock().unwrap()[NOTICES], 0);
    queues.set(NOTICES, 2);
    assert_eq!(queues.look_at(&[NOTICES.to_owned()]).await, Err("queues that need a person: 1".to_owned()));
}

#[tokio::test]
async fn a_queue_that_cannot_be_looked_at_fails_the_watch_and_hides_no_other() {
    let queues = Queues::default();
    queues.set(SECOND, 0);
    assert_eq!(queues.look().await, Err("queues that need a person: 1".to_owned()));
    queues.set(SECOND, 3);
    assert_eq!(queues.look().await, Err("queues that need a person: 2".to_owned()));
}
