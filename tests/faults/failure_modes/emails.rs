//! E-mail addresses: no two users share one, withdrawn users aside. The migration adds the claims of the first stage's
//! users.

use futures::future::join_all;
use serde_json::{Value, json};
use shared::{
    domain::{UserId, text::EmailKey},
    store::{Key, keys},
};
use tests::{
    Call, Fault, TABLE, TestShop,
    deaths::Deaths,
    steps::{migrate, migrate_by_pages_of},
};

fn joins(shop: &TestShop, id: &str, email: &str) -> Call {
    shop.post("/users", json!({ "userId": id, "name": "김민수", "email": email }))
}

fn patch(shop: &TestShop, id: &str, change: Value) -> Call {
    shop.patch(&format!("/users/{id}"), change).as_admin()
}

async fn taken(call: Call) {
    assert_eq!(call.await.refused(409, "ALREADY_EXISTS"), json!({ "field": "email" }));
}

fn user(id: &str) -> UserId {
    UserId::try_from(id.to_owned()).unwrap()
}

/// The user with the claim of an address, if there is one.
fn holder(shop: &TestShop, address: &str) -> Option<String> {
    let get = json!({ "TableName": TABLE, "Key": key(&keys::email(&EmailKey::from_address(address))) });
    let found = shop.dynamo().execute("GetItem", get).unwrap();
    found["Item"]["userId"]["S"].as_str().map(str::to_owned)
}

fn key(key: &Key) -> Value {
    json!({ "pk": { "S": key.pk }, "sk": { "S": key.sk } })
}

#[tokio::test]
async fn an_address_belongs_to_one_user_in_any_case() {
    let shop = TestShop::with_instances(2);
    joins(&shop, "mina", "Mina@Example.com").await.expect(201);
    taken(joins(&shop, "jun", "mina@example.COM")).await;
    shop.get("/users/jun").as_admin().await.refused(404, "ENTITY_NOT_FOUND");
    joins(&shop, "jun", "jun@example.com").await.expect(201);
    taken(patch(&shop, "jun", json!({ "email": "MINA@example.com" }))).await;
    // Decomposed it is the same address.
    joins(&shop, "sora", "소라@example.com").await.expect(201);
    taken(patch(&shop, "jun", json!({ "email": "\u{1109}\u{1169}\u{1105}\u{1161}@example.com" }))).await;
    // It is shown as it was written.
    let changed = patch(&shop, "mina", json!({ "email": "MINA@example.com" })).await.expect(200);
    assert_eq!(changed["email"], "MINA@example.com");
    shop.audit().await;
}

#[tokio::test]
async fn an_address_is_released_by_a_change_and_by_withdrawal() {
    let shop = TestShop::new();
    joins(&shop, "mina", "mina@example.com").await.expect(201);
    patch(&shop, "mina", json!({ "email": "new@example.com" })).await.expect(200);
    joins(&shop, "jun", "mina@example.com").await.expect(201);
    assert_eq!(holder(&shop, "mina@example.com").as_deref(), Some("jun"));

    patch(&shop, "mina", json!({ "status": "SUSPENDED" })).await.expect(200);
    taken(joins(&shop, "sora", "new@example.com")).await;
    patch(&shop, "mina", json!({ "status": "WITHDRAWN" })).await.expect(200);
    assert_eq!(holder(&shop, "new@example.com"), None);
    joins(&shop, "sora", "new@example.com").await.expect(201);
    // A withdrawn user comes back under an address that is free.
    taken(patch(&shop, "mina", json!({ "status": "ACTIVE" }))).await;
    assert_eq!(shop.get("/users/mina").as_admin().await.expect(200)["status"], "WITHDRAWN");
    patch(&shop, "mina", json!({ "status": "ACTIVE", "email": "back@example.com" })).await.expect(200);
    taken(joins(&shop, "kim", "back@example.com")).await;
    shop.audit().await;
}

#[tokio::test]
async fn an_address_chosen_while_withdrawn_is_claimed_on_return() {
    let shop = TestShop::new();
    joins(&shop, "mina", "mina@example.com").await.expect(201);
    patch(&shop, "mina", json!({ "status": "WITHDRAWN" })).await.expect(200);
    patch(&shop, "mina", json!({ "email": "later@example.com" })).await.expect(200);
    assert_eq!(holder(&shop, "later@example.com"), None);
    patch(&shop, "mina", json!({ "status": "ACTIVE" })).await.expect(200);
    assert_eq!(holder(&shop, "later@example.com").as_deref(), Some("mina"));
    shop.audit().await;
}

#[tokio::test]
async fn a_repeated_join_is_answered_although_its_address_is_taken() {
    let shop = TestShop::with_instances(2);
    let join = || joins(&shop, "mina", "mina@example.com").key("k");
    let first = join().await.expect(201);
    assert_eq!(join().await.expect(201), first);
    patch(&shop, "mina", json!({ "email": "new@example.com" })).await.expect(200);
    joins(&shop, "jun", "mina@example.com").await.expect(201);
    assert_eq!(join().await.expect(201)["email"], "new@example.com");
    // Without the key the id is already taken.
    let again = joins(&shop, "mina", "other@example.com").await;
    assert_eq!(again.refused(409, "ALREADY_EXISTS"), json!({ "field": "userId" }));
}

#[tokio::test]
async fn concurrent_joins_with_one_address_have_one_winner() {
    let shop = TestShop::with_instances(4);
    let ids: Vec<String> = (0..20).map(|number| format!("u{number}")).collect();
    let calls = ids.iter().map(|id| async { joins(&shop, id, "one@example.com").await.status });
    let statuses = join_all(calls).await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 201 | 409)), "{statuses:?}");
    assert_eq!(shop.audit().await.users, 1);
}

#[tokio::test]
async fn concurrent_swaps_of_addresses_never_share_one() {
    let shop = TestShop::with_instances(4);
    for id in ["mina", "jun", "sora"] {
        joins(&shop, id, &format!("{id}@example.com")).await.expect(201);
    }
    let addresses = ["a@example.com", "A@example.com", "b@example.com", "mina@example.com"];
    for round in 0..10 {
        let calls = ["mina", "jun", "sora", "mina"].iter().enumerate().map(|(place, id)| {
            let change = match (round + place) % 5 {
                4 => json!({ "status": "WITHDRAWN" }),
                3 => json!({ "status": "ACTIVE" }),
                _ => json!({ "email": addresses[(round * 3 + place) % addresses.len()] }),
            };
            async { patch(&shop, id, change).await.status }
        });
        let statuses = join_all(calls).await;
        assert!(statuses.iter().all(|status| matches!(status, 200 | 409)), "{statuses:?}");
        shop.audit_as_is().await;
    }
}

#[tokio::test]
async fn a_change_with_a_lost_answer_is_made_once() {
    let shop = TestShop::new();
    joins(&shop, "mina", "mina@example.com").await.expect(201);
    shop.dynamo().fail_first("TransactWriteItems", 1, Fault::LostReply);
    patch(&shop, "mina", json!({ "email": "new@example.com" })).await.expect(200);
    assert_eq!((holder(&shop, "mina@example.com"), holder(&shop, "new@example.com").as_deref()), (None, Some("mina")));
    shop.dynamo().fail_first("TransactWriteItems", 1, Fault::LostReply);
    joins(&shop, "jun", "jun@example.com").key("k").await.expect(201);
    shop.audit().await;
}

/// Makes a user's records those of the first stage: no claim, no note of one, no instant of the last change.
fn make_first_stage(shop: &TestShop, id: &str, address: &str, created_at_ms: i64) {
    let profile = json!({
        "TableName": TABLE, "Key": key(&keys::profile(&user(id))),
        "UpdateExpression": "SET email = :email, createdAt = :at REMOVE emailClaimed, updatedAt, emailKey",
        "ExpressionAttributeValues": { ":email": { "S": address }, ":at": { "N": created_at_ms.to_string() } },
    });
    shop.dynamo().execute("UpdateItem", profile).unwrap();
    let claim = keys::email(&EmailKey::from_address(&format!("{id}@example.com")));
    let delete = json!({ "TransactItems": [{ "Delete": { "TableName": TABLE, "Key": key(&claim) } }] });
    shop.dynamo().execute("TransactWriteItems", delete).unwrap();
}

/// Users of the first stage: mina and jun have one address in two cases, and jun joined first. Sora has an address of
/// her own, and kim has left.
async fn first_stage() -> TestShop {
    let shop = TestShop::new();
    for id in ["mina", "jun", "sora", "kim"] {
        shop.customer(id, 0).await;
    }
    patch(&shop, "kim", json!({ "status": "WITHDRAWN" })).await.expect(200);
    make_first_stage(&shop, "mina", "Same@example.com", 2_000);
    make_first_stage(&shop, "jun", "same@example.com", 1_000);
    make_first_stage(&shop, "sora", "sora@example.com", 3_000);
    make_first_stage(&shop, "kim", "same@example.com", 500);
    shop
}

#[tokio::test]
async fn records_of_the_first_stage_stay_readable_and_changeable() {
    let shop = first_stage().await;
    let mina = shop.get("/users/mina").as_user("mina").await.expect(200);
    assert_eq!(mina["updatedAt"], mina["createdAt"]);
    // A change of anything else needs no claim.
    patch(&shop, "mina", json!({ "name": "새 이름" })).await.expect(200);
    patch(&shop, "mina", json!({ "status": "SUSPENDED" })).await.expect(200);
    assert_eq!(holder(&shop, "same@example.com"), None);
    // A change of the address claims it, and so does the next one.
    patch(&shop, "mina", json!({ "email": "new@example.com" })).await.expect(200);
    assert_eq!(holder(&shop, "new@example.com").as_deref(), Some("mina"));
    shop.audit().await;
}

#[tokio::test]
async fn the_migration_claims_for_the_earliest_and_lists_the_others() {
    let shop = first_stage().await;
    let lines = migrate(&shop, false).await.unwrap();
    assert_eq!(holder(&shop, "same@example.com").as_deref(), Some("jun"));
    assert_eq!(holder(&shop, "sora@example.com").as_deref(), Some("sora"));
    assert!(lines.contains(&"  user mina has an e-mail address that is claimed for jun".to_owned()), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("1 users who share a claimed address")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("2 users with a claim")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains('@')), "no personal data: {lines:?}");
    shop.audit().await;

    // A later duplicate stays, and must choose another address with the next change of it.
    patch(&shop, "mina", json!({ "name": "새 이름" })).await.expect(200);
    taken(patch(&shop, "mina", json!({ "email": "same@example.com" }))).await;
    patch(&shop, "mina", json!({ "email": "mina@example.com" })).await.expect(200);
    // Twice does nothing, and says so.
    let lines = migrate(&shop, false).await.unwrap();
    assert!(lines.len() == migrate::STEPS.len() && lines[0].starts_with("emails: ended at"), "{lines:?}");
    let again = migrate(&shop, true).await.unwrap();
    assert!(again.iter().any(|line| line.contains("3 users with a claim")), "{again:?}");
    shop.audit().await;
}

/// The claim moves to the earlier user, also from a user that claimed the address since the upgrade.
#[tokio::test]
async fn the_migration_moves_a_claim_to_an_earlier_user() {
    let shop = first_stage().await;
    joins(&shop, "late", "SAME@example.com").await.expect(201);
    migrate(&shop, false).await.unwrap();
    assert_eq!(holder(&shop, "same@example.com").as_deref(), Some("jun"));
    let late = shop.get("/users/late").as_user("late").await.expect(200);
    assert_eq!(late["email"], "SAME@example.com");
    shop.audit().await;
}

#[tokio::test]
async fn the_migration_of_addresses_continues_after_a_death_at_any_call() {
    // The more pages there are, the more calls, and each of them takes the longer.
    const PAGE: usize = 10;
    let counted = first_stage().await;
    let deaths = Deaths::default();
    migrate_by_pages_of(PAGE, &counted.watched_by(&deaths), false).await.unwrap();
    assert!(deaths.calls().len() > 20, "{:?}", deaths.calls());
    for (call, side) in deaths.points() {
        let shop = first_stage().await;
        let deaths = Deaths::at(call, side);
        let died = deaths.run(migrate_by_pages_of(PAGE, &shop.watched_by(&deaths), false)).await;
        assert!(died.is_none(), "{call} {side:?}");
        shop.audit_as_is().await;
        migrate_by_pages_of(PAGE, &shop, false).await.unwrap();
        let holders = ["same@example.com", "sora@example.com"].map(|address| holder(&shop, address));
        assert_eq!(holders, [Some("jun".to_owned()), Some("sora".to_owned())], "{call} {side:?}");
        shop.audit_as_is().await;
    }
}

#[tokio::test]
async fn the_shop_stays_open_during_the_migration() {
    let shop = first_stage().await;
    let change = async {
        for number in 0..6 {
            patch(&shop, "mina", json!({ "email": format!("m{number}@example.com") })).await.expect(200);
            let status = if number % 2 == 0 { "WITHDRAWN" } else { "ACTIVE" };
            let answer = patch(&shop, "jun", json!({ "status": status })).await;
            assert!(matches!(answer.status, 200 | 409), "{}", answer.body);
        }
    };
    let (migrated, ()) = tokio::join!(migrate(&shop, false), change);
    migrated.unwrap();
    shop.audit().await;
}

/// Two concurrent runs of a step: one notes its progress and the other ends, or both reach the same state.
#[tokio::test]
async fn concurrent_migrations_claim_once() {
    let shop = first_stage().await;
    let (first, second) = tokio::join!(migrate(&shop, false), migrate(&shop, false));
    assert!(first.is_ok() || second.is_ok());
    assert_eq!(holder(&shop, "same@example.com").as_deref(), Some("jun"));
    shop.audit().await;
}
