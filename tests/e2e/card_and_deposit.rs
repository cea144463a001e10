//! Payments from outside on the deployed template: the customer pays at the provider's checkout, and the shop's functions
//! ask the provider, each under its own role.

use reqwest::Method;
use serde_json::{Value, json};

use crate::stack::{Api, Shop, eventually};

/// The deployed API, the local runner and the provider.
struct Doors {
    mina: Api,
    sora: Api,
    admin: Api,
    local: Api,
    deployed: Api,
    provider: Api,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_from_outside_arrives_once_and_goes_back() {
    let shop = Shop::start("e2e-card-and-deposit").await;
    let deployed = Api::new(shop.stack().api_url());
    let as_caller = |sub: &str, groups: &[&str]| {
        deployed.with("authorization", format!("Bearer {}", shop.stack().token(sub, groups).unwrap()))
    };
    let doors = Doors {
        mina: as_caller("mina", &[]),
        sora: as_caller("sora", &[]),
        admin: as_caller("boss", &["admin"]),
        local: shop.api.as_user("mina"),
        provider: Api::new(shop.stack().payment_system_url()),
        deployed: deployed.clone(),
    };
    doors.mina.post("/users", json!({ "name": "이미나", "email": "mina@example.com" })).await.data();
    doors.sora.post("/users", json!({ "name": "박소라", "email": "sora@example.com" })).await.data();
    shop.api.product("tea", 10_000, 100).await;

    // The sweep ends it, in its own minute: no look at the other's balance has to expect it.
    let silent = doors.confirmed_in_silence(&doors.sora, "sora").await;
    doors.top_up_by_card().await;
    let cancelled = doors.order_by_card_and_balance().await;
    doors.deposit().await;
    doors.silence_until_a_notice().await;
    doors.withdrawals().await;
    let returned = doors.refund_of_a_top_up().await;

    ends_as(&doors.sora, &silent, "PAID").await;
    assert_eq!(doors.sora.balance("sora").await, 7_000);
    ends_as(&doors.mina, &returned, "REFUNDED").await;
    for path in [cancelled, format!("/payments/{returned}")] {
        doors.refunds_succeed(&path).await;
    }

    assert!(doors.mina.get("/payments").await.data()["items"].as_array().unwrap().len() >= 5);
    assert_eq!(doors.admin.get("/payments?userId=nobody").await.code(), "ENTITY_NOT_FOUND");
    // The sum of the ledger is the balance, and the provider's books are the shop's.
    shop.audit().await;
    let sums = doors.provider.get("/payments").await.body["sums"].clone();
    assert_eq!(sums, json!({ "paid": 72_000, "cancelled": 25_000, "held": 47_000 }));
    shop.no_function_panicked();
    shop.stop().await;
}

impl Doors {
    async fn top_up_by_card(&self) {
        let before = self.balance().await;
        let payment = top_up(&self.mina, "mina", 20_000).await;
        let (id, key) = (id_of(&payment), self.pay(&payment, "CARD").await);
        let other = self.confirm(&self.mina, &id, &key, 20_001).await;
        assert_eq!((other.status.as_u16(), other.code()), (409, "PAYMENT_AMOUNT_MISMATCH"));
        for _ in 0..2 {
            assert_eq!(self.confirm(&self.mina, &id, &key, 20_000).await.data()["status"], "PAID");
        }
        assert_eq!(self.balance().await, before + 20_000);
    }

    /// An order of 23,000 won, 10,000 of them from the balance. Its cancellation sends the money of the card back first.
    /// Returns its path.
    async fn order_by_card_and_balance(&self) -> String {
        let before = self.balance().await;
        let order = self.order(2, 10_000).await;
        assert_eq!(self.balance().await, before - 10_000);
        let payment = self.mina.post("/payments", session_of(&order)).await;
        assert_eq!((payment.status.as_u16(), &payment.data()["amount"]), (201, &json!(13_000)));
        assert_eq!(self.mina.post("/payments", session_of(&order)).await.status, 200, "it has one session");
        let (id, key) = (id_of(payment.data()), self.pay(payment.data(), "CARD").await);
        assert_eq!(self.confirm(&self.mina, &id, &key, 13_000).await.data()["status"], "PAID");
        let path = format!("/orders/{order}");
        assert_eq!(self.mina.get(&path).await.data()["status"], "PAID");

        let cancelled = self.mina.post(&format!("{path}/cancel"), json!({})).await;
        assert_eq!(cancelled.data()["status"], "FULLY_REFUNDED");
        assert_eq!(self.balance().await, before);
        let retry = self.admin.post(&format!("{path}/refunds/none/retry"), json!({})).await;
        assert_eq!((retry.status.as_u16(), retry.code()), (404, "ENTITY_NOT_FOUND"));
        path
    }

    /// The customer transfers the money later. The provider's notice goes to the local runner.
    async fn deposit(&self) {
        let order = self.order(1, 0).await;
        let payment = self.local.post("/payments", session_of(&order)).await;
        let (id, key) = (id_of(payment.data()), self.pay(payment.data(), "VIRTUAL_ACCOUNT").await);
        let waiting = self.confirm(&self.local, &id, &key, 13_000).await;
        assert_eq!(waiting.data()["status"], "WAITING_FOR_DEPOSIT");
        assert!(waiting.data()["deposit"]["account"].is_string(), "{}", waiting.body);
        assert_eq!(self.mina.get(&format!("/orders/{order}")).await.data()["status"], "PENDING_PAYMENT");
        let transfer = self.provider.post("/deposits", json!({ "merchantOrderId": id })).await;
        assert!(transfer.status.is_success(), "{}", transfer.body);
        ends_as(&self.mina, &id, "PAID").await;
        assert_eq!(self.mina.get(&format!("/orders/{order}")).await.data()["status"], "PAID");
    }

    /// The provider took the money and said nothing. A notice to the deployed route, with foreign fields, is a hint.
    async fn silence_until_a_notice(&self) {
        let id = self.confirmed_in_silence(&self.mina, "mina").await;
        for body in ["", "{}", "[1]", r#"{"eventType":"PAYMENT_STATUS_CHANGED"}"#] {
            assert_eq!(self.notify("toss", body).await, 200, "{body}");
        }
        assert_eq!(self.notify("nobody", "{}").await, 404);
        let notice = json!({
            "eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-11-26T18:00:00.000000", "foreign": [1],
            "data": { "orderId": id, "paymentKey": "any", "status": "CANCELED", "totalAmount": 1 },
        });
        assert_eq!(self.notify("toss", &notice.to_string()).await, 200);
        assert_eq!(self.mina.get(&format!("/payments/{id}")).await.data()["status"], "PAID");
    }

    async fn withdrawals(&self) {
        let before = self.balance().await;
        let account = json!({ "bank": "장터은행", "number": "110-123-456789", "holder": "이미나" });
        let body = |amount: i64| json!({ "userId": "mina", "amount": amount, "account": account });
        assert_eq!(self.mina.post("/balance/withdrawals", body(9_000_000)).await.code(), "BALANCE_NOT_ENOUGH");
        let withdraw = async |amount: i64| {
            let withdrawal = self.mina.post("/balance/withdrawals", body(amount)).await;
            assert_eq!(withdrawal.data()["status"], "REQUESTED");
            format!("/balance/withdrawals/{}", withdrawal.data()["withdrawalId"].as_str().unwrap())
        };
        let (paid_out, returned) = (withdraw(1_000).await, withdraw(2_000).await);
        assert_eq!(self.balance().await, before - 3_000);
        assert_eq!(self.mina.patch(&paid_out, json!({ "status": "RETURNED" })).await.code(), "FORBIDDEN");
        self.admin.patch(&paid_out, json!({ "status": "PAID_OUT" })).await.data();
        self.admin.patch(&returned, json!({ "status": "RETURNED" })).await.data();
        assert_eq!(self.mina.get(&paid_out).await.data()["status"], "PAID_OUT");
        assert_eq!(self.balance().await, before - 1_000);
        let correction = json!({ "userId": "mina", "amount": 1_000, "reason": "두 번 냄" });
        self.admin.with("idempotency-key", "correction").post("/balance/adjustments", correction).await.data();
        assert_eq!(self.balance().await, before);
    }

    /// The balance pays it at once, and the sweep sends it. Returns the id of its payment.
    async fn refund_of_a_top_up(&self) -> String {
        let before = self.balance().await;
        let payment = top_up(&self.mina, "mina", 12_000).await;
        let (id, key) = (id_of(&payment), self.pay(&payment, "CARD").await);
        assert_eq!(self.confirm(&self.mina, &id, &key, 12_000).await.data()["status"], "PAID");
        let path = format!("/payments/{id}/refund");
        assert_eq!(self.mina.post(&path, json!({ "amount": 1 })).await.code(), "FORBIDDEN");
        let refund = self.admin.with("idempotency-key", "refund").post(&path, json!({ "amount": 12_000 })).await;
        assert_eq!(refund.data()["refunds"][0]["status"], "REQUESTED");
        assert_eq!(self.balance().await, before);
        id
    }

    async fn refunds_succeed(&self, path: &str) {
        eventually("each refund has a result", || async {
            let refunds = self.mina.get(path).await.data()["refunds"].clone();
            let all = refunds.as_array().unwrap();
            let are_done = !all.is_empty() && all.iter().all(|refund| refund["status"] == "SUCCEEDED");
            if are_done { Ok(()) } else { Err(refunds.to_string()) }
        })
        .await;
    }

    /// A top-up of 7,000 won whose money the provider took without an answer to anybody, by its id.
    async fn confirmed_in_silence(&self, caller: &Api, user: &str) -> String {
        let payment = top_up(caller, user, 7_000).await;
        let id = id_of(&payment);
        let faults =
            json!([{ "on": "CONFIRM", "does": "SILENT_AFTER", "times": 1 }, { "on": "NOTICE", "does": "LOSE" }]);
        let path = format!("/payments/{id}/faults");
        let set = self.provider.try_call(Method::PUT, &path, Some(&faults)).await.unwrap();
        assert!(set.status.is_success(), "{}", set.body);
        let key = self.pay(&payment, "CARD").await;
        let confirmed = self.confirm(caller, &id, &key, 7_000).await;
        assert_eq!((confirmed.status.as_u16(), &confirmed.data()["status"]), (200, &json!("CONFIRMING")));
        id
    }

    async fn order(&self, quantity: i64, balance_amount: i64) -> String {
        let items = json!([{ "productId": "tea", "quantity": quantity }]);
        let body = json!({
            "userId": "mina", "items": items, "payment": "EXTERNAL", "balanceAmount": balance_amount,
        });
        let order = self.mina.post("/orders", body).await;
        assert_eq!(order.data()["status"], "PENDING_PAYMENT");
        order.data()["orderId"].as_str().unwrap().to_owned()
    }

    /// Pays at the checkout, and returns the payment's key.
    async fn pay(&self, payment: &Value, method: &str) -> String {
        let checkout = &payment["checkout"];
        let body = json!({
            "clientKey": checkout["clientKey"], "merchantOrderId": checkout["merchantOrderId"],
            "amount": checkout["amount"], "method": method,
        });
        let begun = self.provider.post("/checkout", body).await;
        begun.body["paymentKey"].as_str().unwrap_or_else(|| panic!("{}", begun.body)).to_owned()
    }

    async fn confirm(&self, caller: &Api, id: &str, key: &str, amount: i64) -> crate::stack::Answer {
        caller.post(&format!("/payments/{id}/confirm"), json!({ "paymentKey": key, "amount": amount })).await
    }

    async fn notify(&self, provider: &str, body: &str) -> u16 {
        let answer = self.deployed.send_text(&format!("/payment-notices/{provider}"), "application/json", body).await;
        answer.status.as_u16()
    }

    async fn balance(&self) -> i64 {
        self.mina.balance("mina").await
    }
}

async fn top_up(caller: &Api, user: &str, amount: i64) -> Value {
    let purpose = json!({ "type": "TOP_UP", "userId": user, "amount": amount });
    let payment = caller.post("/payments", json!({ "purpose": purpose })).await;
    assert_eq!(payment.status, 201, "{}", payment.body);
    payment.data().clone()
}

async fn ends_as(caller: &Api, id: &str, status: &str) {
    eventually("a payment is settled", || async {
        let payment = caller.get(&format!("/payments/{id}")).await;
        if payment.data()["status"] == status { Ok(()) } else { Err(payment.body.to_string()) }
    })
    .await;
}

fn session_of(order: &str) -> Value {
    json!({ "purpose": { "type": "ORDER", "orderId": order } })
}

fn id_of(payment: &Value) -> String {
    payment["paymentId"].as_str().unwrap().to_owned()
}
