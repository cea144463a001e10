//! The storefront at `/store/` of the API's port, used as customers use it.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::night::times;

use crate::{
    console::{
        a_product_has_markup, choose, fill, has_each_message_in_both_languages, is_accessible, no_script_failed, open,
        push, shows, the_keyboard_skips_the_navigation,
    },
    stack::{Api, Shop, eventually},
    webdriver::Browser,
};

/// A customer of a browser, and the words of the page that the journeys wait for.
pub struct Customer {
    id: &'static str,
    paid: &'static str,
    name: &'static str,
}

pub const ENGLISH: Customer = Customer { id: "park", paid: "paid", name: "en" };
pub const KOREAN: Customer = Customer { id: "lee", paid: "결제 완료", name: "ko" };

impl Customer {
    fn api(&self, shop: &Shop) -> Api {
        shop.api.as_user(self.id)
    }

    async fn orders(&self, shop: &Shop) -> usize {
        let orders = self.api(shop).get(&format!("/orders?userId={}&limit=100", self.id)).await;
        orders.data()["items"].as_array().unwrap().len()
    }

    /// An order sheet of one unit of tea.
    async fn sheet(&self, shop: &Shop) -> String {
        let items = json!([{ "productId": "tea", "quantity": 1 }]);
        let sheet = self.api(shop).post("/order-sheets", json!({ "userId": self.id, "items": items })).await;
        sheet.data()["orderSheetId"].as_str().unwrap().to_owned()
    }
}

/// Opens the storefront as a customer.
pub async fn start(shop: &Shop, browser: &Browser, customer: &Customer) {
    browser.open(&format!("{}/store/", shop.stack().local_url().replace("127.0.0.1", "localhost"))).await;
    browser.click(&format!("#customer option[value={}]", customer.id)).await;
    // The choice opens the view again.
    shows(browser, "h1", "").await;
}

/// The last part of the address of a view.
async fn id_in_the_address(browser: &Browser, view: &str) -> String {
    eventually("the view is open", || async {
        let fragment = browser.url().await.fragment().unwrap_or_default().to_owned();
        fragment.strip_prefix(&format!("/{view}/")).map(str::to_owned).ok_or(fragment)
    })
    .await
}

/// From the search to a claim, with a coupon that opens while its page is open.
pub async fn a_customer_orders_cancels_and_claims(shop: &Shop, browser: &Browser) {
    let park = ENGLISH;
    start(shop, browser, &park).await;
    a_coupon_opens(shop, browser).await;
    a_product_opens(shop, browser).await;

    open(browser, "products").await;
    fill(browser, "search", "YUG").await;
    shows(browser, "#found", "1 products").await;
    push(browser, ".goods a[href='#/products/yugi']").await;
    fill(browser, "quantity", "2").await;
    push(browser, "button[value=cart]").await;
    shows(browser, "#message", "It is in the cart.").await;

    open(browser, "cart").await;
    shows(browser, "#total", "84,000").await;
    push(browser, "button[aria-label^='−1']").await;
    shows(browser, "#total", "42,000").await;
    push(browser, "button[aria-label^='+1']").await;
    shows(browser, "#total", "84,000").await;
    choose(browser, "couponId", "opening").await;
    push(browser, "form button.first").await;
    shows(browser, "#payable", "83,000").await;
    let before = park.orders(shop).await;
    // A double click orders once.
    browser.text("form button.first").await;
    browser.script("const button = document.querySelector('section:last-of-type form button.first'); button.click(); button.click()").await;
    shows(browser, "#order-status", park.paid).await;
    assert_eq!(park.orders(shop).await, before + 1);
    let order = id_in_the_address(browser, "orders").await;

    fill(browser, "1", "1").await;
    push(browser, "form button.danger").await;
    shows(browser, "#refunded", "41,500").await;
    shows(browser, "#order-status", "partly cancelled").await;
    a_delivered_unit_is_claimed(shop, browser, &order).await;
    no_script_failed(browser).await;
}

/// The countdown becomes a button; the coupon is issued once, and to one customer alone.
async fn a_coupon_opens(shop: &Shop, browser: &Browser) {
    let opens_at = Timestamp::now() + SignedDuration::from_secs(4);
    let campaign = json!({
        "couponId": "opening", "name": "opening", "kind": "FIXED", "value": 1_000, "totalQuantity": 1, "validDays": 7,
        "issueFrom": opens_at, "issueUntil": "2036-01-01T00:00:00Z",
    });
    shop.api.as_admin().post("/coupons", campaign).await.data();
    let view = format!("drops/coupon/opening/{opens_at}");
    open(browser, &view).await;
    shows(browser, ".countdown", "00:0").await;
    browser.keep_picture("store-countdown").await;
    push(browser, "main button.first").await;
    shows(browser, "#drop", "The coupon is yours.").await;

    let again = async || {
        open(browser, "drops").await;
        open(browser, &view).await;
        push(browser, "main button.first").await;
    };
    again().await;
    shows(browser, "#drop", "You already have this coupon.").await;
    browser.click("#customer option[value=lee]").await;
    again().await;
    shows(browser, "#drop", "All coupons are gone.").await;
    browser.click("#customer option[value=park]").await;
}

/// A unit is reserved once by a double click, and not before the time that a busy shop names.
async fn a_product_opens(shop: &Shop, browser: &Browser) {
    let before = ENGLISH.orders(shop).await;
    open(browser, "drops/product/yugi/2026-01-01T00:00:00Z").await;
    browser.text("main button.first").await;
    let be_busy_once = "const real = window.fetch; window.sent = []; window.fetch = async (url, options) => { \
                        if (options?.method !== 'POST') return real(url, options); window.sent.push([performance.now(), options.headers['idempotency-key']]); \
                        return window.sent.length > 1 ? real(url, options) : new Response('{}', { status: 503, headers: { 'retry-after': '2' } }); }";
    browser.script(be_busy_once).await;
    browser.script("const button = document.querySelector('main button.first'); button.click(); button.click()").await;
    shows(browser, "#order-status", "waiting for payment").await;
    assert_eq!(ENGLISH.orders(shop).await, before + 1);
    let sent = browser.script("return [window.sent.length, window.sent[1][0] - window.sent[0][0] >= 2000, window.sent[1][1] === window.sent[0][1]]").await;
    assert_eq!(sent, json!([2, true, true]));
    push(browser, "button.danger[type=button]").await;
    shows(browser, "#order-status", "cancelled").await;
}

/// The preview names the refund; the claim is created, and withdrawn.
async fn a_delivered_unit_is_claimed(shop: &Shop, browser: &Browser, order: &str) {
    let admin = shop.api.as_admin();
    let parcel =
        json!({ "items": [{ "itemId": "1", "quantity": 1 }], "carrier": "CJ", "trackingNumber": "688012345678" });
    admin.post(&format!("/orders/{order}/parcels"), parcel).await.data();
    admin.patch(&format!("/orders/{order}/parcels/1"), json!({ "status": "DELIVERED" })).await.data();
    push(browser, &format!("a[href='#/claim/{order}']")).await;
    fill(browser, "1", "1").await;
    push(browser, "form button.first").await;
    shows(browser, "#preview", "You pay the way back.").await;
    browser.keep_picture("store-claim-preview").await;
    push(browser, "section:has(#preview) button.first").await;
    shows(browser, "#claims", "requested").await;
    push(browser, "#claims button").await;
    shows(browser, "#claims", "withdrawn").await;
    shows(browser, ".history", "claim withdrawn").await;
}

/// A card is declined, then pays; a top-up is credited.
pub async fn the_payment_page_pays_an_order_and_a_top_up(shop: &Shop, browser: &Browser) {
    let park = ENGLISH;
    open(browser, &format!("checkout/{}", park.sheet(shop).await)).await;
    choose(browser, "payment", "EXTERNAL").await;
    fill(browser, "balanceAmount", "3000").await;
    push(browser, "section:last-of-type form button.first").await;
    pay(browser, "CARD_DECLINED_LATER").await;
    shows(browser, "#payment-status", "declined").await;
    push(browser, "main button.first").await;
    pay(browser, "CARD").await;
    shows(browser, "#payment-status", park.paid).await;
    push(browser, "main a[href^='#/orders/']").await;
    shows(browser, "#order-status", park.paid).await;

    let before = shop.api.as_admin().balance(park.id).await;
    open(browser, "balance").await;
    // The shop's own objection stands beside the field.
    fill(browser, "amount", "50050").await;
    push(browser, "form button.first").await;
    shows(browser, "label:has([name=amount]) .objection", "100").await;
    fill(browser, "amount", "50000").await;
    push(browser, "form button.first").await;
    pay(browser, "CARD").await;
    shows(browser, "#payment-status", park.paid).await;
    assert_eq!(shop.api.as_admin().balance(park.id).await, before + 50_000);
    no_script_failed(browser).await;
}

/// Pays at the provider's page, which leads back.
async fn pay(browser: &Browser, choice: &str) {
    browser.click(&format!("input[value={choice}]")).await;
    browser.click("button[value=PAY]").await;
    id_in_the_address(browser, "pay").await;
}

/// The number of requests that the storefront keeps.
const KEPT: &str = "const done = arguments[arguments.length - 1]; const opening = indexedDB.open('store'); opening.onsuccess = () => { \
                    const counting = opening.result.transaction('requests').objectStore('requests').count(); counting.onsuccess = () => done(counting.result) }";

/// The answer is lost, and the page is loaded again: the order's key is kept by the browser. The order has no
/// sheet, which would itself keep it from being placed twice.
pub async fn a_reload_in_the_middle_of_an_order_orders_once(shop: &Shop, browser: &Browser) {
    let before = ENGLISH.orders(shop).await;
    open(browser, "drops/product/yugi/2026-01-01T00:00:00Z").await;
    press_and_lose_the_answer(browser, "main button.first").await;
    browser.script("location.reload()").await;
    push(browser, "#unfinished button").await;
    shows(browser, "#order-status", "waiting for payment").await;
    assert_eq!(ENGLISH.orders(shop).await, before + 1);
    assert_eq!(browser.script("return document.querySelector('#unfinished')").await, Value::Null);
    assert_eq!(browser.script_with_callback(KEPT).await, 0);
    // Paid from the balance after all.
    push(browser, "main button.first").await;
    shows(browser, "#order-status", ENGLISH.paid).await;
    no_script_failed(browser).await;
}

/// Presses a button whose request reaches the shop, and whose answer never comes.
async fn press_and_lose_the_answer(browser: &Browser, button: &str) {
    browser.text(button).await;
    let lose_the_answer = "const real = window.fetch; window.fetch = async (url, options) => { const answer = await real(url, options); \
                           if (options?.method !== 'POST') return answer; window.isSent = true; return new Promise(() => {}); }";
    browser.script(lose_the_answer).await;
    push(browser, button).await;
    eventually("the request is sent", || async {
        let is_sent = browser.script("return window.isSent === true").await;
        if is_sent == Value::Bool(true) { Ok(()) } else { Err(is_sent.to_string()) }
    })
    .await;
}

/// The browser is killed again and again while the shop's answer is on its way.
pub async fn a_browser_killed_in_the_middle_of_an_order_orders_once(shop: &Shop) {
    let before = ENGLISH.orders(shop).await;
    let folder = shop.config.state_dir.join("browser");
    let mut button = "main button.first";
    for _ in 0..times(1, 3) {
        let browser = Browser::start_in(&folder).await.unwrap();
        start(shop, &browser, &ENGLISH).await;
        open(&browser, "drops/product/yugi/2026-01-01T00:00:00Z").await;
        press_and_lose_the_answer(&browser, button).await;
        browser.kill();
        button = "#unfinished button";
    }
    let browser = Browser::start_in(&folder).await.unwrap();
    start(shop, &browser, &ENGLISH).await;
    push(&browser, button).await;
    shows(&browser, "#order-status", "waiting for payment").await;
    assert_eq!(ENGLISH.orders(shop).await, before + 1);
    assert_eq!(browser.script_with_callback(KEPT).await, 0);
    // Its unit goes back.
    push(&browser, "button.danger[type=button]").await;
    shows(&browser, "#order-status", "cancelled").await;
    no_script_failed(&browser).await;
}

/// The line of a drop that is not open: the customer sees the place, and the order goes on once it opens.
pub async fn a_customer_waits_in_a_line(shop: &Shop, browser: &Browser) {
    let admin = shop.api.as_admin();
    shop.api.product("kettle", 5_000, 4).await;
    let limit = json!({ "limit": { "perUser": 3, "within": "EVER" } });
    admin.patch("/products/kettle", limit).await.data();
    let opens = async |at: Timestamp| {
        let drop = json!({ "productId": "kettle", "opensAt": at, "enabled": true });
        admin.put("/drops/kettle", drop).await.data();
    };
    opens(Timestamp::now() + SignedDuration::from_hours(1)).await;
    open(browser, "products/kettle").await;
    shows(browser, ".terms", "At most 3 for each customer; 3 are left for you").await;
    push(browser, "button[value=buy]").await;
    push(browser, "section:last-of-type form button.first").await;
    shows(browser, "#line", "Your place in the line: 1").await;
    shows(browser, "#line", "Your turn comes at about").await;
    browser.keep_picture("store-line").await;
    let opens_at = Timestamp::now();
    opens(opens_at).await;
    shows(browser, "#order-status", ENGLISH.paid).await;
    let order = id_in_the_address(browser, "orders").await;
    let order = ENGLISH.api(shop).get(&format!("/orders/{order}")).await;
    let paid_at: Timestamp = order.data()["paidAt"].as_str().unwrap().parse().unwrap();
    assert!(paid_at >= opens_at, "{paid_at} {opens_at}");
    // The ticket has served, so that the next order is told so.
    open(browser, "products/kettle").await;
    shows(browser, ".terms", "2 are left for you").await;
    push(browser, "button[value=buy]").await;
    push(browser, "section:last-of-type form button.first").await;
    shows(browser, "#message.bad", "ticket").await;
    no_script_failed(browser).await;
}

pub async fn markup_in_a_name_stays_text(shop: &Shop, browser: &Browser) {
    a_product_has_markup(shop).await;
    let order = shop.api.order(ENGLISH.id, "owned").await.data()["orderId"].as_str().unwrap().to_owned();
    for view in ["products", "products/owned", "orders", &format!("orders/{order}")] {
        open(browser, view).await;
        shows(browser, "main", "<img src=x").await;
    }
    open(browser, "products/%3Cimg%20src%3Dx%20onerror%3D%22window.owned%3D1%22%3E").await;
    browser.text("#message.bad").await;
    assert_eq!(browser.script("return window.owned ?? null").await, Value::Null);
    no_script_failed(browser).await;
}

/// A short journey at the width of a phone.
pub async fn a_customer_buys_on_a_phone(shop: &Shop, browser: &Browser) {
    start(shop, browser, &KOREAN).await;
    open(browser, "products/yugi").await;
    push(browser, "button[value=buy]").await;
    push(browser, "section:last-of-type form button.first").await;
    shows(browser, "#order-status", KOREAN.paid).await;
    no_script_failed(browser).await;
}

/// axe finds nothing in any view, and no view is wider than the window.
pub async fn everything_is_accessible(shop: &Shop, browser: &Browser, customer: &Customer) {
    let api = customer.api(shop);
    let cart = json!({ "userId": customer.id, "productId": "yugi", "quantity": 1 });
    api.post("/orders/cart", cart).await.data();
    let top_up = json!({ "purpose": { "type": "TOP_UP", "userId": customer.id, "amount": 10_000 } });
    let payment = api.post("/payments", top_up).await.data()["paymentId"].as_str().unwrap().to_owned();
    let order = shop.api.order(customer.id, "tea").await.data()["orderId"].as_str().unwrap().to_owned();
    let admin = shop.api.as_admin();
    let parcel = json!({ "items": [{ "itemId": "1", "quantity": 1 }], "carrier": "CJ", "trackingNumber": "1" });
    admin.post(&format!("/orders/{order}/parcels"), parcel).await.data();
    let sheet = customer.sheet(shop).await;
    open(browser, "products").await;
    for (name, view) in [
        ("products", "products"),
        ("product", "products/yugi"),
        ("drops", "drops"),
        ("drop", "drops/coupon/welcome/2036-01-01T00:00:00Z"),
        ("coupons", "coupons"),
        ("cart", "cart"),
        ("checkout", &format!("checkout/{sheet}")),
        ("orders", "orders"),
        ("order", &format!("orders/{order}")),
        ("claim", &format!("claim/{order}")),
        ("payment", &format!("pay/{payment}")),
        ("balance", "balance"),
    ] {
        is_accessible(browser, view, &format!("store-{}-{name}", customer.name)).await;
    }
    has_each_message_in_both_languages(browser, "/store").await;
    the_keyboard_skips_the_navigation(browser).await;
}
