//! The migration of the lists of the desk.

use serde_json::json;
use shared::store::{Key, keys};
use tests::{
    TABLE, TestShop,
    deaths::Deaths,
    steps::{migrate, migrate_by_pages_of},
};

use super::{ids, product_ids, seeded_shop, set_status};

/// The more pages there are, the more calls there are to die at, and the longer each run takes.
const PAGE: usize = 10;

/// Takes an item out of the index by time, as the first stage had it.
fn unlist(shop: &TestShop, key: Key) {
    let update = json!({
        "TableName": TABLE, "Key": { "pk": { "S": key.pk }, "sk": { "S": key.sk } },
        "UpdateExpression": "REMOVE byTimePk, byTimeSk",
    });
    shop.dynamo().execute("UpdateItem", update).unwrap();
}

/// A shop of the first stage: campaigns and products that are not on sale are in no list.
async fn first_stage() -> TestShop {
    let shop = seeded_shop().await;
    for id in ["b", "c", "d"] {
        unlist(&shop, keys::product(&id.to_owned().try_into().unwrap()));
    }
    for id in ["welcome", "night"] {
        shop.coupon(id, 10).await;
        unlist(&shop, keys::campaign(&id.to_owned().try_into().unwrap()));
    }
    shop
}

/// Everything that the desk lists.
async fn listed(shop: &TestShop) -> (Vec<String>, Vec<String>) {
    let products = shop.get("/desk/products").as_admin().await.expect(200);
    let campaigns = shop.get("/desk/campaigns").as_admin().await.expect(200);
    let mut campaigns: Vec<String> = ids(&campaigns, "couponId").into_iter().map(str::to_owned).collect();
    campaigns.sort();
    (product_ids(&products).into_iter().map(str::to_owned).collect(), campaigns)
}

#[tokio::test]
async fn migration_lists_products_off_sale_and_campaigns() {
    let shop = first_stage().await;
    assert_eq!(listed(&shop).await, (["a", "e", "f"].map(str::to_owned).to_vec(), vec![]));
    shop.audit().await;
    let tag = shop.get("/desk/products/c").as_admin().await.headers["etag"].clone();

    let lines = migrate(&shop, false).await.unwrap();
    let figures = "products: 2 campaigns listed, 5 places in lists, 3 products listed, 3 products on sale";
    assert!(lines.iter().any(|line| line == figures), "{lines:?}");
    let all =
        (["a", "b", "c", "d", "e", "f"].map(str::to_owned).to_vec(), ["night", "welcome"].map(str::to_owned).to_vec());
    assert_eq!(listed(&shop).await, all);
    assert_eq!(shop.get("/desk/products/c").as_admin().await.headers["etag"], tag);
    let lines = migrate(&shop, true).await.unwrap();
    let figures =
        "products: 2 campaigns listed before, 5 places in lists, 3 products listed before, 3 products on sale";
    assert!(lines.iter().any(|line| line == figures), "{lines:?}");
    assert_eq!(listed(&shop).await, all);
    shop.audit().await;
}

#[tokio::test]
async fn migration_of_the_lists_survives_a_death_at_any_call() {
    let deaths = Deaths::default();
    migrate_by_pages_of(PAGE, &first_stage().await.watched_by(&deaths), false).await.unwrap();
    let expected = 6;
    for (call, side) in deaths.points() {
        let shop = first_stage().await;
        let deaths = Deaths::at(call, side);
        let died = deaths.run(migrate_by_pages_of(PAGE, &shop.watched_by(&deaths), false)).await;
        assert!(died.is_none(), "{call} {side:?}");
        migrate_by_pages_of(PAGE, &shop, false).await.unwrap();
        let (products, campaigns) = listed(&shop).await;
        assert_eq!((products.len(), campaigns.len()), (expected, 2), "{call} {side:?}");
        shop.audit_as_is().await;
    }
}

/// A product that changes between the migration's read and its write is listed as it is then.
#[tokio::test]
async fn products_changed_during_the_migration_are_listed_as_changed() {
    let shop = first_stage().await;
    let change = async {
        for status in ["ON_SALE", "HIDDEN", "DISCONTINUED", "ON_SALE", "HIDDEN"] {
            for id in ["b", "c", "d"] {
                set_status(&shop, id, status).await;
            }
        }
    };
    let (migrated, ()) = tokio::join!(migrate(&shop, false), change);
    migrated.unwrap();
    let hidden = shop.get("/desk/products?status=HIDDEN").as_admin().await.expect(200);
    assert_eq!(product_ids(&hidden), ["b", "c", "d"]);
    shop.audit().await;
}

/// The rows of the desk that orders have.
fn rows(shop: &TestShop) -> Vec<serde_json::Value> {
    let all = shop.dynamo().execute("Scan", json!({ "TableName": TABLE })).unwrap();
    let rows =
        all["Items"].as_array().unwrap().iter().filter(|item| item["sk"]["S"].as_str().unwrap().starts_with("DESK#"));
    rows.cloned().collect()
}

/// Checks the books but the bestsellers: no function has read the stream.
async fn audit_without_stream(shop: &TestShop) {
    let report = audit::audit(&shop.dynamo().client(), TABLE, audit::Scope::WithoutSales, shop.now()).await.unwrap();
    assert!(report.is_clean(), "{report}");
}

/// Orders of the time before the desk: one that is paid, one cancelled, and one beyond the balance.
async fn orders_before_the_desk() -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 1_000, 200).await;
    for (quantity, status) in [(2, 201), (99, 402), (2, 201)] {
        let items = json!([{ "productId": "tea", "quantity": quantity }]);
        let answer = shop.post("/orders", json!({ "userId": "mina", "items": items })).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    let orders = shop.get("/orders?userId=mina&status=PAID").await.expect(200);
    let order = orders["items"][0]["orderId"].as_str().unwrap();
    shop.post(&format!("/orders/{order}/cancel"), json!({})).as_user("mina").await.expect(200);
    shop
}

#[tokio::test]
async fn migration_lists_the_orders_from_before_the_desk() {
    let shop = orders_before_the_desk().await;
    assert_eq!(rows(&shop).len(), 0);
    audit_without_stream(&shop).await;
    let lines = migrate(&shop, false).await.unwrap();
    assert!(lines.iter().any(|line| line == "desk: 3 orders listed"), "{lines:?}");
    let migrated = rows(&shop);
    assert_eq!(migrated.len(), 3 + 2);
    // From now on an order without its rows is a violation, once its last change is old.
    shop.set_clock("2026-11-20T04:00:00Z");
    audit_without_stream(&shop).await;
    // The stream writes the same rows.
    shop.settle().await;
    assert_eq!(rows(&shop), migrated);
    migrate(&shop, true).await.unwrap();
    assert_eq!(rows(&shop), migrated);
}

#[tokio::test]
async fn migration_of_the_orders_survives_a_death_at_any_call() {
    let deaths = Deaths::default();
    let shop = orders_before_the_desk().await;
    migrate(&shop.watched_by(&deaths), false).await.unwrap();
    let expected = rows(&shop).len();
    let calls = deaths.calls().len();
    // The last step has a read of its progress, a scan, five rows and its progress.
    for (call, side) in deaths.points().into_iter().filter(|(call, _)| calls - 8 <= *call) {
        let shop = orders_before_the_desk().await;
        let deaths = Deaths::at(call, side);
        assert!(deaths.run(migrate(&shop.watched_by(&deaths), false)).await.is_none(), "{call} {side:?}");
        migrate(&shop, false).await.unwrap();
        assert_eq!(rows(&shop).len(), expected, "{call} {side:?}");
        shop.set_clock("2026-11-20T04:00:00Z");
        audit_without_stream(&shop).await;
    }
}
