//! Results of the external payment system as they come out of their queue.

use functions::queue::settle_payments::handle;
use serde_json::{Value, json};
use tests::{
    TestShop,
    fakes::queue::{Waits, batch},
};

fn result(order: &str, payment: &str, amount: i64) -> Value {
    json!({ "paymentId": payment, "orderId": order, "amount": amount, "at": "2026-11-20T03:00:01Z" })
}

#[tokio::test]
async fn each_message_is_settled_separately() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.product("tea", 10_000, 10).await;
    let mut orders = Vec::new();
    for _ in 0..2 {
        let items = json!([{ "productId": "tea", "quantity": 1 }]);
        let body = json!({ "userId": "mina", "items": items, "payment": "EXTERNAL" });
        let order = shop.post("/orders", body).await.expect(201);
        orders.push(order["orderId"].as_str().unwrap().to_owned());
    }
    let mut declined = result(&orders[1], "p2", 13_000);
    declined["reason"] = json!("CARD_DECLINED");
    let messages = batch(
        "jangteo.payments",
        &[
            ("PaymentSucceeded", result(&orders[0], "p1", 13_000)),
            ("PaymentFailed", declined),
            ("PaymentSucceeded", result("nobody", "p3", 13_000)),
            ("PaymentSucceeded", result(&orders[0], "p4", 0)),
            ("PaymentPondered", result(&orders[0], "p5", 13_000)),
        ],
    );
    let waits = Waits::default();
    for _ in 0..2 {
        let answer = handle(shop.instance(), &waits.queue(), messages.clone()).await.unwrap();
        let failed: Vec<_> = answer.batch_item_failures.iter().map(|failure| &failure.item_identifier).collect();
        assert_eq!(failed, ["2", "3", "4"]);
    }
    assert_eq!(waits.taken(), [2; 6]);
    for (order, status) in orders.iter().zip(["PAID", "CANCELLED"]) {
        assert_eq!(shop.get(&format!("/orders/{order}")).as_user("mina").await.expect(200)["status"], status);
    }
    assert_eq!(shop.stock("tea").await, 9);
    shop.audit().await;
}
