//! `GET /coupons/campaigns`

use functions::schedule::sweep;
use serde_json::{Value, json};
use tests::{TABLE, TestShop, steps::wait};

fn ids(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|campaign| campaign["couponId"].as_str().unwrap()).collect()
}

async fn open(shop: &TestShop) -> Value {
    shop.get("/coupons/campaigns?open=true").await.expect(200)
}

#[tokio::test]
async fn everybody_sees_the_campaigns_that_are_open() {
    let shop = TestShop::new();
    shop.campaign("autumn", 3, json!({ "kind": "RATE", "value": 10, "maxDiscount": 5_000, "description": "가을" }))
        .await;
    insta::assert_json_snapshot!(open(&shop).await, @r#"
    {
      "items": [
        {
          "couponId": "autumn",
          "description": "가을",
          "issueFrom": "2026-11-01T00:00:00Z",
          "issueUntil": "2026-12-01T00:00:00Z",
          "kind": "RATE",
          "maxDiscount": 5000,
          "name": "환영 쿠폰",
          "soldOut": false,
          "validDays": 7,
          "value": 10
        }
      ],
      "nextCursor": null
    }
    "#);
    assert_eq!(shop.get("/coupons/campaigns").await.bad_fields(), ["open"]);
    assert_eq!(shop.get("/coupons/campaigns?open=false").await.bad_fields(), ["open"]);
    assert_eq!(shop.get("/coupons/campaigns?open=true&all=true").await.bad_fields(), ["all"]);
}

#[tokio::test]
async fn a_campaign_is_listed_from_its_first_instant_to_just_before_its_last() {
    let shop = TestShop::new();
    shop.coupon("welcome", 3).await;
    for (at, is_open) in [
        ("2026-10-31T23:59:59.999Z", false),
        ("2026-11-01T00:00:00Z", true),
        ("2026-11-30T23:59:59.999Z", true),
        ("2026-12-01T00:00:00Z", false),
    ] {
        shop.set_clock(at);
        assert_eq!(ids(&open(&shop).await).len(), usize::from(is_open), "{at}");
    }
}

#[tokio::test]
async fn a_change_of_a_campaign_is_in_the_list_with_it() {
    let shop = TestShop::new();
    shop.coupon("first", 3).await;
    shop.coupon("second", 3).await;
    let change = |coupon: &str, body: Value| shop.patch(&format!("/coupons/{coupon}"), body).as_admin();
    change("first", json!({ "issueUntil": "2026-12-24T00:00:00Z", "description": "연말까지" })).await.expect(200);
    let list = open(&shop).await;
    assert_eq!((ids(&list), &list["items"][1]["description"]), (vec!["second", "first"], &json!("연말까지")));
    change("second", json!({ "status": "PAUSED" })).await.expect(200);
    assert_eq!(ids(&open(&shop).await), ["first"]);
    change("second", json!({ "status": "ACTIVE" })).await.expect(200);
    change("first", json!({ "status": "ENDED" })).await.expect(200);
    assert_eq!(ids(&open(&shop).await), ["second"]);
    change("second", json!({ "issueUntil": "2026-11-20T00:00:00Z" })).await.expect(200);
    assert_eq!(ids(&open(&shop).await), [] as [&str; 0]);
    shop.audit().await;
}

#[tokio::test]
async fn a_campaign_is_shown_as_sold_out_until_coupons_come_back() {
    let shop = TestShop::with_instances(2);
    for user in ["mina", "jun"] {
        shop.customer(user, 0).await;
    }
    shop.coupon("welcome", 1).await;
    let is_sold_out = async || open(&shop).await["items"][0]["soldOut"].clone();
    shop.issue("mina", "welcome").await.expect(201);
    assert_eq!(is_sold_out().await, false, "nobody has seen it yet");
    shop.issue("jun", "welcome").await.refused(409, "COUPON_SOLD_OUT");
    assert_eq!(is_sold_out().await, true);
    let add = shop.patch("/coupons/welcome", json!({ "addQuantity": 1 })).as_admin().key("k");
    add.await.expect(200);
    assert_eq!(is_sold_out().await, false);
    // The sweep sees it, too.
    wait(&shop, 1_000);
    shop.issue("jun", "welcome").await.expect(201);
    wait(&shop, 60_000);
    sweep::tickets::run(shop.instance()).await.unwrap();
    assert_eq!(is_sold_out().await, true);
    // A change keeps the mark.
    shop.patch("/coupons/welcome", json!({ "description": "다 나갔습니다" })).as_admin().await.expect(200);
    assert_eq!(is_sold_out().await, true);
    shop.audit().await;
}

#[tokio::test]
async fn open_campaigns_come_in_pages() {
    let shop = TestShop::new();
    for number in 0..5 {
        shop.coupon(&format!("c{number}"), 1).await;
    }
    let first = shop.get("/coupons/campaigns?open=true&limit=3").await.expect(200);
    assert_eq!(ids(&first), ["c0", "c1", "c2"]);
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = shop.get(&format!("/coupons/campaigns?open=true&limit=3&cursor={cursor}")).await.expect(200);
    assert_eq!((ids(&second), &second["nextCursor"]), (vec!["c3", "c4"], &Value::Null));
    assert_eq!(shop.get("/coupons/campaigns?open=true&cursor=x").await.bad_fields(), ["cursor"]);
}

/// Campaigns of an earlier version come into the list by the sweep, or by their next change.
#[tokio::test]
async fn campaigns_of_an_earlier_version_come_into_the_list() {
    let shop = TestShop::new();
    for coupon in ["old", "older"] {
        shop.coupon(coupon, 3).await;
        let key = json!({ "pk": { "S": format!("CAMPAIGN#{coupon}") }, "sk": { "S": "CAMPAIGN" } });
        let forget = json!({ "TableName": TABLE, "Key": key, "UpdateExpression": "REMOVE hasRow" });
        shop.dynamo().execute("UpdateItem", forget).unwrap();
        let place = format!("UNTIL#1796083200000#{coupon}");
        let row = json!({ "pk": { "S": "OPENCAMPAIGNS" }, "sk": { "S": place } });
        let delete = json!({ "Delete": { "TableName": TABLE, "Key": row } });
        shop.dynamo().execute("TransactWriteItems", json!({ "TransactItems": [delete] })).unwrap();
    }
    assert_eq!(ids(&open(&shop).await), [] as [&str; 0]);
    shop.patch("/coupons/older", json!({ "description": "오래된 것" })).as_admin().await.expect(200);
    assert_eq!(ids(&open(&shop).await), ["older"]);
    wait(&shop, 60_000);
    sweep::tickets::run(shop.instance()).await.unwrap();
    assert_eq!(ids(&open(&shop).await), ["old", "older"]);
    shop.audit().await;
}
