//! The replay of examples against an emulator of DynamoDB.

use std::{collections::BTreeSet, time::Duration};

use reqwest::Client;
use serde_json::{Value, json};

use super::{
    Example,
    compare::{self, error_of},
    explanations::Difference,
    record::keys_of,
};
use crate::{TABLE, template};

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// The interval between two looks at a table that is being made.
const POLL: Duration = Duration::from_millis(10);

/// The most writes of one BatchWriteItem, and the most keys of one BatchGetItem.
const BATCH: (usize, usize) = (25, 100);

/// An emulator of DynamoDB over HTTP.
#[derive(Debug, Clone)]
pub struct Emulator {
    name: &'static str,
    url: String,
    /// Without them, the actions of a transaction are sent one by one.
    has_transactions: bool,
    client: Client,
}

type Answer = Result<(u16, Value), reqwest::Error>;

impl Emulator {
    /// moto, in its server mode.
    ///
    /// # Errors
    /// If no client can be made.
    pub fn moto(url: String) -> Result<Self, reqwest::Error> {
        Self::new("moto", url, true)
    }

    /// dynalite, which has no transactions.
    ///
    /// # Errors
    /// If no client can be made.
    pub fn dynalite(url: String) -> Result<Self, reqwest::Error> {
        Self::new("dynalite", url, false)
    }

    fn new(name: &'static str, url: String, has_transactions: bool) -> Result<Self, reqwest::Error> {
        let client = Client::builder().no_proxy().timeout(PATIENCE).build()?;
        Ok(Self { name, url, has_transactions, client })
    }

    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Makes the table of the template anew, without its stream: moto copies all of it for each transaction.
    ///
    /// # Errors
    /// If the emulator does not answer.
    pub async fn create_table(&self) -> Answer {
        self.send("DeleteTable", &json!({ "TableName": TABLE })).await?;
        let mut table = template::create_table(TABLE);
        table["StreamSpecification"] = json!({ "StreamEnabled": false });
        let created = self.send("CreateTable", &table).await?;
        while self.send("DescribeTable", &json!({ "TableName": TABLE })).await?.1["Table"]["TableStatus"] == "CREATING"
        {
            tokio::time::sleep(POLL).await;
        }
        Ok(created)
    }

    /// Sends a request as it is. Neither emulator checks a signature; both read the region from one.
    ///
    /// # Errors
    /// If the emulator does not answer.
    pub async fn send(&self, operation: &str, request: &Value) -> Answer {
        let scope = "Credential=test/20261120/ap-northeast-2/dynamodb/aws4_request";
        let answer = self
            .client
            .post(&self.url)
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-date", "20261120T030000Z")
            .header("authorization", format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"))
            .body(request.to_string())
            .send()
            .await?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or_else(|_| json!({ "__type": "no JSON", "message": text }))))
    }

    /// Replays an example in an empty table, and returns the differences. The table is empty again afterwards.
    ///
    /// # Errors
    /// If the emulator does not answer.
    pub async fn replay(&self, example: &Example) -> Result<Vec<Difference>, reqwest::Error> {
        let found = match self.put(&example.before).await? {
            Some(refusal) => vec![format!("refuses the items before: {refusal}")],
            None => self.compare(example).await?,
        };
        self.clear(example).await?;
        let difference = |difference| Difference {
            emulator: self.name.to_owned(),
            difference,
            kind: example.kind.clone(),
            outcome: example.outcome.clone(),
        };
        Ok(found.into_iter().map(difference).collect())
    }

    async fn compare(&self, example: &Example) -> Result<Vec<String>, reqwest::Error> {
        if !self.has_transactions && example.request["TransactItems"].is_array() {
            return self.compare_singly(example).await;
        }
        let Example { operation, request, status, answer, .. } = example;
        let (found, body) = self.send(operation, request).await?;
        let mut differences = compare::differences(operation, request, (*status, answer), (found, &body));
        if differences.is_empty() && is_write(example) {
            differences.extend(self.compare_items(example).await?);
        }
        Ok(differences)
    }

    /// Sends the actions of a transaction one by one. Each has a verdict of its own in the embedded answer.
    async fn compare_singly(&self, example: &Example) -> Result<Vec<String>, reqwest::Error> {
        let reasons = example.answer["CancellationReasons"].as_array();
        if example.status != 200 && reasons.is_none() {
            // The transaction as a whole was refused.
            return Ok(Vec::new());
        }
        let mut differences = BTreeSet::new();
        let actions = example.request["TransactItems"].as_array().into_iter().flatten();
        for (number, action) in actions.enumerate() {
            let Some((verb, action)) = action.as_object().and_then(|fields| fields.iter().next()) else { continue };
            let (operation, request) = single(verb, action);
            let (status, body) = self.send(operation, &request).await?;
            let reason = reasons.and_then(|reasons| reasons[number]["Code"].as_str()).unwrap_or("None");
            let code = match (status, error_of(&body)) {
                (200, _) => "None",
                (_, Some("ConditionalCheckFailedException")) => "ConditionalCheckFailed",
                (_, Some("ValidationException")) => "ValidationError",
                (_, error) => error.unwrap_or_default(),
            };
            if code != reason {
                let message = body["message"].as_str().map(|text| format!(" ({text})")).unwrap_or_default();
                differences.insert(format!("answers {code} instead of {reason} to a single {verb}{message}"));
            }
            if verb == "Get" && body["Item"] != example.answer["Responses"][number]["Item"] {
                differences.insert("answers with another Item to a single Get".to_owned());
            }
            if verb == "ConditionCheck" && code == "None" {
                // It was sent as a deletion.
                let key = &request["Key"];
                let items: Vec<Value> = example.before.iter().filter(|item| is_at(item, key)).cloned().collect();
                self.put(&items).await?;
            }
        }
        if differences.is_empty() && is_write(example) && example.status == 200 {
            differences.extend(self.compare_items(example).await?);
        }
        Ok(differences.into_iter().collect())
    }

    /// Compares the items after a write.
    async fn compare_items(&self, example: &Example) -> Result<Option<String>, reqwest::Error> {
        let mut items = Vec::new();
        for keys in keys_of(&example.request).chunks(BATCH.1) {
            let request = json!({ "RequestItems": { TABLE: { "Keys": keys, "ConsistentRead": true } } });
            let (status, body) = self.send("BatchGetItem", &request).await?;
            if status != 200 {
                return Ok(Some(format!("cannot read the items after: {}", error_of(&body).unwrap_or_default())));
            }
            items.extend(body["Responses"][TABLE].as_array().cloned().unwrap_or_default());
        }
        let is_same = compare::same_items(&example.after, &items);
        Ok((!is_same).then(|| "leaves other items".to_owned()))
    }

    /// Puts items, and returns the refusal if there is one.
    async fn put(&self, items: &[Value]) -> Result<Option<String>, reqwest::Error> {
        let puts: Vec<Value> = items.iter().map(|item| json!({ "PutRequest": { "Item": item } })).collect();
        self.write(&puts).await
    }

    /// Deletes the items that an example may have left.
    async fn clear(&self, example: &Example) -> Result<(), reqwest::Error> {
        let of_items = example.before.iter().chain(&example.after);
        let keys = of_items.map(|item| json!({ "pk": item["pk"], "sk": item["sk"] }));
        let keys = keys.chain(keys_of(&example.request).into_iter().filter(|_| is_write(example)));
        let keys: BTreeSet<String> = keys.map(|key| key.to_string()).collect();
        let delete = |key: &String| {
            let key: Value = serde_json::from_str(key).unwrap();
            json!({ "DeleteRequest": { "Key": key } })
        };
        let deletes: Vec<Value> = keys.iter().map(delete).collect();
        if self.write(&deletes).await?.is_some() {
            self.create_table().await?;
        }
        Ok(())
    }

    async fn write(&self, writes: &[Value]) -> Result<Option<String>, reqwest::Error> {
        for batch in writes.chunks(BATCH.0) {
            let (status, body) = self.send("BatchWriteItem", &json!({ "RequestItems": { TABLE: batch } })).await?;
            if status != 200 {
                return Ok(Some(body["message"].as_str().unwrap_or_default().to_owned()));
            }
        }
        Ok(None)
    }
}

fn is_write(example: &Example) -> bool {
    matches!(example.operation.as_str(), "UpdateItem" | "TransactWriteItems")
}

fn is_at(item: &Value, key: &Value) -> bool {
    item["pk"] == key["pk"] && item["sk"] == key["sk"]
}

/// The operation with the effect of one action. A check becomes a deletion, which has the same condition.
fn single<'a>(verb: &str, action: &Value) -> (&'a str, Value) {
    let operation = match verb {
        "Put" => "PutItem",
        "Update" => "UpdateItem",
        "Get" => "GetItem",
        _ => "DeleteItem",
    };
    (operation, action.clone())
}

#[cfg(test)]
mod tests {
    use axum::{Router, http::HeaderMap, http::StatusCode, routing::post};

    use super::*;
    use crate::Dynamo;

    /// An emulator that answers as the embedded DynamoDB does.
    async fn emulator(has_transactions: bool) -> Emulator {
        let dynamo = Dynamo::new();
        let answer = async move |headers: HeaderMap, body: String| {
            let target = headers["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap().to_owned();
            let answer = match target.as_str() {
                // Single writes are not embedded. Each is the only action of a transaction.
                "PutItem" | "DeleteItem" => {
                    let action =
                        json!({ target.trim_end_matches("Item"): serde_json::from_str::<Value>(&body).unwrap() });
                    dynamo
                        .execute("TransactWriteItems", json!({ "TransactItems": [action] }))
                        .map_err(|(status, _)| (status, json!({ "__type": "x#ConditionalCheckFailedException" })))
                }
                _ => dynamo.execute(&target, serde_json::from_str(&body).unwrap()),
            };
            let (status, body) = answer.map_or_else(|refusal| refusal, |body| (200, body));
            (StatusCode::from_u16(status).unwrap(), body.to_string())
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(answer))).await });
        let emulator = Emulator::new("moto", url, has_transactions).unwrap();
        assert_eq!(emulator.create_table().await.unwrap().0, 200);
        emulator
    }

    fn account(balance: i64) -> Value {
        json!({ "pk": { "S": "USER#1" }, "sk": { "S": "ACCOUNT" }, "balance": { "N": balance.to_string() } })
    }

    /// A withdrawal of 7 from a balance of 10, as the embedded DynamoDB answers it.
    fn withdrawal() -> Example {
        let update = json!({
            "TableName": TABLE,
            "Key": { "pk": { "S": "USER#1" }, "sk": { "S": "ACCOUNT" } },
            "UpdateExpression": "SET balance = balance - :amount",
            "ConditionExpression": "balance >= :amount",
            "ExpressionAttributeValues": { ":amount": { "N": "7" } },
        });
        Example {
            kind: "TransactWriteItems Update USER#*/ACCOUNT".to_owned(),
            outcome: "done".to_owned(),
            operation: "TransactWriteItems".to_owned(),
            request: json!({ "TransactItems": [{ "Update": update }] }),
            before: vec![account(10)],
            after: vec![account(3)],
            status: 200,
            answer: json!({}),
        }
    }

    async fn found(emulator: &Emulator, example: &Example) -> Vec<String> {
        let found = emulator.replay(example).await.unwrap();
        found.into_iter().map(|found| found.difference).collect()
    }

    #[tokio::test]
    async fn a_planted_wrong_answer_is_found() {
        let emulator = emulator(true).await;
        let right = withdrawal();
        assert!(found(&emulator, &right).await.is_empty());

        let refused = json!({ "__type": "x#TransactionCanceledException" });
        let wrong = Example { status: 400, answer: refused, ..right.clone() };
        assert_eq!(found(&emulator, &wrong).await, ["answers 200 instead of 400 TransactionCanceledException"]);
        let wrong = Example { after: vec![account(4)], ..right.clone() };
        assert_eq!(found(&emulator, &wrong).await, ["leaves other items"]);
        let wrong = Example { after: Vec::new(), ..right.clone() };
        assert_eq!(found(&emulator, &wrong).await, ["leaves other items"]);
        let poor = Example { before: vec![account(6)], ..right.clone() };
        let differences = found(&emulator, &poor).await;
        assert!(
            differences[0].starts_with("answers 400 TransactionCanceledException instead of 200"),
            "{differences:?}"
        );
        // Nothing of the wrong ones is left.
        assert!(found(&emulator, &right).await.is_empty());
    }

    #[tokio::test]
    async fn actions_of_a_transaction_are_compared_one_by_one() {
        let emulator = emulator(false).await;
        let mut right = withdrawal();
        let check = json!({
            "TableName": TABLE,
            "Key": { "pk": { "S": "USER#2" }, "sk": { "S": "ACCOUNT" } },
            "ConditionExpression": "attribute_exists(pk)",
        });
        let mut other = account(5);
        other["pk"]["S"] = json!("USER#2");
        right.request["TransactItems"].as_array_mut().unwrap().push(json!({ "ConditionCheck": check }));
        right.before.push(other.clone());
        right.after.push(other);
        assert!(found(&emulator, &right).await.is_empty());

        let mut wrong = right.clone();
        wrong.before.pop();
        let differences = found(&emulator, &wrong).await;
        assert_eq!(differences, ["answers ConditionalCheckFailed instead of None to a single ConditionCheck"]);
        wrong = right.clone();
        wrong.after = vec![account(4)];
        assert_eq!(found(&emulator, &wrong).await, ["leaves other items"]);
    }
}
