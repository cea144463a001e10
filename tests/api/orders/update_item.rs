//! `PATCH /orders/{orderId}/items/{itemId}`

use serde_json::json;
use shared::domain::order::Actor::{Admin, Customer, Seller};
use tests::steps::{
    cancel, cancel_units, coupon_status, dying_at, history, id, ledger, look, move_along, move_line, order_id,
    published, published_of, set_user, status,
};

use super::{as_actor, shop_of_dabang};

/// The way of most parcels, each step by its actor.
#[tokio::test]
async fn a_line_goes_from_preparation_to_confirmation_each_step_by_its_actor() {
    let shop = shop_of_dabang().await;
    let order = shop.order("mina", "tea", 2).key("snapshot").await.expect(201);
    for next in ["SHIPPED", "IN_DELIVERY", "DELIVERED"] {
        shop.set_clock("2026-11-21T00:00:00Z");
        move_line(&shop, &order, "1", next).as_seller("dabang").await.expect(200);
    }
    assert_eq!(status(&shop, &order).await, "COMPLETED");
    let confirmed = move_line(&shop, &order, "1", "PURCHASE_CONFIRMED").as_user("mina").await.expect(200);
    assert_eq!((&confirmed["status"], &confirmed["updatedAt"]), (&json!("COMPLETED"), &json!("2026-11-21T00:00:00Z")));
    insta::assert_snapshot!(history(&shop, &order).await, @r#"
    PAID by CUSTOMER: order - > PAID
    PAID by CUSTOMER: line 1 - > PAID
    PAID by SYSTEM: line 1 PAID > PREPARING
    LINE_MOVED by SELLER: line 1 PREPARING > SHIPPED
    LINE_MOVED by SELLER: line 1 SHIPPED > IN_DELIVERY
    LINE_MOVED by SELLER: order PAID > COMPLETED
    LINE_MOVED by SELLER: line 1 IN_DELIVERY > DELIVERED
    LINE_MOVED by CUSTOMER: line 1 DELIVERED > PURCHASE_CONFIRMED
    "#);
    let kinds: Vec<_> = published_of(&shop, &order).await.into_iter().map(|(kind, _)| kind).collect();
    let expected =
        ["OrderPaid", "ShippingRequested", "LineShipped", "LineDelivered", "OrderCompleted", "PurchaseConfirmed"];
    assert_eq!(kinds, expected);
    assert_eq!(shop.balance("mina").await, 98_995_000);
    shop.audit().await;
}

/// One of two lines is returned. It is refunded less its part of the coupon, and its units are in stock when it has
/// arrived.
#[tokio::test]
async fn a_completed_return_is_refunded_and_restocked() {
    let shop = shop_of_dabang().await;
    shop.product("cup", 2_000, 10).await;
    shop.coupon("welcome", 1).await;
    shop.issue("mina", "welcome").await.expect(201);
    // 4,000 won of goods less 1,000, and 3,000 for shipping: 500 of the coupon are each line's.
    let items = json!([{ "productId": "tea", "quantity": 2 }, { "productId": "cup", "quantity": 1 }]);
    let order =
        shop.post("/orders", json!({ "userId": "mina", "items": items, "couponId": "welcome" })).await.expect(201);
    let paid = shop.balance("mina").await;
    for item in ["1", "2"] {
        move_along(&shop, &order, item, &["SHIPPED", "DELIVERED"]).await;
    }
    assert_eq!(status(&shop, &order).await, "COMPLETED");
    shop.set_clock("2026-11-22T03:00:00Z");
    for (user, next) in [("mina", "RETURN_REQUESTED"), ("dabang", "RETURN_IN_PROGRESS")] {
        let call = move_line(&shop, &order, "1", next);
        let call = if user == "mina" { call.as_user(user) } else { call.as_seller(user) };
        call.await.expect(200);
        assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (paid, 998), "{next}");
        assert_eq!(status(&shop, &order).await, "PAID", "{next}");
    }
    let seen = move_line(&shop, &order, "1", "RETURNED").as_seller("dabang").await.expect(200);
    // The seller sees only their own lines.
    assert_eq!((&seen["refunded"], &seen["items"].as_array().unwrap().len()), (&json!(1_500), &1));
    let returned = look(&shop, &order).await;
    assert_eq!((&returned["status"], &returned["refunded"]), (&json!("COMPLETED"), &json!(1_500)));
    assert_eq!(
        (&returned["items"][0]["cancelledQuantity"], &returned["items"][0]["status"]),
        (&json!(2), &json!("RETURNED"))
    );
    assert_eq!(ledger(&shop, "mina").await[0], ("REFUND".to_owned(), 1_500, paid + 1_500));
    assert_eq!((shop.stock("tea").await, coupon_status(&shop, "mina").await.as_str()), (1_000, "USED"));
    // The line has this state already.
    move_line(&shop, &order, "1", "RETURNED").as_seller("dabang").await.expect(200);
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (paid + 1_500, 1_000));

    // With the last of it the fee and the coupon come back, too.
    move_along(&shop, &order, "2", &["RETURN_REQUESTED", "RETURN_IN_PROGRESS", "RETURNED"]).await;
    assert_eq!(status(&shop, &order).await, "FULLY_REFUNDED");
    assert_eq!((shop.balance("mina").await, shop.stock("cup").await), (99_000_000, 10));
    assert_eq!(coupon_status(&shop, "mina").await, "USABLE");
    let kinds: Vec<_> = published_of(&shop, &order).await.into_iter().map(|(kind, _)| kind).collect();
    insta::assert_debug_snapshot!(kinds, @r#"
    [
        "OrderPaid",
        "ShippingRequested",
        "ShippingRequested",
        "LineShipped",
        "LineDelivered",
        "LineShipped",
        "LineDelivered",
        "OrderCompleted",
        "ReturnRequested",
        "OrderReopened",
        "OrderRefunded",
        "LineReturned",
        "OrderCompleted",
        "ReturnRequested",
        "OrderReopened",
        "OrderRefunded",
        "LineReturned",
    ]
    "#);
    shop.settle().await;
    assert_eq!(shop.get("/products/top").await.expect(200)["items"], json!([]));
    shop.audit().await;
}

#[tokio::test]
async fn a_withdrawn_return_changes_nothing() {
    let shop = shop_of_dabang().await;
    let order = shop.order("mina", "tea", 2).await.expect(201);
    move_along(&shop, &order, "1", &["SHIPPED", "DELIVERED", "RETURN_REQUESTED"]).await;
    assert_eq!(status(&shop, &order).await, "PAID");
    move_line(&shop, &order, "1", "DELIVERED").as_user("mina").await.expect(200);
    assert_eq!(status(&shop, &order).await, "COMPLETED");
    move_along(&shop, &order, "1", &["RETURN_REQUESTED", "RETURN_IN_PROGRESS"]).await;
    move_line(&shop, &order, "1", "DELIVERED").as_seller("dabang").await.expect(200);
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (98_995_000, 998));
    // Each time that it is completed is an event of its own.
    let completed: Vec<_> = published(&shop)
        .await
        .into_iter()
        .filter(|event| event.aggregate_id == id(&order) && event.kind.as_str() == "OrderCompleted")
        .map(|event| event.event_id)
        .collect();
    assert_eq!(completed, [3, 5, 8].map(|number| format!("{}-{number}-completed", order_id(&order))));
    shop.audit().await;
}

#[tokio::test]
async fn an_exchange_moves_no_money_and_no_units() {
    let shop = shop_of_dabang().await;
    let order = shop.order("mina", "tea", 2).await.expect(201);
    let way = ["SHIPPED", "DELIVERED", "EXCHANGE_REQUESTED", "EXCHANGE_IN_PROGRESS", "EXCHANGED"];
    let exchanged = move_along(&shop, &order, "1", &way).await;
    assert_eq!((&exchanged["status"], &exchanged["refunded"]), (&json!("PAID"), &json!(0)));
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (98_995_000, 998));
    assert_eq!(ledger(&shop, "mina").await.len(), 2);
    let kept = move_line(&shop, &order, "1", "PURCHASE_CONFIRMED").as_user("mina").await.expect(200);
    assert_eq!(kept["status"], "COMPLETED");
    shop.audit().await;
}

/// A parcel that is called back on its way: requested, approved, done.
#[tokio::test]
async fn a_line_cancelled_in_delivery_is_refunded() {
    let shop = shop_of_dabang().await;
    let order = shop.order("mina", "tea", 3).await.expect(201);
    cancel_units(&shop, "mina", &order, "1", 1).await.expect(200);
    move_along(&shop, &order, "1", &["SHIPPED"]).await;
    cancel(&shop, "mina", &order, json!({})).await.refused(409, "ORDER_STATE_CONFLICT");
    move_line(&shop, &order, "1", "CANCEL_REQUESTED").as_user("mina").await.expect(200);
    move_line(&shop, &order, "1", "CANCELLED").as_user("mina").await.refused(409, "ORDER_STATE_CONFLICT");
    for next in ["CANCEL_IN_PROGRESS", "CANCELLED"] {
        move_line(&shop, &order, "1", next).as_seller("dabang").await.expect(200);
    }
    let gone = look(&shop, &order).await;
    assert_eq!((&gone["status"], &gone["refunded"]), (&json!("FULLY_REFUNDED"), &json!(6_000)));
    assert_eq!(gone["items"][0]["cancelledQuantity"], 3);
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (99_000_000, 1_000));
    shop.audit().await;
}

/// An unshipped line is cancelled at once by each actor with the right: the effect is that of cancelling its units.
#[tokio::test]
async fn an_unshipped_line_is_cancelled_at_once() {
    for actor in [Customer, Seller, Admin] {
        let shop = shop_of_dabang().await;
        let order = shop.order("mina", "tea", 2).await.expect(201);
        as_actor(move_line(&shop, &order, "1", "CANCELLED"), actor).await.expect(200);
        assert_eq!(status(&shop, &order).await, "FULLY_REFUNDED");
        assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (99_000_000, 1_000));
        let kinds: Vec<_> = published_of(&shop, &order).await.into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, ["OrderPaid", "ShippingRequested", "OrderRefunded", "ShippingCancelled"]);
        shop.audit().await;
    }
}

/// The remaining lines decide: one on its way keeps the order open, a cancelled or returned one does not.
#[tokio::test]
async fn an_order_is_completed_when_its_remaining_lines_have_arrived() {
    let shop = shop_of_dabang().await;
    shop.product("cup", 2_000, 10).await;
    shop.product("pot", 3_000, 10).await;
    let items = ["tea", "cup", "pot"].map(|product| json!({ "productId": product, "quantity": 2 }));
    let order = shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201);
    move_along(&shop, &order, "1", &["SHIPPED", "DELIVERED"]).await;
    assert_eq!(status(&shop, &order).await, "PAID");
    cancel_units(&shop, "mina", &order, "2", 1).await.expect(200);
    assert_eq!(status(&shop, &order).await, "PARTIALLY_CANCELLED");
    move_along(&shop, &order, "1", &["PURCHASE_CONFIRMED"]).await;
    move_along(&shop, &order, "2", &["SHIPPED", "IN_DELIVERY", "DELIVERED"]).await;
    assert_eq!(status(&shop, &order).await, "PARTIALLY_CANCELLED");
    // The last missing line is cancelled instead.
    cancel_units(&shop, "mina", &order, "3", 2).await.expect(200);
    assert_eq!(status(&shop, &order).await, "COMPLETED");
    // A later return derives the state anew.
    move_along(&shop, &order, "2", &["RETURN_REQUESTED"]).await;
    assert_eq!(status(&shop, &order).await, "PARTIALLY_CANCELLED");
    move_along(&shop, &order, "2", &["RETURN_IN_PROGRESS", "RETURNED"]).await;
    assert_eq!(status(&shop, &order).await, "COMPLETED");
    let order = look(&shop, &order).await;
    // 12,000 won of goods and the fee were paid; two teas are kept.
    assert_eq!((&order["paid"], &order["refunded"]), (&json!(15_000), &json!(10_000)));
    let completed = published_of(&shop, &order).await.into_iter().filter(|(kind, _)| *kind == "OrderCompleted").count();
    assert_eq!(completed, 2);
    shop.audit().await;
}

#[tokio::test]
async fn lines_are_moved_by_their_own_parties_only() {
    let shop = shop_of_dabang().await;
    let cup = json!({ "productId": "cup", "name": "찻잔", "price": 2_000, "stock": 10 });
    shop.post("/products", cup).as_seller("dogi").await.expect(201);
    shop.product("pot", 3_000, 10).await;
    let items = ["tea", "cup", "pot"].map(|product| json!({ "productId": product, "quantity": 2 }));
    let order = shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201);
    let ship = |item: &str| move_line(&shop, &order, item, "SHIPPED");

    ship("1").await.refused(401, "UNAUTHENTICATED");
    assert_eq!(ship("2").as_seller("dabang").await.refused(404, "ENTITY_NOT_FOUND"), json!({ "itemId": "2" }));
    assert_eq!(ship("3").as_seller("dabang").await.refused(404, "ENTITY_NOT_FOUND"), json!({ "itemId": "3" }));
    assert_eq!(ship("1").as_seller("other").await.refused(404, "ENTITY_NOT_FOUND"), json!({ "orderId": id(&order) }));
    assert_eq!(ship("1").as_user("jun").await.refused(404, "ENTITY_NOT_FOUND"), json!({ "orderId": id(&order) }));
    // A customer of the same name as the seller is no seller.
    ship("1").as_user("dabang").await.refused(404, "ENTITY_NOT_FOUND");
    ship("1").as_user("mina").await.refused(403, "FORBIDDEN");
    move_line(&shop, &order, "1", "RETURN_REQUESTED").as_seller("dabang").await.refused(403, "FORBIDDEN");
    assert_eq!(look(&shop, &order).await["updatedAt"], order["updatedAt"]);

    ship("1").as_seller("dabang").await.expect(200);
    ship("2").as_admin().await.expect(200);
    ship("3").as_seller("dabang").await.refused(404, "ENTITY_NOT_FOUND");
    ship("3").as_admin().await.expect(200);
    for item in ["4", "0", "01", "first", "99999999999999999999999"] {
        assert_eq!(ship(item).as_admin().await.refused(404, "ENTITY_NOT_FOUND"), json!({ "itemId": item }));
    }
    let nothing = json!({ "orderId": "none" });
    assert_eq!(move_line(&shop, &nothing, "1", "SHIPPED").as_admin().await.refused(404, "ENTITY_NOT_FOUND"), nothing);
    shop.audit().await;
}

/// A seller who buys from themselves has the rights of both.
#[tokio::test]
async fn a_seller_who_buys_their_own_product_has_both_rights() {
    let shop = shop_of_dabang().await;
    shop.customer("dabang", 100_000).await;
    let order = shop.order("dabang", "tea", 1).await.expect(201);
    let step = |next: &str| move_line(&shop, &order, "1", next).as_seller("dabang");
    for next in ["SHIPPED", "DELIVERED", "RETURN_REQUESTED", "RETURN_IN_PROGRESS", "RETURNED"] {
        step(next).await.expect(200);
    }
    assert_eq!(shop.balance("dabang").await, 100_000);
    assert!(history(&shop, &order).await.contains("LINE_MOVED by CUSTOMER: line 1 DELIVERED > RETURN_REQUESTED"));
    shop.audit().await;
}

#[tokio::test]
async fn every_bad_field_is_named() {
    let shop = shop_of_dabang().await;
    let order = shop.order("mina", "tea", 2).await.expect(201);
    for state in ["", "shipped", "LOST", "PENDING"] {
        assert_eq!(move_line(&shop, &order, "1", state).as_admin().await.bad_fields(), ["status"], "{state}");
    }
    let path = format!("/orders/{}/items/1", id(&order));
    assert_eq!(shop.patch(&path, json!({})).as_admin().await.bad_fields(), ["status"]);
    let body = json!({ "status": 1, "quantity": 1 });
    let answer = shop.patch("/orders/a b/items/c d", body).as_admin().await;
    assert_eq!(answer.bad_fields(), ["itemId", "orderId", "quantity", "status"]);
    assert_eq!(look(&shop, &order).await["items"][0]["status"], "PREPARING");
}

/// Each seller gets one instruction, and the shop one for its own products. A cancellation goes to the receiver of the
/// instruction.
#[tokio::test]
async fn each_seller_gets_one_shipping_instruction() {
    let shop = shop_of_dabang().await;
    let cup = json!({ "productId": "cup", "name": "찻잔", "price": 2_000, "stock": 10 });
    shop.post("/products", cup).as_seller("dogi").await.expect(201);
    let jar = json!({ "productId": "jar", "name": "단지", "price": 2_000, "stock": 10 });
    shop.post("/products", jar).as_seller("dabang").await.expect(201);
    shop.product("pot", 3_000, 10).await;
    let items = ["tea", "cup", "pot", "jar"].map(|product| json!({ "productId": product, "quantity": 2 }));
    let order = shop.post("/orders", json!({ "userId": "mina", "items": items })).key("snapshot").await.expect(201);
    cancel_units(&shop, "mina", &order, "4", 1).await.expect(200);
    move_along(&shop, &order, "2", &["SHIPPED"]).await;
    let body = json!({ "items": [{ "itemId": "1", "quantity": 2 }, { "itemId": "3", "quantity": 1 }] });
    cancel(&shop, "mina", &order, body).await.expect(200);
    let instructions = published(&shop).await.into_iter().filter(|event| event.kind.as_str().starts_with("Shipping"));
    let instructions: Vec<_> = instructions
        .map(|event| {
            let data = serde_json::to_value(&event.data).unwrap();
            let units = data["items"].as_array().unwrap().iter();
            let units: Vec<_> =
                units.map(|item| format!("{} x{}", item["name"].as_str().unwrap(), item["quantity"])).collect();
            let (number, seller) = (&event.event_id[id(&order).len()..], &data["sellerId"]);
            format!("{}{number} to {seller}: {}", event.kind.as_str(), units.join(", "))
        })
        .collect();
    insta::assert_snapshot!(instructions.join("\n"), @r#"
    ShippingRequested-1-shipping-3 to null: pot 상품 x2
    ShippingRequested-1-shipping-1 to "dabang": 녹차 x2, 단지 x2
    ShippingRequested-1-shipping-2 to "dogi": 찻잔 x2
    ShippingCancelled-2-shipping-4 to "dabang": 단지 x1
    ShippingCancelled-4-shipping-3 to null: pot 상품 x1
    ShippingCancelled-4-shipping-1 to "dabang": 녹차 x2
    "#);
    shop.audit().await;
}

/// A line of a suspended user's order goes on its way, and its returned units are refunded.
#[tokio::test]
async fn a_line_of_a_suspended_user_moves_on() {
    let shop = shop_of_dabang().await;
    let order = shop.order("mina", "tea", 2).await.expect(201);
    set_user(&shop.another_instance(), "mina", "SUSPENDED").await;
    let way = ["SHIPPED", "DELIVERED", "RETURN_REQUESTED", "RETURN_IN_PROGRESS", "RETURNED"];
    assert_eq!(move_along(&shop, &order, "1", &way).await["refunded"], 5_000);
    assert_eq!(shop.balance("mina").await, 99_000_000);
    shop.audit().await;
}

/// The function dies after any of its calls, and its caller repeats the request. A lost answer counts once.
#[tokio::test]
async fn a_repeated_transition_changes_nothing() {
    for number in 1..=4 {
        let shop = shop_of_dabang().await;
        let order = shop.order("mina", "tea", 2).await.expect(201);
        move_along(&shop, &order, "1", &["SHIPPED", "DELIVERED", "RETURN_REQUESTED", "RETURN_IN_PROGRESS"]).await;
        let fresh = shop.another_instance();
        let _ = dying_at(&shop, number, move_line(&fresh, &order, "1", "RETURNED").as_admin()).await;
        let again = move_line(&shop, &order, "1", "RETURNED").as_admin().await.expect(200);
        assert_eq!(again["refunded"], 5_000);
        assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (99_000_000, 1_000));
        shop.audit().await;
    }
}
