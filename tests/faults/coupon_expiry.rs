//! Coupons are marked when the last of their campaign have expired. Before that, and without the mark, they are expired
//! all the same.

use functions::schedule::sweep;
use serde_json::json;
use shared::{
    domain::{
        CouponId, UserId,
        coupon::{CouponState, IssuedCoupon},
    },
    store::{Consistency, keys},
};
use tests::{
    Fault, TestShop,
    deaths::Deaths,
    steps::{cancel, dying_at},
};

/// The instant from which no coupon of the campaign is valid: issued on its last day, the 1st in Seoul, they have
/// seven.
const ALL_EXPIRED: &str = "2026-12-07T15:00:00Z";
const JUST_BEFORE: &str = "2026-12-07T14:59:59Z";

/// A shop with five customers and a coupon for each, from two counters.
async fn shop_with_coupons() -> TestShop {
    let shop = TestShop::with_instances(2);
    shop.campaign("welcome", 8, json!({ "kind": "FIXED", "value": 1_000, "counterShards": 2 })).await;
    for user in 0..5 {
        shop.customer(&format!("u{user}"), 100_000).await;
        shop.issue(&format!("u{user}"), "welcome").await.expect(201);
    }
    shop
}

/// Sweeps the tickets until all are accounted for, after the campaign's end.
async fn sweep_tickets(shop: &TestShop) {
    for minute in 1..=3 {
        shop.set_clock(&format!("2026-12-01T00:0{minute}:00Z"));
        sweep::tickets::run(shop.instance()).await.unwrap();
    }
}

async fn mark(shop: &TestShop) {
    sweep::coupons::run(shop.instance()).await.unwrap();
}

/// The stored state of each user's coupon.
async fn states(shop: &TestShop) -> Vec<CouponState> {
    let mut states = Vec::new();
    let coupon = CouponId::try_from("welcome".to_owned()).unwrap();
    for user in 0..5 {
        let user = UserId::try_from(format!("u{user}")).unwrap();
        let key = keys::user_coupon(&user, &coupon);
        let issued: Option<IssuedCoupon> = shop.instance().table.get(key, Consistency::Strong).await.unwrap();
        states.push(issued.unwrap().state);
    }
    states
}

#[tokio::test]
async fn unused_coupons_are_marked_when_the_last_have_expired() {
    use CouponState::{Expired, Revoked, Usable, Used};
    let shop = shop_with_coupons().await;
    shop.product("tea", 10_000, 10).await;
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    let order = json!({ "userId": "u0", "items": items, "couponId": "welcome" });
    let order = shop.post("/orders", order).await.expect(201);
    shop.post("/coupons/revoke", json!({ "userId": "u1", "couponId": "welcome" })).as_admin().await.expect(200);

    mark(&shop).await;
    sweep_tickets(&shop).await;
    shop.set_clock(JUST_BEFORE);
    mark(&shop).await;
    assert_eq!(states(&shop).await, [Used, Revoked, Usable, Usable, Usable]);
    let theirs = shop.get("/coupons?userId=u2&status=EXPIRED").as_user("u2").await.expect(200);
    assert_eq!(theirs["items"][0]["status"], "EXPIRED", "whatever is marked");

    shop.set_clock("2026-12-07T15:00:01Z");
    mark(&shop).await;
    assert_eq!(states(&shop).await, [Used, Revoked, Expired, Expired, Expired]);
    let theirs = shop.get("/coupons?userId=u2&status=EXPIRED").as_user("u2").await.expect(200);
    assert_eq!(theirs["items"][0]["status"], "EXPIRED");
    let used = shop.get("/coupons?userId=u0&status=USED").as_user("u0").await.expect(200);
    assert_eq!(used["items"][0]["couponId"], "welcome");
    shop.audit().await;

    // A coupon that comes back after the marks were made is expired without one.
    cancel(&shop, "u0", &order, json!({})).await.expect(200);
    assert_eq!(states(&shop).await[0], Usable);
    let given_back = shop.get("/coupons?userId=u0&status=EXPIRED").as_user("u0").await.expect(200);
    assert_eq!(given_back["items"][0]["couponId"], "welcome");
    shop.audit().await;
}

/// A campaign is no longer checked once its coupons are marked.
#[tokio::test]
async fn a_campaign_with_marked_coupons_is_not_checked_again() {
    let shop = shop_with_coupons().await;
    sweep_tickets(&shop).await;
    shop.set_clock("2026-12-08T00:00:00Z");
    mark(&shop).await;
    let calls = Deaths::default();
    mark(&shop.watched_by(&calls)).await;
    assert_eq!(calls.calls(), ["Query"], "the list is read, and empty");
}

#[tokio::test(start_paused = true)]
async fn each_coupon_is_marked_once_despite_deaths_and_concurrent_sweeps() {
    for dies_at in 1..16 {
        let shop = shop_with_coupons().await;
        sweep_tickets(&shop).await;
        shop.set_clock("2026-12-08T00:00:00Z");
        dying_at(&shop, dies_at, sweep::coupons::run(shop.instance())).await;
        shop.audit().await;
        shop.dynamo().fail_first("UpdateItem", 1, Fault::LostReply);
        let (first, second) = tokio::join!(sweep::coupons::run(shop.instance()), sweep::coupons::run(shop.instance()));
        first.and(second).unwrap();
        assert_eq!(states(&shop).await, [CouponState::Expired; 5], "died at call {dies_at}");
        shop.audit().await;
    }
}

/// A coupon used at its last instant stays used.
#[tokio::test]
async fn no_coupon_is_marked_before_its_own_time() {
    let shop = shop_with_coupons().await;
    let (user, coupon) =
        (UserId::try_from("u0".to_owned()).unwrap(), CouponId::try_from("welcome".to_owned()).unwrap());
    let early = "2026-11-26T14:59:59.999Z".parse().unwrap();
    let mark = shared::store::coupons::expire(&user, &coupon, early);
    let mut backoff = shop.instance().backoff();
    let applied = shop.instance().table.apply::<IssuedCoupon>(&mark, &mut backoff).await.unwrap();
    assert!(matches!(applied, shared::store::Applied::Refused(Some(there)) if there.state == CouponState::Usable));
    shop.set_clock(ALL_EXPIRED);
    shop.audit().await;
}
