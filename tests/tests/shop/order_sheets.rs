//! `/order-sheets`, and `/orders` of a sheet.

use functions::schedule::sweep;
use std::{collections::BTreeMap, future::IntoFuture};

use futures::future::join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::{
    app::{
        Caller, Policy, RequestKey, Role, Shop,
        orders::{self, OrderSource, PlaceOrder},
        sheets,
    },
    domain::{OrderSheetId, UserId, Won, caps::Caps, order::PayBy, pricing::ShippingPolicy},
    platform::{Clock, Random},
    store::Table,
};
use tests::{Call, Fault, TABLE, TestShop};

use crate::steps::{
    END, cancel, charge, coupon_status, dying_at, end_hold, expired_sheets, history, ledger, look, pay, set_user,
    settle, status,
};

/// The expiry of a sheet that was created at the shop's first instant, and the instant before.
const EXPIRY: &str = "2026-11-20T03:30:00Z";
const IN_TIME: &str = "2026-11-20T03:29:59.999Z";

/// Two teas at 12,000 less 500 and a cup at 2,000, with a coupon of 1,000: 24,000 won of goods, 3,000 for shipping.
async fn drawn_up() -> (TestShop, Value) {
    let shop = TestShop::new();
    let sheet = drawn_up_in(&shop, 100_000).await;
    (shop, sheet)
}

async fn drawn_up_in(shop: &TestShop, balance: i64) -> Value {
    shop.customer("mina", balance).await;
    shop.product("tea", 12_000, 10).await;
    shop.product("cup", 2_000, 10).await;
    shop.patch("/products/tea", json!({ "discount": 500 })).as_admin().await.expect(200);
    shop.coupon("welcome", 1).await;
    shop.issue("mina", "welcome").await.expect(201);
    draw_up(shop).key("snapshot").await.expect(201)
}

fn draw_up(shop: &TestShop) -> Call {
    let items = json!([{ "productId": "tea", "quantity": 2 }, { "productId": "cup", "quantity": 1 }]);
    shop.post("/order-sheets", json!({ "userId": "mina", "items": items, "couponId": "welcome" }))
}

fn sheet_id(sheet: &Value) -> OrderSheetId {
    OrderSheetId::try_from(sheet["orderSheetId"].as_str().unwrap().to_owned()).unwrap()
}

fn path(sheet: &Value) -> String {
    format!("/order-sheets/{}", sheet["orderSheetId"].as_str().unwrap())
}

fn order(shop: &TestShop, sheet: &Value) -> Call {
    shop.post("/orders", json!({ "userId": "mina", "orderSheetId": sheet["orderSheetId"] }))
}

fn order_by(shop: &TestShop, sheet: &Value, payment: &str) -> Call {
    let body = json!({ "userId": "mina", "orderSheetId": sheet["orderSheetId"], "payment": payment });
    shop.post("/orders", body)
}

async fn sheet_status(shop: &TestShop, sheet: &Value) -> String {
    shop.get(&path(sheet)).as_user("mina").await.expect(200)["status"].as_str().unwrap().to_owned()
}

/// Asserts that nothing was ordered, nothing has moved, and the sheet can still be ordered.
async fn assert_untouched(shop: &TestShop, sheet: &Value, balance: i64) {
    assert_eq!(sheet_status(shop, sheet).await, "OPEN");
    assert_eq!(shop.balance("mina").await, balance);
    let orders = shop.get("/orders?userId=mina").await.expect(200);
    let live = orders["items"].as_array().unwrap().iter().filter(|order| order["status"] != "PAYMENT_FAILED").count();
    assert_eq!(live, 0);
}

#[tokio::test]
async fn a_sheet_says_what_an_order_would_come_to() {
    let (shop, sheet) = drawn_up().await;
    insta::assert_json_snapshot!(sheet, @r#"
    {
      "couponDiscount": 1000,
      "couponId": "welcome",
      "createdAt": "2026-11-20T03:00:00Z",
      "expiresAt": "2026-11-20T03:30:00Z",
      "goodsDiscount": 1000,
      "goodsTotal": 26000,
      "items": [
        {
          "amount": 23000,
          "couponShare": 920,
          "itemId": "1",
          "name": "tea 상품",
          "productId": "tea",
          "quantity": 2,
          "sequence": 1,
          "unitDiscount": 500,
          "unitPrice": 12000
        },
        {
          "amount": 2000,
          "couponShare": 80,
          "itemId": "2",
          "name": "cup 상품",
          "productId": "cup",
          "quantity": 1,
          "sequence": 2,
          "unitDiscount": 0,
          "unitPrice": 2000
        }
      ],
      "orderSheetId": "oupbbaw4gouixrrwk6sh6u6d2i",
      "payable": 27000,
      "shippingFee": 3000,
      "status": "OPEN",
      "userId": "mina"
    }
    "#);
    assert_eq!(shop.get(&path(&sheet)).as_user("mina").await.expect(200), sheet);
    assert_eq!(shop.get(&path(&sheet)).as_admin().await.expect(200), sheet);
    shop.get(&path(&sheet)).await.refused(401, "UNAUTHENTICATED");
    shop.get(&path(&sheet)).as_user("jun").await.refused(404, "ENTITY_NOT_FOUND");
    shop.get(&path(&sheet)).as_seller("dabang").await.refused(404, "ENTITY_NOT_FOUND");
    let details = shop.get("/order-sheets/none").as_user("mina").await.refused(404, "ENTITY_NOT_FOUND");
    assert_eq!(details, json!({ "orderSheetId": "none" }));
    assert_eq!(shop.get("/order-sheets/a b").as_user("mina").await.bad_fields(), ["orderSheetId"]);

    // A sheet reserves nothing.
    assert_eq!((shop.stock("tea").await, shop.stock("cup").await), (10, 10));
    assert_eq!(coupon_status(&shop, "mina").await, "USABLE");
    assert_untouched(&shop, &sheet, 100_000).await;
    shop.audit().await;
}

#[tokio::test]
async fn an_order_of_a_sheet_is_exactly_what_it_says() {
    let (shop, sheet) = drawn_up().await;
    shop.set_clock(IN_TIME);
    let placed = order(&shop, &sheet).await.expect(201);
    for field in ["goodsTotal", "goodsDiscount", "couponDiscount", "couponId", "shippingFee", "payable", "orderSheetId"]
    {
        assert_eq!(placed[field], sheet[field], "{field}");
    }
    let line_fields = ["itemId", "productId", "name", "quantity", "unitPrice", "unitDiscount", "amount", "couponShare"];
    for (line, said) in placed["items"].as_array().unwrap().iter().zip(sheet["items"].as_array().unwrap()) {
        for field in line_fields {
            assert_eq!(line[field], said[field], "{field}");
        }
    }
    assert_eq!((&placed["status"], &placed["paid"]), (&json!("PAID"), &sheet["payable"]));
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await, shop.stock("cup").await), (73_000, 8, 9));
    assert_eq!(coupon_status(&shop, "mina").await, "USED");

    // From then on the sheet shows its order, also after its expiry.
    for now in [IN_TIME, EXPIRY] {
        shop.set_clock(now);
        let ordered = shop.get(&path(&sheet)).as_user("mina").await.expect(200);
        assert_eq!((&ordered["status"], &ordered["orderId"]), (&json!("ORDERED"), &placed["orderId"]));
        let details = order(&shop, &sheet).await.refused(409, "ORDER_STATE_CONFLICT");
        assert_eq!(details, json!({ "orderSheetId": sheet["orderSheetId"], "orderId": placed["orderId"] }));
    }
    // Cancelling the order does not open it again.
    cancel(&shop, "mina", &placed, json!({})).await.expect(200);
    order(&shop, &sheet).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!(shop.balance("mina").await, 100_000);
    shop.audit().await;
}

#[tokio::test]
async fn it_expires_to_the_millisecond() {
    for payment in ["BALANCE", "LATER", "EXTERNAL"] {
        let (shop, sheet) = drawn_up().await;
        shop.set_clock(EXPIRY);
        let details = order_by(&shop, &sheet, payment).await.refused(409, "ORDER_SHEET_EXPIRED");
        assert_eq!(details, json!({ "orderSheetId": sheet["orderSheetId"] }));
        assert_eq!(sheet_status(&shop, &sheet).await, "EXPIRED");
        assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (100_000, 10));
        shop.set_clock(IN_TIME);
        order_by(&shop, &sheet, payment).await.expect(201);
        shop.audit().await;
    }
}

#[tokio::test]
async fn a_price_that_changed_is_told_and_not_charged() {
    let (shop, sheet) = drawn_up().await;
    let other = shop.another_instance();
    let change = |change: Value| other.patch("/products/tea", change).as_admin();
    let back = json!({ "price": 12_000, "discount": 500 });
    for payment in ["BALANCE", "LATER", "EXTERNAL"] {
        for (new, current) in [
            (json!({ "price": 13_000 }), 12_500),
            (json!({ "price": 9_000 }), 8_500),
            (json!({ "discount": 0 }), 12_000),
        ] {
            change(new).await.expect(200);
            for instance in [shop.clone(), shop.another_instance()] {
                let details = order_by(&instance, &sheet, payment).await.refused(409, "PRICE_CHANGED");
                assert_eq!(details, json!({ "productId": "tea", "quoted": 11_500, "current": current }), "{payment}");
            }
            assert_untouched(&shop, &sheet, 100_000).await;
            assert_eq!((shop.stock("tea").await, shop.stock("cup").await), (10, 10));
            change(back.clone()).await.expect(200);
        }
    }
    // A changed price is also reported if the balance is too low.
    change(json!({ "price": 99_000 })).await.expect(200);
    order(&shop, &sheet).await.refused(409, "PRICE_CHANGED");
    shop.audit().await;
}

#[tokio::test]
async fn a_price_that_changed_is_told_before_a_coupon_that_is_gone() {
    let (shop, sheet) = drawn_up().await;
    let other = shop.another_instance();
    other.post("/coupons/revoke", json!({ "userId": "mina", "couponId": "welcome" })).as_admin().await.expect(200);
    other.patch("/products/tea", json!({ "price": 99_000 })).as_admin().await.expect(200);
    for payment in ["BALANCE", "LATER"] {
        order_by(&shop, &sheet, payment).await.refused(409, "PRICE_CHANGED");
    }
    other.patch("/products/tea", json!({ "price": 12_000 })).as_admin().await.expect(200);
    order(&shop, &sheet).await.refused(409, "COUPON_NOT_USABLE");
    shop.audit().await;
}

/// A sheet quotes price and discount. A change of both is reported even if their difference is the same.
#[tokio::test]
async fn another_price_for_the_same_money_is_another_price() {
    let (shop, sheet) = drawn_up().await;
    shop.another_instance()
        .patch("/products/tea", json!({ "price": 11_500, "discount": 0 }))
        .as_admin()
        .await
        .expect(200);
    order(&shop, &sheet).await.refused(409, "PRICE_CHANGED");
    assert_untouched(&shop, &sheet, 100_000).await;
    shop.audit().await;
}

#[tokio::test]
async fn a_price_that_changed_and_came_back_is_fine() {
    for is_warm in [false, true] {
        let (shop, sheet) = drawn_up().await;
        let other = shop.another_instance();
        other.patch("/products/tea", json!({ "price": 13_000 })).as_admin().await.expect(200);
        if is_warm {
            order(&shop, &sheet).await.refused(409, "PRICE_CHANGED");
            // Now this instance has cached the price in between.
            let items = json!([{ "productId": "tea", "quantity": 1 }]);
            shop.post("/order-sheets", json!({ "userId": "mina", "items": items })).await.expect(201);
        }
        other.patch("/products/tea", json!({ "price": 12_000 })).as_admin().await.expect(200);
        assert_eq!(order(&shop, &sheet).await.expect(201)["payable"], sheet["payable"]);
        shop.audit().await;
    }
}

/// A sheet also fixes the names of its products.
#[tokio::test]
async fn a_product_that_was_renamed_is_ordered_by_its_old_name() {
    let (shop, sheet) = drawn_up().await;
    shop.another_instance().patch("/products/tea", json!({ "name": "말차" })).as_admin().await.expect(200);
    let placed = order(&shop.another_instance(), &sheet).await.expect(201);
    assert_eq!(placed["items"][0]["name"], sheet["items"][0]["name"]);
    shop.audit().await;
}

#[tokio::test]
async fn a_product_that_is_gone_refuses_and_the_sheet_survives() {
    for payment in ["BALANCE", "LATER"] {
        for (state, code) in [("DISCONTINUED", (409, "PRODUCT_NOT_ON_SALE")), ("HIDDEN", (404, "ENTITY_NOT_FOUND"))] {
            let (shop, sheet) = drawn_up().await;
            let other = shop.another_instance();
            other.patch("/products/cup", json!({ "status": state })).as_admin().await.expect(200);
            for instance in [shop.clone(), shop.another_instance()] {
                let details = order_by(&instance, &sheet, payment).await.refused(code.0, code.1);
                assert_eq!(details, json!({ "productId": "cup" }));
            }
            assert_untouched(&shop, &sheet, 100_000).await;
            other.patch("/products/cup", json!({ "status": "ON_SALE" })).as_admin().await.expect(200);
            order_by(&shop, &sheet, payment).await.expect(201);
            shop.audit().await;
        }
    }
}

#[tokio::test]
async fn a_coupon_that_is_gone_refuses() {
    // Used for another order, which is cancelled afterwards.
    let (shop, sheet) = drawn_up().await;
    let items = json!([{ "productId": "cup", "quantity": 1 }]);
    let body = json!({ "userId": "mina", "items": items, "couponId": "welcome" });
    let first = shop.post("/orders", body).await.expect(201);
    let details = order(&shop, &sheet).await.refused(409, "COUPON_NOT_USABLE");
    assert_eq!(details, json!({ "couponId": "welcome", "reason": "USED" }));
    assert_eq!(sheet_status(&shop, &sheet).await, "OPEN");
    cancel(&shop, "mina", &first, json!({})).await.expect(200);
    order(&shop, &sheet).await.expect(201);
    shop.audit().await;

    // Expired, on a sheet that is still valid.
    let (shop, _) = drawn_up().await;
    shop.set_clock("2026-11-26T14:59:00Z");
    let sheet = draw_up(&shop).await.expect(201);
    shop.set_clock("2026-11-26T15:00:00Z");
    assert_eq!(order(&shop, &sheet).await.refused(409, "COUPON_NOT_USABLE")["reason"], "EXPIRED");
    assert_untouched(&shop, &sheet, 100_000).await;
    sweep::expiry::run(shop.instance()).await.unwrap();
    shop.audit().await;
}

#[tokio::test]
async fn stock_that_is_gone_refuses_and_the_sheet_survives() {
    for payment in ["BALANCE", "LATER", "EXTERNAL"] {
        let (shop, sheet) = drawn_up().await;
        shop.post("/products/tea/restock", json!({ "quantity": -9 })).as_admin().await.expect(200);
        let details = order_by(&shop, &sheet, payment).await.refused(409, "STOCK_NOT_ENOUGH");
        assert_eq!(details, json!({ "productId": "tea", "requested": 2, "available": 1 }));
        assert_untouched(&shop, &sheet, 100_000).await;
        shop.post("/products/tea/restock", json!({ "quantity": 1 })).as_admin().await.expect(200);
        order_by(&shop, &sheet, payment).await.expect(201);
        assert_eq!(shop.stock("tea").await, 0);
        shop.audit().await;
    }
}

#[tokio::test]
async fn too_little_balance_refuses_and_the_sheet_survives() {
    let shop = TestShop::new();
    let sheet = drawn_up_in(&shop, 26_900).await;
    let details = order(&shop, &sheet).key("k").await.refused(402, "BALANCE_NOT_ENOUGH");
    assert_eq!((&details["payable"], &details["balance"]), (&json!(27_000), &json!(26_900)));
    let failed = look(&shop, &details).await;
    assert_eq!((&failed["status"], &failed["orderSheetId"]), (&json!("PAYMENT_FAILED"), &sheet["orderSheetId"]));
    assert_untouched(&shop, &sheet, 26_900).await;
    assert_eq!(coupon_status(&shop, "mina").await, "USABLE");
    charge(&shop, "mina", 100).await;
    let placed = order(&shop, &sheet).key("k").await.expect(201);
    assert_eq!((&placed["status"], shop.balance("mina").await), (&json!("PAID"), 0));
    shop.audit().await;
}

#[tokio::test]
async fn who_is_suspended_meanwhile_cannot_order() {
    let (shop, sheet) = drawn_up().await;
    let other = shop.another_instance();
    set_user(&other, "mina", "SUSPENDED").await;
    draw_up(&shop).await.refused(409, "USER_NOT_ACTIVE");
    for payment in ["BALANCE", "LATER", "EXTERNAL"] {
        order_by(&shop, &sheet, payment).await.refused(409, "USER_NOT_ACTIVE");
    }
    set_user(&other, "mina", "ACTIVE").await;
    assert_untouched(&shop, &sheet, 100_000).await;
    order(&shop, &sheet).await.expect(201);
    shop.audit().await;
}

#[tokio::test]
async fn with_a_key_it_is_ordered_once() {
    let shop = TestShop::with_instances(2);
    let sheet = drawn_up_in(&shop, 27_000).await;
    let first = order(&shop, &sheet).key("k").await.expect(201);
    assert_eq!(order(&shop, &sheet).key("k").await.expect(201), first);
    shop.set_clock(EXPIRY);
    assert_eq!(order(&shop, &sheet).key("k").await.expect(201), first);
    order(&shop, &sheet).key("other").await.refused(409, "ORDER_STATE_CONFLICT");
    order_by(&shop, &sheet, "LATER").key("k").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(shop.balance("mina").await, 0);
    shop.audit().await;
}

#[tokio::test]
async fn with_a_key_it_is_drawn_up_once() {
    let (shop, sheet) = drawn_up().await;
    let other = shop.another_instance();
    other.patch("/products/tea", json!({ "price": 15_000 })).as_admin().await.expect(200);
    // The same sheet, not a new one.
    assert_eq!(draw_up(&shop).key("snapshot").await.expect(201), sheet);
    let fewer = json!([{ "productId": "tea", "quantity": 1 }]);
    let body = json!({ "userId": "mina", "items": fewer });
    shop.post("/order-sheets", body).key("snapshot").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    other.patch("/products/tea", json!({ "status": "HIDDEN" })).as_admin().await.expect(200);
    assert_eq!(draw_up(&shop).key("snapshot").await.expect(201), sheet);
    draw_up(&shop).key("new").await.refused(404, "ENTITY_NOT_FOUND");
    other.patch("/products/tea", json!({ "status": "ON_SALE", "price": 12_000 })).as_admin().await.expect(200);
    assert_ne!(draw_up(&shop).await.expect(201)["orderSheetId"], sheet["orderSheetId"]);

    let placed = order(&shop, &sheet).await.expect(201);
    shop.set_clock(EXPIRY);
    let again = draw_up(&shop).key("snapshot").await.expect(201);
    assert_eq!((&again["status"], &again["orderId"]), (&json!("ORDERED"), &placed["orderId"]));
}

/// A sheet is refused for the same reasons as its order, but for a low balance.
#[tokio::test]
async fn what_cannot_be_ordered_gets_no_sheet() {
    let shop = TestShop::new();
    drawn_up_in(&shop, 0).await;
    shop.product("old", 1_000, 1).await;
    shop.patch("/products/old", json!({ "status": "DISCONTINUED" })).as_admin().await.expect(200);
    let draw = |user: &str, lines: &[(&str, i64)], coupon: Option<&str>| {
        let items: Vec<_> = lines.iter().map(|(id, units)| json!({ "productId": id, "quantity": units })).collect();
        shop.post("/order-sheets", json!({ "userId": user, "items": items, "couponId": coupon }))
    };
    let everything = [("nothing", 1), ("old", 1), ("tea", 11)];
    draw("nobody", &everything, Some("none")).await.refused(404, "ENTITY_NOT_FOUND");
    assert_eq!(
        draw("mina", &everything, None).await.refused(404, "ENTITY_NOT_FOUND"),
        json!({ "productId": "nothing" })
    );
    draw("mina", &everything[1..], Some("none")).await.refused(409, "PRODUCT_NOT_ON_SALE");
    let details = draw("mina", &everything[2..], Some("none")).await.refused(409, "STOCK_NOT_ENOUGH");
    assert_eq!(details, json!({ "productId": "tea", "requested": 11, "available": 10 }));
    draw("mina", &[("tea", 1)], Some("none")).await.refused(409, "COUPON_NOT_USABLE");
    draw("mina", &[("tea", 1)], None).as_user("jun").await.refused(403, "FORBIDDEN");
    assert_eq!(draw("mina", &[], None).await.bad_fields(), ["items"]);
    assert_eq!(shop.post("/order-sheets", json!({ "userId": "mina" })).await.bad_fields(), ["items"]);
    let unknown = json!({ "userId": "mina", "items": [{ "productId": "tea", "quantity": 0 }], "orderSheetId": "x" });
    assert_eq!(shop.post("/order-sheets", unknown).await.bad_fields(), ["items[0].quantity", "orderSheetId"]);
    // The stock of all shards counts.
    let pot = json!({ "productId": "pot", "name": "Pot", "price": 1_000, "stock": 16, "stockShards": 8 });
    shop.post("/products", pot).as_admin().await.expect(201);
    let sheet = draw("mina", &[("pot", 16)], None).await.expect(201);
    assert_eq!(order_by(&shop, &sheet, "LATER").await.expect(201)["items"][0]["quantity"], 16);
    shop.audit().await;
}

#[tokio::test]
async fn a_sheet_says_it_all() {
    let (shop, sheet) = drawn_up().await;
    let with = |extra: Value| {
        let mut body = json!({ "userId": "mina", "orderSheetId": sheet["orderSheetId"] });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        shop.post("/orders", body)
    };
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    assert_eq!(with(json!({ "items": items })).await.bad_fields(), ["orderSheetId"]);
    assert_eq!(with(json!({ "couponId": "welcome" })).await.bad_fields(), ["couponId"]);
    assert_eq!(with(json!({ "orderSheetId": "a b" })).await.bad_fields(), ["orderSheetId"]);
    let details = with(json!({ "orderSheetId": "none" })).await.refused(404, "ENTITY_NOT_FOUND");
    assert_eq!(details, json!({ "orderSheetId": "none" }));
    // A sheet of another user is not found, even for an admin who orders for the wrong user.
    shop.customer("jun", 100_000).await;
    with(json!({ "userId": "jun" })).await.refused(404, "ENTITY_NOT_FOUND");
    with(json!({ "userId": "jun" })).as_admin().await.refused(404, "ENTITY_NOT_FOUND");
    order(&shop, &sheet).as_user("jun").await.refused(403, "FORBIDDEN");
    assert_untouched(&shop, &sheet, 100_000).await;
    let placed = order(&shop, &sheet).as_admin().await.expect(201);
    assert!(history(&shop, &placed).await.starts_with("PAID by ADMIN"));
    shop.audit().await;
}

#[tokio::test]
async fn a_sheet_can_be_held_and_paid_later() {
    let (shop, sheet) = drawn_up().await;
    shop.set_clock(IN_TIME);
    let held = order_by(&shop, &sheet, "LATER").await.expect(201);
    assert_eq!((&held["status"], &held["payable"]), (&json!("PENDING_PAYMENT"), &sheet["payable"]));
    assert_eq!((sheet_status(&shop, &sheet).await.as_str(), shop.stock("tea").await), ("ORDERED", 8));
    // The sheet has expired, but not the hold. Its price is the sheet's, after any change of the product.
    shop.set_clock("2026-11-20T03:39:59Z");
    shop.patch("/products/tea", json!({ "price": 99_000 })).as_admin().await.expect(200);
    assert_eq!(pay(&shop, "mina", &held).await.expect(200)["paid"], sheet["payable"]);
    assert_eq!(ledger(&shop, "mina").await[0].1, -27_000);
    shop.audit().await;

    // A hold that runs out does not open the sheet again.
    let (shop, sheet) = drawn_up().await;
    let held = order_by(&shop, &sheet, "LATER").await.expect(201);
    shop.set_clock(END);
    end_hold(&shop, &held).await;
    assert_eq!((status(&shop, &held).await.as_str(), shop.stock("tea").await), ("CANCELLED", 10));
    order(&shop, &sheet).await.refused(409, "ORDER_STATE_CONFLICT");
    shop.audit().await;
}

#[tokio::test]
async fn a_sheet_can_be_paid_from_outside() {
    let (shop, sheet) = drawn_up().await;
    let waiting = order_by(&shop, &sheet, "EXTERNAL").await.expect(201);
    settle(&shop, &waiting, orders::PaymentOutcome::Succeeded, "pay-1", 27_000).await;
    assert_eq!((status(&shop, &waiting).await.as_str(), shop.balance("mina").await), ("PAID", 100_000));
    shop.audit().await;
}

/// The same shop with other shipping costs.
fn with_other_shipping(shop: &TestShop) -> Shop {
    let now = shop.now();
    let random = || Random::new(|| 7);
    let policy = Policy {
        shipping: ShippingPolicy { fee: Won::new(5_000), free_from: Won::new(50_000) },
        hold: SignedDuration::from_mins(10),
        sheet_validity: SignedDuration::from_mins(30),
        caps: Caps::DEFAULT,
    };
    let table = Table::new(shop.dynamo().client(), TABLE.to_owned(), random());
    Shop::new(table, Clock::new(move || now), random(), policy)
}

#[tokio::test]
async fn what_shipping_costs_is_what_the_sheet_says() {
    let (shop, sheet) = drawn_up().await;
    let user_id = UserId::try_from("mina".to_owned()).unwrap();
    let caller = Caller { user_id: user_id.clone(), role: Role::Customer };
    let wanted = PlaceOrder {
        caller,
        user_id,
        source: OrderSource::Sheet(sheet_id(&sheet)),
        pay_by: PayBy::Balance,
        expected_payable: None,
    };
    let key = RequestKey::given("mina", "POST /orders", "k", b"{}");
    let placed = orders::place(&with_other_shipping(&shop), &wanted, &key).await.unwrap().order;
    assert_eq!((placed.amounts.shipping_fee, placed.paid), (Won::new(3_000), Won::new(27_000)));
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_orders_of_one_sheet_have_one_winner() {
    let shop = TestShop::with_instances(8);
    let sheet = drawn_up_in(&shop, 1_000_000).await;
    let calls = (0..20).map(|number| {
        let call = if number % 2 == 0 { order(&shop, &sheet) } else { order_by(&shop, &sheet, "LATER") };
        tokio::spawn(call.into_future())
    });
    let mut codes: BTreeMap<String, usize> = BTreeMap::new();
    for answer in join_all(calls.collect::<Vec<_>>()).await {
        *codes.entry(answer.unwrap().code().to_owned()).or_default() += 1;
    }
    assert_eq!(codes.remove("SUCCESS"), Some(1));
    // Some orders see the used coupon before the ordered sheet.
    let refused: usize =
        ["ORDER_STATE_CONFLICT", "COUPON_NOT_USABLE"].iter().filter_map(|code| codes.remove(*code)).sum();
    assert_eq!((refused, codes), (19, BTreeMap::new()));
    assert_eq!((shop.stock("tea").await, shop.stock("cup").await), (8, 9));
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn orders_of_one_sheet_without_a_coupon_say_that_it_is_ordered() {
    let shop = TestShop::with_instances(8);
    shop.customer("mina", 1_000_000).await;
    shop.product("tea", 12_000, 100).await;
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let sheet = shop.post("/order-sheets", json!({ "userId": "mina", "items": items })).await.expect(201);
    let calls = (0..20).map(|_| tokio::spawn(order(&shop, &sheet).into_future()));
    let mut paid = 0;
    for answer in join_all(calls.collect::<Vec<_>>()).await {
        let answer = answer.unwrap();
        if answer.status == 201 {
            paid += 1;
        } else {
            answer.refused(409, "ORDER_STATE_CONFLICT");
        }
    }
    assert_eq!((paid, shop.stock("tea").await, shop.balance("mina").await), (1, 99, 985_000));
    shop.audit().await;
}

#[tokio::test]
async fn what_nobody_orders_is_abandoned_once() {
    let (shop, sheet) = drawn_up().await;
    let abandon = async || sheets::abandon(shop.instance(), &sheet_id(&sheet)).await.unwrap();
    assert_eq!(abandon().await, Some(SignedDuration::from_mins(30)));
    shop.set_clock(IN_TIME);
    assert_eq!(abandon().await, Some(SignedDuration::from_millis(1)));
    assert_eq!(sheet_status(&shop, &sheet).await, "OPEN");
    assert_eq!(expired_sheets(&shop).await, []);

    shop.set_clock("2026-11-20T03:30:00.001Z");
    let expired = expired_sheets(&shop).await;
    assert_eq!(expired.into_iter().map(|(_, id)| id).collect::<Vec<_>>(), [sheet_id(&sheet)]);
    for _ in 0..2 {
        assert_eq!(abandon().await, None);
        assert_eq!(expired_sheets(&shop).await, []);
        assert_eq!(sheet_status(&shop, &sheet).await, "EXPIRED");
    }
    order(&shop, &sheet).await.refused(409, "ORDER_SHEET_EXPIRED");
    assert_eq!(
        sheets::abandon(shop.instance(), &OrderSheetId::try_from("none".to_owned()).unwrap()).await.unwrap(),
        None
    );
    shop.audit().await;
}

#[tokio::test]
async fn what_was_ordered_is_never_abandoned() {
    let (shop, sheet) = drawn_up().await;
    let placed = order(&shop, &sheet).await.expect(201);
    shop.set_clock("2026-11-20T03:30:00.001Z");
    assert_eq!(expired_sheets(&shop).await, []);
    assert_eq!(sheets::abandon(shop.instance(), &sheet_id(&sheet)).await.unwrap(), None);
    let ordered = shop.get(&path(&sheet)).as_user("mina").await.expect(200);
    assert_eq!((&ordered["status"], &ordered["orderId"]), (&json!("ORDERED"), &placed["orderId"]));
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ordering_and_abandoning_at_once_have_one_winner() {
    let shop = TestShop::with_instances(4);
    shop.customer("mina", 10_000_000).await;
    shop.product("tea", 12_000, 1_000).await;
    let mut placed = 0;
    for round in 0..80 {
        shop.set_clock("2026-11-20T03:00:00Z");
        let items = json!([{ "productId": "tea", "quantity": 1 }]);
        let sheet = shop.post("/order-sheets", json!({ "userId": "mina", "items": items })).await.expect(201);
        shop.set_clock(IN_TIME);
        let ordering = tokio::spawn(order(&shop, &sheet).into_future());
        let abandoning = tokio::spawn({
            let (shop, sheet) = (shop.clone(), sheet.clone());
            async move {
                for _ in 0..round % 16 {
                    tokio::task::yield_now().await;
                }
                shop.set_clock(EXPIRY);
                assert_eq!(sheets::abandon(shop.instance(), &sheet_id(&sheet)).await.unwrap(), None);
            }
        });
        let (answer, abandoned) = tokio::join!(ordering, abandoning);
        abandoned.unwrap();
        let answer = answer.unwrap();
        let state = sheet_status(&shop, &sheet).await;
        if answer.status == 201 {
            assert_eq!(state, "ORDERED");
            placed += 1;
        } else {
            answer.refused(409, "ORDER_SHEET_EXPIRED");
            assert_eq!(state, "EXPIRED");
        }
    }
    assert_eq!(shop.stock("tea").await, 1_000 - placed);
    assert_eq!(shop.balance("mina").await, 10_000_000 - 15_000 * placed);
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn conflicts_throttling_and_lost_answers_change_nothing() {
    for fault in [Fault::Conflict, Fault::Throttled, Fault::LostReply] {
        let times = if fault == Fault::LostReply { 2 } else { 4 };
        let (shop, _) = drawn_up().await;
        shop.dynamo().fail_first("TransactWriteItems", times, fault);
        let sheet = draw_up(&shop).await.expect(201);
        shop.dynamo().fail_first("TransactWriteItems", times, fault);
        let placed = order(&shop, &sheet).await.expect(201);
        shop.dynamo().fail(|_| Fault::None);
        assert_eq!(shop.get(&path(&sheet)).as_user("mina").await.expect(200)["orderId"], placed["orderId"]);
        assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (73_000, 8));

        let left =
            shop.post("/order-sheets", json!({ "userId": "mina", "items": [{ "productId": "tea", "quantity": 1 }] }));
        let left = left.await.expect(201);
        shop.set_clock(EXPIRY);
        shop.dynamo().fail_first("UpdateItem", 2, fault);
        assert_eq!(sheets::abandon(shop.instance(), &sheet_id(&left)).await.unwrap(), None);
        shop.dynamo().fail(|_| Fault::None);
        assert_eq!(sheet_status(&shop, &left).await, "EXPIRED");
        shop.audit().await;
    }
}

/// The function dies after any of its calls to DynamoDB; the client asks again with the same key.
#[tokio::test]
async fn drawing_up_and_ordering_survive_dying_anywhere() {
    for number in 1.. {
        let (shop, _) = drawn_up().await;
        let fresh = shop.another_instance();
        let drawn = dying_at(&shop, number, draw_up(&fresh).key("s")).await;
        let sheet = draw_up(&shop).key("s").await.expect(201);
        let fresh = shop.another_instance();
        let placed = dying_at(&shop, number, order(&fresh, &sheet).key("o")).await;
        let again = order(&shop, &sheet).key("o").await.expect(201);
        assert_eq!(shop.get(&path(&sheet)).as_user("mina").await.expect(200)["orderId"], again["orderId"]);
        assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (73_000, 8), "died at call {number}");
        shop.audit().await;
        if drawn.is_some() && placed.is_some() {
            break;
        }
    }
}
