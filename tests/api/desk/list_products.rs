//! `GET /desk/products`

use futures::future::join_all;
use serde_json::{Value, json};
use tests::{Call, TABLE, TestShop};

use super::{create, product_ids, seeded_shop, set_status, walk};

#[tokio::test]
async fn admins_list_all_products_in_the_order_of_creation() {
    let shop = seeded_shop().await;
    let list = shop.get("/desk/products").as_admin().await.expect(200);
    assert_eq!((product_ids(&list), &list["nextCursor"]), (vec!["a", "b", "c", "d", "e", "f"], &Value::Null));
    insta::assert_json_snapshot!(list["items"][2], @r#"
    {
      "createdAt": "2026-11-20T03:00:02Z",
      "discount": 0,
      "flash": false,
      "flashPinned": false,
      "name": "c 상품",
      "needsShipping": true,
      "price": 1000,
      "productId": "c",
      "sellerId": "hana",
      "status": "DISCONTINUED",
      "stock": 3,
      "stockShards": 1,
      "stockShardsPinned": false,
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

#[tokio::test]
async fn lists_of_the_desk_continue_by_cursor() {
    let shop = seeded_shop().await;
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
async fn a_cursor_of_the_desk_belongs_to_one_list() {
    let shop = seeded_shop().await;
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
    let shop = seeded_shop().await;
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

/// 20 products of 64 shards would be 1,280 reads of a page.
#[tokio::test]
async fn a_page_of_the_desk_is_bounded_for_products_of_many_shards() {
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
async fn a_product_that_changes_lists_is_in_exactly_one() {
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

/// An index lags, so each row is read again by key.
#[tokio::test]
async fn rows_of_the_desk_are_read_by_key() {
    let shop = seeded_shop().await;
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
