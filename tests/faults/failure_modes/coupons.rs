//! Coupons: used up for nothing, expired at birth, lost for ever.

use serde_json::{Value, json};
use tests::{
    TestShop,
    steps::{codes, coupon_status, published, race},
};

async fn order_with_coupon(shop: &TestShop, product: &str, coupon: &str) -> tests::Answer {
    let items = json!([{ "productId": product, "quantity": 1 }]);
    shop.post("/orders", json!({ "userId": "mina", "items": items, "couponId": coupon })).await
}

/// vendure 5278: 1 % of 50 won, or 500 off a product of 0 won, took nothing off and used the coupon up.
#[tokio::test]
async fn a_coupon_without_a_discount_is_not_used_up() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("gum", 50, 10).await;
    shop.product("sample", 0, 10).await;
    shop.campaign("percent", 10, json!({ "kind": "RATE", "value": 1 })).await;
    shop.campaign("welcome", 10, json!({ "kind": "FIXED", "value": 500 })).await;
    for (product, coupon) in [("gum", "percent"), ("sample", "welcome")] {
        shop.issue("mina", coupon).await.expect(201);
        let refused = json!({ "couponId": coupon, "reason": "NOTHING_TO_DISCOUNT" });
        assert_eq!(order_with_coupon(&shop, product, coupon).await.refused(409, "COUPON_NOT_USABLE"), refused);
        let items = json!([{ "productId": product, "quantity": 1 }]);
        let sheet = json!({ "userId": "mina", "items": items, "couponId": coupon });
        assert_eq!(shop.post("/order-sheets", sheet).await.refused(409, "COUPON_NOT_USABLE"), refused);
    }
    let usable = shop.get("/coupons?userId=mina").await.expect(200);
    assert_eq!(usable["items"].as_array().unwrap().len(), 2);
    // Two gums are worth a won of it.
    let items = json!([{ "productId": "gum", "quantity": 2 }]);
    let body = json!({ "userId": "mina", "items": items, "couponId": "percent" });
    assert_eq!(shop.post("/orders", body).await.expect(201)["couponDiscount"], 1);
    assert_eq!(shop.stock("gum").await, 8);
    shop.audit().await;
}

fn campaign(until: &str) -> Value {
    json!({
        "couponId": "late", "name": "늦은 쿠폰", "kind": "FIXED", "value": 1_000, "totalQuantity": 10,
        "issueFrom": "2026-11-01T00:00:00Z", "issueUntil": "2026-11-19T00:00:00Z", "validUntil": until,
    })
}

/// Sylius 3302: a campaign whose coupons had expired issued them all the same. Their users could get no other.
#[tokio::test]
async fn an_expired_coupon_is_not_issued() {
    let shop = TestShop::new();
    // It is noon in Seoul on the 20th.
    for until in ["2026-11-18T23:59:59Z", "2026-11-19T00:00:00Z", "2026-11-20T03:00:00Z"] {
        assert_eq!(shop.post("/coupons", campaign(until)).as_admin().await.bad_fields(), ["validUntil"], "{until}");
    }
    shop.post("/coupons", campaign("2026-11-20T03:00:00.001Z")).as_admin().await.expect(201);

    // A campaign of the first stage, with a `validUntil` that passes while it issues.
    shop.customer("mina", 0).await;
    shop.customer("jun", 0).await;
    let mut old = campaign("2026-12-02T00:00:00Z");
    old["couponId"] = json!("old");
    old["issueUntil"] = json!("2026-12-01T00:00:00Z");
    shop.post("/coupons", old).as_admin().await.expect(201);
    let until: jiff::Timestamp = "2026-11-25T00:00:00Z".parse().unwrap();
    for (pk, sk) in [("CAMPAIGN#old", "CAMPAIGN"), ("OPENCAMPAIGNS", "UNTIL#1796083200000#old")] {
        let update = json!({
            "TableName": tests::TABLE, "Key": { "pk": { "S": pk }, "sk": { "S": sk } },
            "UpdateExpression": "SET validity = :validity",
            "ExpressionAttributeValues":
                { ":validity": { "M": { "validUntil": { "N": until.as_millisecond().to_string() } } } },
        });
        shop.dynamo().execute("UpdateItem", update).unwrap();
    }
    shop.set_clock("2026-11-24T23:59:59.999Z");
    assert_eq!(shop.issue("mina", "old").await.expect(201)["status"], "USABLE");
    shop.set_clock("2026-11-25T00:00:00Z");
    shop.issue("jun", "old").await.refused(409, "COUPON_NOT_ISSUABLE");
    shop.audit().await;
}

/// A coupon that was revoked by mistake could never be issued to its user again.
#[tokio::test]
async fn a_revoked_coupon_can_be_issued_again() {
    let shop = TestShop::with_instances(2);
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 10).await;
    shop.coupon("welcome", 3).await;
    let issue = |key: &str| shop.post("/coupons/issue", json!({ "userId": "mina", "couponId": "welcome" })).key(key);
    let revoke = || shop.post("/coupons/revoke", json!({ "userId": "mina", "couponId": "welcome" })).as_admin();
    let mut ids = Vec::new();
    for key in ["first", "second", "third"] {
        let issued = issue(key).await.expect(201);
        issue("another").await.refused(409, "COUPON_ALREADY_ISSUED");
        ids.push(issued["issuedCouponId"].clone());
        if key != "third" {
            revoke().await.expect(200);
        }
    }
    ids.sort_by_key(Value::to_string);
    ids.dedup();
    assert_eq!(ids.len(), 3);
    // Each key still finds its own coupon, as it is now.
    for (key, status) in [("first", "REVOKED"), ("second", "REVOKED"), ("third", "USABLE")] {
        assert_eq!(issue(key).await.expect(201)["status"], status, "{key}");
    }
    let listed = async |query: &str| {
        let page = shop.get(&format!("/coupons?userId=mina&{query}")).await.expect(200);
        (page["items"].as_array().unwrap().len(), page["nextCursor"].as_str().map(str::to_owned))
    };
    assert_eq!(listed("status=ALL").await, (3, None));
    assert_eq!(listed("status=USABLE").await, (1, None));
    // Page by page none is left out or listed twice.
    let (mut seen, mut query) = (0, "status=ALL&limit=1".to_owned());
    loop {
        let (count, next) = listed(&query).await;
        seen += count;
        let Some(next) = next else { break };
        query = format!("status=ALL&limit=1&cursor={next}");
    }
    assert_eq!(seen, 3);
    // Every one of them was a coupon of the campaign.
    shop.customer("jun", 0).await;
    shop.issue("jun", "welcome").await.refused(409, "COUPON_SOLD_OUT");
    order_with_coupon(&shop, "tea", "welcome").await.expect(201);
    assert_eq!(coupon_status(&shop, "mina").await, "USED");
    let of_mina = published(&shop).await.into_iter().filter(|event| event.aggregate_id == "welcome:mina");
    let kinds: Vec<_> = of_mina.map(|event| (event.kind.as_str(), event.sequence)).collect();
    assert_eq!(
        kinds,
        [("CouponIssued", 1), ("CouponRevoked", 2), ("CouponIssued", 3), ("CouponRevoked", 4), ("CouponIssued", 5)]
    );
    shop.audit().await;
}

/// Revoked, and requested again by many calls at once: one more is issued, and no ticket is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_revoked_coupon_is_issued_again_once() {
    let shop = TestShop::with_instances(4);
    shop.customer("mina", 0).await;
    shop.coupon("welcome", 5).await;
    shop.issue("mina", "welcome").await.expect(201);
    let body = json!({ "userId": "mina", "couponId": "welcome" });
    shop.post("/coupons/revoke", body.clone()).as_admin().await.expect(200);
    let calls = (0..8).map(|_| shop.post("/coupons/issue", body.clone())).collect();
    let answers = race(calls).await;
    assert_eq!(answers, codes(&[("COUPON_ALREADY_ISSUED", 7), ("SUCCESS", 1)]));
    shop.audit().await;
}

/// A repeated revocation, its first answer lost, revoked the coupon that was issued again meanwhile.
#[tokio::test]
async fn a_repeated_revocation_spares_the_coupon_issued_since() {
    let shop = TestShop::with_instances(2);
    shop.customer("mina", 0).await;
    shop.coupon("welcome", 3).await;
    let body = json!({ "userId": "mina", "couponId": "welcome" });
    let revoke = |key: &str| shop.post("/coupons/revoke", body.clone()).as_admin().key(key);
    revoke("early").await.refused(404, "ENTITY_NOT_FOUND");
    let first = shop.issue("mina", "welcome").await.expect(201)["issuedCouponId"].clone();
    let revoked = revoke("k").await.expect(200);
    assert_eq!((&revoked["issuedCouponId"], &revoked["status"]), (&first, &json!("REVOKED")));
    // Another key finds it revoked, and stays with that coupon, too.
    assert_eq!(revoke("late").await.expect(200), revoked);
    let second = shop.issue("mina", "welcome").await.expect(201)["issuedCouponId"].clone();
    assert_ne!(first, second);
    for key in ["k", "late"] {
        assert_eq!(revoke(key).await.expect(200), revoked);
    }
    let other = json!({ "userId": "mina", "couponId": "other" });
    shop.post("/coupons/revoke", other).as_admin().key("k").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(coupon_status(&shop, "mina").await, "USABLE");
    // A refused revocation is tried anew with its key.
    assert_eq!(revoke("early").await.expect(200)["issuedCouponId"], second);
    shop.audit().await;
}
