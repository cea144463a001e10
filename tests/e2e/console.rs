//! The console at the root of the API's port, used as people use it: without typing JSON.

use std::collections::BTreeSet;

use axum::{Router, response::Html, routing::get};
use serde_json::{Value, json};

use crate::{
    stack::{Shop, eventually},
    webdriver::Browser,
};

/// All views, by their addresses.
const VIEWS: [&str; 12] = [
    "overview",
    "flash",
    "products/yugi",
    "products",
    "campaigns",
    "orders",
    "ledger/kim",
    "events",
    "bestsellers",
    "audit",
    "letters",
    "switches",
];

/// The words of the page that the journeys wait for.
pub struct Words {
    paid: &'static str,
    refunded: &'static str,
    arrived: &'static str,
    name: &'static str,
}

pub const ENGLISH: Words = Words { paid: "paid", refunded: "refunded", arrived: "arrived", name: "en" };
pub const KOREAN: Words = Words { paid: "결제 완료", refunded: "전액 환불", arrived: "도착", name: "ko" };

/// Users, products and a campaign under the names of the sample data.
pub async fn open_the_sample_shop(shop: &Shop) {
    for user in ["kim", "lee", "park"] {
        let body = json!({ "userId": user, "name": "김민준", "email": format!("{user}@example.com") });
        shop.api.post("/users", body).await.data();
        shop.api.post("/balance/charge", json!({ "userId": user, "amount": 1_000_000 })).await.data();
    }
    shop.api.product("yugi", 42_000, 80).await;
    shop.api.coupon("welcome", 100).await;
}

/// Opens another view of the page that is open, and waits until it is there.
pub async fn open(browser: &Browser, view: &str) {
    let script = format!(
        "const done = arguments[arguments.length - 1]; const hash = {}; if (location.hash === hash) return done();
         addEventListener('hashchange', () => done(), {{ once: true }}); location.hash = hash;",
        json!(format!("#/{view}"))
    );
    browser.script_with_callback(&script).await;
}

/// Opens the page.
async fn start(shop: &Shop, browser: &Browser, view: &str) {
    browser.open(&format!("{}/#/{view}", shop.stack().local_url().replace("127.0.0.1", "localhost"))).await;
}

/// Waits until the element of a selector shows a text that contains this one.
pub async fn shows(browser: &Browser, selector: &str, text: &str) {
    let script = format!("return document.querySelector({})?.innerText ?? ''", json!(selector));
    let what = format!("{selector} shows {text:?}");
    eventually(&what, || async {
        let shown = browser.script(&script).await;
        let shown = shown.as_str().unwrap_or_default();
        if shown.contains(text) {
            return Ok(());
        }
        let message = browser.script("return document.querySelector('#message')?.innerText ?? ''").await;
        let page = browser.script("return document.querySelector('main')?.innerText ?? ''").await;
        Err(format!("it shows {shown:?}, and the page tells {message}; all of it: {page}"))
    })
    .await;
}

/// Presses a button, once it can be pressed: a page does one thing at a time.
pub async fn push(browser: &Browser, button: &str) {
    browser.click(&format!("{button}:not(:disabled)")).await;
}

/// Chooses an option of a list, as a customer does.
pub async fn choose(browser: &Browser, list: &str, option: &str) {
    browser.click(&format!("select[name={list}] option[value='{option}']")).await;
}

/// Fills in a field, as typing does.
pub async fn fill(browser: &Browser, field: &str, value: &str) {
    browser.text(&format!("input[name='{field}']")).await;
    let script = format!(
        "const field = document.querySelector(`input[name='{field}']`); field.value = {}; field.dispatchEvent(new Event('input', {{ bubbles: true }}))",
        json!(value)
    );
    browser.script(&script).await;
}

/// Asserts that the page ran without an error of its own, and without one line that its policy refused.
pub async fn no_script_failed(browser: &Browser) {
    let messages = browser.messages().await;
    let bad: Vec<_> = messages
        .iter()
        .filter(|message| {
            message.contains("Content Security Policy")
                || message.contains("Uncaught")
                || message.contains("TrustedHTML")
        })
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

/// The sale is begun by the keyboard alone.
pub async fn a_flash_sale_sells_out_exactly(shop: &Shop, browser: &Browser) {
    start(shop, browser, "flash").await;
    browser.text("form input[name=people]").await;
    browser.script("document.querySelector('input[name=quantity]').value = 20").await;
    browser.script("document.querySelector('input[name=people]').value = 60").await;
    browser.script("document.querySelector('input[name=people]').focus()").await;
    browser.press(ENTER).await;
    shows(browser, "#proof", "Exact: 20 were sold").await;
    shows(browser, "#figure-sold", "20").await;
    shows(browser, "#figure-refused", "40").await;
    browser.keep_picture("flash-sale").await;

    choose(browser, "of", "COUPON").await;
    push(browser, "form button.first").await;
    shows(browser, "main", "Each winner has one coupon").await;
    shows(browser, "#proof", "Exact: 20 were sold").await;
    no_script_failed(browser).await;
}

/// The journey of a stranger: an order by card, its payment, its refund, and its event at the data platform.
pub async fn an_order_is_paid_and_refunded_and_its_event_followed(shop: &Shop, browser: &Browser, words: &Words) {
    start(shop, browser, "products/yugi").await;
    choose(browser, "payment", "EXTERNAL").await;
    push(browser, "form button.first").await;
    push(browser, "#order-actions button.first").await;
    shows(browser, "#order-status", words.paid).await;
    push(browser, "#order-actions button.danger").await;
    shows(browser, "#order-status", words.refunded).await;
    shows(browser, "#refunded", "42,000").await;
    eventually("payment and refund reach the data platform", || async {
        let journey = browser.text("#journey").await;
        let arrived = journey.matches(words.arrived).count();
        if arrived >= 2 { Ok(()) } else { Err(journey) }
    })
    .await;
    let url = browser.url().await;
    let order = url.fragment().unwrap().rsplit('/').next().unwrap().to_owned();
    let order = shop.api.as_admin().get(&format!("/orders/{order}")).await;
    assert_eq!((&order.data()["status"], &order.data()["refunded"]), (&json!("FULLY_REFUNDED"), &json!(42_000)));
    browser.keep_picture(&format!("order-{}", words.name)).await;
    no_script_failed(browser).await;
}

/// Shipping, delivery, and a return, by the buttons that the answers allow.
pub async fn the_next_steps_of_an_order_are_buttons(shop: &Shop, browser: &Browser) {
    let items = json!([{ "productId": "yugi", "quantity": 2 }]);
    let order = shop.api.post("/orders", json!({ "userId": "lee", "items": items })).await.data()["orderId"].clone();
    let order = order.as_str().unwrap();
    start(shop, browser, &format!("orders/{order}")).await;
    eventually("the line is prepared", || async {
        let line = shop.api.as_admin().get(&format!("/orders/{order}")).await.data()["items"][0]["status"].clone();
        if line == "PREPARING" { Ok(()) } else { Err(line.to_string()) }
    })
    .await;
    // The form of the parcel, then the steps of the parcel.
    push(browser, "form:has(input[name=trackingNumber]) button.first").await;
    push(browser, "button[aria-label='Parcel 1: delivered']").await;
    push(browser, "form:has(select[name=reason]) button.first").await;
    push(browser, "p:has(> button.first):not(#order-actions) > button.first").await;
    eventually("a return of one unit is asked for, accepted and received", || async {
        let order = shop.api.as_admin().get(&format!("/orders/{order}")).await;
        let claim = order.data()["claims"][0]["status"].clone();
        if claim == "COMPLETED" {
            return Ok(());
        }
        browser.script("document.querySelector('td.actions button.first:not(:disabled)')?.click()").await;
        Err(order.body.to_string())
    })
    .await;
    shows(browser, "#order-status", "partly cancelled").await;
    let history = browser.text(".history").await;
    for step in ["paid", "parcel shipped", "claim asked for", "claim accepted", "goods received"] {
        assert!(history.contains(step), "{step}: {history}");
    }
    no_script_failed(browser).await;
}

pub async fn a_changed_ledger_is_found(browser: &Browser) {
    open(browser, "ledger/kim").await;
    push(browser, ".actions button.first").await;
    shows(browser, "#verdict", "verified").await;
    push(browser, ".actions button:not(.first)").await;
    shows(browser, "#verdict", "The chain is broken").await;
    push(browser, ".actions button:not(.first)").await;
    push(browser, ".actions button.first").await;
    shows(browser, "#verdict", "verified").await;
    no_script_failed(browser).await;
}

/// The data platform goes down and comes back, by the page's own switch.
pub async fn an_event_waits_for_the_data_platform(shop: &Shop, browser: &Browser) {
    open(browser, "switches").await;
    push(browser, "section:has(button) button:nth-of-type(2)").await;
    shows(browser, "button[aria-pressed=true]", "503").await;
    let order = shop.api.order("kim", "yugi").await.data()["orderId"].as_str().unwrap().to_owned();
    open(browser, &format!("orders/{order}")).await;
    shows(browser, "#journey", "waits: 503").await;
    open(browser, "events").await;
    push(browser, "section button.first").await;
    open(browser, &format!("orders/{order}")).await;
    shows(browser, "#journey", "arrived").await;
    no_script_failed(browser).await;
}

/// A refusal for good makes a dead letter, and a redrive brings its event to the data platform after all.
pub async fn a_dead_letter_is_redriven(shop: &Shop, browser: &Browser) {
    shop.data_platform_answers(400).await;
    let order = shop.api.order("kim", "yugi").await.data()["orderId"].as_str().unwrap().to_owned();
    open(browser, "letters").await;
    eventually("the refused event is a dead letter", || async {
        push(browser, "section .actions button:first-of-type").await;
        let letters = browser.text("section").await;
        if letters.contains(&order) { Ok(()) } else { Err(letters) }
    })
    .await;
    browser.keep_picture("dead-letters").await;
    shop.data_platform_answers(200).await;
    push(browser, "section .actions button.first").await;
    shows(browser, "section", "No dead letter.").await;
    open(browser, &format!("orders/{order}")).await;
    shows(browser, "#journey", "arrived").await;
    no_script_failed(browser).await;
}

/// A campaign for one product with a budget, paused; a limit and a waiting line of the product.
pub async fn a_campaign_and_terms_are_set(shop: &Shop, browser: &Browser) {
    act_as(browser, "admin").await;
    open(browser, "campaigns").await;
    for (field, value) in
        [("name", "찻잔 할인"), ("couponId", "cups"), ("value", "500"), ("budget", "20000"), ("ids", "yugi")]
    {
        fill(browser, field, value).await;
    }
    choose(browser, "scope", "productIds").await;
    push(browser, "form:has(input[name=budget]) button.first").await;
    shows(browser, "table", "products: yugi").await;
    shows(browser, "table", "₩20,000 / ₩20,000").await;
    browser.keep_picture("campaigns").await;
    push(browser, "button[aria-label='Pause: 찻잔 할인']").await;
    browser.text("button[aria-label='Resume: 찻잔 할인']").await;
    let campaign = shop.api.as_admin().get("/coupons/cups").await;
    assert_eq!(
        (&campaign.data()["status"], &campaign.data()["scope"], &campaign.data()["maxTotalDiscount"]),
        (&json!("PAUSED"), &json!({ "productIds": ["yugi"] }), &json!(20_000))
    );

    let of_campaign = |form: &str| format!("form:has({form}) select[name=couponId] option[value=cups]");
    browser.click(&of_campaign("input[name=addQuantity]")).await;
    fill(browser, "addQuantity", "25").await;
    push(browser, "form:has(input[name=addQuantity]) button.first").await;
    shows(browser, "table", "0 / 125").await;
    browser.click(&of_campaign("input[name=opensAt]")).await;
    fill(browser, "opensAt", "2026-01-01T00:00").await;
    push(browser, "form:has(input[name=opensAt]) button.first").await;
    shows(browser, "#message", "Set.").await;
    shows(browser, "#lines", "0 waiting, 0 inside").await;
    let line = json!({ "couponId": "cups", "opensAt": "2026-01-01T00:00:00Z", "enabled": false });
    shop.api.as_admin().put("/drops/cups", line).await.data();
    shows(browser, "#lines", "Its line is off.").await;
    browser.click(&of_campaign("input[name=addQuantity]")).await;
    choose(browser, "then", "ENDED").await;
    push(browser, "form:has(input[name=addQuantity]) button.first").await;
    shows(browser, "#message", "Changed.").await;
    let campaign = shop.api.as_admin().get("/coupons/cups").await;
    assert_eq!((&campaign.data()["status"], &campaign.data()["totalQuantity"]), (&json!("ENDED"), &json!(125)));

    shop.api.product("bowl", 9_000, 3).await;
    open(browser, "products/bowl").await;
    for (field, value) in [
        ("offerDiscount", "4000"),
        ("offerFrom", "2026-01-01T00:00"),
        ("offerUntil", "2036-01-01T00:00"),
        ("offerQuantity", "100"),
    ] {
        fill(browser, field, value).await;
    }
    push(browser, "form:has(input[name=offerFrom]) button.first").await;
    shows(browser, "#terms", "for the first 100").await;
    shows(browser, "#terms", "₩5,000").await;
    push(browser, "section > button").await;
    shows(browser, "#terms", "Everyone may buy any number").await;
    fill(browser, "perUser", "2").await;
    push(browser, "form:has(input[name=perUser]) button.first").await;
    shows(browser, "#terms", "At most 2 for each customer").await;
    fill(browser, "opensAt", "2026-01-01T00:00").await;
    push(browser, "form:has(input[name=opensAt]) button.first").await;
    shows(browser, "#message", "Set.").await;
    shows(browser, "#line", "0 waiting, 0 inside").await;
    browser.keep_picture("terms").await;
    let refused = shop.api.order("kim", "bowl").await;
    assert_eq!(
        (refused.status.as_u16(), &refused.body["details"]["dropId"]),
        (429, &json!("bowl")),
        "{}",
        refused.body
    );
    shop.api.as_user("kim").post("/drops/bowl/entries", json!({})).await.data();
    shows(browser, "#line", "1 inside").await;
    no_script_failed(browser).await;
}

async fn act_as(browser: &Browser, user: &str) {
    browser.click(&format!("#caller option[value={user}]")).await;
    shows(browser, "h1", "").await;
}

pub async fn the_books_are_audited(browser: &Browser) {
    open(browser, "audit").await;
    push(browser, "section .actions button.first").await;
    shows(browser, "#verdict", "The books are right.").await;
    no_script_failed(browser).await;
}

/// The product `owned`, whose texts are markup that would run a script.
pub async fn a_product_has_markup(shop: &Shop) {
    let markup = "<img src=x onerror='window.owned=1'><script>window.owned=1</script>";
    let product = json!({ "productId": "owned", "name": markup, "description": markup, "price": 100, "stock": 5 });
    shop.api.as_admin().post("/products", product).await.data();
}

/// Names, texts and addresses with markup in them.
pub async fn markup_in_data_stays_text(shop: &Shop, browser: &Browser) {
    a_product_has_markup(shop).await;
    let order = shop.api.order("kim", "owned").await.data()["orderId"].as_str().unwrap().to_owned();
    for (view, shown) in [
        ("products".to_owned(), "table"),
        ("products/owned".to_owned(), "main"),
        (format!("orders/{order}"), "main"),
        ("orders".to_owned(), "table"),
    ] {
        open(browser, &view).await;
        shows(browser, shown, "<img src=x").await;
    }
    open(browser, "products/%3Cimg%20src%3Dx%20onerror%3D%22window.owned%3D1%22%3E").await;
    browser.text("#message.bad").await;
    assert_eq!(browser.script("return window.owned ?? null").await, Value::Null);
    no_script_failed(browser).await;

    // A script that got into the page after all does not run.
    let planted = "try { const script = document.createElement('script'); script.textContent = 'window.owned = 1'; \
                   document.head.append(script); } catch {} \
                   try { document.querySelector('main').insertAdjacentHTML('beforeend', `<img src=x onerror='window.owned=1'>`); } catch {} \
                   return window.owned ?? null";
    assert_eq!(browser.script(planted).await, Value::Null);
    browser.messages().await;
}

/// axe finds nothing in any view, no view is wider than the window, and the keyboard skips the navigation.
pub async fn everything_is_accessible(browser: &Browser, name: &str) {
    open(browser, "overview").await;
    for view in VIEWS {
        is_accessible(browser, view, &format!("{name}-{}", view.split('/').next().unwrap())).await;
    }
    has_each_message_in_both_languages(browser, "/_dev/console").await;
    the_keyboard_skips_the_navigation(browser).await;
}

/// axe finds nothing in a view, and it is not wider than the window. Its picture is kept.
pub async fn is_accessible(browser: &Browser, view: &str, picture: &str) {
    open(browser, view).await;
    settled(browser, view).await;
    let found = browser.violations().await;
    assert_eq!(found, json!([]), "{view}: {found:#}");
    let widths = browser.script("return [document.documentElement.scrollWidth, innerWidth]").await;
    assert!(widths[0].as_i64() <= widths[1].as_i64(), "{view} is wider than the window: {widths}");
    browser.keep_picture(picture).await;
}

/// A page has the same messages in English and Korean.
pub async fn has_each_message_in_both_languages(browser: &Browser, folder: &str) {
    let script = format!(
        "const done = arguments[arguments.length - 1]; Promise.all(['en', 'ko'].map((tag) => import(`{folder}/messages/${{tag}}.js`)))\
         .then(([en, ko]) => done([en, ko].map((messages) => Object.keys(messages.default))))"
    );
    let keys = browser.script_with_callback(&script).await;
    let of =
        |index: usize| keys[index].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect::<BTreeSet<_>>();
    assert_eq!(of(0), of(1));
}

pub async fn the_keyboard_skips_the_navigation(browser: &Browser) {
    browser.script("document.activeElement.blur(); window.scrollTo(0, 0)").await;
    browser.script("document.querySelector('.skip').focus()").await;
    browser.press(ENTER).await;
    assert_eq!(browser.script("return document.activeElement.tagName").await, "H1");
}

/// Waits until a view has loaded.
async fn settled(browser: &Browser, view: &str) {
    eventually("the view has loaded", || async {
        let is_waiting = browser
            .script("return document.querySelector('main').innerText.includes('…') || document.querySelector('main').children.length < 2")
            .await;
        if is_waiting == Value::Bool(false) { Ok(()) } else { Err(view.to_owned()) }
    })
    .await;
}

/// A page of another site tries what it can: to frame the console, to send it orders, and to read from it.
pub async fn no_other_site_reaches_the_console(shop: &Shop, browser: &Browser) {
    let target = shop.stack().local_url().replace("127.0.0.1", "localhost");
    let before = shop.api.get("/_dev/crowd").await.body;
    let page = format!(
        "<!doctype html><title>another site</title><iframe id=frame src='{target}/'></iframe>\
         <form id=form method=post enctype=text/plain action='{target}/_dev/dead-letters/drop' target=sink><input name='{{\"x\":\"' value='\"}}'></form>\
         <iframe name=sink></iframe><script src='{target}/_dev/requests'></script><script src='{target}/_dev/console/main.js' onload='window.ran=1'></script>"
    );
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let site = Router::new().route("/", get(async move || Html(page)));
    let server = tokio::spawn(axum::serve(listener, site).into_future());
    browser.open(&format!("http://localhost:{port}/")).await;
    let tried = browser
        .script_with_callback(&format!(
            "const done = arguments[arguments.length - 1]; document.getElementById('form').submit();\
             const post = (mode) => fetch('{target}/_dev/crowd', {{ method: 'POST', mode, body: JSON.stringify({{ of: 'PRODUCT', people: 1 }}) }})\
             .then((answer) => answer.type, () => 'refused');\
             Promise.all([post('cors'), post('no-cors'), fetch('{target}/_dev/requests').then(() => 'read', () => 'refused')])\
             .then((results) => setTimeout(() => done([...results, document.getElementById('frame').contentDocument === null, window.ran ?? null]), 500))"
        ))
        .await;
    assert_eq!(tried, json!(["refused", "opaque", "refused", true, null]), "{tried}");
    // The frame is empty: the browser shows an error of its own.
    browser.enter_frame(0).await;
    assert_eq!(browser.script("return document.querySelector('nav') === null").await, json!(true));
    assert_eq!(shop.api.get("/_dev/crowd").await.body, before);
    server.abort();
}

/// The key, as the protocol of browsers writes it.
const ENTER: &str = "\u{e007}";
