//! `GET /desk/lines`

use serde_json::{Value, json};
use tests::{TABLE, TestShop};

use super::{create, ids, walk};

/// Orders lines of two sellers and of the shop at this second. Returns the order's id.
async fn order(shop: &TestShop, second: u8, products: &[&str], more: Value) -> String {
    shop.set_clock(&format!("2026-11-20T03:01:{second:02}Z"));
    let items: Vec<Value> = products.iter().map(|id| json!({ "productId": id, "quantity": 2 })).collect();
    let mut body = json!({ "userId": "mina", "items": items });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let order = shop.post("/orders", body).as_user("mina").await.expect(201);
    order["orderId"].as_str().unwrap().to_owned()
}

async fn move_to(shop: &TestShop, order: &str, item: u8, status: &str) {
    shop.patch(&format!("/orders/{order}/items/{item}"), json!({ "status": status })).as_admin().await.expect(200);
}

/// Products `a` and `b` of Hana, `c` of Duri and `d` of the shop; a paid order of all, a pending one, and one of `a`.
async fn seeded_shop() -> (TestShop, [String; 3]) {
    let shop = TestShop::new();
    for (second, seller, id) in [(0, "hana", "a"), (1, "hana", "b"), (2, "duri", "c")] {
        create(&shop, second, seller, id, json!({ "stock": 100 })).await;
    }
    shop.product("d", 1_000, 100).await;
    shop.customer("mina", 1_000_000).await;
    let first = order(&shop, 0, &["a", "b", "c", "d"], json!({})).await;
    let pending = order(&shop, 1, &["a", "c"], json!({ "payment": "LATER" })).await;
    let last = order(&shop, 2, &["a"], json!({})).await;
    shop.settle().await;
    (shop, [first, pending, last])
}

fn lines(list: &Value) -> Vec<(&str, &str)> {
    ids(list, "orderId").into_iter().zip(ids(list, "productId")).collect()
}

#[tokio::test]
async fn lines_of_paid_orders_are_listed_oldest_first() {
    let (shop, [first, pending, last]) = seeded_shop().await;
    let list = shop.get("/desk/lines").as_admin().await.expect(200);
    let all = [(&first, "a"), (&first, "b"), (&first, "c"), (&first, "d"), (&last, "a")];
    assert_eq!(lines(&list), all.map(|(order, product)| (order.as_str(), product)));
    let mut line = list["items"][2].clone();
    line["orderId"] = json!("o1");
    insta::assert_json_snapshot!(line, @r#"
    {
      "itemId": "3",
      "name": "c 상품",
      "orderId": "o1",
      "paidAt": "2026-11-20T03:01:00Z",
      "productId": "c",
      "quantity": 2,
      "sellerId": "duri",
      "status": "PREPARING",
      "toShip": 2
    }
    "#);
    assert_eq!(list["items"][3]["sellerId"], Value::Null);

    shop.post(&format!("/orders/{pending}/payment"), json!({})).as_user("mina").await.expect(200);
    shop.settle().await;
    let list = shop.get("/desk/lines?status=PREPARING&sellerId=duri").as_admin().await.expect(200);
    assert_eq!(lines(&list), [(first.as_str(), "c"), (pending.as_str(), "c")]);
}

#[tokio::test]
async fn a_line_is_in_the_list_of_its_state_alone() {
    let (shop, [first, _, last]) = seeded_shop().await;
    move_to(&shop, &first, 1, "SHIPPED").await;
    shop.post(&format!("/orders/{last}/cancel"), json!({})).as_user("mina").await.expect(200);
    shop.settle().await;
    for (status, expected) in [
        ("PREPARING", vec![(&first, "b"), (&first, "c"), (&first, "d")]),
        ("SHIPPED", vec![(&first, "a")]),
        ("CANCELLED", vec![(&last, "a")]),
        ("PENDING_PAYMENT", vec![]),
    ] {
        let expected: Vec<(&str, &str)> = expected.into_iter().map(|(order, id)| (order.as_str(), id)).collect();
        let list = shop.get(&format!("/desk/lines?status={status}")).as_admin().await.expect(200);
        assert_eq!(lines(&list), expected, "{status}");
        assert!(list["items"].as_array().unwrap().iter().all(|line| line["status"] == status));
    }
    let list = shop.get("/desk/lines?status=SHIPPED").as_admin().await.expect(200);
    assert_eq!(list["items"][0]["toShip"], 0);
}

#[tokio::test]
async fn two_sellers_see_nothing_of_each_other_s_lines() {
    let (shop, _) = seeded_shop().await;
    for query in ["", "?status=PREPARING", "?from=2026-11-20T03:00:00Z"] {
        for (seller, products) in [("hana", vec!["a", "b", "a"]), ("duri", vec!["c"]), ("sora", vec![])] {
            let own = shop.get(&format!("/desk/lines{query}")).as_seller(seller).await.expect(200);
            assert_eq!(ids(&own, "productId"), products, "{seller} {query}");
            let all = shop.get(&format!("/desk/lines{query}")).as_admin().await.expect(200);
            assert_eq!(ids(&all, "productId"), ["a", "b", "c", "d", "a"], "{query}");
        }
    }
    shop.get("/desk/lines?sellerId=duri").as_seller("hana").await.refused(403, "FORBIDDEN");
    shop.get("/desk/lines").as_user("hana").await.refused(403, "FORBIDDEN");
    shop.get("/desk/lines").await.refused(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn lines_are_of_orders_created_in_the_period() {
    let (shop, [first, _, last]) = seeded_shop().await;
    for scope in ["", "&status=PREPARING", "&sellerId=hana", "&sellerId=hana&status=PREPARING"] {
        for (query, has_first, has_last) in [
            ("from=2026-11-20T03:01:00Z", true, true),
            ("from=2026-11-20T03:01:00.001Z", false, true),
            ("to=2026-11-20T03:01:02Z", true, false),
            ("from=2026-11-20T12:01:02%2B09:00&to=2026-11-20T03:01:02.001Z", false, true),
            ("from=2026-11-20T03:01:02Z&to=2026-11-20T03:01:02Z", false, false),
        ] {
            let list = shop.get(&format!("/desk/lines?{query}{scope}")).as_admin().await.expect(200);
            let orders = ids(&list, "orderId");
            let found = (orders.contains(&first.as_str()), orders.contains(&last.as_str()));
            assert_eq!(found, (has_first, has_last), "{query}{scope}");
        }
    }
}

#[tokio::test]
async fn lists_of_lines_continue_by_cursor() {
    let (shop, _) = seeded_shop().await;
    for second in 10..16 {
        order(&shop, second, &["b", "c", "a"], json!({})).await;
    }
    shop.settle().await;
    for query in ["", "status=PREPARING&", "sellerId=hana&", "sellerId=hana&status=PREPARING&"] {
        let whole = shop.get(&format!("/desk/lines?{query}limit=100")).as_admin().await.expect(200);
        assert_eq!(whole["nextCursor"], Value::Null);
        let key = |field: &str| ids(&whole, field).into_iter().map(str::to_owned).collect::<Vec<_>>();
        for limit in [1, 3, 7, 25] {
            let ask = |cursor: &str| shop.get(&format!("/desk/lines?{query}limit={limit}{cursor}")).as_admin();
            for field in ["orderId", "itemId"] {
                let pages = walk(ask, field).await;
                assert!(pages.iter().all(|page| page.len() <= limit), "{query} {limit}");
                assert_eq!(pages.concat(), key(field), "{query} {limit}");
            }
        }
    }
    let own = shop.get("/desk/lines?limit=1").as_seller("hana").await.expect(200);
    let cursor = own["nextCursor"].as_str().unwrap();
    let foreign = shop.get(&format!("/desk/lines?cursor={cursor}")).as_seller("duri").await;
    assert_eq!(foreign.bad_fields(), ["cursor"]);
}

#[tokio::test]
async fn every_wrong_parameter_is_named() {
    let shop = TestShop::new();
    for (query, field) in [
        ("status=SOLD", "status"),
        ("status=", "status"),
        ("sellerId=a%20b", "sellerId"),
        ("from=2026-11-20", "from"),
        ("to=yesterday", "to"),
        ("from=2026-11-20T03:00:00Z&to=2026-11-20T02:59:59Z", "to"),
        ("limit=101", "limit"),
        ("page=1", "page"),
        ("cursor=", "cursor"),
    ] {
        let answer = shop.get(&format!("/desk/lines?{query}")).as_admin().await;
        assert_eq!(answer.bad_fields(), [field], "{query}");
    }
    let answer = shop.get("/desk/lines?from=x&status=x").as_admin().await;
    assert_eq!(answer.bad_fields(), ["from", "status"]);
}

/// The desk follows the orders later. A line that has changed since is not shown in its old state.
#[tokio::test]
async fn an_outdated_row_shows_nothing() {
    let (shop, [first, _, last]) = seeded_shop().await;
    move_to(&shop, &first, 1, "SHIPPED").await;
    let list = shop.get("/desk/lines?status=PREPARING&sellerId=hana").as_admin().await.expect(200);
    assert_eq!(lines(&list), [(first.as_str(), "b"), (last.as_str(), "a")]);
    let list = shop.get("/desk/lines?status=SHIPPED").as_admin().await.expect(200);
    assert_eq!(lines(&list), []);
    // Without a state, the line is shown as it is.
    let list = shop.get("/desk/lines?sellerId=hana").as_admin().await.expect(200);
    assert_eq!((ids(&list, "status")[0], ids(&list, "productId")), ("SHIPPED", vec!["a", "b", "a"]));
}

/// A row in the list of another seller, as by a mistake, shows them nothing.
#[tokio::test]
async fn a_row_in_another_seller_s_list_shows_nothing() {
    let (shop, _) = seeded_shop().await;
    let rows = shop.dynamo().execute("Scan", json!({ "TableName": TABLE })).unwrap();
    let rows = rows["Items"].as_array().unwrap().clone();
    for row in rows.iter().filter(|row| row["pk"]["S"].as_str().unwrap().starts_with("DESKLINES#hana#")) {
        let mut stolen = row.clone();
        for name in ["pk", "byTimePk"] {
            stolen[name]["S"] = json!(row[name]["S"].as_str().unwrap().replace("#hana#", "#duri#"));
        }
        let put = json!({ "TransactItems": [{ "Put": { "TableName": TABLE, "Item": stolen } }] });
        shop.dynamo().execute("TransactWriteItems", put).unwrap();
    }
    for query in ["", "?status=PREPARING"] {
        let list = shop.get(&format!("/desk/lines{query}")).as_seller("duri").await.expect(200);
        assert_eq!(ids(&list, "productId"), ["c"], "{query}");
    }
}
