//! Steps of the tests of payment sessions.

use std::collections::BTreeMap;

use audit::{ReadPace, Source};
use functions::schedule::sweep_payments;
use payment_system::{CallFault, Checkout, CheckoutMethod, Fault, On};
use reconcile::{Reconciliation, Report, statement};
use serde_json::{Value, json};
use shared::domain::{provider::ProviderName, time::seoul_day};

use crate::{
    Answer, Call, TABLE, TestShop,
    steps::{id, wait},
};

/// A card that its issuer accepts.
pub const CARD: CheckoutMethod = CheckoutMethod::Card { is_declined: false };

/// A card that its issuer refuses.
pub const BAD_CARD: CheckoutMethod = CheckoutMethod::Card { is_declined: true };

/// A transfer to an account that is open for a day.
pub const TRANSFER: CheckoutMethod = CheckoutMethod::VirtualAccount { valid_hours: 24 };

/// The session of a top-up.
pub async fn top_up(shop: &TestShop, user: &str, amount: i64) -> Value {
    let purpose = json!({ "type": "TOP_UP", "userId": user, "amount": amount });
    shop.post("/payments", json!({ "purpose": purpose })).as_user(user).await.expect(201)
}

/// A request for the session of an order.
pub fn session_of(shop: &TestShop, user: &str, order: &Value) -> Call {
    shop.post("/payments", json!({ "purpose": { "type": "ORDER", "orderId": id(order) } })).as_user(user)
}

pub fn payment_id(session: &Value) -> String {
    session["paymentId"].as_str().expect("a session has an id").to_owned()
}

/// Pays on the provider's page; returns the key with which it leads back.
pub fn check_out(shop: &TestShop, session: &Value, method: CheckoutMethod) -> String {
    let checkout = &session["checkout"];
    let checkout = Checkout {
        merchant_order_id: checkout["merchantOrderId"]
            .as_str()
            .unwrap_or_else(|| panic!("it can be paid: {session}"))
            .to_owned(),
        amount: checkout["amount"].as_i64().expect("an amount"),
        order_name: checkout["orderName"].as_str().expect("a title").to_owned(),
        method,
    };
    shop.provider.provider().begin(checkout, shop.now()).expect("the provider takes it")
}

/// A confirmation by the session's user, with the session's amount.
pub fn confirm(shop: &TestShop, user: &str, session: &Value, key: &str) -> Call {
    let body = json!({ "paymentKey": key, "amount": session["amount"] });
    shop.post(&format!("/payments/{}/confirm", payment_id(session)), body).as_user(user)
}

/// Pays a session on the page and confirms it; returns the session after it.
pub async fn pay_session(shop: &TestShop, user: &str, session: &Value, method: CheckoutMethod) -> Value {
    let key = check_out(shop, session, method);
    confirm(shop, user, session, &key).await.expect(200)
}

pub async fn look_at_session(shop: &TestShop, session: &Value) -> Value {
    shop.get(&format!("/payments/{}", payment_id(session))).as_admin().await.expect(200)
}

pub async fn session_status(shop: &TestShop, session: &Value) -> String {
    look_at_session(shop, session).await["status"].as_str().expect("a status").to_owned()
}

/// Runs the sweep of payments once. Its lists have what was due before this instant.
pub async fn sweep_payments(shop: &TestShop) {
    wait(shop, 1);
    sweep_payments::run(shop.instance()).await.expect("the lists can be read");
}

/// Posts the provider's notices that are due; returns the number of answers by status.
pub async fn deliver_notices(shop: &TestShop) -> BTreeMap<u16, usize> {
    let notices = shop.provider.provider().take_notices(shop.now());
    let mut answers = BTreeMap::new();
    for notice in notices {
        let Answer { status, .. } = send_notice(shop, &notice.body).await;
        *answers.entry(status).or_default() += 1;
    }
    answers
}

pub fn send_notice(shop: &TestShop, body: &str) -> Call {
    shop.call("POST", "/payment-notices/toss").body(body.to_owned()).header("content-type", "application/json")
}

/// Lets a kind of call at the provider go wrong once.
pub fn fail_once(shop: &TestShop, on: On, fault: CallFault) {
    shop.provider.provider().set_faults(vec![Fault::once(on, fault)]).expect("a fault");
}

/// The won that the provider holds for the shop.
pub fn held(shop: &TestShop) -> i64 {
    shop.provider.provider().sums().held
}

/// The provider's statement of the shop's present day.
pub fn statement_of_today(shop: &TestShop) -> String {
    shop.provider.provider().statement(seoul_day(shop.now()))
}

/// Compares a statement of the shop's present day with its table.
pub async fn reconcile(shop: &TestShop, lines: &str) -> Report {
    let mut pass = Reconciliation::new(seoul_day(shop.now()), ProviderName::Toss).expect("a day");
    statement::read(lines.as_bytes(), |line| pass.add_line(line)).expect("a statement");
    let source = Source::new(shop.dynamo().client(), TABLE.to_owned(), ReadPace::FAST);
    audit::read_items(&source, |item| pass.add_item(item)).await.expect("the table can be read");
    pass.finish()
}
