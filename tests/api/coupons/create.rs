//! `POST /coupons`, `GET /coupons/{couponId}`

use serde_json::json;
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
      "status": "ACTIVE",
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
async fn campaigns_are_created_by_admins_only() {
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
async fn a_campaign_with_contradictory_terms_is_refused() {
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
