//! The address of an order: `POST` and `PATCH /orders`, `GET /orders/{orderId}/ship-to`.

use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::app::{Bounds, PeoplePolicy};
use tests::{
    Call, TestShop,
    steps::{cancel, hold, id, move_along, order_by, race, wait},
};

fn seoul() -> Value {
    json!({ "name": "김민수", "postcode": "04524", "line1": "세종대로 110" })
}

fn busan() -> Value {
    json!({ "name": "이준", "phone": "051-1", "postcode": "48058", "line1": "센텀로 1", "line2": "2층", "note": "문 앞" })
}

async fn shop() -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    for seller in ["hana", "duri"] {
        let product = json!({ "productId": format!("of-{seller}"), "name": "차", "price": 1_000, "stock": 100 });
        shop.post("/products", product).as_seller(seller).await.expect(201);
    }
    moves(&shop, json!({ "postcode": "04524", "line1": "세종대로 110" })).await;
    shop
}

async fn moves(shop: &TestShop, address: Value) {
    shop.patch("/users/mina", json!({ "address": address })).as_user("mina").await.expect(200);
}

fn change(shop: &TestShop, order: &Value, address: &Value) -> Call {
    shop.patch(&format!("/orders/{}", id(order)), json!({ "shipTo": address })).as_user("mina")
}

fn ship_to(shop: &TestShop, order: &Value) -> Call {
    shop.get(&format!("/orders/{}/ship-to", id(order)))
}

async fn shown(shop: &TestShop, order: &Value) -> Value {
    shop.get(&format!("/orders/{}", id(order))).as_user("mina").await.expect(200)["shipTo"].clone()
}

#[tokio::test]
async fn an_address_is_shown_although_its_cache_entry_is_over_at_once() {
    let shop = shop().await;
    let bounds = Bounds { account_age: SignedDuration::ZERO, ..Bounds::PRODUCTION };
    let instance = shop.another_instance_within(bounds);
    let order = instance.order("mina", "of-hana", 1).await.expect(201);
    assert_eq!((&order["shipTo"], shown(&instance, &order).await), (&seoul(), seoul()));
}

#[tokio::test]
async fn an_order_keeps_the_address_that_it_was_placed_with() {
    let shop = shop().await;
    let order = shop.order("mina", "of-hana", 1).key("k").await.expect(201);
    assert_eq!(order["shipTo"], seoul());
    let held = hold(&shop, "mina", "of-hana", 1).await.expect(201);
    moves(&shop, busan()).await;
    assert_eq!((shown(&shop, &order).await, shown(&shop, &held).await), (seoul(), seoul()));
    assert_eq!(shop.order("mina", "of-hana", 1).key("k").await.expect(201)["shipTo"], seoul());
    assert_eq!(shop.order("mina", "of-hana", 1).await.expect(201)["shipTo"], busan());
    shop.patch("/users/mina", json!({ "address": null })).as_user("mina").await.expect(200);
    let bare = shop.order("mina", "of-hana", 1).await.expect(201);
    assert_eq!((&bare["shipTo"], shown(&shop, &order).await), (&Value::Null, seoul()));
    // It has no number, so that it is shipped to the current address.
    moves(&shop, busan()).await;
    assert_eq!((shown(&shop, &bare).await, shown(&shop, &order).await), (busan(), seoul()));
    shop.audit().await;
}

#[tokio::test]
async fn a_change_of_the_name_changes_the_address_of_later_orders_only() {
    let shop = shop().await;
    let order = shop.order("mina", "of-hana", 1).await.expect(201);
    shop.patch("/users/mina", json!({ "name": "박새봄", "phone": "010-1" })).as_user("mina").await.expect(200);
    let later = shop.order("mina", "of-hana", 1).await.expect(201);
    assert_eq!((&later["shipTo"]["name"], &later["shipTo"]["phone"]), (&json!("박새봄"), &json!("010-1")));
    assert_eq!(shown(&shop, &order).await, seoul());
}

/// A cached account has the number of the old address. The commit refuses it.
#[tokio::test]
async fn an_instance_with_an_old_account_ships_to_the_new_address() {
    let shop = shop().await;
    for order in [shop.order("mina", "of-hana", 1), order_by(&shop, "mina", "of-hana", 1, "LATER")] {
        shop.order("mina", "of-hana", 1).await.expect(201);
        moves(&shop.another_instance(), busan()).await;
        assert_eq!(order.await.expect(201)["shipTo"], busan());
        moves(&shop.another_instance(), json!({ "postcode": "04524", "line1": "세종대로 110" })).await;
    }
    shop.audit().await;
}

#[tokio::test]
async fn an_order_of_goods_that_are_shipped_needs_an_address() {
    let people = PeoplePolicy { require_address: true, ..PeoplePolicy::DEFAULT };
    let shop = shop().await.with_people(people);
    let needs_none = json!({ "productId": "ebook", "name": "책", "price": 1_000, "stock": 9, "needsShipping": false });
    shop.post("/products", needs_none).as_admin().await.expect(201);
    shop.order("mina", "of-hana", 1).key("before").await.expect(201);
    for (address, missing) in [(json!(null), json!(["postcode", "line1"])), (json!("세종대로"), json!(["postcode"]))]
    {
        shop.patch("/users/mina", json!({ "address": address })).as_user("mina").await.expect(200);
        for payment in ["BALANCE", "LATER"] {
            let refused = order_by(&shop, "mina", "of-hana", 1, payment).await.refused(409, "ADDRESS_REQUIRED");
            assert_eq!(refused["missing"], missing);
        }
        shop.order("mina", "of-hana", 1).key("before").await.expect(201);
        shop.order("mina", "ebook", 1).await.expect(201);
        // Stock comes before the address, and the balance after it.
        shop.order("mina", "of-hana", 999).await.refused(409, "STOCK_NOT_ENOUGH");
    }
    shop.customer("jun", 0).await;
    shop.order("jun", "of-hana", 1).await.refused(409, "ADDRESS_REQUIRED");
    moves(&shop, busan()).await;
    shop.order("mina", "of-hana", 1).await.expect(201);
    shop.patch("/products/ebook", json!({ "needsShipping": true })).as_admin().await.expect(200);
    wait(&shop, 6_000);
    shop.order("jun", "ebook", 1).await.refused(409, "ADDRESS_REQUIRED");
    shop.audit().await;
}

#[tokio::test]
async fn an_order_is_readdressed_until_a_line_is_shipped() {
    let shop = shop().await;
    let order = shop.order("mina", "of-hana", 2).await.expect(201);
    let changed = change(&shop, &order, &busan()).await.expect(200);
    assert_eq!(changed["shipTo"], busan());
    assert_eq!(change(&shop, &order, &busan()).await.expect(200), changed, "the second changes nothing");
    assert_eq!(shown(&shop, &order).await, busan());
    let history = shop.get(&format!("/orders/{}/history", id(&order))).as_user("mina").await.expect(200);
    let changes = history["items"].as_array().unwrap().iter().filter(|entry| entry["event"] == "ADDRESS_CHANGED");
    assert_eq!(changes.count(), 1, "{history}");
    // The user's own address stays.
    assert_eq!(shop.order("mina", "of-hana", 1).await.expect(201)["shipTo"], seoul());
    change(&shop, &order, &seoul()).as_user("jun").await.refused(404, "ENTITY_NOT_FOUND");
    change(&shop, &order, &seoul()).as_seller("hana").await.refused(403, "FORBIDDEN");
    assert_eq!(change(&shop, &order, &json!({ "line1": 1 })).await.bad_fields(), ["shipTo.line1"]);
    change(&shop, &order, &seoul()).as_admin().await.expect(200);
    move_along(&shop, &order, "1", &["SHIPPED"]).await;
    change(&shop, &order, &busan()).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!(shown(&shop, &order).await, seoul());
    let gone = shop.order("mina", "of-hana", 1).await.expect(201);
    cancel(&shop, "mina", &gone, json!({})).await.expect(200);
    change(&shop, &gone, &busan()).await.refused(409, "ORDER_STATE_CONFLICT");
    shop.audit().await;
}

#[tokio::test]
async fn concurrent_changes_of_an_address_leave_one_of_them() {
    let shop = shop().await;
    let order = shop.order("mina", "of-hana", 1).await.expect(201);
    let shop = shop.another_instance();
    let calls = (0..6).map(|number| change(&shop, &order, &json!({ "line1": format!("{number}") }))).collect();
    let answers = race(calls).await;
    assert_eq!(answers.get("SUCCESS"), Some(&6), "{answers:?}");
    assert!(shown(&shop, &order).await["line1"].is_string());
    shop.audit().await;
}

#[tokio::test]
async fn a_seller_sees_the_address_while_there_is_something_to_ship_and_for_a_time_after() {
    let people = PeoplePolicy { address_shown: SignedDuration::from_secs(60), ..PeoplePolicy::DEFAULT };
    let shop = shop().await.with_people(people);
    let held = hold(&shop, "mina", "of-hana", 1).await.expect(201);
    ship_to(&shop, &held).as_seller("hana").await.refused(404, "ENTITY_NOT_FOUND");
    let order = shop.order("mina", "of-hana", 1).await.expect(201);
    assert_eq!(ship_to(&shop, &order).as_seller("hana").await.expect(200), seoul());
    ship_to(&shop, &order).as_seller("duri").await.refused(404, "ENTITY_NOT_FOUND");
    ship_to(&shop, &order).as_user("jun").await.refused(404, "ENTITY_NOT_FOUND");
    let of_seller = shop.get(&format!("/orders/{}", id(&order))).as_seller("hana").await.expect(200);
    assert_eq!(of_seller["shipTo"], Value::Null);
    move_along(&shop, &order, "1", &["SHIPPED", "IN_DELIVERY", "DELIVERED"]).await;
    wait(&shop, 59_000);
    ship_to(&shop, &order).as_seller("hana").await.expect(200);
    wait(&shop, 2_000);
    ship_to(&shop, &order).as_seller("hana").await.refused(404, "ENTITY_NOT_FOUND");
    assert_eq!(ship_to(&shop, &order).as_user("mina").await.expect(200), seoul());
    assert_eq!(ship_to(&shop, &order).as_admin().await.expect(200), seoul());
    let gone = shop.order("mina", "of-hana", 1).await.expect(201);
    cancel(&shop, "mina", &gone, json!({})).await.expect(200);
    ship_to(&shop, &gone).as_seller("hana").await.refused(404, "ENTITY_NOT_FOUND");

    let log = shop.get("/desk/audit-log?userId=mina").as_admin().await.expect(200);
    let seen = |actor: &str, route: &str| {
        let is_it = |entry: &&Value| entry["actorId"] == actor && entry["route"] == route;
        log["items"].as_array().unwrap().iter().filter(is_it).count()
    };
    assert_eq!(seen("hana", "GET /orders/{orderId}/ship-to"), 2, "{log}");
    assert_eq!((seen("duri", "GET /orders/{orderId}/ship-to"), seen("mina", "GET /users/{userId}")), (0, 0));
}

#[tokio::test]
async fn an_order_of_a_few_lines_stays_within_a_kilobyte() {
    let shop = shop().await;
    let items = json!([{ "productId": "of-hana", "quantity": 2 }, { "productId": "of-duri", "quantity": 1 }]);
    let order = shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201);
    let key = json!({ "pk": { "S": format!("ORDER#{}", id(&order)) }, "sk": { "S": "ORDER" } });
    let item = shop.dynamo().execute("GetItem", json!({ "TableName": tests::TABLE, "Key": key })).unwrap();
    assert!(item["Item"].to_string().len() < 1_600, "{}", item["Item"]);
}

/// The desk shows the recipients of what is to be shipped where they are asked for, and notes each look.
#[tokio::test]
async fn the_desk_shows_recipients_while_there_is_something_to_ship() {
    let shop = shop().await;
    let first = shop.order("mina", "of-hana", 1).await.expect(201);
    moves(&shop, busan()).await;
    let second = shop.order("mina", "of-hana", 1).await.expect(201);
    shop.order("mina", "of-duri", 1).await.expect(201);
    shop.settle().await;
    let shown = |list: &Value| -> Vec<Value> {
        list["items"].as_array().unwrap().iter().map(|line| line["shipTo"].clone()).collect()
    };
    let list = shop.get("/desk/lines").as_seller("hana").await.expect(200);
    assert_eq!(shown(&list), [Value::Null, Value::Null]);
    for path in ["/desk/lines?shipTo=true", "/desk/lines?shipTo=true&status=PREPARING"] {
        let list = shop.get(path).as_seller("hana").await.expect(200);
        assert_eq!(shown(&list), [seoul(), busan()], "{path}");
    }
    let log = shop.get("/desk/audit-log?userId=mina").as_admin().await.expect(200);
    let looks = log["items"].as_array().unwrap().iter().filter(|look| look["route"] == "GET /desk/lines");
    let mut looks: Vec<_> = looks.map(|look| (look["actorId"].clone(), look["orderId"].clone())).collect();
    looks.sort_by_key(|(_, order)| order != &first["orderId"]);
    let expected = |order: &Value| (json!("hana"), order["orderId"].clone());
    assert_eq!(looks, [expected(&first), expected(&first), expected(&second), expected(&second)]);

    move_along(&shop, &first, "1", &["SHIPPED"]).await;
    shop.settle().await;
    let list = shop.get("/desk/lines?shipTo=true").as_seller("hana").await.expect(200);
    assert_eq!(shown(&list), [Value::Null, busan()]);
    let whole = shop.get("/desk/lines?shipTo=true").as_admin().await.expect(200);
    assert_eq!(shown(&whole), [Value::Null, busan(), busan()]);
    assert_eq!(shop.get("/desk/lines?shipTo=1").as_admin().await.bad_fields(), ["shipTo"]);
}
