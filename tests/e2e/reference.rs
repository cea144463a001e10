//! The API reference in a browser: search, both languages, and calls of the running shop.

use serde_json::{Value, json};
use tests::night::times;

use crate::{
    stack::{Shop, eventually},
    webdriver::Browser,
};

/// A word to search for, and the operation that it finds first.
const SEARCHES: [(&str, &str); 3] = [
    ("expectedPrice", "#createOrder"),
    ("COUPON_NOT_USABLE", "#error-COUPON_NOT_USABLE"),
    ("주문서", "#createOrderSheet"),
];

/// Places of the page are found by field, by code and by Korean word. Its forms call the shop.
pub async fn the_reference_is_searched_and_tried(shop: &Shop, browser: &Browser, name: &str) {
    browser.open(&format!("{}/docs", shop.stack().local_url())).await;
    shows(browser, "return document.querySelectorAll('article').length > 80").await;
    for (wanted, found) in SEARCHES {
        search(browser, wanted).await;
        shows(browser, &format!("return !!document.querySelector('#results a[href=\"{found}\"]')")).await;
    }
    search(browser, "").await;

    for (language, word) in [("ko", "호출해 보기"), ("en", "Try it")] {
        browser.click(&format!("[data-language={language}]")).await;
        let is_shown = format!(
            "return document.documentElement.lang === '{language}' && document.querySelector('.try summary').textContent === '{word}'"
        );
        shows(browser, &is_shown).await;
    }
    // The samples name what the sample data has. This shop sells something else.
    for (operation, status) in
        [("listProducts", "200"), ("chargeBalance", "200"), ("createOrder", "201"), ("listUsers", "200")]
    {
        let trial = format!("document.querySelector('#{operation} .try')");
        let send = format!(
            "const trial = {trial}; trial.open = true; for (const text of trial.querySelectorAll('textarea')) \
             text.value = text.value.replace('hanji', 'yugi'); trial.querySelector('form').requestSubmit()"
        );
        browser.script(&send).await;
        eventually("the page shows the answer", || async {
            let shown = browser.script(&format!("return {trial}.querySelector('[role=status]').textContent")).await;
            match shown.as_str() {
                Some(shown) if shown.starts_with(status) => return Ok(()),
                // On busy cores a function may run out of time.
                Some(shown) if shown.starts_with('5') => _ = browser.script(&send).await,
                _ => {}
            }
            Err(format!("{operation}: {shown}"))
        })
        .await;
        let code =
            browser.script(&format!("return JSON.parse({trial}.querySelector('form pre').textContent).code")).await;
        assert_eq!(code, "SUCCESS", "{operation}");
    }
    browser.script("location.hash = 'schema-OrderLine'").await;
    shows(browser, "return document.getElementById('schema-OrderLine').open").await;

    browser.script("document.querySelectorAll('details').forEach((one) => { one.open = true; })").await;
    shows(browser, "return document.querySelectorAll('.schema .fields').length > 60").await;
    let widths = browser.script("return [document.documentElement.scrollWidth, innerWidth]").await;
    assert!(widths[0].as_i64() <= widths[1].as_i64(), "the reference is wider than the window: {widths}");
    // To check the whole page takes a core a quarter of a minute.
    let rest = format!("(part, place) => {{ if (place % {} > 0) part.remove(); }}", times(10, 1));
    browser.script(&format!("document.querySelectorAll('article, .schema').forEach({rest})")).await;
    assert_eq!(browser.violations().await, json!([]));
    browser.keep_picture(&format!("reference-{name}")).await;
    let errors: Vec<String> =
        browser.messages().await.into_iter().filter(|message| message.contains("Security")).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

async fn search(browser: &Browser, wanted: &str) {
    let script = format!(
        "const field = document.getElementById('search'); field.value = {}; field.dispatchEvent(new Event('input'))",
        json!(wanted)
    );
    browser.script(&script).await;
}

/// Waits until a script returns true.
async fn shows(browser: &Browser, script: &str) {
    eventually("the page shows it", || async {
        let found = browser.script(script).await;
        if found == Value::Bool(true) { Ok(()) } else { Err(format!("{script}: {found}")) }
    })
    .await;
}
