//! The API as deployed: behind its authorizer, each function with no more than its own permissions.

use reqwest::Method;
use serde_json::{Value, json};

use crate::stack::{Api, Shop, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_works_with_a_token_and_its_own_permissions() {
    let shop = Shop::start_with("e2e-deployed", &[("RebuildSettleSeconds", "0")]).await;
    let deployed = Api::new(shop.stack().api_url());
    let as_caller = |sub: &str, groups: &[&str]| {
        deployed.with("authorization", format!("Bearer {}", shop.stack().token(sub, groups).unwrap()))
    };
    let (admin, mina) = (as_caller("boss", &["admin"]), as_caller("mina", &[]));
    let seller = as_caller("dabang", &["seller"]);

    // Users.
    mina.post("/users", json!({ "name": "이미나", "email": "mina@example.com" })).await.data();
    assert_eq!(mina.get("/users/mina").await.data()["name"], "이미나");
    mina.patch("/users/mina", json!({ "phone": "010-1234-5678" })).await.data();
    mina.patch("/users/mina", json!({ "email": "new@example.com" })).await.data();
    admin.patch("/users/mina", json!({ "status": "ACTIVE" })).await.data();

    // Balance.
    let charge = json!({ "userId": "mina", "amount": 100_000 });
    mina.with("idempotency-key", "k").post("/balance/charge", charge.clone()).await.data();
    mina.with("idempotency-key", "k").post("/balance/charge", charge).await.data();
    assert_eq!(mina.get("/balance/mina").await.data()["balance"], 100_000);
    assert_eq!(mina.get("/balance/mina/entries").await.data()["items"].as_array().unwrap().len(), 1);

    // Products.
    let tea = json!({ "productId": "tea", "name": "녹차", "price": 12_000, "stock": 10 });
    assert_eq!(seller.post("/products", tea).await.data()["sellerId"], "dabang");
    seller.patch("/products/tea", json!({ "price": 11_000 })).await.data();
    admin.patch("/products/tea", json!({ "stockShards": 2 })).await.data();
    seller.post("/products/tea/restock", json!({ "quantity": 5 })).await.data();
    assert_eq!(admin.patch("/products/tea", json!({ "stockShards": 1 })).await.data()["stock"], 15);
    assert_eq!(seller.post("/products/tea/restock", json!({ "quantity": -3 })).await.data()["stock"], 12);

    // The desk.
    assert_eq!(seller.get("/desk/products").await.data()["items"][0]["productId"], "tea");
    assert_eq!(seller.get("/desk/products/tea").await.data()["stockShards"], 1);

    // Coupons.
    let campaign = |id: &str| {
        json!({
            "couponId": id, "name": "환영", "kind": "RATE", "value": 10, "totalQuantity": 2, "validDays": 7,
            "issueFrom": "2026-01-01T00:00:00Z", "issueUntil": "2036-01-01T00:00:00Z",
        })
    };
    for id in ["welcome", "second"] {
        admin.post("/coupons", campaign(id)).await.data();
        let issue = json!({ "userId": "mina", "couponId": id });
        mina.with("idempotency-key", id).post("/coupons/issue", issue).await.data();
    }
    assert_eq!(admin.get("/coupons/welcome").await.data()["remainingQuantity"], 1);
    assert_eq!(admin.get("/desk/campaigns").await.data()["items"].as_array().unwrap().len(), 2);
    assert_eq!(mina.get("/coupons").await.data()["items"].as_array().unwrap().len(), 2);
    admin.post("/coupons/revoke", json!({ "userId": "mina", "couponId": "second" })).await.data();

    // The cart.
    let item = |quantity: i64| json!({ "productId": "tea", "quantity": quantity });
    for _ in 0..2 {
        mina.with("idempotency-key", "cart").post("/orders/cart", item(1)).await.data();
    }
    assert_eq!(mina.post("/orders/cart", item(2)).await.data()["total"], 33_000);
    assert_eq!(mina.get("/orders/cart").await.data()["items"][0]["quantity"], 3);
    for path in ["/orders/cart/tea", "/orders/cart/tea", "/orders/cart/tea?userId=mina"] {
        assert_eq!(mina.delete(path).await.status, 204);
    }
    assert_eq!(mina.get("/orders/cart").await.data()["items"], json!([]));
    assert_eq!(admin.get("/orders/cart?userId=nobody").await.code(), "ENTITY_NOT_FOUND");
    assert_eq!(admin.delete("/orders/cart/tea?userId=nobody").await.code(), "ENTITY_NOT_FOUND");

    // Orders.
    let order = |quantity: i64, coupon: Option<&str>| json!({ "userId": "mina", "items": [{ "productId": "tea", "quantity": quantity }], "couponId": coupon });
    let paid = mina.post("/orders", order(2, Some("welcome"))).await;
    let id = paid.data()["orderId"].as_str().unwrap();
    assert_eq!(mina.post("/orders", order(9, None)).await.code(), "BALANCE_NOT_ENOUGH");
    assert_eq!(mina.post("/orders", order(99, None)).await.code(), "STOCK_NOT_ENOUGH");
    assert_eq!(mina.post("/orders", order(1, Some("second"))).await.code(), "COUPON_NOT_USABLE");
    assert_eq!(mina.get(&format!("/orders/{id}")).await.data(), paid.data());
    assert_eq!(seller.get(&format!("/orders/{id}")).await.data()["items"].as_array().unwrap().len(), 1);
    mina.get(&format!("/orders/{id}/history")).await.data();
    assert_eq!(mina.get("/orders").await.data()["items"].as_array().unwrap().len(), 2);
    assert_eq!(admin.get("/orders?userId=nobody").await.code(), "ENTITY_NOT_FOUND");

    an_order_lives(&mina, &seller).await;
    an_export_is_built(&mina, "MINE", "이미나").await;
    an_export_is_built(&seller, "PRODUCTS", "녹차").await;
    an_export_is_built(&admin, "LEDGER", "CHARGE").await;
    the_door_is_shut_to_others(&deployed, &mina, id).await;
    bad_input_is_refused(&mina).await;
    bad_input_is_refused(&shop.api).await;
    what_is_public_is_open(&deployed).await;
    shop.audit().await;
    for task in ["EXPIRY", "INVENTORY", "TICKETS", "COUPONS"] {
        shop.invoke("Sweep", json!({ "task": task })).await;
    }
    for function in ["RebuildSales", "AuditBooks", "Watch"] {
        shop.invoke(function, json!({})).await;
    }
    shop.audit().await;
    shop.stop().await;
}

/// From the cart over a sheet to a return, each step by a function of its own.
async fn an_order_lives(mina: &Api, seller: &Api) {
    mina.post("/orders/cart", json!({ "productId": "tea", "quantity": 3 })).await.data();
    let sheet = mina.post("/order-sheets", json!({ "userId": "mina", "fromCart": true })).await;
    let sheet_id = sheet.data()["orderSheetId"].as_str().unwrap();
    assert_eq!(mina.get(&format!("/order-sheets/{sheet_id}")).await.data()["status"], "OPEN");
    let body = json!({ "userId": "mina", "orderSheetId": sheet_id, "payment": "LATER" });
    let order = mina.post("/orders", body).await;
    let path = format!("/orders/{}", order.data()["orderId"].as_str().unwrap());
    let key = mina.with("idempotency-key", "pay");
    assert_eq!(key.post(&format!("{path}/payment"), json!({})).await.data()["status"], "PAID");
    let twice = mina.with("idempotency-key", "pay-twice").post(&format!("{path}/payment"), json!({})).await;
    assert_eq!(twice.code(), "ORDER_STATE_CONFLICT");
    assert_eq!(mina.get(&format!("{path}/payments")).await.data()["items"][0]["status"], "PAID");

    let part = json!({ "items": [{ "itemId": "1", "quantity": 1 }], "reason": "하나만" });
    let key = mina.with("idempotency-key", "part");
    assert_eq!(key.post(&format!("{path}/cancel"), part).await.data()["refunded"], 11_000);
    let line = format!("{path}/items/1");
    assert_eq!(mina.get(&line).await.data()["cancelledQuantity"], 1);
    let parcels = format!("{path}/parcels");
    let parcel = json!({ "items": [{ "itemId": "1", "quantity": 2 }], "carrier": "CJ", "trackingNumber": "1" });
    assert_eq!(seller.post(&parcels, parcel).await.data()["parcelId"], "1");
    seller.patch(&format!("{parcels}/1"), json!({ "status": "DELIVERED" })).await.data();
    one_unit_is_claimed(mina, seller, &path).await;
    for (who, status) in [(mina, "RETURN_REQUESTED"), (seller, "RETURN_IN_PROGRESS"), (seller, "RETURNED")] {
        assert!(who.patch(&line, json!({ "status": status })).await.status.is_success(), "{status}");
    }
    let end = mina.get(&path).await;
    assert_eq!((&end.data()["status"], &end.data()["refunded"]), (&json!("FULLY_REFUNDED"), &order.data()["payable"]));
    let held = json!({ "userId": "mina", "items": [{ "productId": "tea", "quantity": 1 }], "payment": "LATER" });
    let held = mina.post("/orders", held).await;
    let path = format!("/orders/{}/cancel", held.data()["orderId"].as_str().unwrap());
    assert_eq!(mina.post(&path, json!({})).await.data()["status"], "CANCELLED");
}

/// A return of one unit of a delivered line, by the customer and the seller.
async fn one_unit_is_claimed(mina: &Api, seller: &Api, order: &str) {
    let claims = format!("{order}/claims");
    let body = json!({ "type": "RETURN", "items": [{ "itemId": "1", "quantity": 1 }], "reason": "DEFECT" });
    let preview = mina.post(&format!("{claims}?preview=true"), body.clone()).await;
    let withdrawn = mina.post(&claims, body.clone()).await;
    let path = |claim: &Value| format!("/claims/{}", claim["claimId"].as_str().unwrap());
    assert_eq!(withdrawn.data()["refund"], preview.data()["refund"]);
    mina.post(&format!("{}/withdraw", path(withdrawn.data())), json!({})).await.data();
    let claim = mina.post(&claims, body).await;
    let claim = path(claim.data());
    assert_eq!(seller.post(&format!("{claim}/decide"), json!({ "accept": true })).await.data()["status"], "ACCEPTED");
    let receipt = json!({ "items": [{ "itemId": "1", "quantity": 1, "condition": "SELLABLE" }] });
    assert_eq!(seller.post(&format!("{claim}/receive"), receipt).await.data()["status"], "COMPLETED");
    assert_eq!(mina.get(&claim).await.data()["refund"], preview.data()["refund"]);
    eventually("the claims are at the desk", || async {
        let list = seller.get("/desk/claims").await.data().clone();
        if list["items"].as_array().is_some_and(|items| items.len() == 2) { Ok(()) } else { Err(list.to_string()) }
    })
    .await;
    assert!(seller.get("/desk/lines?shipTo=true").await.data()["items"].is_array());
}

/// An export is built part by part behind the request. Its link needs no token.
async fn an_export_is_built(caller: &Api, of: &str, row: &str) {
    let body = json!({ "of": of, "from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z" });
    let begun = caller.post("/exports", body).await;
    let path = format!("/exports/{}", begun.data()["exportId"].as_str().unwrap());
    let done = eventually("the export is built", || async {
        let shown = caller.get(&path).await.data().clone();
        if shown["status"] == "DONE" { Ok(shown) } else { Err(shown.to_string()) }
    })
    .await;
    let file = reqwest::get(done["link"].as_str().unwrap()).await.unwrap();
    assert_eq!(file.status(), 200, "{done}");
    let text = file.text().await.unwrap();
    assert!(text.contains(row), "{text}");
}

/// Without a token no function runs, with any headers. A token gives access to its user's own things only.
async fn the_door_is_shut_to_others(deployed: &Api, mina: &Api, order: &str) {
    let nobody = deployed.as_admin();
    for (method, path) in [
        (Method::POST, "/users"),
        (Method::GET, "/balance/mina"),
        (Method::POST, "/orders"),
        (Method::DELETE, "/orders/cart/tea"),
        (Method::GET, "/coupons?userId=mina"),
        (Method::POST, "/products"),
    ] {
        let answer = nobody.try_call(method, path, Some(&json!({ "userId": "mina" }))).await.unwrap();
        assert_eq!(answer.status, 401, "{path}");
    }
    let forged = deployed.with("authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJib3NzIn0.");
    assert_eq!(forged.get("/balance/mina").await.status, 401);

    // The local runner's headers mean nothing here.
    let pretender = mina.as_admin();
    assert_eq!(pretender.get("/balance/boss").await.code(), "FORBIDDEN");
    assert_eq!(pretender.post("/products", json!({ "name": "X", "price": 1, "stock": 1 })).await.code(), "FORBIDDEN");
    assert_eq!(mina.get("/users/jun").await.code(), "FORBIDDEN");
    assert_eq!(mina.get(&format!("/orders/{order}x")).await.code(), "ENTITY_NOT_FOUND");
}

async fn what_is_public_is_open(deployed: &Api) {
    let list = deployed.get("/products").await;
    assert_eq!(list.data()["items"][0]["productId"], "tea");
    deployed.get("/products/tea").await.data();
    for path in ["/products/top", "/products/best-seller?range=3days"] {
        assert!(deployed.get(path).await.data()["items"].is_array());
    }
    let nowhere: Value = deployed.get("/nowhere").await.body;
    assert_eq!(nowhere["code"], "ENTITY_NOT_FOUND");
    let wrong = deployed.try_call(Method::PUT, "/orders", None).await.unwrap();
    assert_eq!((wrong.status.as_u16(), wrong.code()), (405, "METHOD_NOT_ALLOWED"));
}

/// The gateways in front change paths and bodies, but not these refusals.
async fn bad_input_is_refused(api: &Api) {
    let charge = |amount: Value| json!({ "userId": "mina", "amount": amount });
    for amount in
        [json!(1.5), json!("1000"), json!(-100), json!(150), json!(100_000_000), json!(9_223_372_036_854_775_808_u64)]
    {
        let answer = api.post("/balance/charge", charge(amount.clone())).await;
        assert_eq!((answer.status.as_u16(), answer.fields()), (400, vec!["amount"]), "{amount}");
    }
    for id in ["a%20b", "a.b", &"x".repeat(65)] {
        let answer = api.get(&format!("/balance/{id}")).await;
        assert_eq!((answer.status.as_u16(), answer.fields()), (400, vec!["userId"]), "{id}");
    }
    // A gateway may take an escaped slash for a slash: then there is no such path.
    let slash = api.get("/balance/a%2Fb").await;
    assert!([400, 404].contains(&slash.status.as_u16()), "{slash:?}");
    let malformed = api.send_text("/balance/charge", "application/json", "{\"userId\":").await;
    assert_eq!((malformed.status.as_u16(), malformed.fields()), (400, vec!["body"]));
    let text = api.send_text("/balance/charge", "text/plain", "{}").await;
    assert_eq!((text.status.as_u16(), text.code()), (415, "UNSUPPORTED_MEDIA_TYPE"));
    let large = api.send_text("/balance/charge", "application/json", &" ".repeat(65 * 1024)).await;
    assert_eq!((large.status.as_u16(), large.code()), (413, "PAYLOAD_TOO_LARGE"));
}
