//! Tasks of claims, for the functions to die of.

use serde_json::{Value, json};
use tests::{Call, TestShop, steps::id};

use super::{Scenario, api, prepared::with_paid_order};

pub fn scenarios() -> Vec<Scenario> {
    let ask =
        |kind: &'static str| move |shop: &TestShop, order: &Value| claim(shop, order, kind).as_user("mina").key("k");
    let accept = json!({ "accept": true });
    let refuse = json!({ "accept": false, "reason": "사용한 흔적" });
    let lost = json!({ "items": [{ "itemId": "1", "quantity": 1, "condition": "MISSING" }] });
    let back = json!({ "items": [{ "itemId": "1", "quantity": 1, "condition": "SELLABLE" }] });
    vec![
        api("create-claim", "a return", with_delivered, ask("RETURN")),
        api("create-claim", "an exchange", with_delivered, ask("EXCHANGE")),
        Scenario {
            repeats: false,
            ..api("create-claim", "without a key", with_delivered, |shop, order| {
                claim(shop, order, "RETURN").as_user("mina")
            })
        },
        api("get-claim", "a return", with_return, |shop, claim| {
            shop.get(&format!("/claims/{}", claim_id(claim))).as_user("mina")
        }),
        api("list-desk-claims", "a page", with_return, |shop, _| shop.get("/desk/claims?status=REQUESTED").as_admin()),
        api("decide-claim", "accepts a return", with_return, step("decide", &accept)),
        api("decide-claim", "accepts an exchange", with_exchange, step("decide", &accept)),
        api("decide-claim", "refuses", with_return, step("decide", &refuse)),
        api("receive-claim", "a return", with_accepted_return, step("receive", &back)),
        api("receive-claim", "nothing", with_accepted_return, step("receive", &lost)),
        api("receive-claim", "an exchange", with_accepted_exchange, step("receive", &back)),
        api("withdraw-claim", "a return", with_return, step("withdraw", &json!({}))),
        api("withdraw-claim", "an accepted exchange", with_accepted_exchange, step("withdraw", &json!({}))),
    ]
}

fn claim(shop: &TestShop, order: &Value, kind: &str) -> Call {
    let body = json!({ "type": kind, "items": [{ "itemId": "1", "quantity": 1 }], "reason": "DEFECT" });
    shop.post(&format!("/orders/{}/claims", id(order)), body)
}

fn claim_id(claim: &Value) -> &str {
    claim["claimId"].as_str().unwrap()
}

/// A step of a claim by an admin.
fn step(action: &'static str, body: &Value) -> impl Fn(&TestShop, &Value) -> Call + Copy + Send + Sync + 'static {
    // Scenarios are few, and live as long as the test.
    let body: &'static Value = Box::leak(Box::new(body.clone()));
    move |shop, claim| shop.post(&format!("/claims/{}/{action}", claim_id(claim)), body.clone()).as_admin().key("k")
}

async fn with_delivered(shop: TestShop) -> Value {
    let order = with_paid_order(shop.clone()).await;
    let parcels = format!("/orders/{}/parcels", id(&order));
    let body = json!({ "items": [{ "itemId": "1", "quantity": 2 }], "carrier": "CJ", "trackingNumber": "1" });
    shop.post(&parcels, body).as_admin().await.expect(201);
    shop.patch(&format!("{parcels}/1"), json!({ "status": "DELIVERED" })).as_admin().await.expect(200);
    order
}

async fn with_return(shop: TestShop) -> Value {
    let order = with_delivered(shop.clone()).await;
    claim(&shop, &order, "RETURN").as_user("mina").await.expect(201)
}

async fn with_exchange(shop: TestShop) -> Value {
    let order = with_delivered(shop.clone()).await;
    claim(&shop, &order, "EXCHANGE").as_user("mina").await.expect(201)
}

async fn accepted(shop: &TestShop, claim: Value) -> Value {
    let path = format!("/claims/{}/decide", claim_id(&claim));
    shop.post(&path, json!({ "accept": true })).as_admin().await.expect(200)
}

async fn with_accepted_return(shop: TestShop) -> Value {
    let claim = with_return(shop.clone()).await;
    accepted(&shop, claim).await
}

async fn with_accepted_exchange(shop: TestShop) -> Value {
    let claim = with_exchange(shop.clone()).await;
    accepted(&shop, claim).await
}
