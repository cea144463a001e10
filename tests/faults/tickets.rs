//! Tickets: many counters, sold-out campaigns, and tickets orphaned by dying functions.

use functions::schedule::sweep;
use serde_json::json;
use shared::{
    app::{Bounds, ticket_sweep},
    domain::CouponId,
    store::{RetryBounds, TableBounds},
};
use tests::{
    Call, Fault, TestShop,
    night::times,
    steps::{
        codes, dying_at, race,
        tickets::{orphan_tickets, users_of},
        wait,
    },
};

async fn campaign(shop: &TestShop, total: i64, counters: i64) {
    shop.campaign("welcome", total, json!({ "kind": "FIXED", "value": 1_000, "counterShards": counters })).await;
}

async fn customers(shop: &TestShop, count: i64) {
    for user in 0..count {
        shop.customer(&format!("u{user}"), 0).await;
    }
}

fn issue(shop: &TestShop, user: &str) -> Call {
    shop.post("/coupons/issue", json!({ "userId": user, "couponId": "welcome" }))
}

async fn remaining(shop: &TestShop) -> i64 {
    let campaign = shop.get("/coupons/welcome").as_admin().await.expect(200);
    campaign["remainingQuantity"].as_i64().unwrap()
}

/// Sweeps each minute.
async fn sweep(shop: &TestShop, times: u32) {
    for _ in 0..times {
        wait(shop, 60_000);
        sweep::tickets::run(shop.instance()).await.unwrap();
    }
}

async fn orphaned(shop: &TestShop) -> i128 {
    shop.audit().await.tickets_orphaned
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_quarter_of_the_concurrent_users_get_the_coupons() {
    let coupons = times(125, 500);
    let shop = TestShop::with_instances(16);
    campaign(&shop, i64::try_from(coupons).unwrap(), 16).await;
    customers(&shop, 4 * i64::try_from(coupons).unwrap()).await;
    let answers = race((0..4 * coupons).map(|user| issue(&shop, &format!("u{user}"))).collect()).await;
    assert_eq!(answers, codes(&[("COUPON_SOLD_OUT", 3 * coupons), ("SUCCESS", coupons)]));
    assert_eq!((remaining(&shop).await, orphaned(&shop).await), (0, 0));
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_requests_of_one_user_orphan_no_ticket() {
    let shop = TestShop::with_instances(8);
    campaign(&shop, 60, 4).await;
    shop.customer("mina", 0).await;
    let answers = race((0..50).map(|_| issue(&shop, "mina")).collect()).await;
    assert_eq!(answers, codes(&[("COUPON_ALREADY_ISSUED", 49), ("SUCCESS", 1)]));
    sweep(&shop, 2).await;
    assert_eq!((remaining(&shop).await, orphaned(&shop).await), (59, 0));
    shop.audit().await;
}

/// Functions die with an allocated ticket, or after a claim without an answer. Orphaned tickets are issued in the end.
#[tokio::test]
async fn tickets_orphaned_by_deaths_are_issued_in_the_end() {
    let shop = TestShop::new();
    campaign(&shop, 12, 3).await;
    customers(&shop, 30).await;
    let mut issued = 0;
    for user in 0..8 {
        let dies_at = if user % 2 == 0 { 2 } else { 3 };
        let call = issue(&shop.another_instance(), &format!("u{user}"));
        assert!(dying_at(&shop, dies_at, call).await.is_none());
    }
    for user in 8..30 {
        issued += usize::from(issue(&shop, &format!("u{user}")).await.status == 201);
    }
    // Four claimed their coupons without an answer, and four orphaned a ticket each.
    assert_eq!((issued, orphaned(&shop).await), (4, 4));
    shop.audit().await;
    sweep(&shop, 1).await;
    assert_eq!((remaining(&shop).await, orphaned(&shop).await), (0, 4), "seen, but not long ago");
    sweep(&shop, 1).await;
    assert_eq!((remaining(&shop).await, orphaned(&shop).await), (4, 0));
    let answers = race((8..30).map(|user| issue(&shop, &format!("u{user}"))).collect()).await;
    assert_eq!(answers["SUCCESS"], 4);
    assert_eq!(remaining(&shop).await, 0);
    shop.audit().await;
}

/// Each orphaned ticket is voided exactly once, for any number of sweeps, any lost answer and any death.
#[tokio::test(start_paused = true)]
async fn an_orphaned_ticket_is_voided_once() {
    for dies_at in 1..14 {
        let shop = TestShop::with_instances(3);
        campaign(&shop, 6, 2).await;
        customers(&shop, 6).await;
        for user in 0..5 {
            let call = issue(&shop.another_instance(), &format!("u{user}"));
            dying_at(&shop, 2, call).await;
        }
        sweep(&shop, 1).await;
        wait(&shop, 60_000);
        dying_at(&shop, dies_at, sweep::tickets::run(shop.instance())).await;
        shop.dynamo().fail_first("TransactWriteItems", 1, Fault::LostReply);
        let (first, second) = tokio::join!(sweep::tickets::run(shop.instance()), sweep::tickets::run(shop.instance()));
        first.and(second).unwrap();
        assert_eq!((remaining(&shop).await, orphaned(&shop).await), (6, 0), "died at call {dies_at}");
        for user in 0..6 {
            issue(&shop, &format!("u{user}")).await.expect(201);
        }
        shop.audit().await;
    }
}

/// The claim record decides between a late function and the sweep.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sweeps_among_concurrent_requests_take_nothing_away() {
    let shop = TestShop::with_instances(8);
    campaign(&shop, 100, 4).await;
    customers(&shop, 300).await;
    let sweeps = shop.clone();
    let sweeping = tokio::spawn(async move {
        // The clock advances so far each time that every ticket without a claim record counts as orphaned.
        for _ in 0..40 {
            sweep(&sweeps, 1).await;
            tokio::task::yield_now().await;
        }
    });
    race((0..300).map(|user| issue(&shop, &format!("u{user}"))).collect()).await;
    sweeping.await.unwrap();
    sweep(&shop, 2).await;
    race((0..300).map(|user| issue(&shop, &format!("u{user}"))).collect()).await;
    assert_eq!((remaining(&shop).await, orphaned(&shop).await), (0, 0));
    shop.audit().await;
}

#[tokio::test]
async fn a_campaign_is_swept_to_its_end() {
    let shop = TestShop::new();
    campaign(&shop, 2_500, 1).await;
    shop.customer("mina", 0).await;
    let next_year = "2027-01-01T00:00:00Z".parse().unwrap();
    let campaigns_to_sweep =
        async || ticket_sweep::campaigns(shop.instance(), next_year, None).await.unwrap().items.len();
    shop.set_clock("2026-11-30T23:59:59Z");
    dying_at(&shop, 2, issue(&shop, "mina")).await;
    shop.set_clock("2026-12-01T00:00:29Z");
    sweep::tickets::run(shop.instance()).await.unwrap();
    sweep(&shop, 1).await;
    assert_eq!((campaigns_to_sweep().await, orphaned(&shop).await), (1, 0));
    sweep(&shop, 1).await;
    assert_eq!(campaigns_to_sweep().await, 0);
    shop.meter().take();
    sweep(&shop, 1).await;
    assert_eq!(shop.meter().take().round_trips, 1, "what has ended is not looked at");
    shop.audit().await;
}

/// A claim that is throttled for as long as its request can wait gives its ticket back on the way out, and the next
/// request of the instance allocates none.
#[tokio::test(start_paused = true)]
async fn a_throttled_claim_returns_its_ticket() {
    let retry = RetryBounds { waits: 6, ..RetryBounds::PRODUCTION };
    let bounds = Bounds { table: TableBounds { retry, ..TableBounds::PRODUCTION }, ..Bounds::PRODUCTION };
    let shop = TestShop::new().another_instance_within(bounds);
    campaign(&shop, 3, 1).await;
    customers(&shop, 2).await;
    shop.dynamo().fail_first("TransactWriteItems", 7, Fault::Throttled);
    issue(&shop, "u0").await.refused(503, "TRY_AGAIN");
    assert_eq!((remaining(&shop).await, orphaned(&shop).await), (3, 0));
    shop.meter().take();
    issue(&shop, "u1").await.refused(503, "TRY_AGAIN");
    assert_eq!(shop.meter().take().write_units, 0.0, "no ticket is allocated");
    wait(&shop, 1_000);
    issue(&shop, "u1").await.expect(201);
    issue(&shop, "u0").await.expect(201);
    assert_eq!((remaining(&shop).await, orphaned(&shop).await), (1, 0));
}

/// Long campaigns are swept part by part, and no part twice.
#[tokio::test]
async fn swept_tickets_are_not_read_again() {
    let shop = TestShop::new();
    campaign(&shop, 2_500, 1).await;
    let id = CouponId::try_from("welcome".to_owned()).unwrap();
    orphan_tickets(&shop, "welcome", 0, 1_200).await;
    sweep(&shop, 1).await;
    wait(&shop, 60_000);
    let part = ticket_sweep::sweep(shop.instance(), id.clone()).await.unwrap();
    assert_eq!((part.corrected, part.more), (1_000, true));
    let part = ticket_sweep::sweep(shop.instance(), id).await.unwrap();
    assert_eq!((part.corrected, part.more), (200, false));
    shop.meter().take();
    sweep(&shop, 1).await;
    let cost = shop.meter().take();
    // The index, the campaign, its counter: no claim record, and nothing to note but the next look.
    assert_eq!((cost.round_trips, cost.write_units), (4, 3.0));
    assert_eq!((remaining(&shop).await, orphaned(&shop).await), (2_500, 0));
    shop.audit().await;
}

#[tokio::test]
async fn an_empty_counter_leads_to_another_in_few_calls() {
    let shop = TestShop::new();
    campaign(&shop, 160, 16).await;
    // Ten users of the first counter take all its tickets, and the next ten take tickets of others.
    let users: Vec<String> = users_of(0, 16).take(20).collect();
    let mut calls = Vec::new();
    for user in &users {
        shop.customer(user, 0).await;
        shop.meter().take();
        issue(&shop, user).await.expect(201);
        calls.push(shop.meter().take().round_trips);
    }
    // The first late request looks at all counters, and the others use its result.
    assert_eq!(calls, [vec![3; 10], vec![5], vec![3; 9]].concat());
    shop.audit().await;
}

#[tokio::test]
async fn a_sold_out_campaign_refuses_cheaply() {
    let shop = TestShop::new();
    campaign(&shop, 4, 4).await;
    customers(&shop, 4).await;
    for user in ["mina", "jun", "sora"] {
        shop.customer(user, 0).await;
    }
    for user in 0..4 {
        issue(&shop, &format!("u{user}")).await.expect(201);
    }
    // Not cached yet: an allocation in vain, and a look.
    issue(&shop, "mina").await.refused(409, "COUPON_SOLD_OUT");
    let refused = async |user: &str| {
        shop.meter().take();
        issue(&shop, user).await.refused(409, "COUPON_SOLD_OUT");
        let cost = shop.meter().take();
        assert!(cost.write_units.abs() < f64::EPSILON);
        (cost.round_trips, cost.read_units)
    };
    assert_eq!(refused("mina").await, (0, 0.0), "the caller of the first refusal is refused from the cache");
    assert_eq!(refused("jun").await, (1, 1.0), "another caller costs a read of account and coupon");
    assert_eq!(refused("jun").await, (0, 0.0));
    // The cache hides no other refusal: a coupon already issued, an unknown user, the end of the campaign.
    issue(&shop, "u1").await.refused(409, "COUPON_ALREADY_ISSUED");
    issue(&shop, "nobody").await.refused(404, "ENTITY_NOT_FOUND");

    wait(&shop, 999);
    assert_eq!(refused("jun").await, (0, 0.0));
    wait(&shop, 1);
    // A second later the counters are looked at again, in the same read.
    assert_eq!(refused("jun").await, (1, 1.0 + 4.0 * 0.5));
    assert_eq!(refused("sora").await, (1, 1.0));
    issue(&shop, "u1").await.refused(409, "COUPON_ALREADY_ISSUED");

    shop.set_clock("2026-12-01T00:00:00Z");
    issue(&shop, "jun").await.refused(409, "COUPON_NOT_ISSUABLE");
}

#[tokio::test]
async fn a_voided_ticket_is_available_within_a_second() {
    let shop = TestShop::new();
    campaign(&shop, 2, 2).await;
    let [first, second] = [0, 1].map(|counter| users_of(counter, 2).next().unwrap());
    for user in [first.as_str(), second.as_str(), "jun", "sora"] {
        shop.customer(user, 0).await;
    }
    issue(&shop, &first).await.expect(201);
    assert!(dying_at(&shop, 2, issue(&shop.another_instance(), &second)).await.is_none());
    sweep(&shop, 1).await;
    wait(&shop, 60_000);
    let others = shop.another_instance();
    for user in ["jun", "sora"] {
        issue(&others, user).await.refused(409, "COUPON_SOLD_OUT");
    }
    sweep::tickets::run(shop.instance()).await.unwrap();
    issue(&others, "jun").await.refused(409, "COUPON_SOLD_OUT");
    wait(&shop, 1_000);
    issue(&others, "jun").await.expect(201);
    issue(&others, "sora").await.refused(409, "COUPON_SOLD_OUT");
    shop.audit().await;
}
