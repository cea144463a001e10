//! The callers who see a claim and act on it.

use serde_json::{Value, json};
use shared::app::PeoplePolicy;
use tests::{
    Call, TestShop,
    steps::{id, look},
};

use super::{accept, claim, claim_id, claim_of, deliver, delivered, shop_of_sellers, step, withdraw};

fn decide(shop: &TestShop, claim: &Value) -> Call {
    step(shop, claim, "decide", json!({ "accept": true }))
}

/// An order of a tea and a cup, which are of two sellers, all delivered.
async fn order_of_two_sellers(shop: &TestShop) -> Value {
    let items = json!([{ "productId": "tea", "quantity": 2 }, { "productId": "cup", "quantity": 2 }]);
    let order = shop.post("/orders", json!({ "userId": "mina", "items": items })).await.expect(201);
    deliver(shop, &order, "1", 2).await;
    deliver(shop, &order, "2", 2).await;
    order
}

#[tokio::test]
async fn two_sellers_see_nothing_of_each_other_s_claims() {
    let shop = shop_of_sellers().await;
    let order = order_of_two_sellers(&shop).await;
    let tea = claim(&shop, &order, "RETURN", 1, "DEFECT").await.expect(201);
    let body = json!({
        "type": "RETURN", "items": [{ "itemId": "2", "quantity": 1 }], "reason": "CHANGE_OF_MIND", "text": "금이 갔어요",
    });
    let cup = claim_of(&shop, &order, body).await.expect(201);
    assert_eq!(cup["text"], "금이 갔어요");
    for (seller, theirs, other) in [("dabang", &tea, &cup), ("gongbang", &cup, &tea)] {
        let shown = shop.get(&format!("/orders/{}", id(&order))).as_seller(seller).await.expect(200);
        let claims: Vec<_> = shown["claims"].as_array().unwrap().iter().map(claim_id).collect();
        assert_eq!(claims, [claim_id(theirs)]);
        // The text is sealed, and this instance has no key of it yet.
        let elsewhere = shop.another_instance();
        let seen = elsewhere.get(&format!("/claims/{}", claim_id(theirs))).as_seller(seller).await.expect(200);
        assert_eq!(seen["text"], theirs["text"]);
        shop.get(&format!("/claims/{}", claim_id(other))).as_seller(seller).await.refused(404, "ENTITY_NOT_FOUND");
        accept(&shop, other).as_seller(seller).await.refused(404, "ENTITY_NOT_FOUND");
        let history = shop.get(&format!("/orders/{}/history", id(&order))).as_seller(seller).await.expect(200);
        let of_other = |step: &&Value| step["claimId"] == other["claimId"];
        assert_eq!(history["items"].as_array().unwrap().iter().filter(of_other).count(), 0);
    }
    // Both in one claim are a wrong request.
    let items = json!([{ "itemId": "1", "quantity": 1 }, { "itemId": "2", "quantity": 1 }]);
    let both = json!({ "type": "RETURN", "items": items, "reason": "DEFECT" });
    assert_eq!(claim_of(&shop, &order, both).await.bad_fields(), ["items"]);
    assert_eq!(look(&shop, &order).await["claims"].as_array().unwrap().len(), 2);
    shop.audit().await;
}

#[tokio::test]
async fn a_customer_asks_and_withdraws_and_a_seller_decides_and_receives() {
    let shop = shop_of_sellers().await;
    let order = delivered(&shop, 2).await;
    claim(&shop, &order, "RETURN", 1, "DEFECT").as_seller("dabang").await.refused(403, "FORBIDDEN");
    claim(&shop, &order, "RETURN", 1, "DEFECT").as_user("jun").await.refused(404, "ENTITY_NOT_FOUND");
    let asked = claim(&shop, &order, "RETURN", 1, "DEFECT").as_admin().await.expect(201);
    decide(&shop, &asked).as_user("mina").await.refused(403, "FORBIDDEN");
    decide(&shop, &asked).as_user("jun").await.refused(404, "ENTITY_NOT_FOUND");
    accept(&shop, &asked).as_seller("gongbang").await.refused(404, "ENTITY_NOT_FOUND");
    accept(&shop, &asked).as_seller("dabang").await.expect(200);
    let receipt = json!({ "items": [{ "itemId": "1", "quantity": 1, "condition": "SELLABLE" }] });
    step(&shop, &asked, "receive", receipt).as_user("mina").await.refused(403, "FORBIDDEN");
    step(&shop, &asked, "withdraw", json!({})).as_seller("dabang").await.refused(403, "FORBIDDEN");
    withdraw(&shop, &asked).as_user("jun").await.refused(404, "ENTITY_NOT_FOUND");
    withdraw(&shop, &asked).await.expect(200);
    accept(&shop, &asked).as_seller("dabang").await.refused(409, "ORDER_STATE_CONFLICT");
    shop.audit().await;
}

/// The log of accesses has each look by another at a customer's words. It has none of a look that shows no word.
#[tokio::test]
async fn looks_of_others_at_a_customer_s_words_are_logged() {
    let shop = shop_of_sellers().await;
    let order = delivered(&shop, 3).await;
    let history = || shop.get(&format!("/orders/{}/history", id(&order)));
    let seen = |claim: &Value| shop.get(&format!("/claims/{}", claim_id(claim)));
    let silent = claim(&shop, &order, "RETURN", 1, "DEFECT").await.expect(201);
    seen(&silent).as_seller("dabang").await.expect(200);
    accept(&shop, &silent).as_seller("dabang").await.expect(200);
    history().as_seller("dabang").await.expect(200);

    let with_words = json!({
        "type": "RETURN", "items": [{ "itemId": "1", "quantity": 1 }], "reason": "DEFECT", "text": "금이 갔어요",
    });
    let told = claim_of(&shop, &order, with_words.clone()).await.expect(201);
    for customer in [seen(&told), history()] {
        customer.as_user("mina").await.expect(200);
    }
    seen(&told).as_seller("gongbang").await.refused(404, "ENTITY_NOT_FOUND");
    seen(&told).as_seller("dabang").await.expect(200);
    accept(&shop, &told).as_seller("dabang").await.expect(200);
    let receipt = json!({ "items": [{ "itemId": "1", "quantity": 1, "condition": "SELLABLE" }] });
    step(&shop, &told, "receive", receipt).as_seller("dabang").await.expect(200);
    let again = claim_of(&shop, &order, with_words).await.expect(201);
    withdraw(&shop, &again).as_admin().await.expect(200);
    history().as_admin().await.expect(200);

    let log = shop.get("/desk/audit-log?userId=mina").as_admin().await.expect(200);
    let entry = |entry: &Value| {
        assert_eq!(entry["orderId"], order["orderId"]);
        format!("{} {}", entry["role"].as_str().unwrap(), entry["route"].as_str().unwrap())
    };
    let mut looks: Vec<_> = log["items"].as_array().unwrap().iter().map(entry).collect();
    looks.sort();
    assert_eq!(
        looks,
        [
            "ADMIN GET /orders/{orderId}/history",
            "ADMIN POST /claims/{claimId}/withdraw",
            "SELLER GET /claims/{claimId}",
            "SELLER POST /claims/{claimId}/decide",
            "SELLER POST /claims/{claimId}/receive",
        ]
    );
    shop.audit().await;
}

#[tokio::test]
async fn only_admins_decide_on_lines_of_the_shop() {
    let shop = shop_of_sellers().await;
    shop.product("pot", 5_000, 10).await;
    let order = shop.order("mina", "pot", 1).await.expect(201);
    deliver(&shop, &order, "1", 1).await;
    let asked = claim(&shop, &order, "RETURN", 1, "DEFECT").await.expect(201);
    accept(&shop, &asked).as_seller("dabang").await.refused(404, "ENTITY_NOT_FOUND");
    accept(&shop, &asked).await.expect(200);
    shop.audit().await;
}

#[tokio::test]
async fn a_claim_is_refused_with_every_wrong_field() {
    let shop = shop_of_sellers().await;
    let order = delivered(&shop, 1).await;
    let body = json!({ "type": "GIFT", "items": [{ "itemId": "1", "quantity": 0 }], "reason": "BORED", "text": "" });
    let refused = claim_of(&shop, &order, body).await;
    assert_eq!(refused.bad_fields(), ["items[0].quantity", "reason", "text", "type"]);
    claim_of(
        &shop,
        &order,
        json!({ "type": "RETURN", "items": [{ "itemId": "9", "quantity": 1 }], "reason": "DEFECT" }),
    )
    .await
    .refused(404, "ENTITY_NOT_FOUND");
    let asked = claim(&shop, &order, "RETURN", 1, "DEFECT").await.expect(201);
    accept(&shop, &asked).await.expect(200);
    let items = json!([
        { "itemId": "1", "quantity": 1, "condition": "SELLABLE" }, { "itemId": "1", "quantity": 1, "condition": "SELLABLE" },
    ]);
    let twice = step(&shop, &asked, "receive", json!({ "items": items })).as_admin();
    assert_eq!(twice.await.bad_fields(), ["items[1].itemId"]);
    let other = json!({ "items": [{ "itemId": "2", "quantity": 1, "condition": "SELLABLE" }] });
    step(&shop, &asked, "receive", other).as_admin().await.refused(404, "ENTITY_NOT_FOUND");
    for unknown in ["claim_9_nobody", "claim_0_x", "nothing"] {
        shop.get(&format!("/claims/{unknown}")).as_admin().await.refused(404, "ENTITY_NOT_FOUND");
    }
    shop.audit().await;
}

#[tokio::test]
async fn the_words_of_a_user_who_is_erased_are_not_kept() {
    let shop = shop_of_sellers().await.with_people(PeoplePolicy::DEFAULT);
    let order = order_of_two_sellers(&shop).await;
    shop.post("/users/mina/withdraw", json!({ "forfeit": true })).as_user("mina").await.expect(200);
    let body = json!({
        "type": "RETURN", "items": [{ "itemId": "1", "quantity": 1 }], "reason": "DEFECT", "text": "금이 갔어요",
    });
    let claim = claim_of(&shop, &order, body).await.expect(201);
    assert_eq!(claim["text"], Value::Null);
    let decision = json!({ "accept": false, "reason": "확인했습니다" });
    step(&shop, &claim, "decide", decision).as_admin().await.expect(200);
    let stored = shop.dynamo().execute("Scan", json!({ "TableName": tests::TABLE })).unwrap().to_string();
    assert!(["금이 갔어요", "확인했습니다"].iter().all(|words| !stored.contains(words)));
}
