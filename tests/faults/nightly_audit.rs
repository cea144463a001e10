//! The nightly audit of a quiet shop: a violation is reported, and a write in flight is not.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use audit::{Invariant, Pace, ReadPace, Source, Subject};
use functions::schedule::audit_books::Books;
use serde_json::{Value, json};
use shared::{
    app::orders::{self, PaymentOutcome},
    domain::{OrderId, PaymentId, ProductId, UserId, Won},
    events::PaymentResult,
    platform::Clock,
    store::{Action, Outcome, Transaction, keys},
};
use tests::{
    Fault, TABLE, TestShop,
    permissions::running_as,
    steps::{
        id, move_along,
        payments::{CARD, pay_session, top_up},
    },
};

async fn shop_with_an_order() -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 10).await;
    shop.order("mina", "tea", 2).await.expect(201);
    shop.settle().await;
    shop
}

/// The books, audited at this shop's instant, by one reader.
fn books(shop: &TestShop) -> Books {
    let (now, client) = (shop.now(), shop.dynamo().client());
    let source = Source::new(client.clone(), TABLE.to_owned(), ReadPace { segments: 1, ..ReadPace::FAST });
    Books::new(client, TABLE.to_owned(), Clock::new(move || now)).read_from(source, Pace::NIGHTLY)
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
    let (scans, others) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (scanned, read) = (Arc::clone(&scans), Arc::clone(&others));
    shop.dynamo().fail(move |operation| {
        let count = if operation == "Scan" { &scanned } else { &read };
        count.fetch_add(1, Ordering::SeqCst);
        Fault::None
    });
    let books = books(&shop);
    assert_eq!(books.wrong().await.unwrap(), BTreeSet::new());
    assert_eq!((scans.load(Ordering::SeqCst), others.load(Ordering::SeqCst)), (1, 0));
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
    let wrong = books(&shop).wrong().await.unwrap();
    let about: BTreeSet<(Invariant, String)> =
        wrong.into_iter().map(|(of, subject, _)| (of, subject.to_string())).collect();
    assert!(about.contains(&(Invariant::Balances, "user mina".to_owned())), "{about:?}");
    assert!(about.contains(&(Invariant::Stock, Subject::Product(product).to_string())), "{about:?}");
    books(&shop).audit().await.unwrap();
}

/// A write between two pages of a scan makes the books look wrong, and so does a record that the stream has not
/// delivered.
#[tokio::test(start_paused = true)]
async fn a_violation_gone_in_the_next_scan_is_not_reported() {
    let shop = shop_with_an_order().await;
    let right = shop.balance("mina").await;
    set_balance(&shop, right + 1).await;
    let books = books(&shop);
    let (wrong, ()) = tokio::join!(books.wrong(), async {
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        set_balance(&shop, right).await;
    });
    assert_eq!(wrong.unwrap(), BTreeSet::new());
}

/// All items of the table.
fn items(shop: &TestShop) -> Vec<Value> {
    let scan = shop.dynamo().execute("Scan", json!({ "TableName": TABLE })).unwrap();
    scan["Items"].as_array().unwrap().clone()
}

fn key(item: &Value) -> Value {
    json!({ "pk": item["pk"], "sk": item["sk"] })
}

/// The first item with keys that begin so.
fn item(shop: &TestShop, pk: &str, sk: &str) -> Value {
    let begins = |item: &Value, name: &str, prefix: &str| item[name]["S"].as_str().unwrap().starts_with(prefix);
    let mut all = items(shop).into_iter();
    all.find(|item| begins(item, "pk", pk) && begins(item, "sk", sk)).unwrap_or_else(|| panic!("{pk} {sk}"))
}

fn put(shop: &TestShop, item: &Value) {
    let put = json!({ "TransactItems": [{ "Put": { "TableName": TABLE, "Item": item } }] });
    shop.dynamo().execute("TransactWriteItems", put).unwrap();
}

fn delete(shop: &TestShop, item: &Value) {
    let delete = json!({ "TransactItems": [{ "Delete": { "TableName": TABLE, "Key": key(item) } }] });
    shop.dynamo().execute("TransactWriteItems", delete).unwrap();
}

/// A shop with items of every relation.
async fn shop_with_everything() -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    let business = json!({
        "businessName": "소라 상회", "registrationNumber": "123-45-67890", "contact": "02-123-4567", "address": "서울시 종로구",
        "category": "차",
    });
    let seller = json!({ "userId": "sora", "name": "소라", "email": "sora@example.com", "seller": business });
    shop.post("/users", seller).as_admin().await.expect(201);
    let tea = json!({ "productId": "tea", "name": "차", "price": 7_000, "stock": 100, "flash": true });
    shop.post("/products", tea).as_admin().await.expect(201);
    let cup = json!({ "productId": "cup", "name": "잔", "price": 7_000, "stock": 100, "sellerId": "sora" });
    shop.post("/products", cup).as_admin().await.expect(201);
    shop.coupon("welcome", 10).await;
    shop.issue("mina", "welcome").await.expect(201);
    shop.campaign("spring", 1, json!({ "kind": "FIXED", "value": 500, "maxTotalDiscount": 1_000 })).await;
    let order = shop.order("mina", "tea", 1).await.expect(201);
    move_along(&shop, &order, "1", &["SHIPPED", "DELIVERED"]).await;
    let claim = json!({ "type": "RETURN", "items": [{ "itemId": "1", "quantity": 1 }], "reason": "DEFECT" });
    shop.post(&format!("/orders/{}/claims", id(&order)), claim).as_user("mina").await.expect(201);
    let items = json!([{ "productId": "cup", "quantity": 2 }]);
    let sheet = shop.post("/order-sheets", json!({ "userId": "mina", "items": items }));
    let sheet = sheet.as_user("mina").await.expect(201)["orderSheetId"].clone();
    let body = json!({ "userId": "mina", "orderSheetId": sheet, "payment": "EXTERNAL" });
    let order = shop.post("/orders", body).await.expect(201)["orderId"].as_str().unwrap().to_owned();
    let result = PaymentResult {
        payment_id: PaymentId::try_from("p1".to_owned()).unwrap(),
        order_id: OrderId::try_from(order).unwrap(),
        amount: Won::new(17_000),
        at: shop.now(),
        reason: None,
    };
    orders::settle(shop.instance(), PaymentOutcome::Succeeded, &result).await.unwrap();
    let session = top_up(&shop, "mina", 1_000).await;
    pay_session(&shop, "mina", &session, CARD).await;
    let account = json!({ "bank": "088", "number": "110-123", "holder": "김민아" });
    let withdrawal = json!({ "userId": "mina", "amount": 500, "account": account });
    shop.post("/balance/withdrawals", withdrawal).as_user("mina").await.expect(201);
    shop.audit().await;
    // No change is open any more, and the desk is to have all.
    shop.set_clock("2026-11-20T03:16:00Z");
    shop
}

/// The invariants that an audit under the function's role finds broken.
async fn found(shop: &TestShop) -> BTreeSet<Invariant> {
    let wrong = running_as("audit-books", books(shop).wrong()).await.unwrap();
    wrong.into_iter().map(|(invariant, ..)| invariant).collect()
}

#[tokio::test(start_paused = true)]
async fn a_second_look_confirms_a_fault_of_each_relation() {
    let shop = shop_with_everything().await;
    assert_eq!(found(&shop).await, BTreeSet::new());
    let without = |pk: &str, sk: &str| (item(&shop, pk, sk), None);
    let with = |pk: &str, sk: &str, attribute: &str, value: Value| {
        let right = item(&shop, pk, sk);
        let mut wrong = right.clone();
        wrong[attribute] = value;
        (right, Some(wrong))
    };
    let number = |number: i64| json!({ "N": number.to_string() });
    for ((right, wrong), invariant) in [
        (without("EMAIL#", "EMAIL"), Invariant::Emails),
        (without("SELLER#sora", "PRODUCT#"), Invariant::Sellers),
        (without("PAYMENT#p1", "PAYMENT"), Invariant::Payments),
        (without("USER#mina", "COUPON#welcome"), Invariant::Coupons),
        (without("USER#mina", "LEDGER#000000000002"), Invariant::Balances),
        (without("ORDER#", "PAYMENT#p1"), Invariant::Payments),
        (with("SESSION#", "SESSION", "amount", number(999)), Invariant::Payments),
        (with("WITHDRAWAL#", "WITHDRAWAL", "amount", number(499)), Invariant::Payments),
        (with("SHEET#", "SHEET", "payable", number(16_999)), Invariant::Sheets),
        (with("USER#mina", "ACCOUNT", "heldOrders", number(1)), Invariant::Holds),
        (with("COUNTER#welcome", "COUNTER", "limit", number(11)), Invariant::Coupons),
        (with("BUDGET#spring", "BUDGET", "left", number(1_001)), Invariant::Coupons),
        (with("STOCK#cup", "STOCK", "remaining", number(99)), Invariant::Stock),
        (with("SALES#cup", "SALES", "day_20261120", number(1)), Invariant::Sales),
        (with("COUNTED#", "COUNTED", "generation", number(99)), Invariant::Sales),
        (with("DESKCLAIMS#", "DESK#", "byTimePk", json!({ "S": "DESKCLAIMS##ACCEPTED" })), Invariant::Desk),
        (with("UNITS#tea", "UNITS", "orderId", json!({ "S": "nowhere" })), Invariant::Stock),
    ] {
        match &wrong {
            Some(wrong) => put(&shop, wrong),
            None => delete(&shop, &right),
        }
        let broken = found(&shop).await;
        assert!(broken.contains(&invariant), "{}: {broken:?}", key(&right));
        put(&shop, &right);
    }
    assert_eq!(found(&shop).await, BTreeSet::new());
}
