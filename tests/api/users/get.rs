//! `GET /users/{userId}`

use tests::TestShop;

#[tokio::test]
async fn data_of_a_user_is_accessible_to_them_and_admins_only() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.customer("jun", 0).await;
    for path in ["/users/mina", "/balance/mina", "/balance/mina/entries", "/coupons?userId=mina", "/orders?userId=mina"]
    {
        shop.get(path).as_user("jun").await.refused(403, "FORBIDDEN");
        shop.get(path).as_admin().await.expect(200);
    }
    shop.get("/users/nobody").as_admin().await.refused(404, "ENTITY_NOT_FOUND");
}
