//! `POST /orders/{orderId}/parcels` and `PATCH /orders/{orderId}/parcels/{parcelId}`

use functions::schedule::sweep;
use serde_json::{Value, json};
use shared::store::{Action, keys};
use tests::{
    Call, TestShop,
    sales::tamper,
    steps::{
        at_once, cancel, cancel_units, codes, counted, history, id, look, migrate, move_along, move_line, order_id,
        published_of, status,
    },
};

use super::shop_of_dabang;

fn parcel(shop: &TestShop, order: &Value, items: &[(&str, i64)]) -> Call {
    let items: Vec<_> = items.iter().map(|(item, units)| json!({ "itemId": item, "quantity": units })).collect();
    let body = json!({ "items": items, "carrier": "CJ", "trackingNumber": "6880-1234" });
    shop.post(&format!("/orders/{}/parcels", id(order)), body)
}

fn move_parcel(shop: &TestShop, order: &Value, number: &str, status: &str) -> Call {
    shop.patch(&format!("/orders/{}/parcels/{number}", id(order)), json!({ "status": status }))
}

/// The state of the first line, with its units ordered, cancelled, shipped, delivered and returned.
async fn first_line(shop: &TestShop, order: &Value) -> (String, [i64; 5]) {
    let line = look(shop, order).await["items"][0].clone();
    let names = ["quantity", "cancelledQuantity", "shippedQuantity", "deliveredQuantity", "returnedQuantity"];
    (line["status"].as_str().unwrap().to_owned(), names.map(|name| line[name].as_i64().unwrap()))
}

#[tokio::test]
async fn a_line_is_shipped_in_parts_and_shows_its_least_advanced_unit() {
    let shop = shop_of_dabang().await;
    let order = shop.order("mina", "tea", 3).key("snapshot").await.expect(201);
    let first = parcel(&shop, &order, &[("1", 1)]).as_seller("dabang").await.expect(201);
    assert_eq!(
        (&first["parcelId"], &first["status"], &first["sellerId"]),
        (&json!("1"), &json!("SHIPPED"), &json!("dabang"))
    );
    assert_eq!((&first["carrier"], &first["trackingNumber"]), (&json!("CJ"), &json!("6880-1234")));
    assert_eq!(first["items"], json!([{ "itemId": "1", "quantity": 1 }]));
    assert_eq!(first_line(&shop, &order).await, ("PREPARING".to_owned(), [3, 0, 1, 0, 0]));

    let second = parcel(&shop, &order, &[("1", 2)]).as_seller("dabang").await.expect(201);
    assert_eq!(second["parcelId"], "2");
    assert_eq!(first_line(&shop, &order).await, ("SHIPPED".to_owned(), [3, 0, 3, 0, 0]));
    let moved = move_parcel(&shop, &order, "1", "DELIVERED").as_seller("dabang").await.expect(200);
    assert_eq!(moved["status"], "DELIVERED");
    assert!(moved["deliveredAt"].is_string());
    assert_eq!(first_line(&shop, &order).await, ("SHIPPED".to_owned(), [3, 0, 3, 1, 0]));
    // It is as far already.
    move_parcel(&shop, &order, "1", "DELIVERED").as_seller("dabang").await.expect(200);
    move_parcel(&shop, &order, "2", "IN_DELIVERY").as_seller("dabang").await.expect(200);
    assert_eq!(first_line(&shop, &order).await, ("IN_DELIVERY".to_owned(), [3, 0, 3, 1, 0]));
    move_parcel(&shop, &order, "2", "DELIVERED").as_admin().await.expect(200);
    assert_eq!(first_line(&shop, &order).await, ("DELIVERED".to_owned(), [3, 0, 3, 3, 0]));
    assert_eq!(status(&shop, &order).await, "COMPLETED");
    assert_eq!(look(&shop, &order).await["parcels"].as_array().unwrap().len(), 2);

    insta::assert_snapshot!(history(&shop, &order).await, @r"
    PAID by CUSTOMER: order - > PAID
    PAID by CUSTOMER: line 1 - > PAID
    PAID by SYSTEM: line 1 PAID > PREPARING
    PARCEL_SHIPPED by SELLER: line 1 PREPARING > PREPARING
    PARCEL_SHIPPED by SELLER: line 1 PREPARING > SHIPPED
    PARCEL_MOVED by SELLER: line 1 SHIPPED > SHIPPED
    PARCEL_MOVED by SELLER: line 1 SHIPPED > IN_DELIVERY
    PARCEL_MOVED by ADMIN: order PAID > COMPLETED
    PARCEL_MOVED by ADMIN: line 1 IN_DELIVERY > DELIVERED
    ");
    let events = published_of(&shop, &order).await;
    let kinds: Vec<_> = events.iter().map(|(kind, _)| *kind).collect();
    insta::assert_debug_snapshot!(kinds, @r#"
    [
        "OrderPaid",
        "ShippingRequested",
        "ParcelShipped",
        "ParcelShipped",
        "LineShipped",
        "ParcelDelivered",
        "ParcelInDelivery",
        "ParcelDelivered",
        "LineDelivered",
        "OrderCompleted",
    ]
    "#);
    let told = &events.iter().find(|(kind, _)| *kind == "ParcelShipped").unwrap().1;
    assert_eq!((&told["trackingNumber"], &told["items"][0]["quantity"]), (&json!("6880-1234"), &json!(1)));
    shop.audit().await;
}

#[tokio::test]
async fn a_parcel_is_refused_with_the_reason() {
    let shop = shop_of_dabang().await;
    shop.product("cup", 2_000, 10).await;
    let items = json!([{ "productId": "tea", "quantity": 2 }, { "productId": "cup", "quantity": 1 }]);
    let order = shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201);
    parcel(&shop, &order, &[("1", 3)]).as_seller("dabang").await.refused(409, "ORDER_STATE_CONFLICT");
    parcel(&shop, &order, &[("9", 1)]).as_admin().await.refused(404, "ENTITY_NOT_FOUND");
    // The cup is the shop's: only admins ship it, and it travels apart from the lines of sellers.
    parcel(&shop, &order, &[("2", 1)]).as_seller("dabang").await.refused(403, "FORBIDDEN");
    parcel(&shop, &order, &[("1", 1)]).as_user("mina").await.refused(403, "FORBIDDEN");
    parcel(&shop, &order, &[("1", 1)]).as_user("jun").await.refused(404, "ENTITY_NOT_FOUND");
    assert_eq!(parcel(&shop, &order, &[("1", 1), ("2", 1)]).as_admin().await.bad_fields(), ["items"]);
    let path = format!("/orders/{}/parcels", id(&order));
    for (body, field) in [
        (json!({ "items": [], "carrier": "CJ", "trackingNumber": "1" }), "items"),
        (
            json!({ "items": [{ "itemId": "1", "quantity": 0 }], "carrier": "CJ", "trackingNumber": "1" }),
            "items[0].quantity",
        ),
        (json!({ "items": [{ "itemId": "1", "quantity": 1 }], "carrier": "", "trackingNumber": "1" }), "carrier"),
        (json!({ "items": [{ "itemId": "1", "quantity": 1 }], "carrier": "CJ" }), "trackingNumber"),
    ] {
        assert_eq!(shop.post(&path, body).as_admin().await.bad_fields(), [field]);
    }
    move_parcel(&shop, &order, "1", "DELIVERED").as_admin().await.refused(404, "ENTITY_NOT_FOUND");
    parcel(&shop, &order, &[("2", 1)]).as_admin().await.expect(201);
    move_parcel(&shop, &order, "1", "DELIVERED").as_seller("dabang").await.refused(403, "FORBIDDEN");
    move_parcel(&shop, &order, "1", "DELIVERED").as_admin().await.expect(200);
    let back = move_parcel(&shop, &order, "1", "SHIPPED").as_admin().await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!((&back["status"], &back["allowed"]), (&json!("DELIVERED"), &json!([])));
    // A pending order has nothing to ship.
    let held = json!({ "userId": "mina", "items": [{ "productId": "tea", "quantity": 1 }], "payment": "LATER" });
    let held = shop.post("/orders", held).await.expect(201);
    parcel(&shop, &held, &[("1", 1)]).as_admin().await.refused(409, "ORDER_STATE_CONFLICT");
    shop.audit().await;
}

#[tokio::test]
async fn a_repeated_parcel_ships_once() {
    let shop = shop_of_dabang().await;
    let order = shop.order("mina", "tea", 3).await.expect(201);
    let first = parcel(&shop, &order, &[("1", 2)]).key("one").as_seller("dabang").await.expect(201);
    parcel(&shop, &order, &[("1", 1)]).as_seller("dabang").await.expect(201);
    let again = parcel(&shop, &order, &[("1", 2)]).key("one").as_seller("dabang").await.expect(201);
    assert_eq!(again, first);
    parcel(&shop, &order, &[("1", 1)]).key("one").as_seller("dabang").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(first_line(&shop, &order).await.1, [3, 0, 3, 0, 0]);
    shop.audit().await;
}

#[tokio::test]
async fn twenty_parcels_at_once_never_ship_more_than_was_ordered() {
    let shop = TestShop::with_instances(8);
    shop.customer("mina", 99_000_000).await;
    shop.product("tea", 1_000, 100).await;
    let order = shop.order("mina", "tea", 7).await.expect(201);
    let answers = at_once((0..20).map(|_| parcel(&shop, &order, &[("1", 1)]).as_admin())).await;
    assert_eq!(counted(&answers), codes(&[("SUCCESS", 7), ("ORDER_STATE_CONFLICT", 13)]));
    assert_eq!(first_line(&shop, &order).await, ("SHIPPED".to_owned(), [7, 0, 7, 0, 0]));
    shop.audit().await;
}

#[tokio::test]
async fn a_cancellation_and_a_parcel_of_the_same_unit_have_one_winner() {
    for _ in 0..5 {
        let shop = TestShop::with_instances(2);
        shop.customer("mina", 99_000_000).await;
        shop.product("tea", 1_000, 100).await;
        let order = shop.order("mina", "tea", 1).await.expect(201);
        let answers =
            at_once([parcel(&shop, &order, &[("1", 1)]).as_admin(), cancel_units(&shop, "mina", &order, "1", 1)]).await;
        assert_eq!(counted(&answers), codes(&[("SUCCESS", 1), ("ORDER_STATE_CONFLICT", 1)]));
        shop.audit().await;
    }
}

#[tokio::test]
async fn units_in_no_parcel_can_be_cancelled() {
    let shop = shop_of_dabang().await;
    let order = shop.order("mina", "tea", 3).await.expect(201);
    parcel(&shop, &order, &[("1", 1)]).as_seller("dabang").await.expect(201);
    // The order as a whole is on its way already.
    cancel(&shop, "mina", &order, json!({})).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!(look(&shop, &order).await["allowedActions"], json!([]));
    let refused = move_line(&shop, &order, "1", "CANCELLED").as_user("mina").await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!(refused["allowed"], json!([]));
    let refused = cancel_units(&shop, "mina", &order, "1", 3).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!((&refused["requested"], &refused["available"]), (&json!(3), &json!(2)));
    cancel_units(&shop, "mina", &order, "1", 2).await.expect(200);
    assert_eq!(first_line(&shop, &order).await, ("SHIPPED".to_owned(), [3, 2, 1, 0, 0]));
    assert_eq!((shop.stock("tea").await, look(&shop, &order).await["refunded"].clone()), (999, json!(2_000)));
    cancel_units(&shop, "mina", &order, "1", 1).await.refused(409, "ORDER_STATE_CONFLICT");
    shop.audit().await;
}

/// The first stage's way: a line is marked by hand, and the units in no parcel travel without a label.
#[tokio::test]
async fn a_line_marked_by_hand_has_an_implicit_parcel_for_the_rest() {
    let shop = shop_of_dabang().await;
    shop.product("cup", 2_000, 10).await;
    let order = shop.order("mina", "tea", 3).await.expect(201);
    parcel(&shop, &order, &[("1", 1)]).as_seller("dabang").await.expect(201);
    let order = move_line(&shop, &order, "1", "SHIPPED").as_seller("dabang").await.expect(200);
    assert_eq!(order["parcels"][1]["items"], json!([{ "itemId": "1", "quantity": 2 }]));
    assert!(order["parcels"][1].get("carrier").is_none());
    let order = move_line(&shop, &order, "1", "DELIVERED").as_seller("dabang").await.expect(200);
    let statuses: Vec<_> = order["parcels"].as_array().unwrap().iter().map(|parcel| &parcel["status"]).collect();
    assert_eq!(statuses, ["DELIVERED", "DELIVERED"]);
    assert_eq!(first_line(&shop, &order).await, ("DELIVERED".to_owned(), [3, 0, 3, 3, 0]));
    shop.audit().await;
}

#[tokio::test]
async fn lines_in_one_parcel_travel_together() {
    let shop = TestShop::new();
    shop.customer("mina", 99_000_000).await;
    shop.product("tea", 1_000, 10).await;
    shop.product("cup", 2_000, 10).await;
    let items = json!([{ "productId": "tea", "quantity": 1 }, { "productId": "cup", "quantity": 1 }]);
    let order = shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201);
    parcel(&shop, &order, &[("1", 1), ("2", 1)]).as_admin().await.expect(201);
    let order = move_line(&shop, &order, "1", "DELIVERED").as_admin().await.expect(200);
    assert_eq!(order["items"][1]["status"], "DELIVERED");
    shop.audit().await;
}

/// A request to cancel is void once the parcel goes on its way.
#[tokio::test]
async fn a_parcel_that_goes_on_ends_a_request_to_cancel() {
    let shop = shop_of_dabang().await;
    let order = shop.order("mina", "tea", 1).await.expect(201);
    parcel(&shop, &order, &[("1", 1)]).as_seller("dabang").await.expect(201);
    move_line(&shop, &order, "1", "CANCEL_REQUESTED").as_user("mina").await.expect(200);
    move_parcel(&shop, &order, "1", "IN_DELIVERY").as_seller("dabang").await.expect(200);
    assert_eq!(first_line(&shop, &order).await.0, "IN_DELIVERY");
    // One that the seller has granted ends only with the parcel's arrival, or back in stock.
    move_line(&shop, &order, "1", "CANCEL_REQUESTED").as_user("mina").await.expect(200);
    move_line(&shop, &order, "1", "CANCEL_IN_PROGRESS").as_seller("dabang").await.expect(200);
    move_line(&shop, &order, "1", "CANCELLED").as_seller("dabang").await.expect(200);
    assert_eq!(first_line(&shop, &order).await, ("CANCELLED".to_owned(), [1, 1, 1, 0, 1]));
    assert_eq!((status(&shop, &order).await.as_str(), shop.stock("tea").await), ("FULLY_REFUNDED", 1_000));
    shop.audit().await;
}

async fn sweep_confirmations(shop: &TestShop) {
    sweep::run(shop.instance(), &[sweep::Task::Confirmations]).await.unwrap();
}

/// Delivered on the 20th, a purchase is confirmed with the end of the 28th in Seoul, eight days later.
#[tokio::test]
async fn a_silent_customer_s_purchase_is_confirmed_after_eight_days() {
    let shop = shop_of_dabang().await;
    shop.set_clock("2026-11-20T03:00:00Z");
    let order = shop.order("mina", "tea", 2).await.expect(201);
    parcel(&shop, &order, &[("1", 1)]).as_seller("dabang").await.expect(201);
    move_parcel(&shop, &order, "1", "DELIVERED").as_seller("dabang").await.expect(200);
    shop.set_clock("2026-11-21T03:00:00Z");
    parcel(&shop, &order, &[("1", 1)]).as_seller("dabang").await.expect(201);
    move_parcel(&shop, &order, "2", "DELIVERED").as_seller("dabang").await.expect(200);
    // The line counts from its last parcel.
    shop.set_clock("2026-11-29T14:59:59Z");
    sweep_confirmations(&shop).await;
    assert_eq!(first_line(&shop, &order).await.0, "DELIVERED");
    shop.set_clock("2026-11-29T15:00:01Z");
    sweep_confirmations(&shop).await;
    sweep_confirmations(&shop).await;
    assert_eq!(first_line(&shop, &order).await.0, "PURCHASE_CONFIRMED");
    assert!(history(&shop, &order).await.ends_with("LINE_MOVED by SYSTEM: line 1 DELIVERED > PURCHASE_CONFIRMED"));
    shop.audit().await;
}

#[tokio::test]
async fn a_customer_s_own_word_ends_the_wait() {
    let shop = shop_of_dabang().await;
    let order = shop.order("mina", "tea", 1).await.expect(201);
    parcel(&shop, &order, &[("1", 1)]).as_seller("dabang").await.expect(201);
    move_parcel(&shop, &order, "1", "DELIVERED").as_seller("dabang").await.expect(200);
    move_line(&shop, &order, "1", "RETURN_REQUESTED").as_user("mina").await.expect(200);
    shop.set_clock("2036-01-01T00:00:00Z");
    sweep_confirmations(&shop).await;
    assert_eq!(first_line(&shop, &order).await.0, "RETURN_REQUESTED");
    // Back where it was, the line is confirmed after all.
    move_line(&shop, &order, "1", "DELIVERED").as_user("mina").await.expect(200);
    sweep_confirmations(&shop).await;
    assert_eq!(first_line(&shop, &order).await.0, "PURCHASE_CONFIRMED");
    shop.audit().await;
}

/// A record of the first stage has no parcels, and no instant of its arrival.
#[tokio::test]
async fn a_line_delivered_before_parcels_counts_from_the_migration() {
    let shop = shop_of_dabang().await;
    let order = shop.order("mina", "tea", 2).await.expect(201);
    move_along(&shop, &order, "1", &["SHIPPED", "IN_DELIVERY", "DELIVERED"]).await;
    let first_stage = [
        Action::update(keys::order(&order_id(&order)), "REMOVE #parcels"),
        Action::delete(keys::confirmation(&order_id(&order))),
    ];
    for action in first_stage {
        tamper(&shop, action).await;
    }
    assert_eq!(first_line(&shop, &order).await, ("DELIVERED".to_owned(), [2, 0, 2, 2, 0]));
    shop.audit().await;
    shop.set_clock("2026-12-24T03:00:00Z");
    sweep_confirmations(&shop).await;
    migrate(&shop, false).await.unwrap();
    shop.audit().await;
    for (at, status) in [("2027-01-01T14:59:59Z", "DELIVERED"), ("2027-01-01T15:00:01Z", "PURCHASE_CONFIRMED")] {
        shop.set_clock(at);
        sweep_confirmations(&shop).await;
        assert_eq!(first_line(&shop, &order).await.0, status);
    }
    shop.audit().await;
}
