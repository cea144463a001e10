//! `GET /orders/{orderId}/history`

use tests::TestShop;

#[tokio::test]
async fn the_history_has_every_step() {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 12_000, 10).await;
    let order = shop.order("mina", "tea", 1).await.expect(201);
    let path = format!("/orders/{}/history", order["orderId"].as_str().unwrap());
    let history = shop.get(&path).as_user("mina").await.expect(200);
    insta::assert_json_snapshot!(history["items"], @r#"
    [
      {
        "actor": "CUSTOMER",
        "at": "2026-11-20T03:00:00Z",
        "event": "PAID",
        "from": null,
        "id": "1",
        "to": "PAID"
      },
      {
        "actor": "CUSTOMER",
        "at": "2026-11-20T03:00:00Z",
        "event": "PAID",
        "from": null,
        "id": "1-1",
        "itemId": "1",
        "to": "PAID"
      },
      {
        "actor": "SYSTEM",
        "at": "2026-11-20T03:00:00Z",
        "event": "PAID",
        "from": "PAID",
        "id": "1-1-2",
        "itemId": "1",
        "to": "PREPARING"
      }
    ]
    "#);
}
