//! Suspended and withdrawn sellers: their products are neither sold nor listed, at no cost to orders, and earlier
//! orders stand.

use std::time::Duration;

use functions::schedule::sweep;
use serde_json::{Value, json};
use shared::{
    app::Bounds,
    domain::{ProductId, UserId},
    store::{Key, keys},
};
use tests::{
    Call, TABLE, TestShop,
    deaths::{Deaths, Side},
    permissions::running_as,
    steps::{cancel, hold, migrate, overtaken_at, pay, set_user},
};

const LATER: &str = "2026-11-20T03:01:00Z";

fn business() -> Value {
    json!({
        "businessName": "다방 상회", "registrationNumber": "123-45-67890", "contact": "02-123-4567", "address": "서울시 종로구",
        "category": "차",
    })
}

/// A seller with a tea, a pot on four shards, a hidden cup and a discontinued mat, and a customer with money.
async fn shop_of_a_seller() -> TestShop {
    let shop = TestShop::with_instances(2);
    shop.customer("mina", 1_000_000).await;
    let dabang = json!({ "userId": "dabang", "name": "이다방", "email": "dabang@example.com", "seller": business() });
    shop.post("/users", dabang).as_admin().await.expect(201);
    for (id, shards) in [("tea", 1), ("pot", 4), ("cup", 1), ("mat", 1)] {
        let product = json!({
            "productId": id, "name": "물건", "price": 1_000, "stock": 100, "sellerId": "dabang", "stockShards": shards,
        });
        shop.post("/products", product).as_admin().await.expect(201);
    }
    shop.product("ink", 1_000, 100).await;
    patch(&shop, "cup", json!({ "status": "HIDDEN" })).as_seller("dabang").await.expect(200);
    patch(&shop, "mat", json!({ "status": "DISCONTINUED" })).as_seller("dabang").await.expect(200);
    shop
}

fn patch(shop: &TestShop, product: &str, change: Value) -> Call {
    shop.patch(&format!("/products/{product}"), change)
}

fn suspend(shop: &TestShop, status: &str) -> Call {
    shop.patch("/users/dabang", json!({ "status": status })).as_admin()
}

async fn status(shop: &TestShop, product: &str) -> String {
    let answer = shop.get(&format!("/products/{product}")).await;
    answer.body["data"]["status"].as_str().unwrap_or("none").to_owned()
}

async fn statuses(shop: &TestShop) -> [String; 4] {
    [status(shop, "tea").await, status(shop, "pot").await, status(shop, "cup").await, status(shop, "mat").await]
}

const SOLD: [&str; 4] = ["ON_SALE", "ON_SALE", "none", "DISCONTINUED"];
const PAUSED: [&str; 4] = ["DISCONTINUED", "DISCONTINUED", "none", "DISCONTINUED"];

async fn listed(shop: &TestShop) -> Vec<String> {
    let page = shop.get("/products").await.expect(200);
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["productId"].as_str().unwrap().to_owned()).collect()
}

async fn sweep(shop: &TestShop) {
    shop.set_clock(LATER);
    running_as("sweep", sweep::inventory::run(shop.instance())).await.unwrap();
}

#[tokio::test]
async fn products_of_a_suspended_seller_are_neither_sold_nor_listed() {
    let shop = shop_of_a_seller().await;
    for gone in ["SUSPENDED", "WITHDRAWN"] {
        let items = json!([{ "productId": "tea", "quantity": 1 }]);
        let paid = shop.order("mina", "tea", 2).await.expect(201);
        let held = hold(&shop, "mina", "pot", 3).await.expect(201);
        let sheet = shop.post("/order-sheets", json!({ "userId": "mina", "items": items })).await.expect(201);
        assert_eq!(listed(&shop).await, ["ink", "pot", "tea"]);

        suspend(&shop, gone).await.expect(200);
        assert_eq!(listed(&shop).await, ["ink"]);
        assert_eq!(statuses(&shop).await, PAUSED);
        for product in ["tea", "pot", "mat"] {
            let refused = shop.order("mina", product, 1).await.refused(409, "PRODUCT_NOT_ON_SALE");
            assert_eq!(refused["productId"], product);
        }
        shop.order("mina", "cup", 1).await.refused(404, "ENTITY_NOT_FOUND");
        let of_sheet = json!({ "userId": "mina", "orderSheetId": sheet["orderSheetId"] });
        shop.post("/orders", of_sheet).await.refused(409, "PRODUCT_NOT_ON_SALE");

        // Earlier orders and holds stand.
        pay(&shop, "mina", &held).await.expect(200);
        cancel(&shop, "mina", &held, json!({})).await.expect(200);
        cancel(&shop, "mina", &paid, json!({})).await.expect(200);
        // The desk shows the status that returns.
        let tea = shop.get("/desk/products/tea").as_seller("dabang").await.expect(200);
        assert_eq!((&tea["status"], &tea["pausedStatus"]), (&json!("DISCONTINUED"), &json!("ON_SALE")));
        // An admin's change waits until the seller is active.
        patch(&shop, "tea", json!({ "status": "ON_SALE", "price": 2_000 })).as_admin().await.expect(200);
        shop.order("mina", "tea", 1).await.refused(409, "PRODUCT_NOT_ON_SALE");
        patch(&shop, "mat", json!({ "status": "ON_SALE" })).as_admin().await.expect(200);
        assert_eq!(statuses(&shop).await, PAUSED);
        shop.audit().await;

        suspend(&shop, "ACTIVE").await.expect(200);
        assert_eq!(statuses(&shop).await, ["ON_SALE", "ON_SALE", "none", "ON_SALE"]);
        assert_eq!(listed(&shop).await, ["ink", "mat", "pot", "tea"]);
        assert_eq!(shop.order("mina", "tea", 1).await.expect(201)["goodsTotal"], 2_000);
        patch(&shop, "mat", json!({ "status": "DISCONTINUED" })).as_admin().await.expect(200);
        shop.audit().await;
    }
}

#[tokio::test]
async fn the_sweep_pauses_products_after_an_interrupted_suspension() {
    let counted = shop_of_a_seller().await;
    let deaths = Deaths::default();
    suspend(&counted.watched_by(&deaths), "SUSPENDED").await.expect(200);
    assert!(deaths.calls().len() > 8, "{:?}", deaths.calls());
    for (call, side) in deaths.points() {
        let shop = shop_of_a_seller().await;
        let deaths = Deaths::at(call, side);
        let watched = shop.watched_by(&deaths);
        assert!(deaths.run(suspend(&watched, "SUSPENDED")).await.is_none(), "{call} {side:?}");
        sweep(&shop).await;
        // It was committed, or it was not.
        let user = shop.get("/users/dabang").as_admin().await.expect(200);
        let expected = if user["status"] == "SUSPENDED" { PAUSED } else { SOLD };
        assert_eq!(statuses(&shop).await, expected, "{call} {side:?}");
        shop.audit().await;
    }
}

/// A sweep that dies is followed by another.
#[tokio::test]
async fn the_next_sweep_completes_an_interrupted_one() {
    let shop_with_rest = || async {
        let shop = shop_of_a_seller().await;
        // It dies just after its commit.
        let deaths = Deaths::at(3, Side::After);
        assert!(deaths.run(suspend(&shop.watched_by(&deaths), "SUSPENDED")).await.is_none());
        assert_eq!(statuses(&shop).await, SOLD);
        let bounds = Bounds { seller_page: 1, seller_products_at_once: 1, ..Bounds::PRODUCTION };
        shop.set_clock(LATER);
        shop.another_instance_within(bounds)
    };
    let (counted, deaths) = (shop_with_rest().await, Deaths::default());
    sweep::inventory::run(counted.watched_by(&deaths).instance()).await.unwrap();
    assert_eq!(statuses(&counted).await, PAUSED);
    for (call, side) in deaths.points() {
        let shop = shop_with_rest().await;
        let deaths = Deaths::at(call, side);
        let watched = shop.watched_by(&deaths);
        assert!(deaths.run(sweep::inventory::run(watched.instance())).await.is_none(), "{call} {side:?}");
        sweep::inventory::run(shop.instance()).await.unwrap();
        assert_eq!(statuses(&shop).await, PAUSED, "{call} {side:?}");
        // The sweep of the inventory looks at a product that has just changed in the next minute.
        shop.set_clock("2026-11-20T03:02:00Z");
        sweep::inventory::run(shop.instance()).await.unwrap();
        shop.audit().await;
    }
}

/// The products follow the seller's last status, for any order of the changes.
#[tokio::test]
async fn a_suspension_overtaken_by_its_end_pauses_nothing() {
    for number in 1.. {
        let shop = shop_of_a_seller().await;
        let (suspension, end) = (suspend(&shop, "SUSPENDED"), suspend(&shop, "ACTIVE"));
        let Some([first, second]) = overtaken_at(&shop, number, suspension, end).await else {
            assert!(number > 8, "{number}");
            break;
        };
        first.expect(200);
        second.expect(200);
        sweep(&shop).await;
        let user = shop.get("/users/dabang").as_admin().await.expect(200);
        let expected = if user["status"] == "SUSPENDED" { PAUSED } else { SOLD };
        assert_eq!(statuses(&shop).await, expected, "{number}");
        shop.audit().await;
    }
}

#[tokio::test]
async fn a_product_created_or_changed_meanwhile_is_paused() {
    for number in 1.. {
        let shop = shop_of_a_seller().await;
        let product = json!({ "productId": "new", "name": "새것", "price": 1_000, "stock": 10, "sellerId": "dabang" });
        let create = shop.post("/products", product).as_admin();
        let Some([first, second]) = overtaken_at(&shop, number, create, suspend(&shop, "SUSPENDED")).await else {
            assert!(number > 3, "{number}");
            break;
        };
        second.expect(200);
        sweep(&shop).await;
        let expected = if first.status == 201 { "DISCONTINUED" } else { "none" };
        assert_eq!(status(&shop, "new").await, expected, "{number}: {}", first.body);
        shop.audit().await;
    }
    for number in 1.. {
        let shop = shop_of_a_seller().await;
        let change = patch(&shop, "pot", json!({ "price": 3_000 })).as_admin();
        let Some([first, second]) = overtaken_at(&shop, number, suspend(&shop, "SUSPENDED"), change).await else {
            assert!(number > 8, "{number}");
            break;
        };
        first.expect(200);
        second.expect(200);
        sweep(&shop).await;
        assert_eq!(statuses(&shop).await, PAUSED, "{number}");
        assert_eq!(shop.get("/products/pot").await.expect(200)["price"], 3_000);
        shop.audit().await;
    }
}

/// A request pauses as many products as it has time for.
#[tokio::test]
async fn a_seller_of_many_products_is_paused_page_by_page() {
    let shop = shop_of_a_seller().await;
    for number in 0..20 {
        let product = json!({ "name": format!("물건 {number}"), "price": 1_000, "stock": 1 });
        shop.post("/products", product).as_seller("dabang").await.expect(201);
    }
    let bounds = Bounds { seller_page: 3, seller_products_at_once: 2, ..Bounds::PRODUCTION };
    let small = shop.another_instance_within(bounds);
    suspend(&small, "SUSPENDED").await.expect(200);
    assert_eq!(listed(&shop).await, ["ink"]);
    suspend(&small, "ACTIVE").await.expect(200);
    assert_eq!(listed(&shop).await.len(), 20);

    let hasty = shop.another_instance_within(Bounds { seller_budget: Duration::ZERO, ..bounds });
    suspend(&hasty, "SUSPENDED").await.expect(200);
    assert!(listed(&shop).await.len() > 1, "the rest is for the sweep");
    sweep(&hasty).await;
    assert_eq!(listed(&shop).await, ["ink"]);
    shop.audit().await;
}

#[tokio::test]
async fn the_migration_lists_the_products_of_sellers_and_pauses_them() {
    let shop = shop_of_a_seller().await;
    shop.customer("gone", 0).await;
    set_user(&shop, "gone", "SUSPENDED").await;
    // The state of the first stage: no list, and a suspension that no product knows.
    let seller = UserId::try_from("dabang".to_owned()).unwrap();
    let products = shop.get("/products").await.expect(200);
    let created_at: jiff::Timestamp = shop.now();
    assert_eq!(products["items"].as_array().unwrap().len(), 3);
    for id in ["tea", "pot", "cup", "mat"] {
        let id = ProductId::try_from(id.to_owned()).unwrap();
        let place = key(&keys::seller_product(&seller, created_at, &id));
        let delete = json!({ "TransactItems": [{ "Delete": { "TableName": TABLE, "Key": place } }] });
        shop.dynamo().execute("TransactWriteItems", delete).unwrap();
    }
    let suspension = json!({
        "TableName": TABLE, "Key": key(&keys::account(&seller)), "UpdateExpression": "SET #status = :status",
        "ExpressionAttributeNames": { "#status": "status" },
        "ExpressionAttributeValues": { ":status": { "S": "SUSPENDED" } },
    });
    shop.dynamo().execute("UpdateItem", suspension).unwrap();

    let lines = migrate(&shop, false).await.unwrap();
    assert!(lines.iter().any(|line| line.contains("1 sellers whose products the sweep pauses")), "{lines:?}");
    sweep(&shop).await;
    assert_eq!(statuses(&shop).await, PAUSED);
    let again = migrate(&shop, true).await.unwrap();
    assert!(again.iter().any(|line| line.contains("4 products listed")), "{again:?}");
    shop.set_clock("2026-11-20T03:02:00Z");
    sweep::inventory::run(shop.instance()).await.unwrap();
    shop.audit().await;
}

fn key(key: &Key) -> Value {
    json!({ "pk": { "S": key.pk }, "sk": { "S": key.sk } })
}
