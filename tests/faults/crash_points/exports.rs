//! Tasks of exports. The file of an export that died on the way is compared in `exports.rs`.

use functions::{
    export_messages::{EXPORT_DUE, USER_ERASED},
    queue::build_exports,
};
use serde_json::{Value, json};
use tests::{Call, TestShop, fakes::queue::batch};

use super::{
    Scenario, Stage, api, comparable,
    prepared::{seed_data, with_nothing},
    scenario,
};

fn begin(shop: &TestShop) -> Call {
    let body = json!({ "of": "MINE", "from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z" });
    shop.post("/exports", body).as_user("mina").key("export")
}

/// An export that was begun.
async fn with_export(shop: TestShop) -> Value {
    seed_data(shop.clone()).await;
    begin(&shop).await.expect(202)
}

/// An export with its file.
async fn with_file(shop: TestShop) -> Value {
    let export = with_export(shop.clone()).await;
    shop.settle().await;
    export
}

/// An export of a user who was erased before its first step.
async fn with_erased_user(shop: TestShop) -> Value {
    with_nothing(shop.clone()).await;
    let export = begin(&shop).await.expect(202);
    shop.bucket.put("users/mina/file", "personal");
    shop.post("/users/mina/withdraw", json!({})).as_user("mina").await.expect(200);
    shop.set_clock("2026-11-20T05:00:00Z");
    export
}

/// Hands a message over that says nothing new, too.
async fn build(stage: Stage, kind: &str, message: Value) -> Value {
    let queue = stage.waits.queue_over(stage.deaths.sqs(stage.waits.clone()));
    let messages = batch("jangteo.orders", &[(kind, message)]);
    let answer = build_exports::handle(stage.shop.instance(), &queue, messages).await.unwrap();
    json!({ "failures": answer.batch_item_failures.len() })
}

pub fn scenarios() -> Vec<Scenario> {
    let due = |export: &Value, version: u64| json!({ "exportId": export["exportId"], "version": version, "changedAt": 1_795_143_600_000_i64 });
    vec![
        api("create-export", "one's own data", seed_data, |shop, _| begin(shop)),
        scenario("get-export", "a link", with_file, |stage: Stage| async move {
            let path = format!("/exports/{}", stage.given["exportId"].as_str().unwrap());
            let mut answer = comparable(stage.shop.get(&path).as_admin().await);
            // A link has the instant of its signature.
            let link = answer["body"]["data"]["link"].take();
            answer["linkIsThere"] = json!(link.is_string());
            answer
        }),
        scenario("build-exports", "a part", with_export, move |stage: Stage| async move {
            let message = due(&stage.given, 1);
            build(stage, EXPORT_DUE, message).await
        }),
        scenario("build-exports", "the file", with_export, move |stage: Stage| async move {
            for version in 1..=2 {
                let message = due(&stage.given, version);
                build(stage.clone(), EXPORT_DUE, message).await;
            }
            Value::Null
        }),
        scenario("build-exports", "the files of an erased user", with_erased_user, |stage: Stage| async move {
            let message = json!({ "userId": "mina", "at": 1_795_143_600_000_i64 });
            let done = build(stage.clone(), USER_ERASED, message).await;
            json!({ "done": done, "files": stage.shop.bucket.texts() })
        }),
    ]
}
