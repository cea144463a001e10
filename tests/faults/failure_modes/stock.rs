//! Stock: units in stock that cannot be ordered, bounds that are not kept, caches that never expire.

use serde_json::{Value, json};
use tests::{
    TestShop,
    steps::{codes, race},
};

/// A product of so many units, spread over shards.
async fn sharded(shop: &TestShop, id: &str, stock: i64, shards: u16, flash: bool) {
    let body =
        json!({ "productId": id, "name": id, "price": 100, "stock": stock, "stockShards": shards, "flash": flash });
    shop.post("/products", body).as_admin().await.expect(201);
}

async fn order_all(shop: &TestShop, products: usize, quantity: i64) -> Value {
    let items: Vec<Value> =
        (0..products).map(|n| json!({ "productId": format!("p{n}"), "quantity": quantity })).collect();
    shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201)
}

/// typedorm 366: a transaction of more than 100 actions fails on every try. Orders of units in many shards got a 503
/// for ever, even without other clients.
#[tokio::test]
async fn an_order_of_scattered_units_fits_a_transaction() {
    for flash in [false, true] {
        for (products, stock, shards, quantity) in [(50, 4, 2, 3), (2, 64, 64, 64)] {
            let shop = TestShop::new();
            shop.customer("mina", 1_000_000).await;
            for product in 0..products {
                sharded(&shop, &format!("p{product}"), stock, shards, flash).await;
            }
            let order = order_all(&shop, products, quantity).await;
            assert_eq!(order["status"], "PAID", "flash {flash}, {products} products in {shards} shards");
            for product in 0..products {
                assert_eq!(shop.stock(&format!("p{product}")).await, stock - quantity);
            }
            shop.audit().await;
        }
    }
}

/// The same concurrently with orders of single units: each unit is sold once, and every client gets a final answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_orders_of_scattered_units_sell_each_unit_once() {
    for flash in [false, true] {
        let shop = TestShop::with_instances(6);
        shop.customer("mina", 1_000_000).await;
        for product in 0..2 {
            sharded(&shop, &format!("p{product}"), 80, 64, flash).await;
        }
        let mut calls = Vec::new();
        for user in 0..16 {
            let user = format!("u{user}");
            shop.customer(&user, 10_000).await;
            calls.push(shop.order(&user, "p0", 1));
        }
        let items = json!([{ "productId": "p0", "quantity": 64 }, { "productId": "p1", "quantity": 64 }]);
        calls.push(shop.post("/orders", json!({ "userId": "mina", "items": items })));
        assert_eq!(race(calls).await, codes(&[("SUCCESS", 17)]));
        assert_eq!((shop.stock("p0").await, shop.stock("p1").await), (0, 16));
        shop.audit().await;
    }
}

/// Four shards restocked by 10⁹ four times held 4·10⁹ units, each shard below the bound of a product.
#[tokio::test]
async fn the_stock_of_all_shards_has_one_bound() {
    let shop = TestShop::with_instances(4);
    sharded(&shop, "rice", 0, 4, false).await;
    let restock = |units: i64| shop.post("/products/rice/restock", json!({ "quantity": units })).as_admin();
    restock(1_000_000_000).await.expect(200);
    for _ in 0..3 {
        let details = restock(1_000_000_000).await.refused(409, "LIMIT_EXCEEDED");
        assert_eq!(details, json!({ "limit": "stock", "max": 1_000_000_000 }));
    }
    assert_eq!(shop.stock("rice").await, 1_000_000_000);
    restock(-600_000_000).await.expect(200);
    restock(600_000_001).await.refused(409, "LIMIT_EXCEEDED");
    restock(600_000_000).await.expect(200);
    // At once: of four that are too much together, as many succeed as fit.
    restock(-900_000_000).await.expect(200);
    let calls = (0..4).map(|_| restock(400_000_000)).collect();
    assert_eq!(race(calls).await, codes(&[("LIMIT_EXCEEDED", 2), ("SUCCESS", 2)]));
    assert_eq!(shop.stock("rice").await, 900_000_000);
    shop.audit().await;
}

/// One product of 51 could be put into a cart, and the cart could never be ordered.
#[tokio::test]
async fn a_full_cart_can_be_ordered() {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    for product in 0..51 {
        shop.product(&format!("p{product}"), 100, 10).await;
    }
    let add =
        |n: usize| shop.post("/orders/cart", json!({ "userId": "mina", "productId": format!("p{n}"), "quantity": 1 }));
    for product in 0..50 {
        add(product).await.expect(200);
    }
    assert_eq!(add(50).await.refused(409, "LIMIT_EXCEEDED"), json!({ "limit": "cartItems", "max": 50 }));
    let order = shop.post("/orders", json!({ "userId": "mina", "fromCart": true })).await.expect(201);
    assert_eq!(order["items"].as_array().unwrap().len(), 50);
    shop.audit().await;
}

/// cubecart 925: a product that sells every 0.3 s was cached anew with each sale. New shards, flash mode and names were
/// not seen for as long as it sold.
#[tokio::test]
async fn a_continuously_sold_product_is_read_again() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000_000).await;
    sharded(&shop, "hot", 100_000, 1, false).await;
    let start = shop.now();
    let mut steps = 0_i64;
    let mut sell = async |shop: &TestShop, seconds: i64| {
        let mut names = Vec::new();
        for _ in 0..seconds * 10 / 3 {
            steps += 1;
            shop.set_clock(&(start + jiff::SignedDuration::from_millis(300 * steps)).to_string());
            let order = shop.order("mina", "hot", 1).await.expect(201);
            names.push(order["items"][0]["name"].as_str().unwrap().to_owned());
        }
        names
    };
    sell(&shop, 10).await;
    // By another instance, so that the selling one does not hear of it.
    let elsewhere = shop.another_instance();
    let change = |body: Value| elsewhere.patch("/products/hot", body).as_admin();
    let reserved = async || {
        let shard =
            json!({ "TableName": tests::TABLE, "Key": { "pk": { "S": "STOCK#hot#0" }, "sk": { "S": "STOCK" } } });
        let item = shop.dynamo().execute("GetItem", shard).unwrap();
        item["Item"]["drawn"]["N"].as_str().unwrap().parse::<i64>().unwrap()
    };

    change(json!({ "stockShards": 8, "name": "새 이름" })).await.expect(200);
    sell(&shop, 6).await;
    assert!(sell(&shop, 3).await.iter().all(|name| name == "새 이름"));
    let left = || {
        let remaining = |number: usize| {
            let key = json!({ "pk": { "S": format!("STOCK#hot#{number}") }, "sk": { "S": "STOCK" } });
            let item = shop.dynamo().execute("GetItem", json!({ "TableName": tests::TABLE, "Key": key })).unwrap();
            item["Item"]["remaining"].clone()
        };
        (0..8).map(remaining).collect::<Vec<_>>()
    };
    let before = left();
    sell(&shop, 30).await;
    let used = before.iter().zip(left()).filter(|(before, now)| *before != now).count();
    assert!(used >= 6, "of eight shards {used} sell");

    change(json!({ "flash": true })).await.expect(200);
    sell(&shop, 6).await;
    let before = reserved().await;
    sell(&shop, 30).await;
    assert!(reserved().await > before);
    change(json!({ "flash": false })).await.expect(200);
    sell(&shop, 6).await;
    let before = reserved().await;
    sell(&shop, 30).await;
    assert_eq!(reserved().await, before);
    shop.audit().await;
}

/// One seller with 100 products of 64 shards made each page of the catalogue 6,400 strong reads.
#[tokio::test]
async fn a_page_of_the_catalogue_is_bounded_for_products_of_many_shards() {
    let shop = TestShop::new();
    shop.post("/products", json!({ "productId": "tea", "name": "녹차", "price": 1, "stock": 1 }))
        .as_seller("dabang")
        .await
        .expect(201);
    for body in [json!({ "stockShards": 64 }), json!({ "flash": true })] {
        shop.patch("/products/tea", body).as_seller("dabang").await.refused(403, "FORBIDDEN");
    }
    shop.patch("/products/tea", json!({ "status": "HIDDEN" })).as_seller("dabang").await.expect(200);
    for field in [json!({ "stockShards": 2 }), json!({ "flash": true })] {
        let mut body = json!({ "productId": "cup", "name": "찻잔", "price": 1, "stock": 1 });
        body.as_object_mut().unwrap().extend(field.as_object().unwrap().clone());
        shop.post("/products", body).as_seller("dabang").await.refused(403, "FORBIDDEN");
    }
    for product in 0..20 {
        sharded(&shop, &format!("p{product:02}"), 64, 64, false).await;
    }
    let (mut seen, mut pages, mut path) = (Vec::new(), 0, "/products?limit=100".to_owned());
    loop {
        shop.meter().take();
        let page = shop.get(&path).await.expect(200);
        assert!(shop.meter().take().read_units <= 402.0);
        pages += 1;
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["productId"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["nextCursor"].as_str() else { break };
        path = format!("/products?limit=100&cursor={next}");
    }
    let expected: Vec<String> = (0..20).map(|product| format!("p{product:02}")).collect();
    assert_eq!((seen, pages), (expected, 4));
}
