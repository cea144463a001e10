//! `POST /coupons/issue`

use serde_json::json;
use tests::TestShop;

#[tokio::test]
async fn coupons_are_issued_first_come_first_served_one_a_user() {
    let shop = TestShop::new();
    for user in ["mina", "jun", "sora"] {
        shop.customer(user, 0).await;
    }
    shop.coupon("welcome", 2).await;
    let issued = shop.issue("mina", "welcome").await.expect(201);
    assert_eq!((&issued["status"], &issued["expiresAt"]), (&json!("USABLE"), &json!("2026-11-26T15:00:00Z")));
    shop.issue("mina", "welcome").await.refused(409, "COUPON_ALREADY_ISSUED");
    shop.issue("jun", "welcome").await.expect(201);
    shop.issue("sora", "welcome").await.refused(409, "COUPON_SOLD_OUT");
    shop.issue("jun", "welcome").await.refused(409, "COUPON_ALREADY_ISSUED");
    shop.issue("nobody", "welcome").await.refused(404, "ENTITY_NOT_FOUND");
    shop.issue("sora", "nothing").await.refused(404, "ENTITY_NOT_FOUND");
}

#[tokio::test]
async fn coupons_are_issued_within_their_window() {
    let shop = TestShop::new();
    for user in ["mina", "jun"] {
        shop.customer(user, 0).await;
    }
    shop.coupon("welcome", 2).await;
    for (at, open) in
        [("2026-10-31T23:59:59.999Z", false), ("2026-12-01T00:00:00Z", false), ("2026-11-01T00:00:00Z", true)]
    {
        shop.set_clock(at);
        let answer = shop.issue("mina", "welcome").await;
        if open {
            answer.expect(201);
        } else {
            answer.refused(409, "COUPON_NOT_ISSUABLE");
        }
    }
    shop.set_clock("2026-11-30T23:59:59.999Z");
    shop.issue("jun", "welcome").await.expect(201);
}
