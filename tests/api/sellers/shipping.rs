//! `GET` and `PUT /sellers/{sellerId}/shipping`, and the shipments of orders

use serde_json::{Value, json};
use tests::{
    Call, TestShop,
    steps::{at_once, cancel_units, codes, counted, look, wait},
};

fn set_terms(shop: &TestShop, seller: &str, fee: i64, free_from: i64) -> Call {
    let terms = json!({ "fee": fee, "freeFrom": free_from, "returnFee": 2_500 });
    shop.call("PUT", &format!("/sellers/{seller}/shipping")).json(&terms)
}

/// A tea of dabang, a cup of another seller, and a bag of the shop. Mina has enough money for all.
async fn shop_of_sellers() -> TestShop {
    let shop = TestShop::with_instances(2);
    shop.customer("mina", 99_000_000).await;
    for (seller, product) in [("dabang", "tea"), ("other", "cup")] {
        let product = json!({ "productId": product, "name": product, "price": 10_000, "stock": 100 });
        shop.post("/products", product).as_seller(seller).await.expect(201);
    }
    shop.product("bag", 1_000, 100).await;
    shop
}

async fn set_for_dabang(shop: &TestShop, fee: i64, free_from: i64) -> Value {
    let set = set_terms(shop, "dabang", fee, free_from).as_seller("dabang").await.expect(200);
    wait(shop, 1_500);
    set
}

fn order(shop: &TestShop, items: &[(&str, i64)]) -> Call {
    let items: Vec<_> = items.iter().map(|(id, units)| json!({ "productId": id, "quantity": units })).collect();
    shop.post("/orders", json!({ "userId": "mina", "items": items }))
}

fn fees(order: &Value) -> Vec<(Option<&str>, i64)> {
    let shipments = order["shipments"].as_array().unwrap().iter();
    shipments.map(|shipment| (shipment["sellerId"].as_str(), shipment["fee"].as_i64().unwrap())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_seller_s_terms_make_a_shipment_of_their_own() {
    let shop = shop_of_sellers().await;
    let before = shop.get("/sellers/dabang/shipping").as_user("mina").await.expect(200);
    let of_shop = json!({ "sellerId": "dabang", "own": false, "fee": 3_000, "freeFrom": 30_000, "returnFee": 3_000 });
    assert_eq!(before, of_shop);
    let placed = order(&shop, &[("tea", 1), ("cup", 1), ("bag", 1)]).await.expect(201);
    assert_eq!((fees(&placed), &placed["shippingFee"]), (vec![(None, 3_000)], &json!(3_000)));

    let set = set_for_dabang(&shop, 2_500, 50_000).await;
    assert_eq!(set, json!({ "sellerId": "dabang", "own": true, "fee": 2_500, "freeFrom": 50_000, "returnFee": 2_500 }));
    assert_eq!(shop.get("/sellers/dabang/shipping").as_user("mina").await.expect(200), set);
    let placed = order(&shop, &[("bag", 1), ("tea", 1), ("cup", 1)]).await.expect(201);
    assert_eq!(fees(&placed), [(None, 3_000), (Some("dabang"), 2_500)]);
    assert_eq!((&placed["shippingFee"], &placed["payable"]), (&json!(5_500), &json!(26_500)));
    // 3,000 × 1,000 ÷ 11,000 = 272.7, so 273 of the shop's fee are the bag's.
    let shares: Vec<_> = placed["items"].as_array().unwrap().iter().map(|line| &line["shippingShare"]).collect();
    assert_eq!(shares, [273, 2_500, 2_727]);
    // Their threshold counts their goods alone.
    let placed = order(&shop, &[("tea", 5), ("bag", 1)]).await.expect(201);
    assert_eq!(fees(&placed), [(Some("dabang"), 0), (None, 3_000)]);
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn the_fee_of_a_shipment_comes_back_with_its_last_unit() {
    let shop = shop_of_sellers().await;
    set_for_dabang(&shop, 2_500, 50_000).await;
    let placed = order(&shop, &[("tea", 2), ("cup", 1)]).await.expect(201);
    assert_eq!(placed["paid"], 35_500);
    for (item, units, refunded) in [("1", 1, 10_000), ("1", 1, 22_500), ("2", 1, 35_500)] {
        cancel_units(&shop, "mina", &placed, item, units).await.expect(200);
        assert_eq!(look(&shop, &placed).await["refunded"], refunded, "{item}");
    }
    assert_eq!(look(&shop, &placed).await["status"], "FULLY_REFUNDED");
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn a_seller_sees_the_fee_of_their_own_shipment_alone() {
    let shop = shop_of_sellers().await;
    set_for_dabang(&shop, 2_500, 50_000).await;
    let placed = order(&shop, &[("tea", 1), ("cup", 1), ("bag", 1)]).await.expect(201);
    let path = format!("/orders/{}", placed["orderId"].as_str().unwrap());
    let seen = shop.get(&path).as_seller("dabang").await.expect(200);
    assert_eq!((fees(&seen), &seen["payable"]), (vec![(Some("dabang"), 2_500)], &json!(12_500)));
    assert_eq!(seen["items"][0]["shippingShare"], 2_500);
    // The other seller's lines ship with the shop's.
    let seen = shop.get(&path).as_seller("other").await.expect(200);
    assert_eq!((fees(&seen), &seen["payable"], &seen["shippingFee"]), (vec![], &json!(10_000), &json!(0)));
    assert_eq!(seen["items"][0]["shippingShare"], 0);
}

#[tokio::test(start_paused = true)]
async fn free_shipping_waives_the_fees_of_all_shipments() {
    let shop = shop_of_sellers().await;
    set_for_dabang(&shop, 2_500, 50_000).await;
    let terms = json!({ "kind": "FREE_SHIPPING" });
    shop.campaign("free", 1, terms).await;
    shop.issue("mina", "free").await.expect(201);
    let items = json!([{ "productId": "tea", "quantity": 1 }, { "productId": "bag", "quantity": 1 }]);
    let body = json!({ "userId": "mina", "items": items, "couponId": "free" });
    let placed = shop.post("/orders", body).await.expect(201);
    assert_eq!((fees(&placed), &placed["payable"]), (vec![(Some("dabang"), 0), (None, 0)], &json!(11_000)));
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn a_sheet_keeps_its_fees() {
    let shop = shop_of_sellers().await;
    set_for_dabang(&shop, 2_500, 50_000).await;
    let body = json!({ "userId": "mina", "items": [{ "productId": "tea", "quantity": 1 }] });
    let sheet = shop.post("/order-sheets", body).await.expect(201);
    assert_eq!((fees(&sheet), &sheet["items"][0]["shippingShare"]), (vec![(Some("dabang"), 2_500)], &json!(2_500)));
    set_for_dabang(&shop, 9_900, 50_000).await;
    let ordered = json!({ "userId": "mina", "orderSheetId": sheet["orderSheetId"] });
    let placed = shop.post("/orders", ordered).await.expect(201);
    assert_eq!((fees(&placed), &placed["payable"]), (vec![(Some("dabang"), 2_500)], &json!(12_500)));
    let placed = order(&shop, &[("tea", 1)]).await.expect(201);
    assert_eq!(fees(&placed), [(Some("dabang"), 9_900)]);
    shop.audit().await;
}

/// A function that cached the former terms just before has forgotten them when the new ones are in force.
#[tokio::test(start_paused = true)]
async fn new_terms_are_in_force_in_every_function_when_they_are_answered() {
    let shop = shop_of_sellers().await;
    set_for_dabang(&shop, 2_500, 50_000).await;
    order(&shop, &[("tea", 1)]).await.expect(201);
    order(&shop, &[("tea", 1)]).await.expect(201);
    let set = set_terms(&shop, "dabang", 4_000, 50_000).as_seller("dabang").await;
    set.expect(200);
    // Until that instant the former ones hold, in each function.
    wait(&shop, 1_499);
    for _ in 0..4 {
        assert_eq!(fees(&order(&shop, &[("tea", 1)]).await.expect(201)), [(Some("dabang"), 2_500)]);
    }
    wait(&shop, 1);
    for _ in 0..4 {
        assert_eq!(fees(&order(&shop, &[("tea", 1)]).await.expect(201)), [(Some("dabang"), 4_000)]);
    }
}

#[tokio::test(start_paused = true)]
async fn terms_at_once_follow_one_another() {
    let shop = shop_of_sellers().await;
    let calls = [1_000, 2_000, 3_000].map(|fee| set_terms(&shop, "dabang", fee, 50_000).as_seller("dabang"));
    assert_eq!(counted(&at_once(calls).await), codes(&[("SUCCESS", 3)]));
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn others_may_not_set_them() {
    let shop = shop_of_sellers().await;
    set_terms(&shop, "dabang", 0, 0).as_seller("other").await.refused(403, "FORBIDDEN");
    set_terms(&shop, "dabang", 0, 0).as_user("mina").await.refused(403, "FORBIDDEN");
    set_terms(&shop, "nobody", 0, 0).as_admin().await.refused(404, "ENTITY_NOT_FOUND");
    assert_eq!(set_terms(&shop, "dabang", -1, 0).as_seller("dabang").await.bad_fields(), ["fee"]);
    let missing = shop.call("PUT", "/sellers/dabang/shipping").json(&json!({ "fee": 1 })).as_seller("dabang").await;
    assert_eq!(missing.bad_fields(), ["freeFrom", "returnFee"]);
}
