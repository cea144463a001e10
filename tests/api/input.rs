//! Input: cursors, query parameters, repeated keys, texts, ids, instants, null.

use functions::{ROUTES, routes::Route};
use serde_json::{Value, json};
use tests::{Answer, Call, TABLE, TestShop};

/// The lists, each with the path of its first page for mina.
const LISTS: [&str; 4] = [
    "/products?limit=1",
    "/orders?userId=mina&limit=1",
    "/balance/mina/entries?limit=1",
    "/coupons?userId=mina&limit=1",
];

/// A shop in which every list of mina's and jun's has several pages.
async fn with_lists() -> TestShop {
    let shop = TestShop::new();
    for user in ["mina", "jun"] {
        shop.customer(user, 100_000).await;
    }
    for product in ["tea", "cup"] {
        shop.product(product, 1_000, 100).await;
    }
    for coupon in ["welcome", "second"] {
        shop.coupon(coupon, 5).await;
        for user in ["mina", "jun"] {
            shop.issue(user, coupon).await.expect(201);
        }
    }
    for user in ["mina", "jun"] {
        for _ in 0..2 {
            shop.order(user, "tea", 1).await.expect(201);
        }
    }
    shop
}

async fn cursor_of(shop: &TestShop, list: &str) -> String {
    shop.get(list).await.expect(200)["nextCursor"].as_str().expect("a second page").to_owned()
}

/// saleor PR 8593: an empty or invalid cursor gave the first page again. One with an id of 3,000 digits gave a 500,
/// since the index key was over 1,024 bytes.
#[tokio::test]
async fn a_malformed_cursor_is_refused() {
    let shop = with_lists().await;
    let digits = base64(format!("1700000000000#{}", "9".repeat(3_000)).as_bytes());
    for list in LISTS {
        let whole = cursor_of(&shop, list).await;
        let cut = &whole[..whole.len() - 1];
        let turned: String = whole.chars().rev().collect();
        for bad in ["", "garbage", "%00", "%25", "MTcwMDAwMDAwMDAwMCN0ZWE", &digits, cut, &turned, &format!("{whole}A")]
        {
            let answer = shop.get(&format!("{list}&cursor={bad}")).await;
            assert_eq!(answer.bad_fields(), ["cursor"], "{list} {bad:.60}");
        }
        // Named without a value it is empty.
        assert_eq!(shop.get(&format!("{list}&cursor")).await.bad_fields(), ["cursor"], "{list}");
        shop.get(&format!("{list}&cursor={whole}")).await.expect(200);
    }
}

/// The base64 of cursors.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().chain([&0, &0]).take(3).fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        text.extend((0..=chunk.len()).map(|place| char::from(ALPHABET[bits >> (18 - 6 * place) & 63])));
    }
    text
}

#[tokio::test]
async fn a_cursor_of_another_list_or_user_is_refused() {
    let shop = with_lists().await;
    for from in LISTS {
        let cursor = cursor_of(&shop, from).await;
        for to in LISTS.iter().filter(|to| **to != from) {
            let answer = shop.get(&format!("{to}&cursor={cursor}")).await;
            assert_eq!(answer.bad_fields(), ["cursor"], "{from} in {to}");
        }
        if from.contains("mina") {
            let to = from.replace("mina", "jun");
            assert_eq!(shop.get(&format!("{to}&cursor={cursor}")).await.bad_fields(), ["cursor"], "{to}");
        }
    }
    // An admin continues mina's list with mina's cursor.
    let cursor = cursor_of(&shop, LISTS[1]).await;
    shop.get(&format!("{}&cursor={cursor}", LISTS[1])).as_admin().await.expect(200);
}

/// The message about an unknown field or parameter.
const UNKNOWN: &str = "알 수 없는 필드입니다.";

/// The path of a route with an id in each of its parameters.
fn path(route: &Route) -> String {
    let segments = route.path.split('/').map(|segment| if segment.starts_with('{') { "1" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

fn call(shop: &TestShop, route: &Route, query: &str) -> Call {
    let call = shop.call(route.method, &format!("{}{query}", path(route))).as_admin();
    if matches!(route.method, "POST" | "PUT" | "PATCH") { call.json(&json!({ "bogus": 1 })) } else { call }
}

/// `/products?category=…`, `?q=`, `?limt=5` and `/orders?status=CANCELLED` gave everything.
#[tokio::test]
async fn an_unknown_query_parameter_is_refused_on_every_route() {
    let shop = with_lists().await;
    for query in ["/products?category=tea", "/products?q=", "/products?limt=5", "/orders?userId=mina&state=CANCELLED"] {
        let name = query.rsplit(['?', '&']).next().and_then(|pair| pair.split('=').next()).unwrap();
        assert_eq!(shop.get(query).await.bad_fields(), [name], "{query}");
    }
    for route in ROUTES {
        let answer = call(&shop, route, "?limt=5&Limit=1").await;
        let fields = answer.bad_fields();
        assert!(fields.contains(&"limt") && fields.contains(&"Limit"), "{route:?}: {fields:?}");
        // Every fault is named at once. A notice may have any body.
        if matches!(route.method, "POST" | "PUT" | "PATCH") && route.function != "receive-payment-notice" {
            assert!(fields.contains(&"bogus"), "{route:?}: {fields:?}");
        }
    }
}

#[tokio::test]
async fn a_repeated_query_parameter_is_refused_on_every_route() {
    let shop = with_lists().await;
    assert_eq!(shop.get("/products?limit=5&limit=6").await.bad_fields(), ["limit"]);
    assert_eq!(shop.get("/orders?userId=mina&userId=mina").await.bad_fields(), ["userId"]);
    for route in ROUTES {
        let answer = call(&shop, route, "?userId=mina&userId=jun").await;
        assert!(answer.bad_fields().contains(&"userId"), "{route:?}");
    }
}

#[tokio::test]
async fn the_user_id_parameter_is_checked_on_every_route() {
    let shop = with_lists().await;
    for route in ROUTES {
        let answer = call(&shop, route, "?userId=admin").await;
        let mut errors = answer.body["fieldErrors"].as_array().into_iter().flatten();
        let is_unknown = |error: &Value| error["field"] == "userId" && error["message"] == UNKNOWN;
        assert!(!errors.any(is_unknown), "{route:?}: {}", answer.body);
        let bad = call(&shop, route, "?userId=a%20b").await;
        assert!(bad.bad_fields().contains(&"userId"), "{route:?}");
    }
}

/// The reference describes each parameter that a route takes.
#[tokio::test]
async fn the_reference_names_the_query_parameters() {
    let shop = TestShop::new();
    let document = shop.get("/openapi.json").await.body;
    for route in ROUTES {
        let operation = &document["paths"][route.path][route.method.to_lowercase()];
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let resolve = |parameter: &Value| match parameter["$ref"].as_str() {
            Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap().clone(),
            None => parameter.clone(),
        };
        let names: Vec<String> = parameters
            .iter()
            .map(resolve)
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
            .collect();
        assert!(names.contains(&"userId".to_owned()), "{route:?}");
        // Each parameter is known, if only to be refused for its value.
        let query: Vec<String> = names.iter().map(|name| format!("{name}=%00")).collect();
        let answer = call(&shop, route, &format!("?{}", query.join("&"))).await;
        let fields = answer.bad_fields();
        assert!(names.iter().all(|name| fields.contains(&name.as_str())), "{route:?}: {fields:?}");
        let messages = answer.body["fieldErrors"].as_array().unwrap();
        let mut unknown = messages.iter().filter(|error| error["message"] == UNKNOWN);
        assert!(unknown.all(|error| error["field"] == "bogus"), "{route:?}: {}", answer.body);
    }
}

fn raw(shop: &TestShop, method: &str, path: &str, body: &str) -> Call {
    shop.call(method, path).body(body).header("content-type", "application/json")
}

/// A body named an amount twice, and the last one was charged.
#[tokio::test]
async fn a_repeated_json_key_is_refused_at_any_depth() {
    let shop = TestShop::new();
    shop.customer("u", 0).await;
    shop.product("tea", 1_000, 10).await;
    let twice = r#"{"userId":"u","amount":100,"amount":99999900}"#;
    assert_eq!(raw(&shop, "POST", "/balance/charge", twice).key("k").await.bad_fields(), ["amount"]);
    let escaped = r#"{"userId":"u","amount":100,"\u0061mount":99999900}"#;
    assert_eq!(raw(&shop, "POST", "/balance/charge", escaped).await.bad_fields(), ["amount"]);
    assert_eq!(shop.balance("u").await, 0);
    let nested = r#"{"userId":"u","items":[{"productId":"tea","quantity":1,"quantity":9}]}"#;
    assert_eq!(raw(&shop, "POST", "/orders", nested).await.bad_fields(), ["items[0].quantity"]);
    let patch = raw(&shop, "PATCH", "/users/u", r#"{"name":"A","name":"B"}"#).as_user("u");
    assert_eq!(patch.await.bad_fields(), ["name"]);
    // The same key is free: nothing happened.
    let once = r#"{"userId":"u","amount":100}"#;
    raw(&shop, "POST", "/balance/charge", once).key("k").await.expect(200);
}

fn new_user(id: &str, name: &str) -> Value {
    json!({ "userId": id, "name": name, "email": format!("{id}@example.com") })
}

/// Names with NUL, with an override of the direction, or with nothing to see were taken.
#[tokio::test]
async fn invisible_texts_and_control_characters_are_refused() {
    let shop = TestShop::new();
    for name in ["Kim\0", "\u{202E}niM", "\u{200B}", "\u{3164}", "a\nb", "\u{2066}x\u{2069}", "\u{1B}[31mred", " "] {
        assert_eq!(shop.post("/users", new_user("mina", name)).await.bad_fields(), ["name"], "{name:?}");
        let product = json!({ "name": name, "price": 1, "stock": 1, "category": name, "description": name });
        let answer = shop.post("/products", product).as_admin().await;
        let fields = answer.bad_fields();
        let refused = if name == "a\nb" { vec!["category", "name"] } else { vec!["category", "description", "name"] };
        assert_eq!(fields, refused, "{name:?}");
        let campaign = json!({
            "name": name, "kind": "FIXED", "value": 1, "totalQuantity": 1, "validDays": 1,
            "issueFrom": "2026-11-01T00:00:00Z", "issueUntil": "2026-12-01T00:00:00Z",
        });
        assert_eq!(shop.post("/coupons", campaign).as_admin().await.bad_fields(), ["name"], "{name:?}");
    }
    shop.customer("mina", 0).await;
    let change = |field: &str, text: &str| shop.patch("/users/mina", json!({ field: text })).as_user("mina");
    for field in ["name", "phone", "address", "email"] {
        assert_eq!(change(field, "a@b\0").await.bad_fields(), [field]);
        assert_eq!(change(field, "\u{200B}").await.bad_fields(), [field]);
    }
    // An address has lines, a name may have joiners.
    change("address", "서울시\n종로구 1").await.expect(200);
    change("name", "👨\u{200D}👩\u{200D}👧").await.expect(200);
}

/// A name of 50 syllables, typed on a system that decomposes them, has 150 code points.
#[tokio::test]
async fn a_decomposed_name_is_stored_composed() {
    let shop = TestShop::new();
    let decomposed = "\u{1100}\u{1175}\u{11B7}".repeat(50);
    let created = shop.post("/users", new_user("mina", &decomposed)).key("k").await.expect(201);
    assert_eq!(created["name"], "김".repeat(50));
    // The composed form is the same request.
    let again = shop.post("/users", new_user("mina", &"김".repeat(50))).key("k").await.expect(201);
    assert_eq!(again, created);
    let too_long = "\u{1100}\u{1175}\u{11B7}".repeat(101);
    assert_eq!(shop.post("/users", new_user("jun", &too_long)).await.bad_fields(), ["name"]);
}

/// Users, products and campaigns could be named like the words of the paths beside them.
#[tokio::test]
async fn words_of_paths_are_reserved_as_ids() {
    let shop = TestShop::new();
    for id in ["charge", "adjustments", "withdrawals"] {
        assert_eq!(shop.post("/users", new_user(id, "X")).await.bad_fields(), ["userId"], "{id}");
        let joins = json!({ "name": "X", "email": "x@example.com" });
        assert_eq!(shop.post("/users", joins).as_user(id).await.bad_fields(), ["userId"], "the token of {id}");
    }
    for id in ["top", "best-seller", "cart", "yours"] {
        let product = json!({ "productId": id, "name": "X", "price": 1, "stock": 1 });
        assert_eq!(shop.post("/products", product).as_admin().await.bad_fields(), ["productId"], "{id}");
    }
    for id in ["issue", "revoke", "campaigns"] {
        let campaign = json!({
            "couponId": id, "name": "X", "kind": "FIXED", "value": 1, "totalQuantity": 1, "validDays": 1,
            "issueFrom": "2026-11-01T00:00:00Z", "issueUntil": "2026-12-01T00:00:00Z",
        });
        assert_eq!(shop.post("/coupons", campaign).as_admin().await.bad_fields(), ["couponId"], "{id}");
    }
    // Elsewhere they are words like any other.
    shop.post("/users", new_user("top", "X")).await.expect(201);
    shop.product("charge", 1, 1).await;
}

#[tokio::test]
async fn instants_are_strict_rfc_3339() {
    let shop = TestShop::new();
    let campaign = |from: &str| {
        json!({
            "name": "X", "kind": "FIXED", "value": 1, "totalQuantity": 1, "validDays": 1,
            "issueFrom": from, "issueUntil": "2026-12-01T00:00:00Z",
        })
    };
    for bad in ["2026-01-01T00:00:00+25:00", "20260101T000000Z", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z"] {
        assert_eq!(shop.post("/coupons", campaign(bad)).as_admin().await.bad_fields(), ["issueFrom"], "{bad}");
    }
    let lower = shop.post("/coupons", campaign("2026-01-01t00:00:00z")).as_admin().await.expect(201);
    assert_eq!(lower["issueFrom"], "2026-01-01T00:00:00Z");
}

/// logto PR 2398: `null` in a change was answered 200, and the value was still there.
#[tokio::test]
async fn null_clears_an_optional_field_of_a_change() {
    let shop = TestShop::new();
    let user = json!({
        "userId": "mina", "name": "이미나", "email": "mina@example.com", "phone": "010-1234-5678", "address": "서울",
    });
    shop.post("/users", user).await.expect(201);
    let changed = shop.patch("/users/mina", json!({ "phone": null, "name": "M" })).as_user("mina").await.expect(200);
    let line1 = &changed["address"]["line1"];
    assert_eq!((&changed["name"], &changed["phone"], line1), (&json!("M"), &Value::Null, &json!("서울")));
    assert!(changed.get("phone").is_none());
    shop.patch("/users/mina", json!({ "address": null })).as_user("mina").await.expect(200);
    let read = shop.get("/users/mina").as_user("mina").await.expect(200);
    assert!(read.get("phone").is_none() && read.get("address").is_none());

    let tea = json!({
        "productId": "tea", "name": "녹차", "price": 1_000, "stock": 1, "category": "차", "description": "좋다",
    });
    shop.post("/products", tea).as_admin().await.expect(201);
    let changed = shop.patch("/products/tea", json!({ "category": null })).as_admin().await.expect(200);
    assert!(changed.get("category").is_none() && changed["description"] == "좋다");
    let changed = shop.patch("/products/tea", json!({ "description": null })).as_admin().await.expect(200);
    assert!(changed.get("description").is_none());
}

#[tokio::test]
async fn null_is_refused_for_a_required_field() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.product("tea", 1_000, 1).await;
    for field in ["name", "email", "kind", "status"] {
        let change = json!({ field: null, "phone": "010" });
        assert_eq!(shop.patch("/users/mina", change).as_admin().await.bad_fields(), [field]);
    }
    for field in ["name", "price", "discount", "status", "needsShipping"] {
        let change = json!({ field: null, "category": "차" });
        assert_eq!(shop.patch("/products/tea", change).as_admin().await.bad_fields(), [field]);
    }
    assert!(shop.get("/users/mina").as_user("mina").await.expect(200).get("phone").is_none());
}

/// A client that had lost its list cancelled everything.
#[tokio::test]
async fn null_for_items_cancels_nothing() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 5).await;
    let order = shop.order("mina", "tea", 2).await.expect(201);
    let path = format!("/orders/{}/cancel", order["orderId"].as_str().unwrap());
    let cancel = |body: Value| shop.post(&path, body).as_user("mina");
    assert_eq!(cancel(json!({ "items": null })).await.bad_fields(), ["items"]);
    assert_eq!(shop.stock("tea").await, 3);
    assert_eq!(cancel(json!({ "reason": null })).await.expect(200)["status"], "FULLY_REFUNDED");
    shop.audit().await;
}

const BUSINESS: &str = r#"{"businessName":"다방 상회","registrationNumber":"123-45-67890","contact":"02-123-4567",
    "address":"서울시 종로구","category":"차"}"#;

#[tokio::test]
async fn kind_and_business_are_consistent() {
    let shop = TestShop::new();
    let business: Value = serde_json::from_str(BUSINESS).unwrap();
    let user = |more: Value| {
        let mut user = new_user("dabang", "박다방");
        user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        shop.post("/users", user).as_admin()
    };
    assert_eq!(user(json!({ "kind": "SELLER" })).await.bad_fields(), ["seller"]);
    for kind in ["CUSTOMER", "ADMIN"] {
        assert_eq!(user(json!({ "kind": kind, "seller": business })).await.bad_fields(), ["seller"]);
    }
    assert_eq!(user(json!({ "seller": business })).await.expect(201)["kind"], "SELLER");

    let change = |change: Value| shop.patch("/users/dabang", change).as_admin();
    assert_eq!(change(json!({ "seller": null })).await.bad_fields(), ["seller"]);
    assert_eq!(change(json!({ "kind": "CUSTOMER" })).await.bad_fields(), ["seller"]);
    let customer = change(json!({ "kind": "CUSTOMER", "seller": null })).await.expect(200);
    assert!(customer["kind"] == "CUSTOMER" && customer.get("seller").is_none());
    assert_eq!(change(json!({ "kind": "SELLER" })).await.bad_fields(), ["seller"]);
    assert_eq!(change(json!({ "seller": business })).await.bad_fields(), ["seller"]);
    let seller = change(json!({ "kind": "SELLER", "seller": business })).await.expect(200);
    assert_eq!(seller["seller"]["businessName"], "다방 상회");
}

/// A record of the first stage may be a seller without a business: other fields of it can be changed.
#[tokio::test]
async fn a_seller_of_the_first_stage_without_a_business_can_be_changed() {
    let shop = TestShop::new();
    shop.customer("dabang", 0).await;
    let seller = json!({
        "TableName": TABLE, "Key": { "pk": { "S": "USER#dabang" }, "sk": { "S": "PROFILE" } },
        "UpdateExpression": "SET kind = :seller", "ExpressionAttributeValues": { ":seller": { "S": "SELLER" } },
    });
    shop.dynamo().execute("UpdateItem", seller).unwrap();
    let changed = shop.patch("/users/dabang", json!({ "name": "새 이름" })).as_user("dabang").await.expect(200);
    assert_eq!((&changed["kind"], &changed["name"]), (&json!("SELLER"), &json!("새 이름")));
    let answer: Answer = shop.patch("/users/dabang", json!({ "kind": "SELLER" })).as_admin().await;
    assert_eq!(answer.bad_fields(), ["seller"]);
}

/// Each entry of a history has an id of its own, and keeps it as the history grows.
#[tokio::test]
async fn history_entries_have_stable_ids() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    for (product, seller) in [("tea", "dabang"), ("cup", "dogi")] {
        let product = json!({ "productId": product, "name": product, "price": 10_000, "stock": 5 });
        shop.post("/products", product).as_seller(seller).await.expect(201);
    }
    let items = json!([{ "productId": "tea", "quantity": 2 }, { "productId": "cup", "quantity": 1 }]);
    let order = shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201);
    let order = format!("/orders/{}", order["orderId"].as_str().unwrap());
    let path = format!("{order}/history");
    let history = |call: Call| async move { call.await.expect(200)["items"].as_array().unwrap().clone() };
    let first = history(shop.get(&path).as_user("mina")).await;
    let cancel = json!({ "items": [{ "itemId": "1", "quantity": 1 }] });
    shop.post(&format!("{order}/cancel"), cancel).as_user("mina").await.expect(200);
    shop.patch(&format!("{order}/items/2"), json!({ "status": "SHIPPED" })).as_admin().await.expect(200);
    let then = history(shop.get(&path).as_user("mina")).await;
    assert_eq!(then[..first.len()], first[..]);
    let mut ids: Vec<&str> = then.iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "{ids:?}");
    // A seller sees fewer entries, under the same ids.
    let seen = history(shop.get(&path).as_seller("dogi")).await;
    assert!(seen.len() < then.len() && seen.iter().all(|entry| then.contains(entry)), "{seen:?}");
}
