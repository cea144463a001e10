//! Returns: units, windows, and money.

use functions::schedule::sweep;
use serde_json::{Value, json};
use tests::{
    TestShop,
    steps::{at_once, cancel_units, codes, counted, history, id, look, move_line, published_of},
};

use super::{
    accept, claim, claim_of, deliver, delivered, receive, returned, ship, shop_of_sellers, shop_with, step, withdraw,
};

fn refund(goods: i64, coupon: i64, shipping: i64, return_fee: i64) -> Value {
    let total = goods - coupon + shipping - return_fee;
    json!({ "goods": goods, "coupon": coupon, "shipping": shipping, "returnFee": return_fee, "total": total })
}

/// The state of the first line, with its units cancelled and returned.
async fn first_line(shop: &TestShop, order: &Value) -> (String, i64, i64) {
    let line = look(shop, order).await["items"][0].clone();
    let units = |name: &str| line[name].as_i64().unwrap();
    (line["status"].as_str().unwrap().to_owned(), units("cancelledQuantity"), units("returnedQuantity"))
}

#[tokio::test]
async fn one_of_three_units_comes_back_by_the_rule() {
    let shop = shop_of_sellers().await;
    let order = delivered(&shop, 3).await;
    let balance = shop.balance("mina").await;
    let asked = claim(&shop, &order, "RETURN", 1, "CHANGE_OF_MIND").key("snapshot").await.expect(201);
    assert_eq!((&asked["status"], &asked["paidBy"]), (&json!("REQUESTED"), &json!("CUSTOMER")));
    assert_eq!(asked["refund"], refund(10_000, 0, 0, 3_000));
    assert_eq!(asked["items"], json!([{ "itemId": "1", "quantity": 1 }]));
    // A part of a line leaves its state as it is.
    assert_eq!(first_line(&shop, &order).await, ("DELIVERED".to_owned(), 0, 0));
    let accepted = step(&shop, &asked, "decide", json!({ "accept": true })).as_seller("dabang").await.expect(200);
    assert_eq!(
        (&accepted["status"], &accepted["allowedActions"]),
        (&json!("ACCEPTED"), &json!(["RECEIVE", "WITHDRAW"]))
    );
    let done = receive(&shop, &asked, &[("SELLABLE", 1)]).as_seller("dabang").await.expect(200);
    assert_eq!((&done["status"], &done["refund"]), (&json!("COMPLETED"), &refund(10_000, 0, 0, 3_000)));
    assert_eq!(first_line(&shop, &order).await, ("DELIVERED".to_owned(), 1, 1));
    let shown = look(&shop, &order).await;
    assert_eq!((&shown["status"], &shown["refunded"]), (&json!("PARTIALLY_CANCELLED"), &json!(7_000)));
    assert_eq!(shown["claims"][0], done);
    assert_eq!((shop.balance("mina").await - balance, shop.stock("tea").await), (7_000, 98));
    insta::assert_snapshot!(history(&shop, &order).await.lines().skip(6).collect::<Vec<_>>().join("\n"), @r"
    CLAIM_REQUESTED by CUSTOMER: line 1 DELIVERED > DELIVERED
    CLAIM_ACCEPTED by SELLER: line 1 DELIVERED > DELIVERED
    CLAIM_RECEIVED by SELLER: order COMPLETED > PARTIALLY_CANCELLED
    CLAIM_RECEIVED by SELLER: line 1 DELIVERED > DELIVERED x1
    ");
    let events = published_of(&shop, &order).await;
    let kinds: Vec<_> = events.iter().map(|(kind, _)| *kind).skip(7).collect();
    assert_eq!(
        kinds,
        ["ClaimRequested", "ClaimDecided", "OrderRefunded", "ClaimReceived", "ClaimCompleted", "OrderReopened"]
    );
    shop.audit().await;
}

#[tokio::test]
async fn only_sellable_units_go_back_on_the_shelf() {
    let shop = shop_of_sellers().await;
    let order = delivered(&shop, 4).await;
    let asked = claim(&shop, &order, "RETURN", 3, "DEFECT").await.expect(201);
    assert_eq!((&asked["paidBy"], &asked["refund"]), (&json!("SELLER"), &refund(30_000, 0, 0, 0)));
    accept(&shop, &asked).await.expect(200);
    // Each unit is accounted for once.
    let short = receive(&shop, &asked, &[("SELLABLE", 2)]).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!((&short["claimed"], &short["named"]), (&json!(3), &json!(2)));
    let done = receive(&shop, &asked, &[("SELLABLE", 1), ("UNSELLABLE", 1), ("MISSING", 1)]).await.expect(200);
    assert_eq!(done["refund"], refund(20_000, 0, 0, 0));
    assert_eq!(done["received"].as_array().unwrap().len(), 3);
    assert_eq!(first_line(&shop, &order).await, ("DELIVERED".to_owned(), 2, 2));
    assert_eq!(shop.stock("tea").await, 97);
    // The unit that did not come can be claimed again.
    claim(&shop, &order, "RETURN", 2, "DEFECT").await.expect(201);
    claim(&shop, &order, "RETURN", 1, "DEFECT").await.refused(409, "ORDER_STATE_CONFLICT");
    shop.audit().await;
}

#[tokio::test]
async fn a_claim_of_all_live_units_is_the_state_of_its_line() {
    let shop = shop_of_sellers().await;
    let order = delivered(&shop, 2).await;
    let first = claim(&shop, &order, "RETURN", 2, "DEFECT").await.expect(201);
    assert_eq!(first_line(&shop, &order).await.0, "RETURN_REQUESTED");
    // A claim has an end of its own: nobody moves its line by hand.
    for (status, caller) in [("DELIVERED", "mina"), ("PURCHASE_CONFIRMED", "mina")] {
        let refused = move_line(&shop, &order, "1", status).as_user(caller).await.refused(409, "ORDER_STATE_CONFLICT");
        assert_eq!(refused["allowed"], json!([]));
    }
    withdraw(&shop, &first).await.expect(200);
    assert_eq!(first_line(&shop, &order).await.0, "DELIVERED");
    let second = claim(&shop, &order, "RETURN", 2, "DEFECT").await.expect(201);
    accept(&shop, &second).await.expect(200);
    assert_eq!(first_line(&shop, &order).await.0, "RETURN_IN_PROGRESS");
    let done = receive(&shop, &second, &[("SELLABLE", 2)]).await.expect(200);
    // The fee for shipping goes back with the last unit.
    assert_eq!(done["refund"], refund(20_000, 0, 3_000, 0));
    assert_eq!(first_line(&shop, &order).await, ("RETURNED".to_owned(), 2, 2));
    assert_eq!(look(&shop, &order).await["status"], "FULLY_REFUNDED");
    assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (99_000_000, 100));
    shop.audit().await;
}

#[tokio::test]
async fn a_line_in_a_state_of_the_first_way_takes_no_claim_and_a_claimed_one_no_return_by_hand() {
    let shop = shop_of_sellers().await;
    let order = delivered(&shop, 2).await;
    move_line(&shop, &order, "1", "RETURN_REQUESTED").as_user("mina").await.expect(200);
    let refused = claim(&shop, &order, "RETURN", 1, "DEFECT").await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!((&refused["status"], &refused["available"]), (&json!("RETURN_REQUESTED"), &json!(0)));
    assert_eq!(refused["allowed"], json!([]));
    move_line(&shop, &order, "1", "DELIVERED").as_user("mina").await.expect(200);
    let asked = claim(&shop, &order, "RETURN", 1, "DEFECT").await.expect(201);
    for status in ["RETURN_REQUESTED", "EXCHANGE_REQUESTED", "PURCHASE_CONFIRMED"] {
        move_line(&shop, &order, "1", status).as_user("mina").await.refused(409, "ORDER_STATE_CONFLICT");
    }
    withdraw(&shop, &asked).await.expect(200);
    move_line(&shop, &order, "1", "RETURN_REQUESTED").as_user("mina").await.expect(200);
    shop.audit().await;
}

#[tokio::test]
async fn a_change_of_mind_has_seven_days_and_a_defect_ninety() {
    let shop = shop_of_sellers().await;
    shop.set_clock("2026-11-20T03:00:00Z");
    let order = delivered(&shop, 3).await;
    shop.set_clock("2026-11-27T14:59:59Z");
    claim(&shop, &order, "RETURN", 1, "CHANGE_OF_MIND").await.expect(201);
    shop.set_clock("2026-11-27T15:00:00Z");
    let refused = claim(&shop, &order, "RETURN", 1, "CHANGE_OF_MIND").await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!(refused["allowed"], json!(["DEFECT", "WRONG_ITEM", "DAMAGED", "NOT_DELIVERED"]));
    // The purchase is not confirmed while a claim is open.
    shop.set_clock("2026-12-01T00:00:00Z");
    sweep::run(shop.instance(), &[sweep::Task::Confirmations]).await.unwrap();
    assert_eq!(first_line(&shop, &order).await.0, "DELIVERED");
    shop.audit().await;
    let open = look(&shop, &order).await["claims"][0].clone();
    withdraw(&shop, &open).await.expect(200);
    shop.set_clock("2026-12-01T01:00:01Z");
    sweep::run(shop.instance(), &[sweep::Task::Confirmations]).await.unwrap();
    assert_eq!(first_line(&shop, &order).await.0, "PURCHASE_CONFIRMED");
    // 90 days after the 20th of November.
    shop.set_clock("2027-02-18T14:59:59Z");
    let asked = claim(&shop, &order, "RETURN", 1, "DEFECT").await.expect(201);
    shop.set_clock("2027-02-18T15:00:00Z");
    claim(&shop, &order, "RETURN", 1, "DEFECT").await.refused(409, "ORDER_STATE_CONFLICT");
    accept(&shop, &asked).await.expect(200);
    receive(&shop, &asked, &[("SELLABLE", 1)]).await.expect(200);
    assert_eq!(first_line(&shop, &order).await, ("PURCHASE_CONFIRMED".to_owned(), 1, 1));
    shop.audit().await;
}

#[tokio::test]
async fn a_confirmed_purchase_cannot_be_returned_for_a_change_of_mind() {
    let shop = shop_of_sellers().await;
    let order = delivered(&shop, 1).await;
    move_line(&shop, &order, "1", "PURCHASE_CONFIRMED").as_user("mina").await.expect(200);
    claim(&shop, &order, "RETURN", 1, "CHANGE_OF_MIND").await.refused(409, "ORDER_STATE_CONFLICT");
    let asked = claim(&shop, &order, "RETURN", 1, "DAMAGED").await.expect(201);
    assert_eq!(first_line(&shop, &order).await.0, "RETURN_REQUESTED");
    withdraw(&shop, &asked).await.expect(200);
    assert_eq!(first_line(&shop, &order).await.0, "PURCHASE_CONFIRMED");
    shop.audit().await;
}

#[tokio::test]
async fn units_that_never_arrived_are_paid_at_once_and_scrapped() {
    let shop = shop_of_sellers().await;
    let order = shop.order("mina", "tea", 3).await.expect(201);
    deliver(&shop, &order, "1", 1).await;
    claim(&shop, &order, "RETURN", 2, "NOT_DELIVERED").await.refused(409, "ORDER_STATE_CONFLICT");
    ship(&shop, &order, "1", 2).await;
    // Other reasons need units that are there.
    let refused = claim(&shop, &order, "RETURN", 2, "DEFECT").await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!((&refused["available"], &refused["allowed"]), (&json!(1), &json!(["NOT_DELIVERED"])));
    let asked = claim(&shop, &order, "RETURN", 2, "NOT_DELIVERED").await.expect(201);
    let done = accept(&shop, &asked).await.expect(200);
    assert_eq!((&done["status"], &done["refund"]), (&json!("COMPLETED"), &refund(20_000, 0, 0, 0)));
    receive(&shop, &asked, &[("SELLABLE", 2)]).await.refused(409, "ORDER_STATE_CONFLICT");
    // What is left of the line has arrived.
    assert_eq!(first_line(&shop, &order).await, ("DELIVERED".to_owned(), 2, 2));
    assert_eq!(shop.stock("tea").await, 97);
    shop.audit().await;
}

#[tokio::test]
async fn claims_and_cancellations_in_any_order_pay_back_all_but_the_fees() {
    for by_claim_first in [true, false] {
        let shop = shop_of_sellers().await;
        shop.campaign("welcome", 1, json!({ "kind": "FIXED", "value": 1_000 })).await;
        shop.issue("mina", "welcome").await.expect(201);
        let items = json!([{ "productId": "tea", "quantity": 3 }]);
        let body = json!({ "userId": "mina", "items": items, "couponId": "welcome" });
        let order = shop.post("/orders", body).await.expect(201);
        let paid = 99_000_000 - shop.balance("mina").await;
        deliver(&shop, &order, "1", 2).await;
        if by_claim_first {
            returned(&shop, &order, 1, "CHANGE_OF_MIND", "SELLABLE").await;
            cancel_units(&shop, "mina", &order, "1", 1).await.expect(200);
        } else {
            cancel_units(&shop, "mina", &order, "1", 1).await.expect(200);
            returned(&shop, &order, 1, "CHANGE_OF_MIND", "SELLABLE").await;
        }
        let last = returned(&shop, &order, 1, "DEFECT", "UNSELLABLE").await;
        assert_eq!(last["refund"]["coupon"], json!(333 + i64::from(last["refund"]["total"] == 9_666)));
        let shown = look(&shop, &order).await;
        assert_eq!((&shown["status"], shown["refunded"].as_i64()), (&json!("FULLY_REFUNDED"), Some(paid - 3_000)));
        assert_eq!((shop.balance("mina").await, shop.stock("tea").await), (99_000_000 - 3_000, 99));
        shop.audit().await;
    }
}

/// A fee is never more than the refund that it is taken from.
#[tokio::test]
async fn a_return_fee_is_capped_by_its_refund() {
    let shop = shop_of_sellers().await;
    let pin = json!({ "productId": "pin", "name": "핀", "price": 1_000, "stock": 10 });
    shop.post("/products", pin).as_seller("dabang").await.expect(201);
    let order = shop.order("mina", "pin", 2).await.expect(201);
    deliver(&shop, &order, "1", 2).await;
    let done = returned(&shop, &order, 1, "CHANGE_OF_MIND", "SELLABLE").await;
    assert_eq!(done["refund"], refund(1_000, 0, 0, 1_000));
    let done = returned(&shop, &order, 1, "DEFECT", "SELLABLE").await;
    assert_eq!(done["refund"], refund(1_000, 0, 3_000, 0));
    assert_eq!(look(&shop, &order).await["status"], "FULLY_REFUNDED");
    shop.audit().await;
}

#[tokio::test]
async fn a_preview_says_what_a_claim_brings_and_changes_nothing() {
    let shop = shop_of_sellers().await;
    let order = delivered(&shop, 2).await;
    let body = json!({ "type": "RETURN", "items": [{ "itemId": "1", "quantity": 2 }], "reason": "CHANGE_OF_MIND" });
    let path = format!("/orders/{}/claims?preview=true", id(&order));
    let before = look(&shop, &order).await;
    let preview = shop.post(&path, body.clone()).key("one").as_user("mina").await.expect(200);
    assert_eq!(preview["refund"], refund(20_000, 0, 3_000, 3_000));
    assert!(preview.get("claimId").is_none());
    assert_eq!(look(&shop, &order).await, before);
    shop.post(&path, body.clone()).as_user("jun").await.refused(404, "ENTITY_NOT_FOUND");
    let wrong = format!("/orders/{}/claims?preview=yes", id(&order));
    assert_eq!(shop.post(&wrong, body.clone()).as_user("mina").await.bad_fields(), ["preview"]);

    let expecting = |total: i64| {
        let mut body = body.clone();
        body["expectedTotal"] = json!(total);
        body
    };
    let changed = claim_of(&shop, &order, expecting(23_000)).await.refused(409, "PRICE_CHANGED");
    assert_eq!((&changed["quoted"], &changed["current"]), (&json!(23_000), &json!(20_000)));
    assert_eq!(changed["refund"], preview["refund"]);
    claim_of(&shop, &order, expecting(20_000)).key("one").await.expect(201);
    shop.audit().await;
}

#[tokio::test]
async fn twenty_claims_at_once_for_one_unit_are_one() {
    let shop = shop_with(TestShop::with_instances(8)).await;
    let order = delivered(&shop, 1).await;
    let answers = at_once((0..20).map(|_| claim(&shop, &order, "RETURN", 1, "DEFECT"))).await;
    assert_eq!(counted(&answers), codes(&[("SUCCESS", 1), ("ORDER_STATE_CONFLICT", 19)]));
    shop.audit().await;
}

#[tokio::test]
async fn a_claim_decided_twice_at_once_has_one_outcome() {
    for _ in 0..5 {
        let shop = shop_with(TestShop::with_instances(2)).await;
        let order = delivered(&shop, 1).await;
        let asked = claim(&shop, &order, "RETURN", 1, "DEFECT").await.expect(201);
        let refuse = step(&shop, &asked, "decide", json!({ "accept": false, "reason": "사용한 흔적" })).as_admin();
        let answers = at_once([accept(&shop, &asked), refuse]).await;
        assert_eq!(counted(&answers), codes(&[("SUCCESS", 1), ("ORDER_STATE_CONFLICT", 1)]));
        shop.audit().await;
    }
}

#[tokio::test]
async fn a_receipt_and_a_withdrawal_at_once_have_one_winner() {
    for _ in 0..5 {
        let shop = shop_with(TestShop::with_instances(2)).await;
        let order = delivered(&shop, 1).await;
        let asked = claim(&shop, &order, "RETURN", 1, "DEFECT").await.expect(201);
        accept(&shop, &asked).await.expect(200);
        let answers = at_once([receive(&shop, &asked, &[("SELLABLE", 1)]), withdraw(&shop, &asked)]).await;
        assert_eq!(counted(&answers), codes(&[("SUCCESS", 1), ("ORDER_STATE_CONFLICT", 1)]));
        shop.audit().await;
    }
}

#[tokio::test]
async fn a_repeated_step_of_a_claim_happens_once() {
    let shop = shop_of_sellers().await;
    let order = delivered(&shop, 2).await;
    let asked = claim(&shop, &order, "RETURN", 1, "DEFECT").key("ask").await.expect(201);
    assert_eq!(claim(&shop, &order, "RETURN", 1, "DEFECT").key("ask").await.expect(201), asked);
    claim(&shop, &order, "RETURN", 2, "DEFECT").key("ask").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    let accepted = accept(&shop, &asked).key("decide").await.expect(200);
    assert_eq!(accept(&shop, &asked).key("decide").await.expect(200), accepted);
    let done = receive(&shop, &asked, &[("SELLABLE", 1)]).key("receive").await.expect(200);
    assert_eq!(receive(&shop, &asked, &[("SELLABLE", 1)]).key("receive").await.expect(200), done);
    let again = receive(&shop, &asked, &[("SELLABLE", 1)]).await.refused(409, "ORDER_STATE_CONFLICT");
    assert_eq!((&again["status"], &again["allowed"]), (&json!("COMPLETED"), &json!([])));
    assert_eq!((look(&shop, &order).await["refunded"].clone(), shop.stock("tea").await), (json!(10_000), 99));
    shop.audit().await;
}
