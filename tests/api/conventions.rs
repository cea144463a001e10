//! The conventions of the whole API: the envelope, languages, bad input.

use serde_json::{Value, json};
use tests::{Answer, Call, TestShop};

#[tokio::test]
async fn a_success_has_an_envelope() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    let answer = shop.get("/balance/mina").await;
    insta::assert_json_snapshot!(answer.body, @r#"
    {
      "code": "SUCCESS",
      "data": {
        "balance": 0,
        "head": "0000000000000000000000000000000000000000000000000000000000000000",
        "sequence": 0,
        "userId": "mina"
      },
      "message": "요청에 성공했습니다."
    }
    "#);
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(shop.get("/balance/mina").in_english().await.body["message"], "The request succeeded.");
}

#[tokio::test]
async fn a_failure_names_its_reason_and_its_field() {
    let shop = TestShop::new();
    let charge = || shop.post("/balance/charge", json!({ "userId": "mi na", "amount": 150, "gift": true }));
    let mut answer = charge().await.body;
    assert!(answer["requestId"].is_string());
    answer["requestId"] = json!("…");
    answer["fieldErrors"].as_array_mut().unwrap().sort_by_key(|error| error["field"].to_string());
    insta::assert_json_snapshot!(answer, @r#"
    {
      "code": "INVALID_REQUEST",
      "fieldErrors": [
        {
          "field": "amount",
          "message": "100 단위여야 합니다."
        },
        {
          "field": "gift",
          "message": "알 수 없는 필드입니다."
        },
        {
          "field": "userId",
          "message": "영문자, 숫자, '-', '_'로 된 1~64자여야 합니다."
        }
      ],
      "message": "잘못된 요청입니다.",
      "requestId": "…"
    }
    "#);
    let english = charge().in_english().await.body;
    assert_eq!(english["message"], "The request is invalid.");
}

/// Asserts that a bad request names these fields.
async fn bad(call: Call, fields: &[&str], what: &str) {
    let answer = call.await;
    assert_eq!(answer.bad_fields(), fields, "{what}");
}

#[tokio::test]
async fn a_bad_amount_is_named() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    let amounts = [
        "1.5",
        "\"1000\"",
        "-100",
        "150",
        "0",
        "100000000",
        "9223372036854775808",
        "-9223372036854775809",
        "1e3",
        "null",
        "true",
        "[100]",
        "{}",
        "100.0",
        "1e999",
    ];
    for amount in amounts {
        let body = format!(r#"{{"userId":"mina","amount":{amount}}}"#);
        let call = shop.call("POST", "/balance/charge").body(body).header("content-type", "application/json");
        // A number too large for any machine is not JSON that can be read.
        let field = if amount == "1e999" { "body" } else { "amount" };
        bad(call, &[field], amount).await;
    }
    assert_eq!(shop.balance("mina").await, 0);
}

#[tokio::test]
async fn bad_bodies_are_refused() {
    let shop = TestShop::new();
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    for path in [
        "/users",
        "/balance/charge",
        "/coupons/issue",
        "/orders",
        "/orders/cart",
        "/products",
        "/coupons",
        "/coupons/revoke",
        "/products/tea/restock",
    ] {
        for body in ["", "{", "nonsense", "{\"a\":1,}", deep.as_str(), "\u{0}", "{\"a\":NaN}"] {
            let call = shop.call("POST", path).body(body).header("content-type", "application/json").as_admin();
            bad(call, &["body"], &format!("{path} {}", body.chars().take(20).collect::<String>())).await;
        }
        for body in ["[]", "1", "null", "\"text\""] {
            let call = shop.call("POST", path).body(body).header("content-type", "application/json").as_admin();
            bad(call, &["body"], &format!("{path} {body}")).await;
        }
        let empty = shop.post(path, json!({})).as_admin().await;
        assert!(!empty.bad_fields().is_empty(), "{path}");

        shop.call("POST", path).body("{}").await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
        let text = shop.call("POST", path).body("{}").header("content-type", "text/plain");
        text.await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
        let large = json!({ "name": "x".repeat(65 * 1024) });
        shop.post(path, large).as_admin().await.refused(413, "PAYLOAD_TOO_LARGE");
    }
}

#[tokio::test]
async fn bad_orders_are_named_line_by_line() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    let many: Vec<Value> = (0..51).map(|n| json!({ "productId": format!("p{n}"), "quantity": 1 })).collect();
    for (items, fields) in [
        (json!([]), vec!["items"]),
        (json!(many), vec!["items"]),
        (json!({}), vec!["items"]),
        (json!("tea"), vec!["items"]),
        (json!([{}]), vec!["items[0].productId", "items[0].quantity"]),
        (json!([{ "productId": "tea", "quantity": 0 }]), vec!["items[0].quantity"]),
        (json!([{ "productId": "tea", "quantity": 1_000 }]), vec!["items[0].quantity"]),
        (json!([{ "productId": "tea", "quantity": -1 }]), vec!["items[0].quantity"]),
        (json!([{ "productId": "tea", "quantity": 1.5 }]), vec!["items[0].quantity"]),
        (json!([{ "productId": "tea", "quantity": "1" }]), vec!["items[0].quantity"]),
        (json!([{ "productId": "a/b", "quantity": 1, "price": 1 }]), vec!["items[0].price", "items[0].productId"]),
        (json!([{ "productId": "tea", "quantity": 1 }, 7]), vec!["items[1]"]),
        (
            json!([{ "productId": "tea", "quantity": 600 }, { "productId": "tea", "quantity": 600 }]),
            vec!["items[1].quantity"],
        ),
    ] {
        bad(shop.post("/orders", json!({ "userId": "mina", "items": items })), &fields, &items.to_string()).await;
    }
    let unknown = json!({ "userId": "mina", "items": [{ "productId": "tea", "quantity": 1 }], "total": 0 });
    bad(shop.post("/orders", unknown), &["total"], "total").await;
}

#[tokio::test]
async fn bad_ids_are_named() {
    let shop = TestShop::new();
    let long = "x".repeat(65);
    for id in ["a%20b", "a%2Fb", "a b", "a.b", "%EA%B9%80", long.as_str()] {
        bad(shop.get(&format!("/users/{id}")).as_admin(), &["userId"], id).await;
        bad(shop.get(&format!("/balance/{id}")).as_admin(), &["userId"], id).await;
        bad(shop.get(&format!("/balance/{id}/entries?limit=0")).as_admin(), &["limit", "userId"], id).await;
        bad(shop.get(&format!("/products/{id}")), &["productId"], id).await;
        bad(shop.get(&format!("/orders/{id}")).as_admin(), &["orderId"], id).await;
        bad(shop.get(&format!("/orders/{id}/history")).as_admin(), &["orderId"], id).await;
        bad(shop.get(&format!("/orders/cart?userId={id}")), &["userId"], id).await;
        bad(shop.call("DELETE", &format!("/orders/cart/{id}")).as_admin(), &["itemId"], id).await;
        bad(shop.get(&format!("/coupons/{id}")).as_admin(), &["couponId"], id).await;
        bad(shop.get(&format!("/coupons?userId={id}&status=X")).as_admin(), &["status", "userId"], id).await;
        let patch = shop.patch(&format!("/products/{id}"), json!({ "price": -1 })).as_admin();
        bad(patch, &["price", "productId"], id).await;
        let restock = shop.post(&format!("/products/{id}/restock"), json!({ "quantity": "1" })).as_admin();
        bad(restock, &["productId", "quantity"], id).await;
        let issue = json!({ "userId": id, "couponId": id });
        bad(shop.post("/coupons/issue", issue), &["couponId", "userId"], id).await;
    }
}

#[tokio::test]
async fn a_bad_idempotency_key_is_named() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    let long = "k".repeat(256);
    for key in ["", "a b", "키", long.as_str()] {
        let charge = shop.post("/balance/charge", json!({ "userId": "mina", "amount": 150 })).key(key);
        bad(charge, &["Idempotency-Key", "amount"], key).await;
    }
    let longest = "k".repeat(255);
    shop.post("/balance/charge", json!({ "userId": "mina", "amount": 100 })).key(&longest).await.expect(200);
}

#[tokio::test]
async fn an_unknown_path_or_method_is_refused() {
    let shop = TestShop::new();
    shop.get("/nowhere").await.refused(404, "ENTITY_NOT_FOUND");
    let answer = shop.call("DELETE", "/products/tea").await;
    assert_eq!(answer.headers["allow"], "GET, HEAD, OPTIONS, PATCH");
    answer.refused(405, "METHOD_NOT_ALLOWED");
    shop.call("PUT", "/orders").await.refused(405, "METHOD_NOT_ALLOWED");
}

/// An unreadable stored record is a failure of the shop, and its answer shows nothing of the content.
#[tokio::test]
async fn an_internal_failure_shows_nothing_of_the_record() {
    let shop = TestShop::new();
    let broken = json!({ "pk": { "S": "USER#mina" }, "sk": { "S": "ACCOUNT" }, "balance": { "S": "a lot" } });
    let put = json!({ "TransactItems": [{ "Put": { "TableName": tests::TABLE, "Item": broken } }] });
    shop.dynamo().execute("TransactWriteItems", put).unwrap();
    let answer: Answer = shop.get("/balance/mina").in_english().await;
    assert_eq!(answer.body["message"], "Something went wrong on our side.");
    assert_eq!(answer.body.as_object().unwrap().len(), 3, "{}", answer.body);
    answer.refused(500, "INTERNAL_SERVER_ERROR");
}
