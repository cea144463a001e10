//! `/desk/…`: products and campaigns, for sellers and admins.

use futures::future::join_all;
use serde_json::{Value, json};
use shared::{
    app::Bounds,
    store::{Key, keys},
};
use tests::{
    Answer, Call, TABLE, TestShop,
    deaths::{Deaths, Side},
};

use crate::steps::migrate;

fn ids<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    list["items"].as_array().unwrap().iter().map(|item| item[field].as_str().unwrap()).collect()
}

fn product_ids(list: &Value) -> Vec<&str> {
    ids(list, "productId")
}

/// A seller creates a product at this second.
async fn create(shop: &TestShop, second: u8, seller: &str, id: &str, more: Value) {
    shop.set_clock(&format!("2026-11-20T03:00:{second:02}Z"));
    let mut product = json!({ "productId": id, "name": format!("{id} 상품"), "price": 1_000, "stock": 3 });
    product.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    shop.post("/products", product).as_seller(seller).await.expect(201);
}

async fn set_status(shop: &TestShop, id: &str, status: &str) {
    shop.patch(&format!("/products/{id}"), json!({ "status": status })).as_admin().await.expect(200);
}

/// Two sellers' products of every status, and one of the shop, created in the order of their names.
async fn furnished() -> TestShop {
    let shop = TestShop::new();
    for (second, seller, id) in
        [(0, "hana", "a"), (1, "duri", "b"), (2, "hana", "c"), (3, "hana", "d"), (4, "duri", "e")]
    {
        create(&shop, second, seller, id, json!({})).await;
    }
    shop.set_clock("2026-11-20T03:00:05Z");
    shop.product("f", 1_000, 3).await;
    set_status(&shop, "b", "HIDDEN").await;
    set_status(&shop, "c", "DISCONTINUED").await;
    set_status(&shop, "d", "HIDDEN").await;
    shop
}

#[tokio::test]
async fn a_product_created_hidden_is_seen_at_the_desk_only() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    create(&shop, 0, "hana", "first", json!({})).await;
    shop.set_clock("2026-11-20T03:00:01Z");
    let tea = json!({ "productId": "tea", "name": "보성 녹차", "price": 12_000, "stock": 10, "status": "HIDDEN" });
    let created = shop.post("/products", tea).as_seller("hana").await.expect(201);
    assert_eq!(created["status"], "HIDDEN");
    create(&shop, 2, "hana", "last", json!({ "status": "ON_SALE" })).await;

    assert_eq!(product_ids(&shop.get("/products").await.expect(200)), ["first", "last"]);
    for path in ["/products/tea", "/products/tea?stock=recent"] {
        shop.get(path).await.refused(404, "ENTITY_NOT_FOUND");
    }
    shop.order("mina", "tea", 1).await.refused(404, "ENTITY_NOT_FOUND");
    let shown = shop.get("/desk/products/tea").as_seller("hana").await.expect(200);
    insta::assert_json_snapshot!(shown, @r#"
    {
      "createdAt": "2026-11-20T03:00:01Z",
      "discount": 0,
      "flash": false,
      "name": "보성 녹차",
      "price": 12000,
      "productId": "tea",
      "sellerId": "hana",
      "status": "HIDDEN",
      "stock": 10,
      "stockShards": 1,
      "updatedAt": "2026-11-20T03:00:01Z"
    }
    "#);
    let list = shop.get("/desk/products").as_seller("hana").await.expect(200);
    assert_eq!(product_ids(&list), ["first", "tea", "last"]);

    // On sale it is listed by its creation, and its units are there.
    shop.set_clock("2026-11-20T03:01:00Z");
    set_status(&shop, "tea", "ON_SALE").await;
    assert_eq!(product_ids(&shop.get("/products").await.expect(200)), ["first", "tea", "last"]);
    shop.order("mina", "tea", 5).await.expect(201);
    shop.audit().await;
}

#[tokio::test]
async fn a_product_is_created_on_sale_or_hidden() {
    let shop = TestShop::new();
    for (status, fields) in [("DISCONTINUED", ["status"]), ("SOLD_OUT", ["status"]), ("hidden", ["status"])] {
        let product = json!({ "name": "녹차", "price": 1, "stock": 1, "status": status });
        assert_eq!(shop.post("/products", product).as_admin().await.bad_fields(), fields);
    }
    let hidden = json!({ "name": "녹차", "price": 1, "stock": 1, "status": "HIDDEN" });
    let call = || shop.post("/products", hidden.clone()).as_admin().key("k");
    let created = call().await.expect(201);
    assert_eq!(call().await.expect(201), created);
}

#[tokio::test]
async fn an_admin_lists_all_products_in_the_order_of_creation() {
    let shop = furnished().await;
    let list = shop.get("/desk/products").as_admin().await.expect(200);
    assert_eq!((product_ids(&list), &list["nextCursor"]), (vec!["a", "b", "c", "d", "e", "f"], &Value::Null));
    insta::assert_json_snapshot!(list["items"][2], @r#"
    {
      "createdAt": "2026-11-20T03:00:02Z",
      "discount": 0,
      "flash": false,
      "name": "c 상품",
      "price": 1000,
      "productId": "c",
      "sellerId": "hana",
      "status": "DISCONTINUED",
      "stock": 3,
      "stockShards": 1,
      "updatedAt": "2026-11-20T03:00:05Z"
    }
    "#);
    assert_eq!(list["items"][5]["sellerId"], Value::Null);
    for (query, expected) in [
        ("status=ON_SALE", vec!["a", "e", "f"]),
        ("status=HIDDEN", vec!["b", "d"]),
        ("status=DISCONTINUED", vec!["c"]),
        ("sellerId=hana", vec!["a", "c", "d"]),
        ("sellerId=duri&status=HIDDEN", vec!["b"]),
        ("sellerId=nobody", vec![]),
    ] {
        let list = shop.get(&format!("/desk/products?{query}")).as_admin().await.expect(200);
        assert_eq!(product_ids(&list), expected, "{query}");
    }
    // A sold-out product is still on sale.
    shop.customer("mina", 100_000).await;
    shop.order("mina", "a", 3).await.expect(201);
    let list = shop.get("/desk/products?status=ON_SALE").as_admin().await.expect(200);
    assert_eq!((product_ids(&list), &list["items"][0]["status"]), (vec!["a", "e", "f"], &json!("SOLD_OUT")));
}

/// Walks a list to its end; the names of each page.
async fn walk(ask: impl Fn(&str) -> Call, field: &str) -> Vec<Vec<String>> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = ask(&cursor).await.expect(200);
        pages.push(ids(&page, field).into_iter().map(str::to_owned).collect());
        let Some(next) = page["nextCursor"].as_str() else { return pages };
        cursor = format!("&cursor={next}");
        assert!(pages.len() < 100, "{pages:?}");
    }
}

#[tokio::test]
async fn lists_of_the_desk_go_on_by_cursor() {
    let shop = furnished().await;
    for limit in 1..=7 {
        let all = walk(|cursor| shop.get(&format!("/desk/products?limit={limit}{cursor}")).as_admin(), "productId");
        assert_eq!(all.await.concat(), ["a", "b", "c", "d", "e", "f"], "{limit}");
        let own = |cursor: &str| shop.get(&format!("/desk/products?limit={limit}{cursor}")).as_seller("hana");
        assert_eq!(walk(own, "productId").await.concat(), ["a", "c", "d"], "{limit}");
        let hidden = format!("/desk/products?status=HIDDEN&limit={limit}");
        let own = |cursor: &str| shop.get(&format!("{hidden}{cursor}")).as_seller("hana");
        assert_eq!(walk(own, "productId").await.concat(), ["d"], "{limit}");
    }
}

#[tokio::test]
async fn a_cursor_of_the_desk_is_of_one_list() {
    let shop = furnished().await;
    let cursor_of = async |call: Call| call.await.expect(200)["nextCursor"].as_str().unwrap().to_owned();
    let all = cursor_of(shop.get("/desk/products?limit=1").as_admin()).await;
    let own = cursor_of(shop.get("/desk/products?limit=1").as_seller("hana")).await;
    let public = cursor_of(shop.get("/products?limit=1")).await;
    for cursor in [&own, &public] {
        let call = shop.get(&format!("/desk/products?cursor={cursor}")).as_admin();
        assert_eq!(call.await.bad_fields(), ["cursor"]);
        let call = shop.get(&format!("/desk/campaigns?cursor={cursor}")).as_admin();
        assert_eq!(call.await.bad_fields(), ["cursor"]);
    }
    for call in [
        shop.get(&format!("/products?cursor={all}")),
        shop.get(&format!("/desk/products?cursor={own}")).as_seller("duri"),
    ] {
        assert_eq!(call.await.bad_fields(), ["cursor"]);
    }
    // An admin continues a seller's list.
    let list = shop.get(&format!("/desk/products?sellerId=hana&cursor={own}")).as_admin().await.expect(200);
    assert_eq!(product_ids(&list), ["c", "d"]);
}

#[tokio::test]
async fn the_desk_is_for_sellers_and_admins() {
    let shop = furnished().await;
    for path in ["/desk/products", "/desk/products/a", "/desk/campaigns"] {
        shop.get(path).await.refused(401, "UNAUTHENTICATED");
        shop.get(path).as_user("hana").await.refused(403, "FORBIDDEN");
        shop.get(&format!("{path}?userId=hana")).await.refused(403, "FORBIDDEN");
    }
    shop.get("/desk/products?sellerId=duri").as_seller("hana").await.refused(403, "FORBIDDEN");
    shop.get("/desk/campaigns").as_seller("hana").await.refused(403, "FORBIDDEN");
    let own = shop.get("/desk/products?sellerId=hana").as_seller("hana").await.expect(200);
    assert_eq!(own, shop.get("/desk/products").as_seller("hana").await.expect(200));
    // A product of another seller is not found, in any status.
    for id in ["a", "d", "f", "nothing"] {
        let path = format!("/desk/products/{id}");
        shop.get(&path).as_seller("duri").await.refused(404, "ENTITY_NOT_FOUND");
        let expected = if id == "nothing" { 404 } else { 200 };
        assert_eq!(shop.get(&path).as_admin().await.status, expected);
    }
    for (query, field) in [
        ("status=SOLD_OUT", "status"),
        ("status=", "status"),
        ("sellerId=a%20b", "sellerId"),
        ("limit=101", "limit"),
        ("page=1", "page"),
        ("cursor=", "cursor"),
    ] {
        let answer = shop.get(&format!("/desk/products?{query}")).as_admin().await;
        assert_eq!(answer.bad_fields(), [field], "{query}");
    }
}

#[tokio::test]
async fn a_product_of_the_desk_has_the_tag_of_the_public_one() {
    let shop = furnished().await;
    let tag = |answer: Answer| answer.headers["etag"].to_str().unwrap().to_owned();
    let shown = tag(shop.get("/desk/products/a").as_seller("hana").await);
    assert_eq!(shown, tag(shop.get("/products/a").await));
    let change = || shop.patch("/products/a", json!({ "name": "새 이름" })).as_seller("hana");
    change().header("if-match", &shown).await.expect(200);
    change().header("if-match", &shown).await.refused(412, "PRECONDITION_FAILED");
}

/// 20 products of 64 shards would be 1,280 reads of a page.
#[tokio::test]
async fn a_page_of_the_desk_is_bounded_whatever_was_created() {
    let shop = TestShop::new();
    let mut expected = Vec::new();
    for number in 0..20 {
        let id = format!("p{number:02}");
        let status = if number % 3 == 0 { "HIDDEN" } else { "ON_SALE" };
        let product = json!({
            "productId": id, "name": id, "price": 1, "stock": 64, "stockShards": 64, "status": status,
        });
        shop.post("/products", product).as_admin().await.expect(201);
        expected.push(id);
    }
    let mut seen = Vec::new();
    let mut path = "/desk/products?limit=100".to_owned();
    loop {
        shop.meter().take();
        let page = shop.get(&path).as_admin().await.expect(200);
        // The products and their first shards, and 400 shards.
        assert!(shop.meter().take().read_units <= 442.0);
        assert!(page["items"].as_array().unwrap().iter().all(|item| item["stock"] == 64), "{page}");
        seen.extend(product_ids(&page).into_iter().map(str::to_owned));
        let Some(next) = page["nextCursor"].as_str() else { break };
        path = format!("/desk/products?limit=100&cursor={next}");
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn an_admin_lists_campaigns_as_each_is_shown() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    for (second, id, counters) in [(0, "welcome", 1), (1, "night", 16), (2, "autumn", 3)] {
        shop.set_clock(&format!("2026-11-20T03:00:0{second}Z"));
        shop.campaign(id, 100, json!({ "kind": "FIXED", "value": 1_000, "counterShards": counters })).await;
    }
    for coupon in ["welcome", "night"] {
        shop.issue("mina", coupon).await.expect(201);
    }
    let list = shop.get("/desk/campaigns").as_admin().await.expect(200);
    assert_eq!(ids(&list, "couponId"), ["welcome", "night", "autumn"]);
    for shown in list["items"].as_array().unwrap() {
        let path = format!("/coupons/{}", shown["couponId"].as_str().unwrap());
        assert_eq!(shop.get(&path).as_admin().await.expect(200), *shown);
    }
    assert_eq!(list["items"][1]["remainingQuantity"], 99);

    // The bound on counters cuts a page, and the cursor marks the place.
    let narrow = shop.another_instance_within(Bounds { list_shards: 17, ..Bounds::PRODUCTION });
    let pages = walk(|cursor| narrow.get(&format!("/desk/campaigns?limit=100{cursor}")).as_admin(), "couponId").await;
    assert_eq!(pages, [vec!["welcome", "night"], vec!["autumn"]]);
    // The list of sweeps is another one: a campaign stays in this one after its tickets are accounted for.
    shop.audit().await;
}

#[tokio::test]
async fn products_that_change_lists_are_in_one_of_them() {
    let shop = TestShop::with_instances(4);
    for (number, id) in (0_u8..).zip(["a", "b", "c", "d"]) {
        create(&shop, number, "hana", id, json!({})).await;
    }
    for status in ["HIDDEN", "DISCONTINUED", "ON_SALE", "HIDDEN"] {
        let changes = ["a", "b", "c", "d"].map(|id| set_status(&shop, id, status));
        join_all(changes).await;
        let list = shop.get(&format!("/desk/products?status={status}")).as_admin().await.expect(200);
        assert_eq!(product_ids(&list), ["a", "b", "c", "d"], "{status}");
        let all = shop.get("/desk/products").as_admin().await.expect(200);
        assert_eq!(product_ids(&all), ["a", "b", "c", "d"], "{status}");
        shop.audit().await;
    }
}

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
    let shop = furnished().await;
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
async fn the_migration_lists_products_off_sale_and_campaigns() {
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
async fn a_migration_of_the_lists_that_dies_anywhere_goes_on() {
    let deaths = Deaths::default();
    migrate(&first_stage().await.watched_by(&deaths), false).await.unwrap();
    let calls = deaths.calls().len();
    let expected = 6;
    for call in 0..calls {
        for side in [Side::Before, Side::After] {
            let shop = first_stage().await;
            let deaths = Deaths::at(call, side);
            assert!(deaths.run(migrate(&shop.watched_by(&deaths), false)).await.is_none(), "{call} {side:?}");
            migrate(&shop, false).await.unwrap();
            let (products, campaigns) = listed(&shop).await;
            assert_eq!((products.len(), campaigns.len()), (expected, 2), "{call} {side:?}");
            shop.audit_as_is().await;
        }
    }
}

/// A product that changes between the migration's read and its write is listed as it is then.
#[tokio::test]
async fn products_change_while_they_are_migrated() {
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

/// An index lags, so each row is read again by key.
#[tokio::test]
async fn a_row_is_read_by_its_key() {
    let shop = furnished().await;
    // The state of an index that has missed two changes.
    let place = |id: &str, list: &str| {
        let update = json!({
            "TableName": TABLE, "Key": { "pk": { "S": format!("PRODUCT#{id}") }, "sk": { "S": "PRODUCT" } },
            "UpdateExpression": "SET byTimePk = :list", "ExpressionAttributeValues": { ":list": { "S": list } },
        });
        shop.dynamo().execute("UpdateItem", update).unwrap();
    };
    place("a", "PRODUCTS#HIDDEN");
    let hidden = shop.get("/desk/products?status=HIDDEN").as_admin().await.expect(200);
    assert_eq!(product_ids(&hidden), ["b", "d"]);
    let all = shop.get("/desk/products").as_admin().await.expect(200);
    assert_eq!((&all["items"][0]["productId"], &all["items"][0]["status"]), (&json!("a"), &json!("ON_SALE")));
}
