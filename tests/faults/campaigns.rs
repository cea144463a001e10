//! Changes of campaigns in the midst of a crowd, by functions that die, and at the same time as others.

use functions::schedule::sweep;
use serde_json::{Value, json};
use tests::{
    Call, Fault, TestShop,
    night::times,
    steps::{codes, dying_at, race, wait},
};

async fn campaign(shop: &TestShop, total: i64, counters: i64) {
    shop.campaign("welcome", total, json!({ "kind": "FIXED", "value": 1_000, "counterShards": counters })).await;
}

fn issue(shop: &TestShop, user: &str) -> Call {
    shop.post("/coupons/issue", json!({ "userId": user, "couponId": "welcome" }))
}

fn change(shop: &TestShop, body: Value) -> Call {
    shop.patch("/coupons/welcome", body).as_admin()
}

async fn issued(shop: &TestShop) -> i64 {
    shop.get("/coupons/welcome").as_admin().await.expect(200)["issuedQuantity"].as_i64().unwrap()
}

/// Requests of so many customers for a coupon, while they run.
async fn crowd(shop: &TestShop, count: usize) -> tokio::task::JoinHandle<std::collections::BTreeMap<String, usize>> {
    for user in 0..count {
        shop.customer(&format!("u{user}"), 0).await;
    }
    let calls: Vec<Call> = (0..count).map(|user| issue(shop, &format!("u{user}"))).collect();
    let running = tokio::spawn(race(calls));
    while issued(shop).await < 20 {
        tokio::task::yield_now().await;
    }
    running
}

/// The answer to a call with a key, which is repeated while the machine is too busy.
async fn answered(call: Call) -> tests::Answer {
    loop {
        let answer = call.clone().await;
        if answer.status != 503 {
            return answer;
        }
    }
}

/// All instances have cached the campaign as ACTIVE, and hold tickets when it is paused.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_campaign_paused_in_the_midst_of_a_crowd_issues_nothing_after_the_answer() {
    let users = times(400, 1_000);
    for (status, counters) in [("PAUSED", 4), ("ENDED", 1)] {
        let shop = TestShop::with_instances(8);
        campaign(&shop, 5_000, counters).await;
        let running = crowd(&shop, users).await;
        let stopped = change(&shop, json!({ "status": status })).key("k");
        let stopped = answered(stopped).await.expect(200);
        let answers = running.await.unwrap();
        let number = |count: usize| i64::try_from(count).unwrap();
        let count = |code: &str| number(answers.get(code).copied().unwrap_or(0));
        let [made, refused, busy] = ["SUCCESS", "COUPON_NOT_ISSUABLE", "TRY_AGAIN"].map(count);
        assert_eq!((made + refused + busy, refused > 0), (number(users), true), "{answers:?}");
        // Each coupon of the campaign was there when the pause was answered. A busy machine leaves some outcomes unknown.
        let before = stopped["issuedQuantity"].as_i64().unwrap();
        assert_eq!(before, issued(&shop).await, "{status}");
        assert!((made..=made + busy).contains(&before), "{before} {answers:?}");
        assert_eq!(shop.audit().await.tickets_orphaned, 0, "{status}");
    }
}

/// A ticket that was allocated before the pause, by a function that is slow to claim it, is void after the answer.
#[tokio::test]
async fn a_ticket_allocated_before_the_pause_is_not_claimed_after_it() {
    let shop = TestShop::with_instances(1);
    campaign(&shop, 5, 1).await;
    for user in ["mina", "jun"] {
        shop.customer(user, 0).await;
    }
    issue(&shop, "jun").await.expect(201);
    // The function stops between the allocation and the claim.
    assert!(dying_at(&shop, 2, issue(&shop, "mina")).await.is_none());
    let paused = change(&shop, json!({ "status": "PAUSED" })).await.expect(200);
    assert_eq!((&paused["issuedQuantity"], &paused["remainingQuantity"]), (&json!(1), &json!(4)));
    let claim = shared::store::coupons::claim_ticket(
        &"welcome".to_owned().try_into().unwrap(),
        0,
        1,
        &"mina".to_owned().try_into().unwrap(),
    );
    let mut transaction = shared::store::Transaction::new();
    transaction.add(claim);
    let mut backoff = shop.instance().backoff();
    let late = shop.instance().table.commit(transaction, &mut backoff).await.unwrap();
    assert!(matches!(late, shared::store::Outcome::Refused(_)), "the late claim is refused");
    change(&shop, json!({ "status": "ACTIVE" })).await.expect(200);
    wait(&shop, 1_000);
    issue(&shop, "mina").await.expect(201);
    shop.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn coupons_added_while_a_crowd_draws_are_all_issued_and_no_more() {
    let shop = TestShop::with_instances(8);
    campaign(&shop, 60, 3).await;
    let running = crowd(&shop, 400).await;
    let add = |key: &str| change(&shop, json!({ "addQuantity": 50 })).key(key);
    // The same key twice at once, and another.
    let added = race(vec![add("a"), add("a"), add("b")]).await;
    assert_eq!(added, codes(&[("SUCCESS", 3)]));
    running.await.unwrap();
    for minute in 0..3 {
        wait(&shop, 60_000);
        sweep::tickets::run(shop.instance()).await.unwrap();
        race((0..400).map(|user| issue(&shop, &format!("u{user}"))).collect()).await;
        assert!(issued(&shop).await <= 160, "minute {minute}");
    }
    let campaign = shop.get("/coupons/welcome").as_admin().await.expect(200);
    let quantity = |name: &str| campaign[name].as_i64().unwrap();
    assert_eq!(["totalQuantity", "issuedQuantity", "remainingQuantity"].map(quantity), [160, 160, 0]);
    assert_eq!(shop.audit().await.tickets_orphaned, 0);
}

/// A function that dies anywhere in a change leaves it undone, or to the sweep: then all counters follow.
#[tokio::test(start_paused = true)]
async fn a_change_that_dies_half_way_is_finished_by_the_sweep_or_its_repetition() {
    for is_repeated in [false, true] {
        for dies_at in 1..16 {
            let shop = TestShop::with_instances(2);
            campaign(&shop, 6, 2).await;
            for user in 0..8 {
                shop.customer(&format!("u{user}"), 0).await;
            }
            dying_at(&shop, 2, issue(&shop, "u0")).await;
            let body = json!({ "status": "PAUSED", "addQuantity": 4, "issueUntil": "2026-12-24T00:00:00Z" });
            let pause = || change(&shop, body.clone()).key("k");
            dying_at(&shop, dies_at, pause()).await;
            shop.audit().await;
            let is_made = shop.get("/coupons/welcome").as_admin().await.expect(200)["status"] == "PAUSED";
            if is_repeated {
                shop.dynamo().fail_first("TransactWriteItems", 1, Fault::LostReply);
                pause().await.expect(200);
            } else if is_made {
                wait(&shop, 1_000);
                sweep::tickets::run(shop.instance()).await.unwrap();
            }
            if is_repeated || is_made {
                for user in 1..8 {
                    issue(&shop, &format!("u{user}")).await.refused(409, "COUPON_NOT_ISSUABLE");
                }
                let paused = shop.get("/coupons/welcome").as_admin().await.expect(200);
                let quantities = (&paused["totalQuantity"], &paused["issuedQuantity"]);
                assert_eq!(quantities, (&json!(10), &json!(0)), "died at call {dies_at}");
                change(&shop, json!({ "status": "ACTIVE" })).await.expect(200);
                wait(&shop, 1_000);
            }
            issue(&shop, "u0").await.expect(201);
            // Without a change, the ticket of the function that died waits for the sweep.
            let orphaned = i128::from(!is_repeated && !is_made);
            assert_eq!(shop.audit().await.tickets_orphaned, orphaned, "died at call {dies_at}");
        }
    }
}

/// Pauses and resumptions at once: the counters end in the state of the campaign.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_changes_leave_the_counters_in_the_state_of_the_campaign() {
    let shop = TestShop::with_instances(4);
    campaign(&shop, 100, 4).await;
    shop.customer("mina", 0).await;
    for _ in 0..5 {
        let calls = (0..6).map(|number| match number {
            0 | 1 => change(&shop, json!({ "status": "PAUSED" })),
            2 | 3 => change(&shop, json!({ "status": "ACTIVE" })),
            _ => change(&shop, json!({ "description": format!("{number}") })),
        });
        assert_eq!(race(calls.collect()).await, codes(&[("SUCCESS", 6)]));
        shop.audit().await;
    }
    let status = shop.get("/coupons/welcome").as_admin().await.expect(200)["status"].clone();
    wait(&shop, 1_000);
    let is_issued = issue(&shop, "mina").await.status == 201;
    assert_eq!(is_issued, status == "ACTIVE");
}

/// A campaign whose coupons were expiring is open again, and its new coupons expire later.
#[tokio::test]
async fn a_campaign_that_had_ended_goes_on() {
    let shop = TestShop::with_instances(1);
    campaign(&shop, 3, 1).await;
    for user in ["mina", "jun"] {
        shop.customer(user, 0).await;
    }
    issue(&shop, "mina").await.expect(201);
    let sweep = async || {
        wait(&shop, 60_000);
        sweep::tickets::run(shop.instance()).await.unwrap();
        sweep::coupons::run(shop.instance()).await.unwrap();
    };
    shop.set_clock("2026-12-20T00:00:00Z");
    for _ in 0..3 {
        sweep().await;
    }
    let listed = shop.get("/coupons?userId=mina&status=EXPIRED").await.expect(200);
    assert_eq!(listed["items"][0]["status"], "EXPIRED");
    change(&shop, json!({ "issueUntil": "2027-01-01T00:00:00Z" })).await.expect(200);
    issue(&shop, "jun").await.expect(201);
    sweep().await;
    shop.audit().await;
    shop.set_clock("2027-02-01T00:00:00Z");
    for _ in 0..3 {
        sweep().await;
    }
    shop.audit().await;
}
