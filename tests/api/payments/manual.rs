//! Payments that an admin confirms, who has seen the transfer arrive.

use serde_json::{Value, json};
use tests::{
    TestShop,
    steps::{
        cancel, id, look, order_by,
        payments::{confirm, session_of, session_status, sweep_payments, top_up},
        status,
    },
};

async fn shop() -> TestShop {
    let shop = TestShop::new().with_manual_payments();
    shop.customer("mina", 0).await;
    shop.product("tea", 12_000, 10).await;
    shop
}

fn confirm_as_admin(shop: &TestShop, session: &Value, reference: &str) -> tests::Call {
    confirm(shop, "mina", session, reference).as_admin()
}

#[tokio::test]
async fn an_admin_confirms_a_transfer() {
    let shop = shop().await;
    let order = order_by(&shop, "mina", "tea", 1, "EXTERNAL").await.expect(201);
    let session = session_of(&shop, "mina", &order).await.expect(201);
    assert_eq!(session["checkout"]["provider"], "MANUAL");
    assert_eq!(session["checkout"]["clientKey"], "088 110-123 장터", "the account to transfer to");
    confirm(&shop, "mina", &session, "transfer-1").await.refused(403, "FORBIDDEN");
    assert_eq!(confirm_as_admin(&shop, &session, "transfer-1").await.expect(200)["status"], "PAID");
    assert_eq!(status(&shop, &order).await, "PAID");
    shop.audit().await;
}

#[tokio::test]
async fn a_transfer_pays_one_thing() {
    let shop = shop().await;
    let first = top_up(&shop, "mina", 10_000).await;
    let second = top_up(&shop, "mina", 10_000).await;
    confirm_as_admin(&shop, &first, "transfer-1").await.expect(200);
    assert_eq!(confirm_as_admin(&shop, &second, "transfer-1").await.bad_fields(), ["paymentKey"]);
    assert_eq!((session_status(&shop, &second).await.as_str(), shop.balance("mina").await), ("READY", 10_000));
    confirm_as_admin(&shop, &second, "transfer-2").await.expect(200);
    assert_eq!(shop.balance("mina").await, 20_000);
    shop.audit().await;
}

#[tokio::test]
async fn a_refund_waits_for_an_admin() {
    let shop = shop().await;
    let order = order_by(&shop, "mina", "tea", 1, "EXTERNAL").await.expect(201);
    let session = session_of(&shop, "mina", &order).await.expect(201);
    confirm_as_admin(&shop, &session, "transfer-1").await.expect(200);
    cancel(&shop, "mina", &order, json!({})).await.expect(200);
    sweep_payments(&shop).await;
    let refund = look(&shop, &order).await["refunds"][0].clone();
    assert_eq!(refund["status"], "FAILED", "nobody but a person can send it back");
    let path = format!("/orders/{}/refunds/{}/retry", id(&order), refund["refundId"].as_str().unwrap());
    shop.post(&path, json!({ "to": "BALANCE" })).as_admin().await.expect(200);
    assert_eq!(shop.balance("mina").await, 15_000);
    shop.audit().await;
}
