//! `/coupons`

use serde_json::{Value, json};
use tests::TestShop;

#[tokio::test]
async fn a_campaign_is_created_and_shown_with_what_remains() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    let terms = json!({ "kind": "RATE", "value": 10, "maxDiscount": 5_000, "minOrderAmount": 20_000 });
    shop.campaign("autumn", 3, terms).await;
    shop.issue("mina", "autumn").await.expect(201);
    let campaign = shop.get("/coupons/autumn").as_admin().await.expect(200);
    insta::assert_json_snapshot!(campaign, @r#"
    {
      "counterShards": 1,
      "couponId": "autumn",
      "createdAt": "2026-11-20T03:00:00Z",
      "issueFrom": "2026-11-01T00:00:00Z",
      "issueUntil": "2026-12-01T00:00:00Z",
      "issuedQuantity": 1,
      "kind": "RATE",
      "maxDiscount": 5000,
      "minOrderAmount": 20000,
      "name": "환영 쿠폰",
      "remainingQuantity": 2,
      "totalQuantity": 3,
      "updatedAt": "2026-11-20T03:00:00Z",
      "validDays": 7,
      "value": 10
    }
    "#);
    shop.get("/coupons/autumn").as_user("mina").await.refused(403, "FORBIDDEN");
    shop.get("/coupons/winter").as_admin().await.refused(404, "ENTITY_NOT_FOUND");
}

#[tokio::test]
async fn campaigns_are_the_admins() {
    let shop = TestShop::new();
    shop.coupon("welcome", 1).await;
    let body = json!({
        "couponId": "welcome", "name": "X", "kind": "FIXED", "value": 1, "totalQuantity": 1,
        "issueFrom": "2026-11-01T00:00:00Z", "issueUntil": "2026-12-01T00:00:00Z", "validDays": 1,
    });
    shop.post("/coupons", body.clone()).as_user("mina").await.refused(403, "FORBIDDEN");
    shop.post("/coupons", body.clone()).as_seller("dabang").await.refused(403, "FORBIDDEN");
    shop.post("/coupons", body).as_admin().await.refused(409, "ALREADY_EXISTS");
}

#[tokio::test]
async fn a_campaign_makes_sense() {
    let shop = TestShop::new();
    let good = json!({
        "name": "X", "kind": "FIXED", "value": 100, "totalQuantity": 1,
        "issueFrom": "2026-11-01T00:00:00Z", "issueUntil": "2026-12-01T00:00:00Z", "validDays": 1,
    });
    for (change, fields) in [
        (json!({ "value": null }), vec!["value"]),
        (json!({ "value": 0 }), vec!["value"]),
        (json!({ "kind": "RATE", "value": 101 }), vec!["value"]),
        (json!({ "kind": "FREE_SHIPPING" }), vec!["value"]),
        (json!({ "kind": "GIFT" }), vec!["kind"]),
        (json!({ "maxDiscount": 100 }), vec!["maxDiscount"]),
        (json!({ "totalQuantity": 0 }), vec!["totalQuantity"]),
        (json!({ "issueUntil": "2026-11-01T00:00:00Z" }), vec!["issueUntil"]),
        (json!({ "issueFrom": "yesterday" }), vec!["issueFrom"]),
        (json!({ "validDays": null }), vec!["validDays"]),
        (json!({ "validDays": 0 }), vec!["validDays"]),
        (json!({ "counterShards": 0 }), vec!["counterShards"]),
        (json!({ "counterShards": 65 }), vec!["counterShards"]),
        (json!({ "validUntil": "2026-12-31T00:00:00Z" }), vec!["validDays"]),
        (json!({ "validDays": null, "validUntil": "2026-10-01T00:00:00Z" }), vec!["validUntil"]),
        (
            json!({ "value": 0, "issueUntil": "2026-10-01T00:00:00Z", "validDays": null }),
            vec!["issueUntil", "validDays", "value"],
        ),
    ] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(shop.post("/coupons", body).as_admin().await.bad_fields(), fields, "{change}");
    }
}

#[tokio::test]
async fn first_come_first_served_one_each() {
    let shop = TestShop::new();
    for user in ["mina", "jun", "sora"] {
        shop.customer(user, 0).await;
    }
    shop.coupon("welcome", 2).await;
    let issued = shop.issue("mina", "welcome").await.expect(201);
    assert_eq!((&issued["status"], &issued["expiresAt"]), (&json!("USABLE"), &json!("2026-11-26T15:00:00Z")));
    shop.issue("mina", "welcome").await.refused(409, "COUPON_ALREADY_ISSUED");
    shop.issue("jun", "welcome").await.expect(201);
    shop.issue("sora", "welcome").await.refused(409, "COUPON_SOLD_OUT");
    shop.issue("jun", "welcome").await.refused(409, "COUPON_ALREADY_ISSUED");
    shop.issue("nobody", "welcome").await.refused(404, "ENTITY_NOT_FOUND");
    shop.issue("sora", "nothing").await.refused(404, "ENTITY_NOT_FOUND");
}

#[tokio::test]
async fn coupons_are_issued_within_their_window() {
    let shop = TestShop::new();
    for user in ["mina", "jun"] {
        shop.customer(user, 0).await;
    }
    shop.coupon("welcome", 2).await;
    for (at, open) in
        [("2026-10-31T23:59:59.999Z", false), ("2026-12-01T00:00:00Z", false), ("2026-11-01T00:00:00Z", true)]
    {
        shop.set_clock(at);
        let answer = shop.issue("mina", "welcome").await;
        if open {
            answer.expect(201);
        } else {
            answer.refused(409, "COUPON_NOT_ISSUABLE");
        }
    }
    shop.set_clock("2026-11-30T23:59:59.999Z");
    shop.issue("jun", "welcome").await.expect(201);
}

fn coupon_ids(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|coupon| coupon["couponId"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn coupons_are_listed_by_status() {
    let shop = TestShop::new();
    shop.customer("mina", 50_000).await;
    shop.product("tea", 10_000, 5).await;
    assert_eq!(shop.get("/coupons?userId=mina").await.expect(200)["items"], json!([]));
    for coupon in ["a-used", "b-usable", "c-revoked"] {
        shop.coupon(coupon, 5).await;
        shop.issue("mina", coupon).await.expect(201);
    }
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let order =
        shop.post("/orders", json!({ "userId": "mina", "items": items, "couponId": "a-used" })).await.expect(201);
    let revoke = json!({ "userId": "mina", "couponId": "c-revoked" });
    assert_eq!(shop.post("/coupons/revoke", revoke).as_admin().await.expect(200)["status"], "REVOKED");

    let list = |status: &str| shop.get(&format!("/coupons?userId=mina&status={status}"));
    assert_eq!(coupon_ids(&shop.get("/coupons?userId=mina").await.expect(200)), ["b-usable"]);
    let used = list("USED").await.expect(200);
    assert_eq!((coupon_ids(&used), &used["items"][0]["orderId"]), (vec!["a-used"], &order["orderId"]));
    assert_eq!(coupon_ids(&list("REVOKED").await.expect(200)), ["c-revoked"]);
    assert_eq!(coupon_ids(&list("ALL").await.expect(200)), ["a-used", "b-usable", "c-revoked"]);
    assert_eq!(list("LOST").await.bad_fields(), ["status"]);

    // To the very instant, whether or not a sweep has run.
    shop.set_clock("2026-11-26T14:59:59.999Z");
    assert_eq!(coupon_ids(&list("USABLE").await.expect(200)), ["b-usable"]);
    shop.set_clock("2026-11-26T15:00:00Z");
    assert_eq!(coupon_ids(&list("USABLE").await.expect(200)), [] as [&str; 0]);
    assert_eq!(coupon_ids(&list("EXPIRED").await.expect(200)), ["b-usable"]);
    shop.get("/coupons?userId=nobody").await.refused(404, "ENTITY_NOT_FOUND");
}

#[tokio::test]
async fn coupons_come_in_pages() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    for number in 0..5 {
        shop.coupon(&format!("c{number}"), 1).await;
        shop.issue("mina", &format!("c{number}")).await.expect(201);
    }
    let first = shop.get("/coupons?userId=mina&limit=3").await.expect(200);
    assert_eq!(coupon_ids(&first), ["c0", "c1", "c2"]);
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = shop.get(&format!("/coupons?userId=mina&limit=3&cursor={cursor}")).await.expect(200);
    assert_eq!((coupon_ids(&second), &second["nextCursor"]), (vec!["c3", "c4"], &Value::Null));
}

#[tokio::test]
async fn revoking_is_the_admins_and_only_of_usable_coupons() {
    let shop = TestShop::new();
    shop.customer("mina", 50_000).await;
    shop.product("tea", 10_000, 5).await;
    shop.coupon("welcome", 5).await;
    let revoke = json!({ "userId": "mina", "couponId": "welcome" });
    shop.post("/coupons/revoke", revoke.clone()).as_admin().await.refused(404, "ENTITY_NOT_FOUND");
    shop.issue("mina", "welcome").await.expect(201);
    shop.post("/coupons/revoke", revoke.clone()).as_user("mina").await.refused(403, "FORBIDDEN");
    shop.post("/coupons/revoke", revoke.clone()).as_admin().await.expect(200);
    shop.post("/coupons/revoke", revoke).as_admin().await.expect(200);

    shop.coupon("second", 5).await;
    shop.issue("mina", "second").await.expect(201);
    shop.set_clock("2026-11-27T00:00:00Z");
    let late = json!({ "userId": "mina", "couponId": "second" });
    let details = shop.post("/coupons/revoke", late).as_admin().await.refused(409, "COUPON_NOT_USABLE");
    assert_eq!(details["reason"], "EXPIRED");
}
