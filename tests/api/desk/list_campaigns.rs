//! `GET /desk/campaigns`

use serde_json::json;
use shared::app::Bounds;
use tests::TestShop;

use super::{ids, walk};

#[tokio::test]
async fn the_list_of_campaigns_equals_the_single_answers() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    for (second, id, counters) in [(0, "welcome", 1), (1, "night", 16), (2, "autumn", 3)] {
        shop.set_clock(&format!("2026-11-20T03:00:0{second}Z"));
        shop.campaign(id, 100, json!({ "kind": "FIXED", "value": 1_000, "counterShards": counters })).await;
    }
    for coupon in ["welcome", "night"] {
        shop.issue("mina", coupon).await.expect(201);
    }
    let list = shop.get("/desk/campaigns").as_admin().await.expect(200);
    assert_eq!(ids(&list, "couponId"), ["welcome", "night", "autumn"]);
    for shown in list["items"].as_array().unwrap() {
        let path = format!("/coupons/{}", shown["couponId"].as_str().unwrap());
        assert_eq!(shop.get(&path).as_admin().await.expect(200), *shown);
    }
    assert_eq!(list["items"][1]["remainingQuantity"], 99);

    // The bound on counters cuts a page, and the cursor marks the place.
    let narrow = shop.another_instance_within(Bounds { list_shards: 17, ..Bounds::PRODUCTION });
    let pages = walk(|cursor| narrow.get(&format!("/desk/campaigns?limit=100{cursor}")).as_admin(), "couponId").await;
    assert_eq!(pages, [vec!["welcome", "night"], vec!["autumn"]]);
    // The list of sweeps is another one: a campaign stays in this one after its tickets are accounted for.
    shop.audit().await;
}
