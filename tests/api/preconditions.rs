//! `ETag` and `If-Match`: a change on the condition that the thing has not changed since it was read.

use futures::future::join_all;
use serde_json::{Value, json};
use tests::{Answer, Call, TABLE, TestShop};

fn etag(answer: &Answer) -> String {
    answer.headers["etag"].to_str().unwrap().to_owned()
}

async fn seeded_shop() -> TestShop {
    let shop = TestShop::with_instances(2);
    shop.customer("mina", 100_000).await;
    shop.product("tea", 1_000, 10).await;
    shop.coupon("welcome", 5).await;
    shop
}

/// The things that have a tag, each with a change of it.
const TAGGED: [(&str, &str, &str); 3] = [
    ("/users/mina", "name", "새 이름"),
    ("/products/tea", "description", "새 설명"),
    ("/coupons/welcome", "description", "새 설명"),
];

fn change(shop: &TestShop, path: &str, field: &str, text: &str) -> Call {
    shop.patch(path, json!({ field: text })).as_admin()
}

#[tokio::test]
async fn the_etag_is_equal_on_every_answer_and_changes_with_the_fields() {
    let shop = seeded_shop().await;
    for (path, field, text) in TAGGED {
        let read = etag(&shop.get(path).as_admin().await);
        assert!(read.starts_with('"') && read.ends_with('"') && read.len() == 34, "{read}");
        assert_eq!(etag(&shop.get(path).as_admin().await), read);
        shop.set_clock("2026-11-20T03:00:01Z");
        let changed = change(&shop, path, field, text).await;
        assert_ne!(etag(&changed), read);
        assert_eq!(etag(&shop.get(path).as_admin().await), etag(&changed));
        assert_eq!(changed.body["data"]["updatedAt"], "2026-11-20T03:00:01Z");
        shop.set_clock("2026-11-20T03:00:00Z");
    }
    let created = shop.post("/users", json!({ "userId": "jun", "name": "J", "email": "jun@example.com" })).await;
    assert_eq!(etag(&created), etag(&shop.get("/users/jun").as_admin().await));
    let suspended = shop.patch("/users/jun", json!({ "status": "SUSPENDED" })).as_admin().await;
    assert_ne!(etag(&suspended), etag(&created));
}

#[tokio::test]
async fn stock_and_counters_do_not_change_the_etag() {
    let shop = seeded_shop().await;
    let (tea, welcome) = (etag(&shop.get("/products/tea").await), etag(&shop.get("/coupons/welcome").as_admin().await));
    shop.order("mina", "tea", 10).await.expect(201);
    assert_eq!(shop.get("/products/tea").await.body["data"]["status"], "SOLD_OUT");
    assert_eq!(etag(&shop.get("/products/tea").await), tea);
    let restocked = shop.post("/products/tea/restock", json!({ "quantity": 5 })).as_admin().await;
    assert_eq!(etag(&restocked), tea);
    shop.issue("mina", "welcome").await.expect(201);
    let campaign = shop.get("/coupons/welcome").as_admin().await;
    assert_eq!((etag(&campaign), &campaign.body["data"]["issuedQuantity"]), (welcome, &json!(1)));
}

#[tokio::test]
async fn a_change_with_a_stale_etag_changes_nothing() {
    let shop = seeded_shop().await;
    for (path, field, text) in TAGGED {
        let stale = etag(&shop.get(path).as_admin().await);
        shop.set_clock("2026-11-20T03:00:01Z");
        let current = etag(&change(&shop, path, field, text).header("if-match", &stale).await);
        let refused = change(&shop, path, field, "zu spät").header("if-match", &stale).await;
        assert_eq!(refused.body["message"], "그 사이에 변경되었습니다.");
        refused.refused(412, "PRECONDITION_FAILED");
        assert_eq!(shop.get(path).as_admin().await.body["data"][field], text);
        for (header, status) in [
            (format!("W/{current}"), 412),
            (format!("W/{current}, {stale}"), 412),
            (format!("{stale}, {current}"), 200),
            ("*".to_owned(), 200),
        ] {
            // The clock stands still and the text is the same, so that the tag stays.
            let answer = change(&shop, path, field, text).header("if-match", &header).await;
            assert_eq!(answer.status, status, "{header}");
        }
        shop.set_clock("2026-11-20T03:00:00Z");
    }
}

#[tokio::test]
async fn a_precondition_must_be_well_formed_and_is_checked_after_the_access() {
    let shop = seeded_shop().await;
    for bad in ["abc", "", "\"a\" \"b\"", "w/\"a\"", "\"a"] {
        let answer = shop.patch("/users/mina", json!({ "name": "X", "bogus": 1 })).as_admin().header("if-match", bad);
        assert_eq!(answer.await.bad_fields(), ["If-Match", "bogus"], "{bad:?}");
    }
    let stale = "\"00000000000000000000000000000000\"";
    let rename = |path: &str| shop.patch(path, json!({ "name": "X" })).header("if-match", stale);
    rename("/users/mina").as_user("jun").await.refused(403, "FORBIDDEN");
    rename("/users/nobody").as_admin().await.refused(404, "ENTITY_NOT_FOUND");
    rename("/products/tea").as_seller("dabang").await.refused(404, "ENTITY_NOT_FOUND");
    // The tag is checked before any other state.
    shop.customer("jun", 0).await;
    let email = shop.patch("/users/mina", json!({ "email": "jun@example.com" })).as_admin();
    email.header("if-match", stale).await.refused(412, "PRECONDITION_FAILED");
}

/// Only one of many changes derived from the same state is made.
#[tokio::test]
async fn concurrent_changes_with_one_etag_are_made_once() {
    let shop = seeded_shop().await;
    for (path, field, _) in TAGGED {
        let tag = etag(&shop.get(path).as_admin().await);
        let calls = (0..10).map(|number| {
            let call = change(&shop, path, field, &format!("{number}")).header("if-match", &tag);
            async { call.await }
        });
        let answers = join_all(calls).await;
        let made: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(made.len(), 1, "{path}");
        assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 412)), "{path}");
        assert_eq!(shop.get(path).as_admin().await.body["data"][field], made[0].body["data"][field]);
    }
}

/// Records of the first stage have no instant of their last change: that of their creation stands in.
#[tokio::test]
async fn a_record_without_an_update_shows_its_creation() {
    let shop = seeded_shop().await;
    shop.set_clock("2026-11-21T00:00:00Z");
    for (pk, sk, path) in [
        ("USER#mina", "PROFILE", "/users/mina"),
        ("PRODUCT#tea", "PRODUCT", "/products/tea"),
        ("CAMPAIGN#welcome", "CAMPAIGN", "/coupons/welcome"),
    ] {
        let key = json!({ "pk": { "S": pk }, "sk": { "S": sk } });
        let forget = json!({ "TableName": TABLE, "Key": key, "UpdateExpression": "REMOVE updatedAt" });
        shop.dynamo().execute("UpdateItem", forget).unwrap();
        let answer = shop.get(path).as_admin().await;
        assert_eq!(answer.body["data"]["updatedAt"], "2026-11-20T03:00:00Z", "{path}");
        assert!(answer.headers.contains_key("etag"));
    }
    let campaign: Value = shop.get("/coupons/welcome").as_admin().await.expect(200);
    assert_eq!(campaign["createdAt"], "2026-11-20T03:00:00Z");
}
