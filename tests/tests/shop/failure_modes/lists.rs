//! Lists: cut without saying so, or never going on.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::{app::orders::PaymentOutcome, domain::order::PaymentStatus};
use tests::TestShop;

use crate::steps::{id, settle};

/// All items of a list, page by page, and how many pages there were.
async fn walk(shop: &TestShop, path: &str, user: &str) -> (Vec<Value>, usize) {
    let (mut items, mut pages, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let page = shop.get(&format!("{path}{cursor}")).as_user(user).await.expect(200);
        items.extend(page["items"].as_array().unwrap().clone());
        pages += 1;
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (items, pages),
        }
    }
}

fn ids(items: &[Value], field: &str) -> BTreeSet<String> {
    items.iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
}

/// The 101st payment of an order was not listed, and nothing said so.
#[tokio::test]
async fn every_payment_of_an_order_is_listed() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.product("tea", 12_000, 10).await;
    let body = json!({ "userId": "mina", "items": [{ "productId": "tea", "quantity": 1 }], "payment": "EXTERNAL" });
    let order = shop.post("/orders", body).await.expect(201);
    // Of all of these one pays, and the others go back.
    for number in 0..101 {
        let status = settle(&shop, &order, PaymentOutcome::Succeeded, &format!("pay-{number}"), 15_000).await;
        assert_eq!(status == PaymentStatus::Paid, number == 0);
    }
    let path = format!("/orders/{}/payments", id(&order));
    for (query, pages) in [("?", 2), ("?limit=100", 2), ("?limit=7", 15), ("?limit=1", 101)] {
        let walked = walk(&shop, &format!("{path}{query}"), "mina").await;
        assert_eq!((ids(&walked.0, "paymentId").len(), walked.0.len(), walked.1), (101, 101, pages), "{query}");
    }
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

/// The payment from the balance comes first, also where it fills a page, and what came from outside beside it follows.
#[tokio::test]
async fn a_payment_from_the_balance_is_listed_once_on_pages_of_one() {
    let shop = TestShop::new();
    shop.customer("mina", 50_000).await;
    shop.product("tea", 12_000, 10).await;
    let order = shop.order("mina", "tea", 1).await.expect(201);
    let path = format!("/orders/{}/payments?limit=1", id(&order));
    let (alone, pages) = walk(&shop, &path, "mina").await;
    assert_eq!((alone.len(), pages), (1, 1));
    // Nobody asked for it: it goes back.
    settle(&shop, &order, PaymentOutcome::Succeeded, "pay-1", 15_000).await;
    let (both, pages) = walk(&shop, &path, "mina").await;
    let listed: Vec<&Value> = both.iter().map(|payment| &payment["paymentId"]).collect();
    assert_eq!((listed, pages), (vec![&order["orderId"], &json!("pay-1")], 2));
    shop.audit().await;
}

/// A page that ended with a revoked coupon in whose place there is another had a cursor that was refused.
#[tokio::test]
async fn a_list_of_coupons_goes_on_after_one_that_was_replaced() {
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
        let (coupons, _) = walk(&shop, &format!("/coupons?userId=mina&status=ALL&limit={limit}"), "mina").await;
        assert_eq!((coupons.len(), ids(&coupons, "issuedCouponId").len()), (6, 6), "{limit}");
    }
    shop.audit().await;
}
