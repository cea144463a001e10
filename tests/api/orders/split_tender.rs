//! `POST /orders` with `balanceAmount`: the balance pays a part, and a payment from outside the rest.

use serde_json::{Value, json};
use tests::{
    Call, TestShop,
    steps::{
        END, cancel, cancel_units, end_hold,
        external::{payment, payments},
        id, ledger, look,
        payments::{CARD, held, pay_session, session_of, sweep_payments},
        race, status,
    },
};

/// A shop with ten teas of 1,700 won; mina has 10,000.
async fn shop() -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", 10_000).await;
    shop.product("tea", 1_700, 20).await;
    shop
}

/// Ten teas for 20,000 won, 7,000 of them from the balance.
fn split(shop: &TestShop, balance_amount: i64) -> Call {
    let items = json!([{ "productId": "tea", "quantity": 10 }]);
    let body = json!({ "userId": "mina", "items": items, "payment": "EXTERNAL", "balanceAmount": balance_amount });
    shop.post("/orders", body)
}

fn refunded(order: &Value) -> Vec<(&str, i64, i64)> {
    let tenders = order["tenders"].as_array().unwrap().iter();
    let figure = |tender: &Value, field: &str| tender[field].as_i64().unwrap();
    tenders
        .map(|tender| (tender["to"].as_str().unwrap(), figure(tender, "amount"), figure(tender, "refunded")))
        .collect()
}

#[tokio::test]
async fn refunds_in_parts_sum_back_to_each_tender() {
    let shop = shop().await;
    let order = split(&shop, 7_000).await.expect(201);
    assert_eq!((&order["payable"], &order["paid"]), (&json!(20_000), &json!(0)));
    assert_eq!(shop.balance("mina").await, 3_000, "the hold takes the balance's part");
    shop.audit().await;
    let session = session_of(&shop, "mina", &order).await.expect(201);
    assert_eq!(session["amount"], 13_000);
    pay_session(&shop, "mina", &session, CARD).await;
    assert_eq!((status(&shop, &order).await.as_str(), held(&shop)), ("PAID", 13_000));
    let own = [payment(&id(&order), 7_000, "PAID"), payment(session["paymentId"].as_str().unwrap(), 13_000, "PAID")];
    assert_eq!(payments(&shop, &order).await, own);
    shop.audit().await;

    // 1,700 won a unit: the first seven come from outside, the eighth from both.
    for (units, expected) in [
        (7, vec![("EXTERNAL", 13_000, 11_900), ("BALANCE", 7_000, 0)]),
        (1, vec![("EXTERNAL", 13_000, 13_000), ("BALANCE", 7_000, 600)]),
        (2, vec![("EXTERNAL", 13_000, 13_000), ("BALANCE", 7_000, 7_000)]),
    ] {
        let after = cancel_units(&shop, "mina", &order, "1", units).await.expect(200);
        assert_eq!(refunded(&after), expected);
        sweep_payments(&shop).await;
        shop.audit().await;
    }
    assert_eq!((shop.balance("mina").await, held(&shop)), (10_000, 0));
    let after = look(&shop, &order).await;
    let sums: i64 = after["refunds"].as_array().unwrap().iter().map(|refund| refund["amount"].as_i64().unwrap()).sum();
    assert_eq!((sums, &after["refunded"], &after["status"]), (20_000, &json!(20_000), &json!("FULLY_REFUNDED")));
    let all = after["refunds"].as_array().unwrap().iter().all(|refund| refund["status"] == "SUCCEEDED");
    assert!(all, "{}", after["refunds"]);
}

#[tokio::test]
async fn the_end_of_the_hold_gives_the_balance_s_part_back() {
    for is_cancelled in [false, true] {
        let shop = shop().await;
        let order = split(&shop, 7_000).await.expect(201);
        if is_cancelled {
            cancel(&shop, "mina", &order, json!({})).await.expect(200);
        } else {
            shop.set_clock(END);
            end_hold(&shop, &order).await;
        }
        assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (10_000, 20));
        let moved: Vec<_> = ledger(&shop, "mina").await.into_iter().map(|(_, amount, _)| amount).collect();
        assert_eq!(moved, [7_000, -7_000, 10_000]);
        let after = look(&shop, &order).await;
        assert_eq!((&after["status"], &after["refunded"]), (&json!("CANCELLED"), &json!(0)));
        assert_eq!(refunded(&after), [("EXTERNAL", 13_000, 0), ("BALANCE", 7_000, 7_000)]);
        assert_eq!(payments(&shop, &order).await, [payment(&id(&order), 7_000, "REFUNDED")]);
        shop.audit().await;
    }
}

#[tokio::test]
async fn the_balance_pays_less_than_all_and_no_more_than_it_has() {
    let shop = shop().await;
    for (amount, field) in [(20_000, "balanceAmount"), (20_001, "balanceAmount"), (-1, "balanceAmount")] {
        assert_eq!(split(&shop, amount).await.bad_fields(), [field], "{amount}");
    }
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    for method in ["BALANCE", "LATER"] {
        let body = json!({ "userId": "mina", "items": items, "payment": method, "balanceAmount": 100 });
        assert_eq!(shop.post("/orders", body).await.bad_fields(), ["balanceAmount"], "{method}");
    }
    let details = split(&shop, 10_001).await.refused(402, "BALANCE_NOT_ENOUGH");
    assert_eq!(details, json!({ "payable": 10_001, "balance": 10_000 }));
    assert_eq!(shop.get("/orders?userId=mina").await.expect(200)["items"], json!([]), "nothing is kept");
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (10_000, 20));
    assert_eq!(
        split(&shop, 0).await.expect(201)["tenders"],
        json!([{ "to": "EXTERNAL", "amount": 20_000, "refunded": 0 }])
    );
    shop.audit().await;
}

#[tokio::test]
async fn orders_at_once_share_a_balance_to_the_won() {
    let shop = TestShop::with_instances(4);
    shop.customer("mina", 10_000).await;
    shop.product("tea", 1_700, 200).await;
    let answers = race((0..8).map(|_| split(&shop, 3_000)).collect()).await;
    assert_eq!((answers.get("SUCCESS"), answers.get("BALANCE_NOT_ENOUGH")), (Some(&3), Some(&5)), "{answers:?}");
    assert_eq!(shop.balance("mina").await, 1_000);
    shop.audit().await;
}
