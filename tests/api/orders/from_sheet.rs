//! `POST /orders` of an order sheet

use functions::schedule::sweep;
use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::{
    app::{
        CONFIRM_AFTER, Caller, ExportPolicy, PaymentPolicy, PeoplePolicy, Policy, RETURN_FEE, RequestKey, Role, Shop,
        orders::{self, OrderSource, PlaceOrder},
    },
    domain::{
        UserId, Won,
        benefits::OnPartialCancel,
        caps::Caps,
        order::{ClaimPolicy, PayBy},
        pricing::ShippingPolicy,
        scaling::ScalingPolicy,
    },
    platform::{Clock, Random},
    store::Table,
};
use tests::{
    TABLE, TestShop,
    steps::{
        END, cancel, charge, coupon_status, end_hold, history, ledger, look,
        order_sheets::{
            EXPIRY, IN_TIME, assert_untouched, create_sheet, order, order_by, path, sheet_id, sheet_in, sheet_status,
            shop_with_sheet,
        },
        pay, set_user, settle, status,
    },
};

#[tokio::test]
async fn an_order_of_a_sheet_has_its_amounts() {
    let (shop, sheet) = shop_with_sheet().await;
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
async fn an_order_of_a_sheet_takes_no_other_items_or_coupon() {
    let (shop, sheet) = shop_with_sheet().await;
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
async fn a_changed_price_is_reported_and_not_charged() {
    let (shop, sheet) = shop_with_sheet().await;
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
async fn a_changed_price_is_reported_before_an_unusable_coupon() {
    let (shop, sheet) = shop_with_sheet().await;
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
async fn a_change_of_price_and_discount_is_reported_at_equal_cost() {
    let (shop, sheet) = shop_with_sheet().await;
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
async fn a_price_that_was_restored_is_accepted() {
    for is_warm in [false, true] {
        let (shop, sheet) = shop_with_sheet().await;
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
async fn a_renamed_product_is_ordered_by_its_quoted_name() {
    let (shop, sheet) = shop_with_sheet().await;
    shop.another_instance().patch("/products/tea", json!({ "name": "말차" })).as_admin().await.expect(200);
    let placed = order(&shop.another_instance(), &sheet).await.expect(201);
    assert_eq!(placed["items"][0]["name"], sheet["items"][0]["name"]);
    shop.audit().await;
}

#[tokio::test]
async fn a_missing_product_refuses_the_order_and_keeps_the_sheet() {
    for payment in ["BALANCE", "LATER"] {
        for (state, code) in [("DISCONTINUED", (409, "PRODUCT_NOT_ON_SALE")), ("HIDDEN", (404, "ENTITY_NOT_FOUND"))] {
            let (shop, sheet) = shop_with_sheet().await;
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
async fn an_unusable_coupon_refuses_the_order() {
    // Used for another order, which is cancelled afterwards.
    let (shop, sheet) = shop_with_sheet().await;
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
    let (shop, _) = shop_with_sheet().await;
    shop.set_clock("2026-11-26T14:59:00Z");
    let sheet = create_sheet(&shop).await.expect(201);
    shop.set_clock("2026-11-26T15:00:00Z");
    assert_eq!(order(&shop, &sheet).await.refused(409, "COUPON_NOT_USABLE")["reason"], "EXPIRED");
    assert_untouched(&shop, &sheet, 100_000).await;
    sweep::sheets::run(shop.instance()).await.unwrap();
    shop.audit().await;
}

#[tokio::test]
async fn missing_stock_refuses_the_order_and_keeps_the_sheet() {
    for payment in ["BALANCE", "LATER", "EXTERNAL"] {
        let (shop, sheet) = shop_with_sheet().await;
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
async fn a_low_balance_refuses_the_order_and_keeps_the_sheet() {
    let shop = TestShop::new();
    let sheet = sheet_in(&shop, 26_900).await;
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
async fn a_user_suspended_meanwhile_cannot_order() {
    let (shop, sheet) = shop_with_sheet().await;
    let other = shop.another_instance();
    set_user(&other, "mina", "SUSPENDED").await;
    create_sheet(&shop).await.refused(409, "USER_NOT_ACTIVE");
    for payment in ["BALANCE", "LATER", "EXTERNAL"] {
        order_by(&shop, &sheet, payment).await.refused(409, "USER_NOT_ACTIVE");
    }
    set_user(&other, "mina", "ACTIVE").await;
    assert_untouched(&shop, &sheet, 100_000).await;
    order(&shop, &sheet).await.expect(201);
    shop.audit().await;
}

#[tokio::test]
async fn a_sheet_with_a_key_is_ordered_once() {
    let shop = TestShop::with_instances(2);
    let sheet = sheet_in(&shop, 27_000).await;
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
async fn a_sheet_can_be_held_and_paid_later() {
    let (shop, sheet) = shop_with_sheet().await;
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
    let (shop, sheet) = shop_with_sheet().await;
    let held = order_by(&shop, &sheet, "LATER").await.expect(201);
    shop.set_clock(END);
    end_hold(&shop, &held).await;
    assert_eq!((status(&shop, &held).await.as_str(), shop.stock("tea").await), ("CANCELLED", 10));
    order(&shop, &sheet).await.refused(409, "ORDER_STATE_CONFLICT");
    shop.audit().await;
}

#[tokio::test]
async fn a_sheet_can_be_paid_externally() {
    let (shop, sheet) = shop_with_sheet().await;
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
        self_charge: true,
        return_fee: RETURN_FEE,
        confirm_after: CONFIRM_AFTER,
        claims: ClaimPolicy::DEFAULT,
        on_partial_cancel: OnPartialCancel::Keep,
        shipping: ShippingPolicy { fee: Won::new(5_000), free_from: Won::new(50_000) },
        hold: SignedDuration::from_mins(10),
        sheet_validity: SignedDuration::from_mins(30),
        caps: Caps::DEFAULT,
        payments: PaymentPolicy::DEFAULT,
        people: PeoplePolicy::DEFAULT,
        exports: ExportPolicy::DEFAULT,
        scaling: ScalingPolicy::DEFAULT,
    };
    let table = Table::new(shop.dynamo().client(), TABLE.to_owned(), random());
    Shop::new(table, Clock::new(move || now), random(), policy)
}

#[tokio::test]
async fn the_sheet_fixes_the_shipping_fee() {
    let (shop, sheet) = shop_with_sheet().await;
    let user_id = UserId::try_from("mina".to_owned()).unwrap();
    let caller = Caller { user_id: user_id.clone(), role: Role::Customer };
    let wanted = PlaceOrder {
        caller,
        user_id,
        source: OrderSource::Sheet(sheet_id(&sheet)),
        pay_by: PayBy::Balance,
        balance_amount: Won::ZERO,
        expected_payable: None,
    };
    let key = RequestKey::given("mina", "POST /orders", "k", b"{}");
    let placed = orders::place(&with_other_shipping(&shop), &wanted, &key).await.unwrap().order;
    assert_eq!((placed.amounts.shipping_fee, placed.paid), (Won::new(3_000), Won::new(27_000)));
    shop.audit().await;
}
