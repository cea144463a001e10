//! Tasks of payments from outside. A function may die when the provider has the money and the shop does not know: then the
//! sweep of a later minute finds it.

use functions::schedule::sweep_payments;
use futures::future::BoxFuture;
use payment_system::{CallFault, CheckoutMethod, On};
use serde_json::{Value, json};
use tests::{
    Call, TABLE, TestShop,
    steps::{
        cancel, id, order_with_coupon,
        payments::{
            CARD, TRANSFER, check_out, confirm, deliver_notices, fail_once, pay_session, payment_id, send_notice,
            session_of, sweep_payments as sweep_once, top_up,
        },
    },
};

use super::{
    Scenario, Stage, api, comparable, masked,
    prepared::{seed_data, with_external_order},
    scenario,
};

/// Runs the sweeps of the next minutes.
pub async fn sweep(shop: &TestShop) {
    for minute in 3..=6 {
        shop.set_clock(&format!("2026-11-20T03:0{minute}:00Z"));
        sweep_once(shop).await;
    }
}

/// The money of users, payments, orders and withdrawals, and of the provider.
pub fn money(shop: &TestShop) -> Vec<String> {
    let all = shop.dynamo().execute("Scan", json!({ "TableName": TABLE })).unwrap();
    let shown = |item: &Value| {
        let names: &[&str] = match item["sk"]["S"].as_str().unwrap().split('#').next().unwrap() {
            "ACCOUNT" => &["pk", "balance", "sequence", "heldOrders", "depositOrders"],
            "LEDGER" => &["pk", "sk", "type", "amount", "orderId", "paymentId"],
            "SESSION" => &["pk", "status", "amount", "reason"],
            "ORDER" => &["pk", "status", "paid", "refunded", "paymentId", "balanceAmount"],
            "WITHDRAWAL" => &["pk", "status", "amount"],
            _ => return None,
        };
        let mut shown: Vec<&Value> = names.iter().map(|name| &item[*name]).collect();
        let refunds = item["refunds"]["L"].as_array().into_iter().flatten();
        shown.extend(refunds.map(|refund| &refund["M"]["status"]));
        let history = item["history"]["L"].as_array().into_iter().flatten();
        shown.extend(history.map(|entry| &entry["M"]["event"]));
        Some(masked(&json!(shown).to_string()))
    };
    let mut money: Vec<String> = all["Items"].as_array().unwrap().iter().filter_map(shown).collect();
    money.sort();
    let provider = shop.provider.provider();
    money.extend(provider.entries().map(|it| format!("{} {} {}", it.status, it.paid, it.cancelled)));
    money
}

/// A session, and the key of a payment that was begun in it.
fn begun(shop: &TestShop, session: &Value, method: CheckoutMethod) -> Value {
    json!({ "session": session, "key": check_out(shop, session, method) })
}

async fn with_top_up(shop: TestShop) -> Value {
    shop.customer("mina", 10_000).await;
    let session = top_up(&shop, "mina", 5_000).await;
    begun(&shop, &session, CARD)
}

async fn with_order_session(shop: TestShop, method: CheckoutMethod) -> Value {
    let order = with_external_order(shop.clone()).await;
    let session = session_of(&shop, "mina", &order).await.expect(201);
    begun(&shop, &session, method)
}

async fn with_card(shop: TestShop) -> Value {
    with_order_session(shop, CARD).await
}

async fn with_transfer(shop: TestShop) -> Value {
    with_order_session(shop, TRANSFER).await
}

/// The notice of a deposit that has come.
async fn with_deposit(shop: TestShop) -> Value {
    let given = with_transfer(shop.clone()).await;
    confirmation(&shop, &given).await.expect(200);
    deliver_notices(&shop).await;
    let payment = payment_id(&given["session"]);
    shop.provider.provider().deposit(&payment, shop.now()).unwrap();
    let notices = shop.provider.provider().take_notices(shop.now());
    json!({ "notice": notices[0].body })
}

async fn with_paid_top_up(shop: TestShop) -> Value {
    shop.customer("mina", 10_000).await;
    let session = top_up(&shop, "mina", 5_000).await;
    pay_session(&shop, "mina", &session, CARD).await
}

/// A cancelled order that was paid in its session.
async fn with_refund(shop: TestShop) -> Value {
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 10).await;
    let order = order_with_coupon(&shop, "mina", "EXTERNAL").await;
    let session = session_of(&shop, "mina", &order).await.expect(201);
    pay_session(&shop, "mina", &session, CARD).await;
    cancel(&shop, "mina", &order, json!({})).await.expect(200)
}

async fn with_failed_refund(shop: TestShop) -> Value {
    let order = with_refund(shop.clone()).await;
    fail_once(&shop, On::Cancel, CallFault::Decline("REFUND_REJECTED".to_owned()));
    sweep_once(&shop).await;
    order
}

async fn with_top_up_refund(shop: TestShop) -> Value {
    let session = with_paid_top_up(shop.clone()).await;
    refund(&shop, &session).await.expect(200)
}

/// A confirmation without an answer, some time ago.
async fn with_silence(shop: TestShop, given: Value, fault: CallFault) -> Value {
    fail_once(&shop, On::Confirm, fault);
    confirmation(&shop, &given).await.expect(200);
    shop.set_clock("2026-11-20T03:02:00Z");
    given
}

async fn with_money_unknown(shop: TestShop) -> Value {
    let given = with_card(shop.clone()).await;
    with_silence(shop, given, CallFault::SilentAfter).await
}

async fn with_top_up_unasked(shop: TestShop) -> Value {
    let given = with_top_up(shop.clone()).await;
    with_silence(shop, given, CallFault::SilentBefore).await
}

async fn with_withdrawal(shop: TestShop) -> Value {
    shop.customer("mina", 10_000).await;
    withdrawal(&shop).await.expect(201)
}

fn confirmation(shop: &TestShop, given: &Value) -> Call {
    confirm(shop, "mina", &given["session"], given["key"].as_str().unwrap())
}

fn refund(shop: &TestShop, session: &Value) -> Call {
    let path = format!("/payments/{}/refund", payment_id(session));
    shop.post(&path, json!({ "amount": 2_000 })).as_admin().key("k")
}

fn withdrawal(shop: &TestShop) -> Call {
    let account = json!({ "bank": "088", "number": "110", "holder": "김민수" });
    shop.post("/balance/withdrawals", json!({ "userId": "mina", "amount": 4_000, "account": account })).key("k")
}

fn path_of_withdrawal(given: &Value) -> String {
    format!("/balance/withdrawals/{}", given["withdrawalId"].as_str().unwrap())
}

/// A scenario that the sweep ends. Whether its answer knows the end depends on the death.
fn swept(scenario: Scenario) -> Scenario {
    let operation = scenario.operation;
    let operation = Box::new(move |stage: Stage| {
        let done = operation(stage);
        Box::pin(async move {
            done.await;
            Value::Null
        }) as BoxFuture<'static, Value>
    });
    Scenario { operation, is_swept: true, ..scenario }
}

pub fn scenarios() -> Vec<Scenario> {
    let mut all = requests();
    all.push(sweeping("an order whose money is unknown", with_money_unknown));
    all.push(sweeping("a top-up that the provider was never asked for", with_top_up_unasked));
    all.push(sweeping("a refund of an order", with_refund));
    all.push(sweeping("a refund of a top-up", with_top_up_refund));
    all
}

fn sweeping<F>(description: &'static str, prepare: impl Fn(TestShop) -> F + 'static) -> Scenario
where
    F: Future<Output = Value> + Send + 'static,
{
    swept(scenario("sweep-payments", description, prepare, |stage: Stage| async move {
        sweep_payments::run(stage.shop.instance()).await.unwrap();
        Value::Null
    }))
}

fn requests() -> Vec<Scenario> {
    let key = "k";
    vec![
        api("create-payment", "for a top-up", seed_data, move |shop, _| {
            let purpose = json!({ "type": "TOP_UP", "userId": "mina", "amount": 5_000 });
            shop.post("/payments", json!({ "purpose": purpose })).key(key)
        }),
        // Whoever asks again gets the same session with 200.
        scenario("create-payment", "for an order", with_external_order, |stage: Stage| async move {
            comparable(session_of(&stage.shop, "mina", &stage.given).await)["body"].clone()
        }),
        api("get-payment", "one", with_top_up, |shop, given| {
            shop.get(&format!("/payments/{}", payment_id(&given["session"]))).as_user("mina")
        }),
        api("list-payments", "a user's", with_top_up, |shop, _| shop.get("/payments").as_user("mina")),
        swept(api("confirm-payment", "a top-up", with_top_up, confirmation)),
        swept(api("confirm-payment", "an order", with_card, confirmation)),
        swept(api("confirm-payment", "a deposit", with_transfer, confirmation)),
        swept(scenario("receive-payment-notice", "a deposit", with_deposit, |stage: Stage| async move {
            comparable(send_notice(&stage.shop, stage.given["notice"].as_str().unwrap()).await)
        })),
        api("refund-payment", "a part of a top-up", with_paid_top_up, refund),
        api("retry-refund", "to where it came from", with_failed_refund, move |shop, order| {
            shop.post(&format!("/orders/{0}/refunds/{0}-3-refund/retry", id(order)), json!({})).as_admin().key(key)
        }),
        api("retry-refund", "to the balance", with_failed_refund, move |shop, order| {
            let path = format!("/orders/{0}/refunds/{0}-3-refund/retry", id(order));
            shop.post(&path, json!({ "to": "BALANCE" })).as_admin().key(key)
        }),
        api("adjust-balance", "a correction", seed_data, move |shop, _| {
            let body = json!({ "userId": "mina", "amount": -1_000, "reason": "a correction" });
            shop.post("/balance/adjustments", body).as_admin().key(key)
        }),
        api("create-withdrawal", "of a part", seed_data, |shop, _| withdrawal(shop)),
        api("get-withdrawal", "one", with_withdrawal, |shop, given| {
            shop.get(&path_of_withdrawal(given)).as_user("mina")
        }),
        api("update-withdrawal", "is paid out", with_withdrawal, |shop, given| {
            shop.patch(&path_of_withdrawal(given), json!({ "status": "PAID_OUT" })).as_admin()
        }),
        api("update-withdrawal", "comes back", with_withdrawal, |shop, given| {
            shop.patch(&path_of_withdrawal(given), json!({ "status": "RETURNED" })).as_admin()
        }),
    ]
}
