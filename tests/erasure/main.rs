//! Nothing personal is left of a user who withdrew, anywhere. A program of its own, for a program has one log.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use shared::{app::PeoplePolicy, lambda::telemetry::Telemetry};
use tests::{
    Bus, TABLE, TestShop,
    fakes::{event_source::EventSource, queue::DeadLetterQueue},
    steps::{cancel, id, move_along},
};

/// Keeps the written text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Parts of all data that the user gives. No other text has them.
const DATA: [&str; 4] = ["숨은", "hidden", "7777", "8888"];

fn assert_absent(place: &str, text: &str) {
    // Ids and digests have digits by chance, but no four of one kind between other characters of a number.
    for datum in DATA {
        let is_there = text.contains(datum) && !datum.chars().all(|c| c.is_ascii_digit());
        let is_there = is_there || text.contains(&format!("-{datum}"));
        assert!(!is_there, "{datum} is in {place}: {text}");
    }
}

fn streamed(shop: &TestShop) -> String {
    let run = |operation: &str, request: Value| shop.dynamo().execute(operation, request).unwrap();
    let stream = run("DescribeTable", json!({ "TableName": TABLE }))["Table"]["LatestStreamArn"].clone();
    let shard =
        run("DescribeStream", json!({ "StreamArn": stream }))["StreamDescription"]["Shards"][0]["ShardId"].clone();
    let begin = json!({ "StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
    let mut iterator = run("GetShardIterator", begin)["ShardIterator"].clone();
    let mut all = String::new();
    loop {
        let page = run("GetRecords", json!({ "ShardIterator": iterator, "Limit": 100 }));
        if page["Records"].as_array().is_none_or(Vec::is_empty) {
            return all;
        }
        all.push_str(&page["Records"].to_string());
        iterator = page["NextShardIterator"].clone();
    }
}

#[tokio::test]
async fn nothing_personal_is_left_of_a_user_who_withdrew() {
    let log = Log::default();
    let writer = log.clone();
    Telemetry::start_with(move || writer.clone()).unwrap();
    let shop = TestShop::new().with_people(PeoplePolicy::DEFAULT);
    shop.product("tea", 1_000, 100).await;
    let address = json!({ "name": "숨은받는이", "phone": "02-7777-1", "postcode": "1-7777", "line1": "숨은길 1", "note": "숨은메모" });
    let mina = json!({
        "userId": "mina", "name": "숨은이름", "email": "hidden@example.com", "phone": "010-7777-7777", "address": address,
    });
    shop.post("/users", mina).await.expect(201);
    let charge = json!({ "userId": "mina", "amount": 100_000, "reason": "숨은사유" });
    shop.post("/balance/charge", charge).as_admin().await.expect(200);
    let delivered = shop.order("mina", "tea", 1).await.expect(201);
    let changed = json!({ "shipTo": { "line1": "숨은길 2", "postcode": "2-8888" } });
    shop.patch(&format!("/orders/{}", id(&delivered)), changed).as_user("mina").await.expect(200);
    move_along(&shop, &delivered, "1", &["SHIPPED", "IN_DELIVERY", "DELIVERED"]).await;
    let cancelled = shop.order("mina", "tea", 1).await.expect(201);
    cancel(&shop, "mina", &cancelled, json!({ "reason": "숨은까닭" })).await.expect(200);
    let account = json!({ "bank": "숨은은행", "number": "110-8888-1", "holder": "숨은예금주" });
    let cash = json!({ "userId": "mina", "amount": 1_000, "account": account });
    let cash = shop.post("/balance/withdrawals", cash).as_user("mina").await.expect(201);
    let path = format!("/balance/withdrawals/{}", cash["withdrawalId"].as_str().unwrap());
    shop.patch(&path, json!({ "status": "PAID_OUT" })).as_admin().await.expect(200);
    shop.get("/users?email=hidden@example.com").as_admin().await.expect(200);
    shop.set_clock("2026-11-20T03:00:01Z");
    let mine = json!({ "of": "MINE", "from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z" });
    shop.post("/exports", mine.clone()).as_user("mina").await.expect(202);
    shop.settle().await;
    let files = shop.bucket.texts();
    assert!(files.values().any(|file| file.contains("숨은이름") && file.contains("110-8888-1")), "{files:?}");
    // Another one is under way.
    shop.post("/exports", mine).as_user("mina").await.expect(202);
    shop.post("/users/mina/withdraw", json!({ "forfeit": true })).as_user("mina").await.expect(200);

    let (bus, dead_letters) = (Bus::default(), DeadLetterQueue::default());
    let relay = bus.relay(&dead_letters);
    EventSource::new("RelayEvents", shop.dynamo().clone()).run(|batch| relay.handle(batch)).await;
    let events = bus.taken();
    assert!(events.len() > 5, "{events:?}");
    events.iter().for_each(|event| assert_absent("an event", &event.to_string()));
    let items = shop.dynamo().execute("Scan", json!({ "TableName": TABLE })).unwrap()["Items"].to_string();
    assert_absent("the table", &items);
    assert!(!items.contains("\"KEY\"") && !items.contains("ADDRESS#") && !items.contains("PHONE#"), "{items}");
    assert_absent("the stream", &streamed(&shop));
    shop.settle().await;
    shop.bucket.texts().values().for_each(|file| assert_absent("a file", file));
    let lines = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(lines.contains("POST /orders 201"), "{lines}");
    assert_absent("the log", &lines);

    // What is left can be read, and is empty.
    let order = shop.get(&format!("/orders/{}", id(&delivered))).as_admin().await.expect(200);
    assert_eq!((&order["shipTo"], &order["status"]), (&Value::Null, &json!("COMPLETED")));
    let history = shop.get(&format!("/orders/{}/history", id(&cancelled))).as_admin().await.expect(200);
    let ledger = shop.get("/balance/mina/entries").as_admin().await.expect(200);
    let withdrawal = shop.get(&path).as_admin().await.expect(200);
    for answer in [&history, &ledger, &withdrawal] {
        assert_absent("an answer", &answer.to_string());
    }
    assert_eq!(withdrawal["account"], json!({ "bank": "", "number": "", "holder": "" }));
    shop.audit().await;
}
