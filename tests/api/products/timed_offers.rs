//! Timed offers: discounts for a time, for all units or for a number of them, and `GET /products/{productId}/yours`.

use serde_json::{Value, json};
use shared::app::orders;
use tests::{
    TestShop,
    steps::{cancel, end_hold, hold, order_id},
};

const FROM: &str = "2026-11-20T03:10:00Z";
const UNTIL: &str = "2026-11-20T03:20:00Z";
const JUST_BEFORE: [&str; 2] = ["2026-11-20T03:09:59.999Z", "2026-11-20T03:19:59.999Z"];

fn offer(quantity: Option<i64>) -> Value {
    let mut offer = json!({ "discount": 500, "from": FROM, "until": UNTIL });
    if let Some(quantity) = quantity {
        offer["quantity"] = json!(quantity);
    }
    offer
}

/// A shop with tea at 1,000 won less 100, for ten minutes less 500.
async fn shop_with_tea(flash: bool, quantity: Option<i64>) -> TestShop {
    let shop = TestShop::with_instances(2);
    shop.customer("mina", 1_000_000).await;
    shop.customer("jun", 1_000_000).await;
    let tea = json!({
        "productId": "tea", "name": "녹차", "price": 1_000, "discount": 100, "stock": 1_000, "stockShards": 2,
        "flash": flash, "offers": [offer(quantity)],
    });
    let created = shop.post("/products", tea).as_admin().await.expect(201);
    assert_eq!((&created["discount"], &created["offers"]), (&json!(100), &json!([offer(quantity)])));
    shop
}

async fn change(shop: &TestShop, change: Value) {
    shop.patch("/products/tea", change).as_admin().await.expect(200);
}

async fn ordered(shop: &TestShop, quantity: i64) -> Value {
    shop.order("mina", "tea", quantity).await.expect(201)
}

/// The discount on a unit of an order.
async fn discount_of(shop: &TestShop, quantity: i64) -> i64 {
    ordered(shop, quantity).await["items"][0]["unitDiscount"].as_i64().unwrap_or_default()
}

fn expecting(shop: &TestShop, quantity: i64, price: i64) -> tests::Call {
    let items = json!([{ "productId": "tea", "quantity": quantity, "expectedPrice": price }]);
    shop.post("/orders", json!({ "userId": "mina", "items": items }))
}

#[tokio::test]
async fn an_offer_counts_in_its_time_to_the_millisecond() {
    for flash in [false, true] {
        let shop = shop_with_tea(flash, None).await;
        let times = [(JUST_BEFORE[0], 100), (FROM, 500), (JUST_BEFORE[1], 500), (UNTIL, 100)];
        for (at, discount) in times {
            shop.set_clock(at);
            // On each instance.
            for _ in 0..2 {
                assert_eq!(discount_of(&shop, 1).await, discount, "{at}");
            }
        }
        assert_eq!(shop.balance("mina").await, 1_000_000 - 4 * 900 - 4 * 500 - 8 * 3_000);
        shop.audit().await;
    }
}

#[tokio::test]
async fn an_expected_price_is_that_of_the_offer_while_it_runs() {
    for flash in [false, true] {
        let shop = shop_with_tea(flash, None).await;
        shop.set_clock(FROM);
        let changed = expecting(&shop, 1, 900).await.refused(409, "PRICE_CHANGED");
        assert_eq!(changed, json!({ "productId": "tea", "quoted": 900, "current": 500 }));
        expecting(&shop, 1, 500).await.expect(201);
        shop.set_clock(UNTIL);
        let changed = expecting(&shop, 1, 500).await.refused(409, "PRICE_CHANGED");
        assert_eq!(changed, json!({ "productId": "tea", "quoted": 500, "current": 900 }));
        expecting(&shop, 1, 900).await.expect(201);
        shop.audit().await;
    }
}

#[tokio::test]
async fn other_offers_hold_at_once() {
    for flash in [false, true] {
        let shop = shop_with_tea(flash, None).await;
        shop.set_clock(FROM);
        assert_eq!(discount_of(&shop, 1).await, 500);
        change(&shop, json!({ "offers": [{ "discount": 700, "from": FROM, "until": UNTIL }] })).await;
        for _ in 0..2 {
            assert_eq!(discount_of(&shop, 1).await, 700);
        }
        change(&shop, json!({ "offers": null })).await;
        for _ in 0..2 {
            assert_eq!(discount_of(&shop, 1).await, 100);
        }
        // The discount of the product changes without its offers.
        change(&shop, json!({ "offers": [offer(None)] })).await;
        change(&shop, json!({ "discount": 200 })).await;
        for _ in 0..2 {
            assert_eq!(discount_of(&shop, 1).await, 500);
        }
        shop.set_clock(UNTIL);
        assert_eq!(discount_of(&shop, 1).await, 200);
        shop.audit().await;
    }
}

#[tokio::test]
async fn a_quota_sells_its_units_and_no_more() {
    for flash in [false, true] {
        let shop = shop_with_tea(flash, Some(20)).await;
        shop.set_clock(FROM);
        // The quota is in two parts; a line of eleven is more than one of them.
        assert_eq!(discount_of(&shop, 11).await, 500);
        // Too few are left for the whole line.
        assert_eq!(discount_of(&shop, 10).await, 100);
        let changed = expecting(&shop, 10, 500).await.refused(409, "PRICE_CHANGED");
        assert_eq!(changed, json!({ "productId": "tea", "quoted": 500, "current": 900, "offerLeft": 9 }));
        expecting(&shop, 10, 900).await.expect(201);
        let changed = expecting(&shop, 9, 900).await.refused(409, "PRICE_CHANGED");
        assert_eq!(changed, json!({ "productId": "tea", "quoted": 900, "current": 500 }));
        expecting(&shop, 9, 500).await.expect(201);
        assert_eq!(discount_of(&shop, 1).await, 100);
        shop.audit().await;
    }
}

#[tokio::test]
async fn a_quota_returns_with_a_cancellation_while_its_offer_runs() {
    let shop = shop_with_tea(false, Some(4)).await;
    shop.set_clock(FROM);
    let whole = ordered(&shop, 2).await;
    let held = hold(&shop, "mina", "tea", 2).await.expect(201);
    assert_eq!(discount_of(&shop, 1).await, 100);
    let one = json!({ "items": [{ "itemId": "1", "quantity": 1 }] });
    cancel(&shop, "mina", &whole, one).await.expect(200);
    assert_eq!(discount_of(&shop, 1).await, 500);
    cancel(&shop, "mina", &held, json!({})).await.expect(200);
    assert_eq!(discount_of(&shop, 2).await, 500);
    // A unit that is cancelled later returns to the stock alone, also if the offer is prolonged.
    shop.set_clock(UNTIL);
    cancel(&shop, "mina", &whole, json!({})).await.expect(200);
    let longer = json!({ "discount": 500, "from": FROM, "until": "2026-11-20T04:00:00Z", "quantity": 5 });
    change(&shop, json!({ "offers": [longer] })).await;
    assert_eq!(discount_of(&shop, 1).await, 500);
    assert_eq!(discount_of(&shop, 1).await, 100);
    shop.audit().await;
}

#[tokio::test]
async fn holds_that_end_return_their_units_to_the_quota() {
    let longer = json!({ "discount": 500, "from": FROM, "until": "2026-11-21T00:00:00Z", "quantity": 2 });
    for ends_together in [false, true] {
        let shop = shop_with_tea(false, Some(2)).await;
        change(&shop, json!({ "offers": [longer] })).await;
        shop.set_clock(FROM);
        let holds = [hold(&shop, "mina", "tea", 1).await.expect(201), hold(&shop, "jun", "tea", 1).await.expect(201)];
        assert_eq!(discount_of(&shop, 1).await, 100);
        shop.set_clock("2026-11-20T05:00:00Z");
        if ends_together {
            let orders = holds.map(|held| (order_id(&held), None));
            let ended = orders::end_holds(shop.instance(), &orders).await;
            assert!(ended.into_iter().all(|ended| ended.is_ok_and(|left| left.is_none())));
        } else {
            for held in &holds {
                end_hold(&shop, held).await;
            }
        }
        assert_eq!(discount_of(&shop, 2).await, 500);
        assert_eq!(discount_of(&shop, 1).await, 100);
        shop.audit().await;
    }
}

#[tokio::test]
async fn a_larger_quantity_goes_on_with_the_units_sold() {
    let shop = shop_with_tea(false, Some(2)).await;
    shop.set_clock(FROM);
    assert_eq!(discount_of(&shop, 2).await, 500);
    change(&shop, json!({ "offers": [offer(Some(3))] })).await;
    assert_eq!(discount_of(&shop, 1).await, 500);
    assert_eq!(discount_of(&shop, 1).await, 100);
    let smaller = shop.patch("/products/tea", json!({ "offers": [offer(Some(2))] })).as_admin();
    assert_eq!(smaller.await.bad_fields(), ["offers[0].quantity"]);
    shop.audit().await;
}

#[tokio::test]
async fn a_sheet_keeps_its_price_or_is_refused() {
    let shop = shop_with_tea(false, Some(3)).await;
    let body = json!({ "userId": "mina", "items": [{ "productId": "tea", "quantity": 2 }] });
    let sheet = async |price: i64| {
        let sheet = shop.post("/order-sheets", body.clone()).await.expect(201);
        let item = &sheet["items"][0];
        assert_eq!(item["unitPrice"].as_i64().unwrap() - item["unitDiscount"].as_i64().unwrap(), price);
        json!({ "userId": "mina", "orderSheetId": sheet["orderSheetId"] })
    };
    shop.set_clock(JUST_BEFORE[0]);
    let before = sheet(900).await;
    shop.set_clock(FROM);
    shop.post("/orders", before).await.refused(409, "PRICE_CHANGED");
    let (first, second) = (sheet(500).await, sheet(500).await);
    shop.post("/orders", first).await.expect(201);
    let changed = shop.post("/orders", second.clone()).await.refused(409, "PRICE_CHANGED");
    assert_eq!(changed, json!({ "productId": "tea", "quoted": 500, "current": 900, "offerLeft": 1 }));
    let regular = sheet(900).await;
    shop.post("/orders", regular).await.expect(201);
    change(&shop, json!({ "offers": [offer(Some(4))] })).await;
    shop.post("/orders", second).await.expect(201);
    shop.audit().await;
}

#[tokio::test]
async fn an_order_beyond_the_balance_takes_nothing_of_a_quota() {
    let shop = shop_with_tea(false, Some(3)).await;
    shop.customer("poor", 1_000).await;
    shop.set_clock(FROM);
    shop.order("poor", "tea", 2).await.refused(402, "BALANCE_NOT_ENOUGH");
    assert_eq!(discount_of(&shop, 3).await, 500);
    shop.audit().await;
}

#[tokio::test]
async fn another_number_of_shards_leaves_a_quota_as_it_is() {
    let shop = shop_with_tea(false, Some(20)).await;
    shop.set_clock(FROM);
    assert_eq!(discount_of(&shop, 5).await, 500);
    for shards in [7, 1, 3] {
        change(&shop, json!({ "stockShards": shards })).await;
        assert_eq!(discount_of(&shop, 5).await, 500, "{shards}");
    }
    assert_eq!(discount_of(&shop, 1).await, 100);
    shop.audit().await;
}

#[tokio::test]
async fn wrong_offers_are_refused() {
    let shop = shop_with_tea(false, None).await;
    let later = "2026-11-20T03:30:00Z";
    let wrong = [
        (json!([{ "discount": 500, "from": UNTIL, "until": FROM }]), "offers[0].until"),
        (json!([{ "discount": 500, "from": FROM, "until": FROM }]), "offers[0].until"),
        (json!([offer(None), { "discount": 1, "from": JUST_BEFORE[1], "until": later }]), "offers[1].from"),
        (json!([{ "discount": 1, "from": JUST_BEFORE[1], "until": later }, offer(None)]), "offers[0].from"),
        (json!([{ "discount": 1_001, "from": FROM, "until": UNTIL }]), "offers[0].discount"),
        (json!([{ "discount": 500, "from": FROM }]), "offers[0].until"),
        (json!([{ "discount": 500, "from": "tomorrow", "until": UNTIL }]), "offers[0].from"),
        (json!([offer(Some(0))]), "offers[0].quantity"),
        (json!([{ "discount": 500, "from": FROM, "until": UNTIL, "left": 1 }]), "offers[0].left"),
        (json!("half price"), "offers"),
    ];
    for (offers, field) in wrong {
        let cup = json!({ "name": "잔", "price": 1_000, "stock": 1, "offers": offers });
        assert_eq!(shop.post("/products", cup).as_admin().await.bad_fields(), [field], "{offers}");
        let change = shop.patch("/products/tea", json!({ "offers": offers })).as_admin();
        assert_eq!(change.await.bad_fields(), [field], "{offers}");
    }
    let day = |day: i64| format!("2027-01-{day:02}T00:00:00Z");
    let many: Vec<Value> =
        (1..=11).map(|from| json!({ "discount": 1, "from": day(from), "until": day(from + 1) })).collect();
    let change = |body: Value| shop.patch("/products/tea", body).as_admin();
    assert_eq!(change(json!({ "offers": many })).await.bad_fields(), ["offers"]);
    change(json!({ "offers": many[..10] })).await.expect(200);
    // The price stays above the discounts of all offers that are not over.
    change(json!({ "offers": [offer(None)] })).await.expect(200);
    assert_eq!(change(json!({ "price": 499 })).await.bad_fields(), ["price"]);
    change(json!({ "price": 500 })).await.expect(200);
    shop.set_clock(UNTIL);
    change(json!({ "price": 499 })).await.expect(200);
}

#[tokio::test]
async fn a_user_sees_what_they_may_still_order() {
    let shop = shop_with_tea(false, Some(20)).await;
    let yours = async |user: &str| shop.get("/products/tea/yours").as_user(user).await.expect(200);
    assert_eq!(yours("mina").await, json!({ "productId": "tea", "price": 1_000, "discount": 100 }));
    change(&shop, json!({ "limit": { "perUser": 19, "within": "EVER" }, "saleUntil": UNTIL })).await;
    shop.set_clock(FROM);
    ordered(&shop, 19).await;
    let mut running = offer(Some(20));
    running["left"] = json!(1);
    let expected = json!({
        "productId": "tea", "price": 1_000, "discount": 500, "bought": 19, "left": 0, "saleUntil": UNTIL,
        "offer": running,
    });
    assert_eq!(yours("mina").await, expected);
    assert_eq!(yours("jun").await["left"], 19);
    shop.order("jun", "tea", 1).await.expect(201);
    let sold = yours("jun").await;
    assert_eq!((&sold["discount"], &sold["offer"]["left"]), (&json!(100), &json!(0)));
    shop.get("/products/tea/yours?userId=mina").as_user("jun").await.refused(403, "FORBIDDEN");
    shop.get("/products/tea/yours?userId=mina").as_admin().await.expect(200);
    shop.get("/products/cup/yours").as_user("jun").await.refused(404, "ENTITY_NOT_FOUND");
    shop.get("/products/tea/yours").as_user("nobody").await.refused(404, "ENTITY_NOT_FOUND");
    change(&shop, json!({ "status": "HIDDEN" })).await;
    shop.get("/products/tea/yours").as_user("jun").await.refused(404, "ENTITY_NOT_FOUND");
}
