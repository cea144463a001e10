//! The nightly audit of a shop that goes on: a violation that every look finds is reported, and a write in flight is
//! not.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU32, Ordering},
};

use audit::{Invariant, Subject};
use functions::schedule::audit_books::Books;
use shared::{
    domain::{ProductId, UserId},
    platform::Clock,
    store::{Action, Outcome, Transaction, keys},
};
use tests::{TABLE, TestShop, permissions::running_as};

async fn shop_with_an_order() -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 10).await;
    shop.order("mina", "tea", 2).await.expect(201);
    shop.settle().await;
    shop
}

/// The books, audited at this shop's instant.
fn books(shop: &TestShop, look: impl Fn() + Send + Sync + 'static) -> Books {
    let now = shop.now();
    let clock = Clock::new(move || {
        look();
        now
    });
    Books::new(shop.dynamo().client(), TABLE.to_owned(), clock)
}

/// Writes to the table as no function would.
async fn tamper(shop: &TestShop, action: Action) {
    let mut transaction = Transaction::new();
    transaction.add(action);
    let outcome = shop.instance().table.commit(transaction, &mut shop.instance().backoff()).await.unwrap();
    assert!(matches!(outcome, Outcome::Committed));
}

async fn set_balance(shop: &TestShop, balance: i64) {
    let user = UserId::try_from("mina".to_owned()).unwrap();
    let update = Action::update(keys::account(&user), "SET #balance = :balance").when("attribute_exists(#pk)");
    tamper(shop, update.value(":balance", balance)).await;
}

#[tokio::test(start_paused = true)]
async fn consistent_books_are_scanned_once() {
    let shop = shop_with_an_order().await;
    static LOOKS: AtomicU32 = AtomicU32::new(0);
    let books = books(&shop, || {
        LOOKS.fetch_add(1, Ordering::SeqCst);
    });
    assert_eq!(books.wrong().await.unwrap(), BTreeSet::new());
    assert_eq!(LOOKS.load(Ordering::SeqCst), 1);
    running_as("audit-books", books.audit()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_violation_in_each_scan_is_reported() {
    let shop = shop_with_an_order().await;
    let right = shop.balance("mina").await;
    set_balance(&shop, right + 1).await;
    let product = ProductId::try_from("tea".to_owned()).unwrap();
    let lost = Action::update(keys::stock(&product, 0), "SET #remaining = :less").when("attribute_exists(#pk)");
    tamper(&shop, lost.value(":less", 7)).await;
    let wrong = books(&shop, || {}).wrong().await.unwrap();
    let about: BTreeSet<(Invariant, String)> =
        wrong.into_iter().map(|(of, subject, _)| (of, subject.to_string())).collect();
    assert!(about.contains(&(Invariant::Balances, "user mina".to_owned())), "{about:?}");
    assert!(about.contains(&(Invariant::Stock, Subject::Product(product).to_string())), "{about:?}");
    books(&shop, || {}).audit().await.unwrap();
}

/// A write between two pages of a scan makes the books look wrong, and so does a record that the stream has not
/// delivered.
#[tokio::test(start_paused = true)]
async fn a_violation_gone_in_the_next_scan_is_not_reported() {
    let shop = shop_with_an_order().await;
    let right = shop.balance("mina").await;
    set_balance(&shop, right + 1).await;
    let books = books(&shop, || {});
    let (wrong, ()) = tokio::join!(books.wrong(), async {
        tokio::time::sleep(std::time::Duration::from_secs(30)).await;
        set_balance(&shop, right).await;
    });
    assert_eq!(wrong.unwrap(), BTreeSet::new());
}
