//! Users of the first stage: their profiles are plain and they have no key. The first text of theirs that is stored makes one.

use functions::queue::settle_payments;
use serde_json::{Value, json};
use shared::{
    domain::UserId,
    store::{Action, keys},
};
use tests::{
    Call, TABLE, TestShop,
    fakes::queue::{DeadLetterQueue, Waits, batch},
    permissions::running_as,
    sales::tamper,
    steps::id,
};

/// Mina of the first stage, with an order and money, in a function that has just started.
async fn shop_of_mina() -> (TestShop, Value) {
    let shop = TestShop::new();
    shop.customer("mina", 20_000).await;
    shop.product("tea", 1_000, 10).await;
    let order = shop.order("mina", "tea", 2).await.expect(201);
    strip(&shop).await;
    (shop.another_instance(), order)
}

async fn strip(shop: &TestShop) {
    let mina = UserId::try_from("mina".to_owned()).unwrap();
    let plain = Action::update(keys::profile(&mina), "SET #name = :name, #email = :email")
        .value(":name", "김민아")
        .value(":email", "mina@example.com");
    for action in [plain, Action::delete(keys::user_key(&mina))] {
        tamper(shop, action).await;
    }
}

fn has_key(shop: &TestShop) -> bool {
    let all = shop.dynamo().execute("Scan", json!({ "TableName": TABLE })).unwrap();
    let is_key = |item: &Value| item["pk"]["S"] == "USER#mina" && item["sk"]["S"] == "KEY";
    all["Items"].as_array().unwrap().iter().any(is_key)
}

fn withdrawal(shop: &TestShop) -> Call {
    let account = json!({ "bank": "088", "number": "110-123", "holder": "김민아" });
    shop.post("/balance/withdrawals", json!({ "userId": "mina", "amount": 1_000, "account": account })).as_user("mina")
}

#[tokio::test]
async fn the_first_text_of_a_user_makes_a_key() {
    let calls: [fn(&TestShop, &Value) -> Call; 6] = [
        |shop, _| {
            let body = json!({ "userId": "mina", "amount": 100, "reason": "보상" });
            shop.post("/balance/charge", body).as_admin()
        },
        |shop, _| {
            let body = json!({ "userId": "mina", "amount": 100, "reason": "정정" });
            shop.post("/balance/adjustments", body).as_admin()
        },
        |shop, order| shop.post(&format!("/orders/{}/cancel", id(order)), json!({ "reason": "변심" })).as_user("mina"),
        |shop, order| {
            let address = json!({ "name": "김민아", "postcode": "04524", "line1": "세종대로 110" });
            shop.patch(&format!("/orders/{}", id(order)), json!({ "shipTo": address })).as_user("mina")
        },
        |shop, _| withdrawal(shop),
        |shop, _| shop.post("/users/mina/withdraw", json!({ "forfeit": true })).as_user("mina"),
    ];
    for (number, call) in calls.into_iter().enumerate() {
        let (shop, order) = shop_of_mina().await;
        if number == 5 {
            shop.post(&format!("/orders/{}/cancel", id(&order)), json!({})).as_user("mina").await.expect(200);
        }
        assert!(!has_key(&shop));
        let answer = call(&shop, &order).await;
        assert!(matches!(answer.status, 200 | 201), "{number}: {}", answer.body);
        assert!(has_key(&shop), "{number}");
    }
}

/// A bank account of the first stage is plain until its withdrawal is settled, by an admin or over the bus.
#[tokio::test]
async fn a_plain_account_is_sealed_when_its_withdrawal_is_settled() {
    for is_by_admin in [true, false] {
        let (shop, _) = shop_of_mina().await;
        let withdrawal = withdrawal(&shop).await.expect(201)["withdrawalId"].as_str().unwrap().to_owned();
        strip(&shop).await;
        let shop = shop.another_instance();
        let account =
            json!({ "M": { "bank": { "S": "088" }, "number": { "S": "110-123" }, "holder": { "S": "김민아" } } });
        let update = json!({
            "TableName": TABLE,
            "Key": { "pk": { "S": format!("WITHDRAWAL#{withdrawal}") }, "sk": { "S": "WITHDRAWAL" } },
            "UpdateExpression": "SET account = :account", "ExpressionAttributeValues": { ":account": account },
        });
        shop.dynamo().execute("UpdateItem", update).unwrap();
        if is_by_admin {
            let body = json!({ "status": "PAID_OUT" });
            shop.patch(&format!("/balance/withdrawals/{withdrawal}"), body).as_admin().await.expect(200);
        } else {
            let detail = json!({ "withdrawalId": withdrawal, "at": "2026-11-20T03:00:01Z" });
            let messages = batch("jangteo.payments", &[("WithdrawalPaidOut", detail)]);
            let letters = DeadLetterQueue::default().queue_named("PaymentResultsDeadLetters");
            let (waits, instance) = (Waits::default(), shop.instance().clone());
            let queue = waits.queue();
            let work = settle_payments::handle(&instance, &queue, &letters, messages);
            assert!(running_as("settle-payments", work).await.unwrap().batch_item_failures.is_empty());
        }
        assert!(has_key(&shop));
    }
}

/// The products of a seller who leaves are paused, as those of one who is suspended.
#[tokio::test]
async fn a_seller_who_withdraws_sells_no_more() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.customer("jun", 10_000).await;
    let tea = json!({ "productId": "tea", "name": "차", "price": 1_000, "stock": 10 });
    shop.post("/products", tea).as_seller("mina").await.expect(201);
    shop.post("/users/mina/withdraw", json!({})).as_user("mina").await.expect(200);
    shop.order("jun", "tea", 1).await.refused(409, "PRODUCT_NOT_ON_SALE");
}

/// An admin's look at an order with an address is noted.
#[tokio::test]
async fn an_admin_s_look_at_an_order_is_noted() {
    let shop = TestShop::new();
    shop.customer("mina", 20_000).await;
    shop.product("tea", 1_000, 10).await;
    let address = json!({ "postcode": "04524", "line1": "세종대로 110" });
    shop.patch("/users/mina", json!({ "address": address })).as_user("mina").await.expect(200);
    let order = shop.order("mina", "tea", 1).await.expect(201);
    shop.get(&format!("/orders/{}", id(&order))).as_admin().await.expect(200);
    let log = shop.get("/desk/audit-log?userId=mina").as_admin().await.expect(200);
    let routes: Vec<_> = log["items"].as_array().unwrap().iter().map(|access| access["route"].clone()).collect();
    assert!(routes.contains(&json!("GET /orders/{orderId}")), "{routes:?}");
}
