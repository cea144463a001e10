//! Lists: cut without saying so, or never going on.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::{app::orders::PaymentOutcome, domain::order::PaymentStatus};
use tests::{
    TestShop,
    steps::{id, settle},
};

/// All items of a list, in pages of at most `limit`.
async fn walk(shop: &TestShop, path: &str, limit: usize, user: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = shop.get(&format!("{path}limit={limit}{cursor}")).as_user(user).await.expect(200);
        let shown = page["items"].as_array().unwrap();
        assert!(shown.len() <= limit);
        items.extend(shown.clone());
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

fn ids(items: &[Value], field: &str) -> BTreeSet<String> {
    items.iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
}

/// The 101st payment of an order was not listed, and nothing showed it.
#[tokio::test]
async fn every_payment_of_an_order_is_listed() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.product("tea", 12_000, 10).await;
    let body = json!({ "userId": "mina", "items": [{ "productId": "tea", "quantity": 1 }], "payment": "EXTERNAL" });
    let order = shop.post("/orders", body).await.expect(201);
    // One of all these payments pays the order; the others are refunded.
    for number in 0..101 {
        let status = settle(&shop, &order, PaymentOutcome::Succeeded, &format!("pay-{number}"), 15_000).await;
        assert_eq!(status == PaymentStatus::Paid, number == 0);
    }
    let path = format!("/orders/{}/payments", id(&order));
    for limit in [100, 7, 1] {
        let walked = walk(&shop, &format!("{path}?"), limit, "mina").await;
        assert_eq!((ids(&walked, "paymentId").len(), walked.len()), (101, 101), "{limit}");
    }
    let first = shop.get(&path).as_user("mina").await.expect(200);
    assert!(first["items"].as_array().unwrap().len() == 100 && first["nextCursor"].is_string());
    let cursor = shop.get(&format!("{path}?limit=1")).as_user("mina").await.expect(200)["nextCursor"].clone();
    let other = shop.post(
        "/orders",
        json!({ "userId": "mina", "items": [{ "productId": "tea", "quantity": 1 }], "payment": "EXTERNAL" }),
    );
    let other = other.await.expect(201);
    let elsewhere = format!("/orders/{}/payments?cursor={}", id(&other), cursor.as_str().unwrap());
    assert_eq!(shop.get(&elsewhere).as_user("mina").await.bad_fields(), ["cursor"]);
    shop.audit().await;
}

/// The payment from the balance comes first, even if it fills a page. External payments of the order follow.
#[tokio::test]
async fn a_payment_from_the_balance_is_listed_once_on_pages_of_one() {
    let shop = TestShop::new();
    shop.customer("mina", 50_000).await;
    shop.product("tea", 12_000, 10).await;
    let order = shop.order("mina", "tea", 1).await.expect(201);
    let path = format!("/orders/{}/payments?", id(&order));
    assert_eq!(walk(&shop, &path, 1, "mina").await.len(), 1);
    // No payment was requested, so it is refunded.
    settle(&shop, &order, PaymentOutcome::Succeeded, "pay-1", 15_000).await;
    for limit in 1..=3 {
        let both = walk(&shop, &path, limit, "mina").await;
        let listed: Vec<&Value> = both.iter().map(|payment| &payment["paymentId"]).collect();
        assert_eq!(listed, [&order["orderId"], &json!("pay-1")]);
    }
    shop.audit().await;
}

/// A page that ended with a revoked and replaced coupon had a cursor that was refused.
#[tokio::test]
async fn a_list_of_coupons_continues_after_a_replaced_one() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    let longest = "c".repeat(64);
    for coupon in ["night", &longest] {
        shop.coupon(coupon, 10).await;
        for _ in 0..3 {
            shop.issue("mina", coupon).await.expect(201);
            let body = json!({ "userId": "mina", "couponId": coupon });
            shop.post("/coupons/revoke", body).as_admin().await.expect(200);
        }
    }
    for limit in 1..=6 {
        let coupons = walk(&shop, "/coupons?userId=mina&status=ALL&", limit, "mina").await;
        assert_eq!((coupons.len(), ids(&coupons, "issuedCouponId").len()), (6, 6), "{limit}");
    }
    shop.audit().await;
}
