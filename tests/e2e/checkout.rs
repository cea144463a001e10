//! A customer in a browser pays at the provider's hosted page.

use std::collections::BTreeMap;

use reqwest::Url;
use serde_json::{Value, json};

use crate::{
    stack::{Api, Shop, eventually},
    webdriver::Browser,
};

pub async fn a_customer_pays_an_order(shop: &Shop, browser: Browser) {
    shop.api.customers(1, 0).await;
    let mina = Customer { api: shop.api.as_user("u0"), browser, shop };

    // The customer gives up, is declined, and pays after all.
    let (order, payment) = mina.order().await;
    mina.visit(&payment, "CARD", "CANCEL").await.assert_failed(shop, "PAY_PROCESS_CANCELED");
    let declined = mina.visit(&payment, "CARD_DECLINED_LATER", "PAY").await;
    assert_eq!(mina.confirm(&payment, &declined).await["status"], "DECLINED");
    let paid = mina.visit(&payment, "CARD", "PAY").await;
    assert_eq!(mina.confirm(&payment, &paid).await["status"], "PAID");
    assert_eq!(mina.api.get(&format!("/orders/{order}")).await.data()["status"], "PAID");

    // The customer transfers the money later.
    let (order, payment) = mina.order().await;
    let account = mina.visit(&payment, "VIRTUAL_ACCOUNT", "PAY").await;
    assert_eq!(mina.confirm(&payment, &account).await["status"], "WAITING_FOR_DEPOSIT");
    let transfer = format!("{}/deposits?orderId={}", shop.stack().payment_system_url(), id_of(&payment));
    mina.browser.open(&transfer).await;
    mina.browser.click("button[type=submit]").await;
    assert!(!mina.browser.text("[role=status]").await.is_empty());
    eventually("the notice of the deposit pays the order", || async {
        let order = mina.api.get(&format!("/orders/{order}")).await;
        if order.data()["status"] == "PAID" { Ok(()) } else { Err(order.body.to_string()) }
    })
    .await;
}

struct Customer<'s> {
    api: Api,
    browser: Browser,
    shop: &'s Shop,
}

/// The query of the address that the provider's page leads to.
struct Returned {
    url: Url,
    query: BTreeMap<String, String>,
}

impl Returned {
    fn assert_failed(&self, shop: &Shop, code: &str) {
        assert!(self.url.as_str().starts_with(&fail_url(shop)), "{}", self.url);
        assert_eq!(self.query["code"], code);
    }
}

impl Customer<'_> {
    /// An order, and its payment.
    async fn order(&self) -> (String, Value) {
        let items = json!([{ "productId": "tea", "quantity": 1 }]);
        let order = json!({ "userId": "u0", "items": items, "payment": "EXTERNAL" });
        let order = self.api.post("/orders", order).await.data()["orderId"].as_str().unwrap().to_owned();
        let purpose = json!({ "type": "ORDER", "orderId": order });
        let payment = self.api.post("/payments", json!({ "purpose": purpose })).await;
        (order, payment.data().clone())
    }

    /// Visits the checkout, as the provider's SDK sends a customer there, and returns from it.
    async fn visit(&self, payment: &Value, choice: &str, action: &str) -> Returned {
        let checkout = &payment["checkout"];
        let text = |field: &str| checkout[field].as_str().unwrap().to_owned();
        let mut page: Url = format!("{}/checkout", self.shop.stack().payment_system_url()).parse().unwrap();
        page.query_pairs_mut()
            .append_pair("clientKey", &text("clientKey"))
            .append_pair("orderId", &text("merchantOrderId"))
            .append_pair("amount", &checkout["amount"].to_string())
            .append_pair("orderName", &text("orderName"))
            .append_pair("successUrl", &success_url(self.shop))
            .append_pair("failUrl", &fail_url(self.shop));
        self.browser.open(page.as_str()).await;
        assert!(self.browser.text("dl").await.contains("13,000"));
        self.browser.click(&format!("input[value={choice}]")).await;
        self.browser.click(&format!("button[value={action}]")).await;
        let url = eventually("the page leads back", || async {
            let url = self.browser.url().await;
            if url.path() == "/docs" { Ok(url) } else { Err(url.to_string()) }
        })
        .await;
        let query = url.query_pairs().into_owned().collect();
        Returned { url, query }
    }

    /// Confirms with the values that the page led back with, as a front end does.
    async fn confirm(&self, payment: &Value, returned: &Returned) -> Value {
        assert!(returned.url.as_str().starts_with(&success_url(self.shop)), "{}", returned.url);
        assert_eq!(returned.query["orderId"], id_of(payment));
        let amount: i64 = returned.query["amount"].parse().unwrap();
        let body = json!({ "paymentKey": returned.query["paymentKey"], "amount": amount });
        self.api.post(&format!("/payments/{}/confirm", id_of(payment)), body).await.data().clone()
    }
}

/// The shop's API has one page. It stands for those of a front end.
fn success_url(shop: &Shop) -> String {
    format!("{}/docs?end=success", shop.stack().local_url())
}

fn fail_url(shop: &Shop) -> String {
    format!("{}/docs?end=fail", shop.stack().local_url())
}

fn id_of(payment: &Value) -> &str {
    payment["paymentId"].as_str().unwrap()
}
