//! `PATCH /coupons/{couponId}`

use serde_json::{Value, json};
use tests::{Answer, Call, TestShop, steps::wait};

fn change(shop: &TestShop, body: Value) -> Call {
    shop.patch("/coupons/welcome", body).as_admin()
}

fn etag(answer: &Answer) -> String {
    answer.headers["etag"].to_str().unwrap().to_owned()
}

async fn shop_with_users() -> TestShop {
    let shop = TestShop::with_instances(2);
    for user in ["mina", "jun", "sora"] {
        shop.customer(user, 50_000).await;
    }
    shop
}

#[tokio::test]
async fn a_paused_campaign_issues_nothing_and_its_coupons_stay_usable() {
    let shop = shop_with_users().await;
    shop.product("tea", 10_000, 5).await;
    shop.coupon("welcome", 5).await;
    shop.issue("mina", "welcome").await.expect(201);
    let paused = change(&shop, json!({ "status": "PAUSED" })).await.expect(200);
    assert_eq!((&paused["status"], &paused["issuedQuantity"]), (&json!("PAUSED"), &json!(1)));
    // Both instances have cached the campaign, or are going to.
    for user in ["jun", "sora", "jun"] {
        shop.issue(user, "welcome").await.refused(409, "COUPON_NOT_ISSUABLE");
    }
    shop.issue("mina", "welcome").await.refused(409, "COUPON_ALREADY_ISSUED");
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let order = json!({ "userId": "mina", "items": items, "couponId": "welcome" });
    assert_eq!(shop.post("/orders", order).await.expect(201)["couponDiscount"], 1_000);

    assert_eq!(change(&shop, json!({ "status": "ACTIVE" })).await.expect(200)["status"], "ACTIVE");
    wait(&shop, 1_000);
    shop.issue("jun", "welcome").await.expect(201);
    assert_eq!(change(&shop, json!({ "status": "ENDED" })).await.expect(200)["status"], "ENDED");
    shop.issue("sora", "welcome").await.refused(409, "COUPON_NOT_ISSUABLE");
    shop.audit().await;
}

#[tokio::test]
async fn the_end_of_a_campaign_is_final() {
    let shop = shop_with_users().await;
    shop.coupon("welcome", 5).await;
    change(&shop, json!({ "status": "ENDED" })).await.expect(200);
    for body in [
        json!({ "status": "ACTIVE" }),
        json!({ "status": "PAUSED" }),
        json!({ "issueUntil": "2026-12-24T00:00:00Z" }),
        json!({ "status": "ENDED", "issueUntil": "2026-12-24T00:00:00Z" }),
    ] {
        let details = change(&shop, body).await.refused(409, "ORDER_STATE_CONFLICT");
        assert_eq!(details, json!({ "couponId": "welcome", "status": "ENDED", "allowed": [] }));
    }
    change(&shop, json!({ "addQuantity": 1 })).key("k").await.refused(409, "ORDER_STATE_CONFLICT");
    change(&shop, json!({ "status": "ENDED", "description": "끝났습니다" })).await.expect(200);
    shop.audit().await;
}

#[tokio::test]
async fn added_coupons_can_all_be_issued() {
    let shop = shop_with_users().await;
    shop.campaign("welcome", 1, json!({ "kind": "FIXED", "value": 1_000 })).await;
    shop.issue("mina", "welcome").await.expect(201);
    shop.issue("jun", "welcome").await.refused(409, "COUPON_SOLD_OUT");
    let add = || change(&shop, json!({ "addQuantity": 1 }));
    assert_eq!(add().await.bad_fields(), ["Idempotency-Key"]);
    assert_eq!(add().header("if-match", "*").await.bad_fields(), ["Idempotency-Key"]);
    let added = add().key("k").await.expect(200);
    assert_eq!((&added["totalQuantity"], &added["remainingQuantity"]), (&json!(2), &json!(1)));
    // A repetition adds nothing, and shows the campaign as it is.
    assert_eq!(add().key("k").await.expect(200), added);
    change(&shop, json!({ "addQuantity": 2 })).key("k").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    wait(&shop, 1_000);
    shop.issue("jun", "welcome").await.expect(201);
    wait(&shop, 1_000);
    shop.issue("sora", "welcome").await.refused(409, "COUPON_SOLD_OUT");

    let tag = etag(&shop.get("/coupons/welcome").as_admin().await);
    assert_eq!(add().header("if-match", &tag).await.expect(200)["totalQuantity"], 3);
    add().header("if-match", &tag).await.refused(412, "PRECONDITION_FAILED");
    wait(&shop, 1_000);
    shop.issue("sora", "welcome").await.expect(201);
    assert_eq!(change(&shop, json!({ "addQuantity": 0 })).await.expect(200)["totalQuantity"], 3);
    let too_many = change(&shop, json!({ "addQuantity": 9_999_998 })).key("many").await;
    assert_eq!(too_many.bad_fields(), ["addQuantity"]);
    shop.audit().await;
}

#[tokio::test]
async fn coupons_are_added_to_all_counters() {
    let shop = shop_with_users().await;
    shop.campaign("welcome", 10, json!({ "kind": "FIXED", "value": 1_000, "counterShards": 3 })).await;
    let added = change(&shop, json!({ "addQuantity": 5 })).key("k").await.expect(200);
    assert_eq!((&added["totalQuantity"], &added["remainingQuantity"]), (&json!(15), &json!(15)));
    let added = change(&shop, json!({ "addQuantity": 1, "status": "PAUSED" })).key("l").await.expect(200);
    assert_eq!((&added["totalQuantity"], &added["remainingQuantity"]), (&json!(16), &json!(16)));
    shop.audit().await;
}

#[tokio::test]
async fn the_end_of_the_issue_moves_both_ways() {
    let shop = shop_with_users().await;
    shop.coupon("welcome", 5).await;
    for user in ["mina", "mina"] {
        shop.issue(user, "welcome").await;
    }
    // Earlier: at once, although both instances have cached the campaign.
    change(&shop, json!({ "issueUntil": "2026-11-20T03:00:00Z" })).await.expect(200);
    shop.issue("jun", "welcome").await.refused(409, "COUPON_NOT_ISSUABLE");
    shop.issue("sora", "welcome").await.refused(409, "COUPON_NOT_ISSUABLE");
    // Later: within a second, also long after the first end.
    change(&shop, json!({ "issueUntil": "2027-02-01T00:00:00Z" })).await.expect(200);
    shop.set_clock("2027-01-31T23:59:59.999Z");
    shop.issue("jun", "welcome").await.expect(201);
    shop.set_clock("2027-02-01T00:00:00Z");
    shop.issue("sora", "welcome").await.refused(409, "COUPON_NOT_ISSUABLE");
    assert_eq!(change(&shop, json!({ "issueUntil": "2026-11-01T00:00:00Z" })).await.bad_fields(), ["issueUntil"]);
    shop.audit().await;
}

#[tokio::test]
async fn no_coupon_is_issued_after_it_has_expired() {
    let shop = shop_with_users().await;
    let fixed = json!({
        "couponId": "welcome", "name": "X", "kind": "FIXED", "value": 1_000, "totalQuantity": 1,
        "issueFrom": "2026-11-01T00:00:00Z", "issueUntil": "2026-12-01T00:00:00Z", "validUntil": "2026-12-24T00:00:00Z",
    });
    shop.post("/coupons", fixed).as_admin().await.expect(201);
    let until = |text: &str| change(&shop, json!({ "issueUntil": text }));
    assert_eq!(until("2026-12-24T00:00:00.001Z").await.bad_fields(), ["issueUntil"]);
    assert_eq!(until("2026-12-24T00:00:00Z").await.expect(200)["issueUntil"], "2026-12-24T00:00:00Z");
    shop.audit().await;
}

#[tokio::test]
async fn issued_coupons_show_the_description_of_their_issue() {
    let shop = shop_with_users().await;
    shop.campaign("welcome", 5, json!({ "kind": "FIXED", "value": 1_000, "description": "첫 주문에" })).await;
    assert_eq!(shop.issue("mina", "welcome").await.expect(201)["description"], "첫 주문에");
    assert_eq!(shop.issue("jun", "welcome").await.expect(201)["description"], "첫 주문에");
    assert_eq!(
        change(&shop, json!({ "description": "두 번째 주문에" })).await.expect(200)["description"],
        "두 번째 주문에"
    );
    // Each instance has cached the campaign, and sees by the ticket that it has changed.
    assert_eq!(shop.issue("sora", "welcome").await.expect(201)["description"], "두 번째 주문에");
    let mina = shop.get("/coupons?userId=mina").await.expect(200);
    assert_eq!(mina["items"][0]["description"], "첫 주문에");
    assert!(change(&shop, json!({ "description": null })).await.expect(200)["description"].is_null());
    shop.audit().await;
}

#[tokio::test]
async fn campaigns_are_changed_by_admins_only_and_by_known_fields() {
    let shop = shop_with_users().await;
    shop.coupon("welcome", 5).await;
    let pause = json!({ "status": "PAUSED" });
    shop.patch("/coupons/welcome", pause.clone()).as_user("mina").await.refused(403, "FORBIDDEN");
    shop.patch("/coupons/welcome", pause.clone()).as_seller("dabang").await.refused(403, "FORBIDDEN");
    shop.patch("/coupons/nothing", pause).as_admin().await.refused(404, "ENTITY_NOT_FOUND");
    for (body, fields) in [
        (json!({}), vec!["body"]),
        (json!({ "status": "OVER" }), vec!["status"]),
        (json!({ "status": null }), vec!["status"]),
        (json!({ "issueUntil": null }), vec!["issueUntil"]),
        (json!({ "issueUntil": "tomorrow", "addQuantity": -1 }), vec!["addQuantity", "issueUntil"]),
        (json!({ "addQuantity": 10_000_001 }), vec!["addQuantity"]),
        (json!({ "totalQuantity": 7 }), vec!["totalQuantity"]),
    ] {
        assert_eq!(change(&shop, body.clone()).await.bad_fields(), fields, "{body}");
    }
}
