//! Failures that users of other shop software reported, tried on this shop. docs/failure-modes.md lists the cases, also those
//! that tests of other modules hold.

use functions::schedule::sweep;
use serde_json::{Value, json};
use shared::{app::orders::PaymentOutcome::Succeeded, domain::order::PaymentStatus};
use tests::{
    Answer, Call, TestShop,
    steps::{
        END, JUST_BEFORE, at_once, cancel, cancel_units, codes, coupon_status, end_hold, hold, id, ledger, look,
        move_line, order_by, overtaken_at, pay, published_of, race, settle, status, wait,
    },
};

const PAYMENTS: [&str; 3] = ["BALANCE", "LATER", "EXTERNAL"];

/// The successful one of two answers; the other must be this refusal.
fn winner(answers: [Answer; 2], status: u16, code: &str) -> (Value, Answer) {
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((won.len(), lost.len()), (1, 1), "{:?}", lost.iter().map(|answer| &answer.body).collect::<Vec<_>>());
    let lost = lost.into_iter().next().unwrap();
    assert_eq!((lost.status, lost.code()), (status, code), "{}", lost.body);
    (won.into_iter().next().unwrap().expect(201), lost)
}

fn with_coupon(shop: &TestShop, user: &str, payment: &str) -> Call {
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    shop.post("/orders", json!({ "userId": user, "items": items, "couponId": "welcome", "payment": payment }))
}

fn put_in_cart(shop: &TestShop, user: &str, quantity: i64) -> Call {
    shop.post("/orders/cart", json!({ "userId": user, "productId": "tea", "quantity": quantity }))
}

fn create_sheet_from_cart(shop: &TestShop) -> Call {
    shop.post("/order-sheets", json!({ "userId": "mina", "fromCart": true }))
}

fn order_sheet(shop: &TestShop, sheet: &Value, payment: &str) -> Call {
    let body = json!({ "userId": "mina", "orderSheetId": sheet["orderSheetId"], "payment": payment });
    shop.post("/orders", body)
}

/// vendure 3508: stock was taken only with the payment, so two customers who paid for the last unit both got it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_orders_of_every_payment_sell_the_last_unit_once() {
    for _ in 0..10 {
        let shop = TestShop::with_instances(8);
        shop.product("tea", 10_000, 1).await;
        for user in 0..12 {
            shop.customer(&format!("u{user}"), 20_000).await;
        }
        let calls = (0..12).map(|user| order_by(&shop, &format!("u{user}"), "tea", 1, PAYMENTS[user % 3])).collect();
        assert_eq!(race(calls).await, codes(&[("STOCK_NOT_ENOUGH", 11), ("SUCCESS", 1)]));
        assert_eq!(shop.stock("tea").await, 0);
        shop.audit().await;
    }
}

/// saleor 543: two customers were each sold the visible stock, though together they bought more.
#[tokio::test]
async fn concurrent_orders_sell_the_last_unit_once() {
    for payment in PAYMENTS {
        for number in 1.. {
            let shop = TestShop::with_instances(2);
            shop.product("tea", 10_000, 1).await;
            shop.customer("mina", 20_000).await;
            shop.customer("jun", 20_000).await;
            let (one, other) =
                (order_by(&shop, "mina", "tea", 1, payment), order_by(&shop, "jun", "tea", 1, "BALANCE"));
            let Some(answers) = overtaken_at(&shop, number, one, other).await else {
                assert!(number > 2, "it both reads and writes");
                break;
            };
            winner(answers, 409, "STOCK_NOT_ENOUGH");
            shop.audit().await;
        }
    }
}

/// saleor 544: two customers with a voucher for one use were both given the discount.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_customers_use_the_only_coupon_once() {
    for _ in 0..20 {
        let shop = TestShop::with_instances(8);
        shop.product("tea", 10_000, 10).await;
        shop.coupon("welcome", 1).await;
        for user in ["mina", "jun"] {
            shop.customer(user, 13_000).await;
        }
        let buying = ["mina", "jun"].map(|user| {
            let (issue, order) = (shop.clone(), with_coupon(&shop, user, "BALANCE"));
            tokio::spawn(async move {
                let _ = issue.issue(user, "welcome").await;
                order.await
            })
        });
        let [mina, jun] = buying;
        winner([mina.await.unwrap(), jun.await.unwrap()], 409, "COUPON_NOT_USABLE");
        assert_eq!((shop.balance("mina").await + shop.balance("jun").await, shop.stock("tea").await), (14_000, 9));
        shop.audit().await;
    }
}

/// vendure PR 4660: several orders were prepared with one coupon, and paid at once each had its discount.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_coupon_on_many_sheets_discounts_once() {
    for _ in 0..10 {
        let shop = TestShop::with_instances(8);
        shop.product("tea", 10_000, 10).await;
        shop.customer("mina", 100_000).await;
        shop.coupon("welcome", 1).await;
        shop.issue("mina", "welcome").await.expect(201);
        let items = json!([{ "productId": "tea", "quantity": 1 }]);
        let mut calls = Vec::new();
        for payment in PAYMENTS.into_iter().cycle().take(6) {
            let body = json!({ "userId": "mina", "items": items, "couponId": "welcome" });
            let sheet = shop.post("/order-sheets", body).await.expect(201);
            calls.push(order_sheet(&shop, &sheet, payment));
        }
        assert_eq!(race(calls).await, codes(&[("COUPON_NOT_USABLE", 5), ("SUCCESS", 1)]));
        assert_eq!((shop.stock("tea").await, coupon_status(&shop, "mina").await.as_str()), (9, "USED"));
        shop.audit().await;
    }
}

/// vendure 1466: a user with a cancelled order could never use its coupon again.
#[tokio::test]
async fn a_coupon_is_usable_again_after_its_order_ended() {
    let shop = TestShop::new();
    shop.product("tea", 10_000, 10).await;
    shop.customer("mina", 100_000).await;
    shop.coupon("welcome", 1).await;
    shop.issue("mina", "welcome").await.expect(201);
    for payment in PAYMENTS {
        let order = with_coupon(&shop, "mina", payment).await.expect(201);
        assert_eq!(with_coupon(&shop, "mina", payment).await.refused(409, "COUPON_NOT_USABLE")["reason"], "USED");
        cancel(&shop, "mina", &order, json!({})).await.expect(200);
    }
    let held = with_coupon(&shop, "mina", "LATER").await.expect(201);
    shop.set_clock(END);
    end_hold(&shop, &held).await;
    assert_eq!(with_coupon(&shop, "mina", "BALANCE").await.expect(201)["couponDiscount"], 1_000);
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (100_000 - 12_000, 9));
    shop.audit().await;
}

/// saleor 14733: a customer who paid for a product that sold out meanwhile had neither the goods nor the money.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_payment_for_a_unit_sold_meanwhile_is_refunded() {
    let mut lost = 0;
    for round in 0..24 {
        let shop = TestShop::with_instances(4);
        shop.product("tea", 10_000, 1).await;
        shop.customer("mina", 0).await;
        shop.customer("jun", 20_000).await;
        let order = order_by(&shop, "mina", "tea", 1, "EXTERNAL").await.expect(201);
        // The payment arrives just as the hold ends: now in time, now too late.
        shop.set_clock(if round % 3 == 0 { JUST_BEFORE } else { END });
        let money = tokio::spawn({
            let (shop, order) = (shop.clone(), order.clone());
            async move { settle(&shop, &order, Succeeded, "pay-1", 13_000).await }
        });
        let buying = tokio::spawn({
            let (shop, order) = (shop.clone(), order.clone());
            async move {
                end_hold(&shop, &order).await;
                order_by(&shop, "jun", "tea", 1, "BALANCE").await
            }
        });
        let (settled, bought) = (money.await.unwrap(), buying.await.unwrap());
        // The result is repeated.
        assert_eq!(settle(&shop, &order, Succeeded, "pay-1", 13_000).await, settled);
        let asked = published_of(&shop, &order).await.into_iter().filter(|(kind, _)| *kind == "RefundRequested");
        let asked: Vec<_> = asked.map(|(_, data)| data["amount"].clone()).collect();
        if settled == PaymentStatus::Paid {
            assert_eq!((status(&shop, &order).await.as_str(), asked), ("PAID", vec![]));
            bought.refused(409, "STOCK_NOT_ENOUGH");
        } else {
            assert_eq!((look(&shop, &order).await["paid"].clone(), asked), (json!(0), vec![json!(13_000)]));
            bought.expect(201);
            lost += 1;
        }
        shop.audit().await;
    }
    assert_eq!(lost, 16);
}

/// vendure 1738: a product in a cart could be bought after others had bought all of it.
#[tokio::test]
async fn a_product_sold_out_since_its_addition_cannot_be_ordered() {
    let shop = TestShop::with_instances(2);
    shop.product("tea", 1_000, 20).await;
    shop.customer("mina", 100_000).await;
    shop.customer("jun", 100_000).await;
    put_in_cart(&shop, "mina", 5).await.expect(200);
    let sheet = create_sheet_from_cart(&shop).await.expect(201);
    shop.order("jun", "tea", 16).await.expect(201);
    for payment in PAYMENTS {
        let body = json!({ "userId": "mina", "fromCart": true, "payment": payment });
        for call in [shop.post("/orders", body), order_sheet(&shop, &sheet, payment)] {
            let details = call.await.refused(409, "STOCK_NOT_ENOUGH");
            assert_eq!(details, json!({ "productId": "tea", "requested": 5, "available": 4 }));
        }
    }
    assert_eq!((shop.stock("tea").await, shop.balance("mina").await), (4, 100_000));
    shop.audit().await;
}

/// medusa 16502: each of two lines of one product was checked by itself, so that together they took more than the
/// stock.
#[tokio::test]
async fn two_lines_of_one_product_share_the_stock() {
    for is_flash in [false, true] {
        for payment in PAYMENTS {
            let shop = TestShop::new();
            let tea = json!({ "productId": "tea", "name": "녹차", "price": 1_000, "stock": 5, "stockShards": 2 });
            shop.post("/products", tea).as_admin().await.expect(201);
            shop.patch("/products/tea", json!({ "flash": is_flash })).as_admin().await.expect(200);
            shop.customer("mina", 100_000).await;
            let twice = |other: i64| {
                let items = [3, other].map(|quantity| json!({ "productId": "tea", "quantity": quantity }));
                json!({ "userId": "mina", "items": items })
            };
            let order = |other: i64| {
                let mut body = twice(other);
                body["payment"] = json!(payment);
                shop.post("/orders", body)
            };
            let expected = json!({ "productId": "tea", "requested": 6, "available": 5 });
            assert_eq!(order(3).await.refused(409, "STOCK_NOT_ENOUGH"), expected);
            assert_eq!(shop.post("/order-sheets", twice(3)).await.refused(409, "STOCK_NOT_ENOUGH"), expected);
            assert_eq!(shop.stock("tea").await, 5);
            order(2).await.expect(201);
            assert_eq!(shop.stock("tea").await, 0);
            shop.audit().await;
        }
    }
}

/// woocommerce 22489: a cancelled order put its units back twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_cancellations_of_every_kind_restock_once() {
    for round in 0..10 {
        let shop = TestShop::with_instances(8);
        shop.product("tea", 10_000, 10).await;
        shop.customer("mina", 100_000).await;
        let order = shop.order("mina", "tea", 2).await.expect(201);
        let mut calls = vec![
            cancel(&shop, "mina", &order, json!({})),
            cancel(&shop, "mina", &order, json!({})).as_admin(),
            cancel(&shop, "mina", &order, json!({})).key("k"),
            cancel(&shop, "mina", &order, json!({})).key("k"),
            cancel_units(&shop, "mina", &order, "1", 2),
            move_line(&shop, &order, "1", "CANCELLED").as_user("mina"),
            move_line(&shop, &order, "1", "CANCELLED").as_admin(),
        ];
        calls.rotate_left(round % 7);
        for answer in at_once(calls).await.into_iter().filter(|answer| answer.status != 200) {
            answer.refused(409, "ORDER_STATE_CONFLICT");
        }
        assert_eq!(status(&shop, &order).await, "FULLY_REFUNDED");
        assert_eq!((shop.stock("tea").await, shop.balance("mina").await), (10, 100_000));
        assert_eq!(ledger(&shop, "mina").await[0], ("REFUND".to_owned(), 23_000, 100_000));
        shop.audit().await;
    }
}

/// woocommerce 67354: units held by a shopper's own unpaid order could be bought by no customer, not even by that
/// shopper. A remedy sold them twice.
#[tokio::test]
async fn the_holder_of_the_last_unit_can_pay_cancel_or_wait_and_never_gets_two() {
    let shop = TestShop::with_instances(2);
    shop.product("tea", 10_000, 1).await;
    shop.customer("mina", 100_000).await;
    let held = hold(&shop, "mina", "tea", 1).key("k").await.expect(201);
    // A repetition with the key finds the order; another request finds nothing in stock.
    assert_eq!(hold(&shop, "mina", "tea", 1).key("k").await.expect(201)["orderId"], held["orderId"]);
    shop.order("mina", "tea", 1).await.refused(409, "STOCK_NOT_ENOUGH");
    assert_eq!(
        shop.get("/orders?userId=mina").await.expect(200)["items"][0]["allowedActions"],
        json!(["PAY", "CANCEL"])
    );

    cancel(&shop, "mina", &held, json!({})).await.expect(200);
    pay(&shop, "mina", &held).await.refused(409, "ORDER_STATE_CONFLICT");
    // Another instance may have found it sold out this very second.
    wait(&shop, 1_000);
    let again = hold(&shop, "mina", "tea", 1).await.expect(201);
    wait(&shop, 10 * 60_000 + 1);
    sweep::expiry::run(shop.instance()).await.unwrap();
    pay(&shop, "mina", &again).await.refused(409, "ORDER_STATE_CONFLICT");
    let bought = hold(&shop, "mina", "tea", 1).await.expect(201);
    pay(&shop, "mina", &bought).await.expect(200);
    assert_eq!((shop.stock("tea").await, shop.balance("mina").await), (0, 87_000));
    shop.audit().await;
}

/// shopware 19943: a cart that was confirmed in two tabs became two orders, if one tab had read it before the other had
/// emptied it.
#[tokio::test]
async fn a_cart_confirmed_in_two_tabs_is_ordered_once() {
    for number in 1.. {
        let shop = TestShop::with_instances(2);
        shop.product("tea", 1_000, 20).await;
        shop.customer("mina", 100_000).await;
        put_in_cart(&shop, "mina", 2).await.expect(200);
        let order = || shop.post("/orders", json!({ "userId": "mina", "fromCart": true }));
        let Some(answers) = overtaken_at(&shop, number, order(), order()).await else {
            assert!(number > 2, "it both reads and writes");
            break;
        };
        winner(answers, 400, "INVALID_REQUEST");
        assert_eq!((shop.stock("tea").await, shop.balance("mina").await), (18, 95_000));
        shop.audit().await;
    }
}

/// shopware 19943 again: each tab has created its own sheet of the one cart.
#[tokio::test]
async fn a_cart_with_a_sheet_in_each_of_two_tabs_is_ordered_once() {
    // Also if the cart has been emptied since, so that nothing is to be taken out of it.
    for (payment, other, is_emptied) in [("BALANCE", "LATER", false), ("EXTERNAL", "BALANCE", true)] {
        for number in 1.. {
            let shop = TestShop::with_instances(2);
            shop.product("tea", 1_000, 20).await;
            shop.customer("mina", 100_000).await;
            put_in_cart(&shop, "mina", 2).await.expect(200);
            let one = create_sheet_from_cart(&shop).await.expect(201);
            let two = create_sheet_from_cart(&shop).await.expect(201);
            if is_emptied {
                shop.call("DELETE", "/orders/cart/tea?userId=mina").await.expect(204);
            }
            let calls = (order_sheet(&shop, &one, payment), order_sheet(&shop, &two, other));
            let Some(answers) = overtaken_at(&shop, number, calls.0, calls.1).await else {
                assert!(number > 2, "it both reads and writes");
                break;
            };
            let (won, lost) = winner(answers, 409, "ORDER_STATE_CONFLICT");
            assert_eq!(lost.refused(409, "ORDER_STATE_CONFLICT")["orderId"], id(&won));
            assert_eq!(shop.stock("tea").await, 18);
            // Later additions to the cart can be ordered as ever.
            put_in_cart(&shop, "mina", 1).await.expect(200);
            let next = create_sheet_from_cart(&shop).await.expect(201);
            order_sheet(&shop, &next, "BALANCE").await.expect(201);
            assert_eq!(shop.stock("tea").await, 17);
            shop.audit().await;
        }
    }
}
