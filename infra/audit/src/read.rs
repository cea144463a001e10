//! Reading a table whole.

use std::{error::Error, iter};

use aws_sdk_dynamodb::Client;

use crate::Auditor;

/// Items a page at most; DynamoDB ends a page at 1 MB besides. What is in memory at once is bounded by it.
const PAGE_ITEMS: i32 = 1_000;

/// The table could not be read to its end.
#[derive(Debug, thiserror::Error)]
#[error("the table {table} cannot be read: {reason}")]
pub struct ReadError {
    table: String,
    reason: String,
}

/// Feeds every item of a table to the auditor, page by page, reading strongly: what was acknowledged before a page is
/// read is in it.
///
/// # Errors
/// Where a page cannot be read. The auditor has then seen a part of the table only.
pub async fn read(client: &Client, table: &str, auditor: &mut Auditor) -> Result<(), ReadError> {
    let scan = client.scan().table_name(table).consistent_read(true).limit(PAGE_ITEMS);
    let mut pages = scan.into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| ReadError { table: table.to_owned(), reason: reason(&error) })?;
        page.items.unwrap_or_default().into_iter().for_each(|item| auditor.add(item));
    }
    Ok(())
}

/// An error and what caused it, in one line. The SDK's own description has the raw answer in it, and with that
/// perhaps the items of the table.
fn reason(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> =
        iter::successors(Some(error), |error| (*error).source()).map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
    use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
    use aws_smithy_types::body::SdkBody;
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use crate::Scope;

    /// A DynamoDB that answers with these, one after the other.
    fn dynamo(answers: Vec<(u16, Value)>) -> (Client, StaticReplayClient) {
        let event = |(status, body): (u16, Value)| {
            let request = http::Request::builder().body(SdkBody::empty()).unwrap();
            let answer = http::Response::builder().status(status).body(SdkBody::from(body.to_string())).unwrap();
            ReplayEvent::new(request, answer)
        };
        let replay = StaticReplayClient::new(answers.into_iter().map(event).collect());
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("ap-northeast-2"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .http_client(replay.clone());
        (Client::from_conf(config.build()), replay)
    }

    fn page(digest: &str) -> Value {
        let item = json!({ "pk": { "S": format!("COUNTED#{digest}") }, "sk": { "S": "COUNTED" } });
        json!({ "Items": [item], "Count": 1, "ScannedCount": 1 })
    }

    #[tokio::test]
    async fn reads_to_the_last_page_strongly() {
        let mut first = page("a");
        first["LastEvaluatedKey"] = json!({ "pk": { "S": "COUNTED#a" }, "sk": { "S": "COUNTED" } });
        let (client, replay) = dynamo(vec![(200, first), (200, page("b"))]);
        let mut auditor = Auditor::new(Scope::Everything);
        read(&client, "shop", &mut auditor).await.unwrap();
        assert_eq!(auditor.finish(Timestamp::UNIX_EPOCH).figures.items, 2);

        let sent = |index: usize| -> Value {
            let requests: Vec<_> = replay.actual_requests().collect();
            serde_json::from_slice(requests[index].body().bytes().unwrap()).unwrap()
        };
        assert_eq!(sent(0), json!({ "TableName": "shop", "ConsistentRead": true, "Limit": 1_000 }));
        assert_eq!(sent(1)["ExclusiveStartKey"]["pk"]["S"], "COUNTED#a");
    }

    #[tokio::test]
    async fn tells_why_it_cannot_read() {
        let refusal = json!({ "__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",
                              "message": "Requested resource not found" });
        let (client, _) = dynamo(vec![(400, refusal)]);
        let error = read(&client, "shop", &mut Auditor::new(Scope::Everything)).await.unwrap_err();
        let reason = "service error: ResourceNotFoundException: Requested resource not found";
        assert_eq!(error.to_string(), format!("the table shop cannot be read: {reason}"));
    }

    #[tokio::test]
    async fn tells_nothing_of_what_it_could_not_read() {
        let (client, _) = dynamo(vec![(200, json!({ "Items": [{ "name": { "S": 5 }, "email": { "S": "secret" } }] }))]);
        let error = read(&client, "shop", &mut Auditor::new(Scope::Everything)).await.unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
