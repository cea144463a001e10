//! `GET /orders/{orderId}/items/{itemId}`

use serde_json::json;

use super::shop_of_dabang;

#[tokio::test]
async fn a_line_is_shown_as_its_order_shows_it() {
    let shop = shop_of_dabang().await;
    let order = shop.order("mina", "tea", 2).await.expect(201);
    let path = format!("/orders/{}/items/1", order["orderId"].as_str().unwrap());
    let line = shop.get(&path).as_user("mina").await.expect(200);
    assert_eq!(line, order["items"][0]);
    assert_eq!((&line["nextStatuses"], &line["allowedActions"]), (&json!(["CANCELLED"]), &json!(["CANCELLED"])));

    let seen = shop.get(&path).as_seller("dabang").await.expect(200);
    assert_eq!((&seen["itemId"], &seen["nextStatuses"]), (&json!("1"), &json!(["CANCELLED", "SHIPPED"])));
}

#[tokio::test]
async fn a_line_of_others_or_of_no_order_is_not_found() {
    let shop = shop_of_dabang().await;
    let order = shop.order("mina", "tea", 2).await.expect(201);
    let path = format!("/orders/{}/items", order["orderId"].as_str().unwrap());
    shop.get(&format!("{path}/2")).as_user("mina").await.refused(404, "ENTITY_NOT_FOUND");
    shop.get(&format!("{path}/1")).as_user("jun").await.refused(404, "ENTITY_NOT_FOUND");
    shop.get(&format!("{path}/1")).as_seller("other").await.refused(404, "ENTITY_NOT_FOUND");
    shop.get("/orders/none/items/1").as_user("mina").await.refused(404, "ENTITY_NOT_FOUND");
    shop.get(&format!("{path}/1")).await.refused(401, "UNAUTHENTICATED");
    assert_eq!(shop.get(&format!("{path}/a.b?limit=1")).as_user("mina").await.bad_fields(), ["itemId", "limit"]);
}
