//! The auditor finds every fault, and nothing else, in a table of many pages.

use audit::{Invariant, Scope};
use serde_json::{Value, json};
use shared::{
    app::{
        orders::{self, PaymentOutcome},
        sheets,
    },
    domain::{OrderId, OrderSheetId, PaymentId, Won},
    events::PaymentResult,
};
use tests::{TABLE, TestShop};

/// A shop with a table of more than one page.
async fn large_shop() -> TestShop {
    let shop = TestShop::new();
    shop.product("tea", 1_000, 1_000).await;
    for user in 0..350 {
        shop.customer(&format!("u{user}"), 10_000).await;
    }
    shop.order("u0", "tea", 1).await.expect(201);
    shop.audit().await;
    shop
}

fn tamper(shop: &TestShop, pk: &str, sk: &str, attribute: &str, value: Value) {
    let update = json!({
        "TableName": TABLE, "Key": { "pk": { "S": pk }, "sk": { "S": sk } },
        "UpdateExpression": "SET #a = :v", "ExpressionAttributeNames": { "#a": attribute },
        "ExpressionAttributeValues": { ":v": value },
    });
    shop.dynamo().execute("UpdateItem", update).unwrap();
}

async fn broken(shop: &TestShop) -> Vec<Invariant> {
    let report = audit::audit(&shop.dynamo().client(), TABLE, Scope::Everything, shop.now()).await.unwrap();
    let mut broken: Vec<_> = report.violations.iter().map(|violation| violation.invariant).collect();
    broken.dedup();
    broken
}

#[tokio::test]
async fn tampered_records_are_found() {
    let shop = large_shop().await;
    let today = "day_20261120";
    for (pk, sk, attribute, wrong, right, invariant) in [
        ("USER#u349", "ACCOUNT", "balance", 10_001, 10_000, Invariant::Balances),
        ("STOCK#tea#0", "STOCK", "remaining", 998, 999, Invariant::Stock),
        ("SALES#tea", "SALES", today, 2, 1, Invariant::Sales),
    ] {
        tamper(&shop, pk, sk, attribute, json!({ "N": wrong.to_string() }));
        assert_eq!(broken(&shop).await, [invariant], "{pk}");
        tamper(&shop, pk, sk, attribute, json!({ "N": right.to_string() }));
    }
    tamper(&shop, "USER#u1", "ACCOUNT", "balance", json!({ "S": "a lot" }));
    assert!(broken(&shop).await.contains(&Invariant::Records));
}

/// Mina's order of units of tea, with this kind of payment.
async fn order(shop: &TestShop, pay_by: &str, quantity: i64, coupon: Option<&str>) -> String {
    let items = json!([{ "productId": "tea", "quantity": quantity }]);
    let mut body = json!({ "userId": "mina", "items": items, "payment": pay_by });
    if let Some(coupon) = coupon {
        body["couponId"] = json!(coupon);
    }
    id(&shop.post("/orders", body).await.expect(201)["orderId"])
}

/// A user's order sheet with two units of tea.
async fn sheet(shop: &TestShop, user: &str) -> String {
    let items = json!([{ "productId": "tea", "quantity": 2 }]);
    let sheet = shop.post("/order-sheets", json!({ "userId": user, "items": items }));
    id(&sheet.as_user(user).await.expect(201)["orderSheetId"])
}

fn id(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Delivers a result of the external payment system to the shop.
async fn settle(shop: &TestShop, order: &str, payment: &str, outcome: PaymentOutcome, amount: i64) {
    let result = PaymentResult {
        payment_id: PaymentId::try_from(payment.to_owned()).unwrap(),
        order_id: OrderId::try_from(order.to_owned()).unwrap(),
        amount: Won::new(amount),
        at: shop.now(),
        reason: None,
    };
    orders::settle(shop.instance(), outcome, &result).await.unwrap();
}

#[tokio::test]
async fn orders_in_every_state_are_clean_and_tampered_ones_are_found() {
    use PaymentOutcome::{Failed, Succeeded};

    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.customer("jun", 0).await;
    shop.product("tea", 7_000, 100).await;
    shop.coupon("welcome", 2).await;
    shop.issue("mina", "welcome").await.expect(201);

    // Holds and sheets that expire.
    let expired = order(&shop, "LATER", 5, Some("welcome")).await;
    let abandoned = sheet(&shop, "mina").await;
    shop.audit().await;
    shop.set_clock("2026-11-20T03:30:00Z");
    orders::end_hold(shop.instance(), &OrderId::try_from(expired).unwrap()).await.unwrap();
    sheets::abandon(shop.instance(), &OrderSheetId::try_from(abandoned).unwrap()).await.unwrap();
    shop.audit().await;

    // Paid later, a part cancelled, the rest returned.
    let later = order(&shop, "LATER", 3, Some("welcome")).await;
    shop.audit().await;
    shop.post(&format!("/orders/{later}/payment"), json!({})).as_user("mina").await.expect(200);
    shop.audit().await;
    let a_unit = json!({ "items": [{ "itemId": "1", "quantity": 1 }] });
    shop.post(&format!("/orders/{later}/cancel"), a_unit.clone()).as_user("mina").await.expect(200);
    shop.audit().await;
    for to in ["SHIPPED", "DELIVERED", "RETURN_REQUESTED", "RETURN_IN_PROGRESS", "RETURNED"] {
        let line = shop.patch(&format!("/orders/{later}/items/1"), json!({ "status": to }));
        line.as_admin().await.expect(200);
        shop.audit().await;
    }

    // Paid externally, by a sheet, with a second payment beside it, and a part cancelled.
    let ordered = sheet(&shop, "mina").await;
    let body = json!({ "userId": "mina", "orderSheetId": ordered, "payment": "EXTERNAL" });
    let outside = id(&shop.post("/orders", body).await.expect(201)["orderId"]);
    for (payment, outcome, amount) in
        [("p1", Succeeded, 16_999), ("p2", Succeeded, 17_000), ("p3", Succeeded, 17_000), ("p4", Failed, 17_000)]
    {
        settle(&shop, &outside, payment, outcome, amount).await;
        shop.audit().await;
    }
    shop.post(&format!("/orders/{outside}/cancel"), a_unit).as_user("mina").await.expect(200);
    shop.audit().await;

    // Declined, then reported as paid after all.
    let declined = order(&shop, "EXTERNAL", 1, Some("welcome")).await;
    for outcome in [Failed, Succeeded, Failed] {
        settle(&shop, &declined, "p9", outcome, 9_000).await;
        shop.audit().await;
    }

    // The balance is too low for the sheet, which stays.
    let kept = sheet(&shop, "jun").await;
    let poor = json!({ "userId": "jun", "orderSheetId": kept });
    shop.post("/orders", poor).as_user("jun").await.refused(402, "BALANCE_NOT_ENOUGH");
    let held = order(&shop, "LATER", 4, Some("welcome")).await;
    shop.audit().await;

    let (n, s) = (|n: i64| json!({ "N": n.to_string() }), |s: &str| json!({ "S": s }));
    let (held, outside) = (format!("ORDER#{held}"), format!("ORDER#{outside}"));
    let (kept, ordered) = (format!("SHEET#{kept}"), format!("SHEET#{ordered}"));
    for (pk, sk, attribute, wrong, invariant) in [
        (&outside, "ORDER", "refunded", n(6_999), Invariant::Orders),
        (&outside, "PAYMENT#p2", "status", s("REFUNDED"), Invariant::Payments),
        (&outside, "PAYMENT#p3", "amount", n(16_999), Invariant::Payments),
        (&ordered, "SHEET", "payable", n(16_999), Invariant::Sheets),
        (&kept, "SHEET", "byDueSk", s("1795146000000#elsewhere"), Invariant::Holds),
        (&held, "ORDER", "byDuePk", s("HOLDS#16"), Invariant::Holds),
    ] {
        let right = attribute_of(&shop, pk, sk, attribute);
        tamper(&shop, pk, sk, attribute, wrong);
        assert_eq!(broken(&shop).await, [invariant], "{attribute}");
        tamper(&shop, pk, sk, attribute, right);
    }
    shop.audit().await;

    // No sweep ends the things that wait.
    shop.set_clock("2026-11-20T03:43:00Z");
    shop.audit().await;
    shop.set_clock("2026-11-20T03:43:00.001Z");
    assert_eq!(broken(&shop).await, [Invariant::Holds]);
}

fn attribute_of(shop: &TestShop, pk: &str, sk: &str, attribute: &str) -> Value {
    let key = json!({ "pk": { "S": pk }, "sk": { "S": sk } });
    let item = shop.dynamo().execute("GetItem", json!({ "TableName": TABLE, "Key": key })).unwrap();
    item["Item"][attribute].clone()
}

#[tokio::test]
async fn a_missing_table_cannot_be_audited() {
    let client = TestShop::new().dynamo().client();
    let error = audit::audit(&client, "elsewhere", Scope::Everything, jiff::Timestamp::UNIX_EPOCH).await.unwrap_err();
    assert!(error.to_string().starts_with("the table elsewhere cannot be read: "), "{error}");
}
