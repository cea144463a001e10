//! `POST` and `GET /drops/{dropId}/entries`, and the tickets on orders and issues.

use serde_json::{Value, json};
use tests::{Answer, Call, Cost, TestShop, steps::wait};

/// A shop with a guarded product that is open.
async fn shop_with_drop(instances: usize, stock: i64) -> TestShop {
    let shop = TestShop::with_instances(instances);
    for user in ["mina", "jun", "sora"] {
        shop.customer(user, 100_000).await;
    }
    shop.product("tea", 10_000, stock).await;
    set(&shop, json!({ "productId": "tea" }), true).await.expect(200);
    shop
}

fn set(shop: &TestShop, target: Value, enabled: bool) -> Call {
    let mut body = json!({ "opensAt": shop.now(), "enabled": enabled });
    body.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
    shop.call("PUT", "/drops/friday").json(&body).as_admin()
}

async fn enter(shop: &TestShop, user: &str) -> Value {
    shop.post("/drops/friday/entries", json!({})).as_user(user).await.expect(201)
}

fn look(shop: &TestShop, user: &str, entry: &Value) -> Call {
    shop.get(&format!("/drops/friday/entries?ticket={}", ticket(entry))).as_user(user)
}

fn ticket(entry: &Value) -> &str {
    entry["ticket"].as_str().unwrap()
}

fn order(shop: &TestShop, user: &str, entry: &Value) -> Call {
    shop.order(user, "tea", 1).header("x-drop-ticket", ticket(entry))
}

/// Enters, and waits for the turn.
async fn admitted(shop: &TestShop, user: &str) -> Value {
    let entry = enter(shop, user).await;
    for _ in 0..5 {
        if look(shop, user, &entry).await.expect(200)["status"] == "ADMITTED" {
            return entry;
        }
        wait(shop, 1_000);
    }
    panic!("{user} waits");
}

#[track_caller]
fn reason(answer: &Answer) -> Value {
    let details = answer.clone().refused(429, "TOO_MANY_REQUESTS");
    assert_eq!(details["dropId"], "friday");
    assert!(answer.headers.contains_key("retry-after"));
    details["reason"].clone()
}

#[tokio::test(start_paused = true)]
async fn an_order_of_a_guarded_product_needs_an_admitted_ticket_of_its_user() {
    let shop = shop_with_drop(2, 5).await;
    assert_eq!(reason(&shop.order("mina", "tea", 1).await), "TICKET_MISSING");
    let entry = enter(&shop, "mina").await;
    assert_eq!((&entry["status"], &entry["place"]), (&json!("WAITING"), &json!(1)), "{entry}");
    assert!(entry["estimatedAt"].is_string());
    assert_eq!(reason(&order(&shop, "mina", &entry).await), "TICKET_WAITING");
    assert_eq!(admitted(&shop, "mina").await["ticket"], entry["ticket"], "one place for a user");
    assert_eq!(reason(&order(&shop, "jun", &entry).await), "TICKET_NOT_VALID");
    let placed = order(&shop, "mina", &entry).key("k").await.expect(201);
    assert_eq!(order(&shop, "mina", &entry).key("k").await.expect(201)["orderId"], placed["orderId"]);
    let replayed = shop.order("mina", "tea", 1).key("k").await.expect(201);
    assert_eq!(replayed["orderId"], placed["orderId"], "a replay needs no ticket");
    assert_eq!(reason(&order(&shop, "mina", &entry).await), "TICKET_USED");
    let damaged = shop.order("mina", "tea", 1).header("x-drop-ticket", "nonsense").await;
    assert_eq!((damaged.status, &damaged.body["fieldErrors"][0]["field"]), (400, &json!("x-drop-ticket")));
    assert_eq!(shop.stock("tea").await, 4);
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn a_cached_product_is_guarded_from_the_answer_on() {
    for (shards, flash) in [(1, false), (3, false), (2, true)] {
        let shop = TestShop::with_instances(2);
        for user in ["mina", "jun"] {
            shop.customer(user, 100_000).await;
        }
        let tea = json!({
            "productId": "tea", "name": "녹차", "price": 100, "stock": 9, "stockShards": shards, "flash": flash,
        });
        shop.post("/products", tea).as_admin().await.expect(201);
        // Both instances have cached the product.
        for user in ["mina", "jun"] {
            shop.order(user, "tea", 1).await.expect(201);
        }
        set(&shop, json!({ "productId": "tea" }), true).await.expect(200);
        for user in ["mina", "jun"] {
            assert_eq!(reason(&shop.order(user, "tea", 1).await), "TICKET_MISSING");
        }
        let entry = admitted(&shop, "mina").await;
        order(&shop, "mina", &entry).await.expect(201);
        // A change of the sale terms keeps the guard.
        shop.patch("/products/tea", json!({ "limit": { "perUser": 5, "within": "EVER" } }))
            .as_admin()
            .await
            .expect(200);
        shop.patch("/products/tea", json!({ "limit": null })).as_admin().await.expect(200);
        assert_eq!(reason(&shop.order("jun", "tea", 1).await), "TICKET_MISSING");
        shop.audit().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_order_leaves_its_ticket() {
    let shop = shop_with_drop(1, 20).await;
    let entry = admitted(&shop, "mina").await;
    shop.order("mina", "tea", 11).header("x-drop-ticket", ticket(&entry)).await.refused(402, "BALANCE_NOT_ENOUGH");
    shop.order("mina", "tea", 21).header("x-drop-ticket", ticket(&entry)).await.refused(409, "STOCK_NOT_ENOUGH");
    order(&shop, "mina", &entry).await.expect(201);
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn a_ticket_serves_one_of_two_orders_at_once() {
    let shop = shop_with_drop(2, 5).await;
    let entry = admitted(&shop, "mina").await;
    let (one, two) = tokio::join!(order(&shop, "mina", &entry), order(&shop, "mina", &entry));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 429]);
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_admitted_before_the_opening_and_all_are_while_the_drop_is_off() {
    let shop = shop_with_drop(1, 5).await;
    let later = json!({ "productId": "tea", "opensAt": "2030-01-01T00:00:00Z", "enabled": true });
    shop.call("PUT", "/drops/friday").json(&later).as_admin().await.expect(200);
    let entry = enter(&shop, "mina").await;
    wait(&shop, 5_000);
    assert_eq!(look(&shop, "mina", &entry).await.expect(200)["status"], "WAITING");
    assert_eq!(reason(&order(&shop, "mina", &entry).await), "TICKET_WAITING");
    set(&shop, json!({ "productId": "tea" }), false).await.expect(200);
    assert_eq!(look(&shop, "mina", &entry).await.expect(200)["status"], "ADMITTED");
    shop.order("jun", "tea", 1).await.expect(201);
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn no_more_are_admitted_than_units_are_left_and_those_who_leave_make_room() {
    let shop = shop_with_drop(2, 1).await;
    let first = admitted(&shop, "mina").await;
    let second = enter(&shop, "jun").await;
    wait(&shop, 60_000);
    assert_eq!(look(&shop, "jun", &second).await.expect(200)["status"], "WAITING");
    wait(&shop, 71_000);
    assert_eq!(look(&shop, "mina", &first).await.expect(200)["status"], "EXPIRED");
    assert_eq!(reason(&order(&shop, "mina", &first).await), "TICKET_EXPIRED");
    let now = look(&shop, "jun", &second).await.expect(200);
    assert_eq!((&now["status"], &now["place"]), (&json!("ADMITTED"), &json!(0)), "{now}");
    let again = enter(&shop, "mina").await;
    assert_ne!(again["ticket"], first["ticket"], "a new place at the end");
    order(&shop, "jun", &second).await.expect(201);
    wait(&shop, 1_000);
    let told = look(&shop, "mina", &again).await.expect(200);
    assert_eq!((&told["status"], &told["soldOut"], told.get("estimatedAt")), (&json!("WAITING"), &json!(true), None));
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn a_coupon_of_a_guarded_campaign_needs_a_ticket_from_the_answer_on() {
    let shop = TestShop::with_instances(2);
    for user in ["mina", "jun", "sora"] {
        shop.customer(user, 0).await;
    }
    shop.coupon("welcome", 5).await;
    // Both instances have cached the campaign.
    for user in ["mina", "jun"] {
        shop.issue(user, "welcome").await.expect(201);
    }
    set(&shop, json!({ "couponId": "welcome" }), true).await.expect(200);
    for _ in 0..2 {
        assert_eq!(reason(&shop.issue("sora", "welcome").await), "TICKET_MISSING");
    }
    let entry = admitted(&shop, "sora").await;
    let issue = |key: &str| {
        let call = shop.post("/coupons/issue", json!({ "userId": "sora", "couponId": "welcome" })).key(key);
        call.header("x-drop-ticket", ticket(&entry))
    };
    let issued = issue("k").await.expect(201);
    assert_eq!(issue("k").await.expect(201)["issuedCouponId"], issued["issuedCouponId"]);
    shop.post("/coupons/revoke", json!({ "userId": "sora", "couponId": "welcome" })).as_admin().await.expect(200);
    assert_eq!(reason(&issue("another").await), "TICKET_USED");
    let left = shop.get("/coupons/welcome").as_admin().await.expect(200);
    assert_eq!(left["issuedQuantity"], 3, "a refused issue leaves no ticket of the campaign: {left}");
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn a_look_within_a_second_costs_no_read() {
    let shop = shop_with_drop(1, 5).await;
    let entry = admitted(&shop, "mina").await;
    wait(&shop, 1_000);
    look(&shop, "mina", &entry).await.expect(200);
    shop.meter().take();
    for _ in 0..10 {
        look(&shop, "mina", &entry).await.expect(200);
    }
    assert_eq!(shop.meter().take(), Cost { round_trips: 0, write_units: 0.0, read_units: 0.0 });
}

#[tokio::test(start_paused = true)]
async fn entries_at_once_of_one_user_have_one_place() {
    let shop = shop_with_drop(3, 5).await;
    let (one, two, three) = tokio::join!(enter(&shop, "mina"), enter(&shop, "mina"), enter(&shop, "mina"));
    assert_eq!((&one["ticket"], &two["ticket"]), (&two["ticket"], &three["ticket"]));
    // The numbers that serve nobody do not hold up the next one.
    shop.audit().await;
}

#[tokio::test(start_paused = true)]
async fn a_ticket_in_the_query_must_be_one_of_the_caller() {
    let shop = shop_with_drop(1, 5).await;
    let entry = enter(&shop, "mina").await;
    for bad in ["", "x", &"A".repeat(66)] {
        let answer = shop.get(&format!("/drops/friday/entries?ticket={bad}")).as_user("mina").await;
        assert_eq!((answer.status, &answer.body["fieldErrors"][0]["field"]), (400, &json!("ticket")), "{bad}");
    }
    let forged = json!({ "ticket": "A".repeat(67) });
    assert_eq!(reason(&look(&shop, "mina", &forged).await), "TICKET_NOT_VALID");
    assert_eq!(reason(&look(&shop, "jun", &entry).await), "TICKET_NOT_VALID");
    shop.get("/drops/none/entries?ticket=".to_owned().as_str()).as_user("mina").await.refused(400, "INVALID_REQUEST");
    shop.post("/drops/none/entries", json!({})).as_user("mina").await.refused(404, "ENTITY_NOT_FOUND");
}
