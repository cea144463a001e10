//! Orders: amounts of nothing, states that mislead, and data of others.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::{
    Fault, TestShop,
    steps::{cancel, cancel_units, hold, id, look, move_along, move_line, published_of, wait},
};

/// A seller's tea at 1,000 won, a customer with money.
async fn shop_of_dabang() -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    let tea = json!({ "productId": "tea", "name": "녹차", "price": 1_000, "stock": 1_000 });
    shop.post("/products", tea).as_seller("dabang").await.expect(201);
    shop
}

async fn payment_status(shop: &TestShop, order: &Value) -> Value {
    let payments = shop.get(&format!("/orders/{}/payments", id(order))).as_user("mina").await.expect(200);
    payments["items"][0]["status"].clone()
}

/// The payment of an order of 0 won said PAID for ever.
#[tokio::test]
async fn a_cancelled_order_of_nothing_is_refunded() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.product("sample", 0, 10).await;
    shop.campaign("free", 10, json!({ "kind": "FREE_SHIPPING" })).await;
    shop.issue("mina", "free").await.expect(201);
    let items = json!([{ "productId": "sample", "quantity": 2 }]);
    let body = json!({ "userId": "mina", "items": items, "couponId": "free" });
    let order = shop.post("/orders", body).await.expect(201);
    assert_eq!((&order["payable"], payment_status(&shop, &order).await), (&json!(0), json!("PAID")));
    cancel_units(&shop, "mina", &order, "1", 1).await.expect(200);
    assert_eq!(payment_status(&shop, &order).await, "PAID");
    cancel(&shop, "mina", &order, json!({})).await.expect(200);
    assert_eq!(payment_status(&shop, &order).await, "REFUNDED");
    shop.audit().await;
}

/// The lines of an order that the balance was too low for waited for a payment that never comes.
#[tokio::test]
async fn lines_of_a_failed_payment_are_cancelled() {
    let shop = shop_of_dabang().await;
    shop.customer("jun", 0).await;
    let failed = shop.order("jun", "tea", 2).await.refused(402, "BALANCE_NOT_ENOUGH");
    let path = format!("/orders/{}", failed["orderId"].as_str().unwrap());
    let order = shop.get(&path).as_user("jun").await.expect(200);
    let line = &order["items"][0];
    assert_eq!(
        (&order["status"], &line["status"], &line["cancelledQuantity"], &line["allowedActions"]),
        (&json!("PAYMENT_FAILED"), &json!("CANCELLED"), &json!(2), &json!([]))
    );
    let history = shop.get(&format!("{path}/history")).as_user("jun").await.expect(200);
    let states: Vec<_> = history["items"].as_array().unwrap().iter().map(|entry| &entry["to"]).collect();
    assert_eq!(states, ["PAYMENT_FAILED", "CANCELLED"]);
    shop.audit().await;
}

/// A parcel that was called back and sent on three times completed its order three times for the data platform.
#[tokio::test]
async fn a_reverted_completion_is_published() {
    let shop = shop_of_dabang().await;
    let order = shop.order("mina", "tea", 1).await.expect(201);
    let way = [
        "SHIPPED",
        "DELIVERED",
        "RETURN_REQUESTED",
        "DELIVERED",
        "EXCHANGE_REQUESTED",
        "DELIVERED",
        "PURCHASE_CONFIRMED",
    ];
    move_along(&shop, &order, "1", &way).await;
    let kinds: Vec<_> = published_of(&shop, &order).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(
        kinds,
        [
            "OrderPaid",
            "ShippingRequested",
            "LineShipped",
            "LineDelivered",
            "OrderCompleted",
            "ReturnRequested",
            "OrderReopened",
            "LineDelivered",
            "OrderCompleted",
            "ExchangeRequested",
            "OrderReopened",
            "LineDelivered",
            "OrderCompleted",
            "PurchaseConfirmed",
        ]
    );
    shop.audit().await;
}

/// SHIPPED → CANCEL_REQUESTED → IN_DELIVERY: a customer moved the parcel along. A withdrawn request leads back to the
/// state before it.
#[tokio::test]
async fn a_withdrawn_request_restores_the_former_state() {
    let shop = shop_of_dabang().await;
    for (way, request, elsewhere) in [
        (&["SHIPPED"][..], "CANCEL_REQUESTED", "IN_DELIVERY"),
        (&["SHIPPED", "IN_DELIVERY"], "CANCEL_REQUESTED", "SHIPPED"),
        (&["SHIPPED", "DELIVERED"], "RETURN_REQUESTED", "EXCHANGED"),
        (
            &["SHIPPED", "DELIVERED", "EXCHANGE_REQUESTED", "EXCHANGE_IN_PROGRESS", "EXCHANGED"],
            "RETURN_REQUESTED",
            "DELIVERED",
        ),
        (
            &["SHIPPED", "DELIVERED", "EXCHANGE_REQUESTED", "EXCHANGE_IN_PROGRESS", "EXCHANGED"],
            "EXCHANGE_REQUESTED",
            "DELIVERED",
        ),
    ] {
        let order = shop.order("mina", "tea", 1).await.expect(201);
        move_along(&shop, &order, "1", way).await;
        let before = *way.last().unwrap();
        let step = |status: &str| move_line(&shop, &order, "1", status).as_user("mina");
        let asked = step(request).await.expect(200);
        assert_eq!(asked["items"][0]["allowedActions"], json!([before]), "{way:?}");
        let refusal = step(elsewhere).await;
        // A customer moves a line to SHIPPED or EXCHANGED only by withdrawing a request.
        assert!(matches!(refusal.status, 403 | 409), "{way:?}: {}", refusal.body);
        assert_eq!(look(&shop, &order).await["items"][0]["status"], request, "{way:?}");
        let withdrawn = step(before).await.expect(200);
        assert_eq!(withdrawn["items"][0]["status"], before, "{way:?}");
        // Repeated, since the first answer may have been lost: no effect, and no refusal.
        assert_eq!(step(before).await.expect(200), withdrawn, "{way:?}");
    }
    shop.audit().await;
}

/// A cancel reason was shown to every seller of the order, and unpaid and failed orders as well.
#[tokio::test]
async fn sellers_see_paid_orders_and_their_own_lines_only() {
    let shop = shop_of_dabang().await;
    let cup = json!({ "productId": "cup", "name": "찻잔", "price": 2_000, "stock": 10 });
    shop.post("/products", cup).as_seller("dogi").await.expect(201);
    shop.customer("jun", 0).await;

    let seen_by = |order: &Value, seller: &str| shop.get(&format!("/orders/{}", id(order))).as_seller(seller);
    let held = hold(&shop, "mina", "tea", 1).await.expect(201);
    seen_by(&held, "dabang").await.refused(404, "ENTITY_NOT_FOUND");
    let failed = shop.order("jun", "tea", 1).await.refused(402, "BALANCE_NOT_ENOUGH");
    seen_by(&failed, "dabang").await.refused(404, "ENTITY_NOT_FOUND");
    cancel(&shop, "mina", &held, json!({ "reason": "너무 비싸요" })).await.expect(200);
    seen_by(&held, "dabang").await.refused(404, "ENTITY_NOT_FOUND");

    let items = json!([{ "productId": "tea", "quantity": 2 }, { "productId": "cup", "quantity": 1 }]);
    let order = shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201);
    seen_by(&order, "dabang").await.expect(200);
    let one_tea = json!({ "items": [{ "itemId": "1", "quantity": 1 }], "reason": "하나면 돼요" });
    cancel(&shop, "mina", &order, one_tea).await.expect(200);
    cancel(&shop, "mina", &order, json!({ "reason": "전화 주세요 010-1234-5678" })).await.expect(200);
    let reasons_for = async |seller: &str| {
        let history = shop.get(&format!("/orders/{}/history", id(&order))).as_seller(seller).await.expect(200);
        let entries = history["items"].as_array().unwrap().clone();
        entries.iter().filter_map(|entry| entry["reason"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(reasons_for("dabang").await, ["하나면 돼요"; 2]);
    assert_eq!(reasons_for("dogi").await, [] as [&str; 0]);
    let history = shop.get(&format!("/orders/{}/history", id(&order))).as_user("mina").await.expect(200);
    assert!(history.to_string().contains("010-1234-5678"));
    shop.audit().await;
}

/// An order was made, its answer got lost, and its repetition met another transaction. The sale ended meanwhile, and the
/// customer was told so, with the money gone.
#[tokio::test(start_paused = true)]
async fn an_order_whose_answer_is_lost_is_never_refused_after_it() {
    let shop = shop_of_dabang().await;
    let end = shop.now().checked_add(SignedDuration::from_secs(3)).unwrap();
    shop.patch("/products/tea", json!({ "saleUntil": end })).as_admin().await.expect(200);
    let (clock, mut commits) = (shop.clone(), 0);
    shop.dynamo().fail(move |operation| {
        commits += u32::from(operation == "TransactWriteItems");
        match commits {
            1 if operation == "TransactWriteItems" => Fault::LostReply,
            2 if operation == "TransactWriteItems" => {
                wait(&clock, 5_000);
                Fault::Conflict
            }
            _ => Fault::None,
        }
    });
    shop.order("mina", "tea", 1).await.expect(201);
    shop.dynamo().fail(|_| Fault::None);
    assert_eq!(shop.stock("tea").await, 999);
    shop.audit().await;
}
