//! The pages of a running shop, in a real browser, in both languages and on a phone. By day only the phone's are checked for
//! accessibility: they are narrow, dark and Korean. At night those of a desk are too.

use tests::night::is_night;

use crate::{
    checkout, console, reference,
    stack::Shop,
    storefront,
    webdriver::{Browser, Visitor},
};

const KOREAN_PHONE: Visitor = Visitor { language: "ko", has_phone: true, is_dark: true };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_works_in_a_browser() {
    let Some(desk) = Browser::start().await else { return };
    let shop = Shop::start("e2e-console").await;
    console::open_the_sample_shop(&shop).await;
    console::a_flash_sale_sells_out_exactly(&shop, &desk).await;
    console::an_order_is_paid_and_refunded_and_its_event_followed(&shop, &desk, &console::ENGLISH).await;
    console::the_next_steps_of_an_order_are_buttons(&shop, &desk).await;
    console::a_changed_ledger_is_found(&desk).await;
    console::an_event_waits_for_the_data_platform(&shop, &desk).await;
    console::a_dead_letter_is_redriven(&shop, &desk).await;
    console::a_campaign_and_terms_are_set(&shop, &desk).await;
    console::the_books_are_audited(&desk).await;
    console::markup_in_data_stays_text(&shop, &desk).await;
    if is_night() {
        console::everything_is_accessible(&desk, "desk-en").await;
    }
    console::no_other_site_reaches_the_console(&shop, &desk).await;
    drop(desk);

    let phone = Browser::start_as(KOREAN_PHONE).await.unwrap();
    console::an_order_is_paid_and_refunded_and_its_event_followed(&shop, &phone, &console::KOREAN).await;
    console::everything_is_accessible(&phone, "phone-ko").await;
    drop(phone);

    shop.audit().await;
    shop.no_function_panicked();
    shop.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reference_works_in_a_browser() {
    let Some(phone) = Browser::start_as(KOREAN_PHONE).await else { return };
    let shop = Shop::start("e2e-reference").await;
    console::open_the_sample_shop(&shop).await;
    reference::the_reference_is_searched_and_tried(&shop, &phone, "phone").await;
    drop(phone);

    if is_night() {
        let desk = Browser::start().await.unwrap();
        reference::the_reference_is_searched_and_tried(&shop, &desk, "desk").await;
    }

    shop.no_function_panicked();
    shop.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_pay_once_in_a_browser() {
    let Some(browser) = Browser::start().await else { return };
    let shop = Shop::start("e2e-checkout").await;
    shop.api.product("tea", 10_000, 10).await;
    checkout::a_customer_pays_an_order(&shop, browser).await;

    console::open_the_sample_shop(&shop).await;
    let desk = Browser::start().await.unwrap();
    storefront::start(&shop, &desk, &storefront::ENGLISH).await;
    storefront::the_payment_page_pays_an_order_and_a_top_up(&shop, &desk).await;
    storefront::a_reload_in_the_middle_of_an_order_orders_once(&shop, &desk).await;
    drop(desk);
    storefront::a_browser_killed_in_the_middle_of_an_order_orders_once(&shop).await;

    shop.audit().await;
    shop.no_function_panicked();
    shop.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_storefront_works_in_a_browser() {
    let Some(desk) = Browser::start().await else { return };
    let shop = Shop::start("e2e-storefront").await;
    shop.api.product("tea", 10_000, 10).await;
    console::open_the_sample_shop(&shop).await;
    storefront::a_customer_orders_cancels_and_claims(&shop, &desk).await;
    storefront::a_customer_waits_in_a_line(&shop, &desk).await;
    storefront::markup_in_a_name_stays_text(&shop, &desk).await;
    if is_night() {
        storefront::everything_is_accessible(&shop, &desk, &storefront::ENGLISH).await;
    }
    drop(desk);

    let phone = Browser::start_as(KOREAN_PHONE).await.unwrap();
    storefront::a_customer_buys_on_a_phone(&shop, &phone).await;
    storefront::everything_is_accessible(&shop, &phone, &storefront::KOREAN).await;
    drop(phone);

    shop.audit().await;
    shop.no_function_panicked();
    shop.stop().await;
}
