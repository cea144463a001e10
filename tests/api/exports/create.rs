//! `POST /exports`

use std::future::IntoFuture;

use futures::future::join_all;
use serde_json::json;
use shared::app::{ExportPolicy, PeoplePolicy};
use tests::{TestShop, steps::set_user};

use super::{FROM, TO, export, path};

#[tokio::test]
async fn callers_export_what_is_theirs() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.customer("hana", 0).await;
    for of in ["ORDERS", "LEDGER", "PRODUCTS"] {
        export(&shop, of).as_user("mina").await.refused(403, "FORBIDDEN");
        export(&shop, of).as_admin().await.expect(202);
        shop.settle().await;
    }
    export(&shop, "MINE").as_user("mina").await.expect(202);
    export(&shop, "MINE").as_seller("hana").await.expect(202);
    export(&shop, "ORDERS").as_seller("hana").await.expect(202);
    export(&shop, "LEDGER").as_seller("hana").await.refused(403, "FORBIDDEN");
    let of = |of: &str| shop.post("/exports", json!({ "userId": "mina", "of": of, "from": FROM, "to": TO }));
    of("MINE").as_user("hana").await.refused(403, "FORBIDDEN");
    of("MINE").as_admin().await.expect(202);
    // All orders are no one user's.
    assert_eq!(of("ORDERS").as_admin().await.bad_fields(), ["userId"]);
    let of_nobody = json!({ "userId": "nobody", "of": "MINE", "from": FROM, "to": TO });
    shop.post("/exports", of_nobody).as_admin().await.refused(404, "ENTITY_NOT_FOUND");
    shop.audit().await;
}

#[tokio::test]
async fn a_wrong_request_names_its_fields_and_begins_nothing() {
    let shop = TestShop::new();
    for (body, fields) in [
        (json!({}), vec!["from", "of", "to"]),
        (json!({ "of": "EVERYTHING", "from": FROM, "to": TO }), vec!["of"]),
        (json!({ "of": "ORDERS", "from": "2026-11-01", "to": TO }), vec!["from"]),
        (json!({ "of": "ORDERS", "from": TO, "to": FROM }), vec!["to"]),
        (json!({ "of": "ORDERS", "from": FROM, "to": TO, "sellerId": "hana" }), vec!["sellerId"]),
    ] {
        assert_eq!(shop.post("/exports", body).as_admin().await.bad_fields(), fields);
    }
    shop.settle().await;
    assert_eq!(shop.bucket.texts().len(), 0);
}

#[tokio::test]
async fn a_repeated_request_begins_one_export() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    let first = export(&shop, "MINE").as_user("mina").key("k").await.expect(202);
    assert_eq!(export(&shop, "MINE").as_user("mina").key("k").await.expect(202), first);
    shop.settle().await;
    assert_eq!(export(&shop, "MINE").as_user("mina").key("k").await.expect(202), first);
    let other = json!({ "of": "MINE", "from": FROM, "to": FROM });
    shop.post("/exports", other).as_user("mina").key("k").await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    assert_ne!(export(&shop, "MINE").as_user("mina").await.expect(202), first);
}

#[tokio::test]
async fn a_user_has_at_most_so_many_running_exports() {
    let shop = TestShop::with_instances(3).with_exports(ExportPolicy { open: 2, ..ExportPolicy::DEFAULT });
    shop.customer("mina", 0).await;
    let begin = || export(&shop, "MINE").as_user("mina");
    // At once: the list of the running ones decides.
    let answers = join_all((0..6).map(|_| begin().into_future())).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 202, 429, 429, 429, 429]);
    let first = begin().key("k").await;
    let details = first.refused(429, "TOO_MANY_REQUESTS");
    assert_eq!(details, json!({ "limit": "exports", "max": 2 }));
    shop.settle().await;
    let third = begin().key("k").await.expect(202);
    begin().await.expect(202);
    begin().await.refused(429, "TOO_MANY_REQUESTS");
    // What began is answered again.
    assert_eq!(begin().key("k").await.expect(202), third);
    // An export that never ends gives its place back with the end of its file.
    shop.set_clock("2026-11-21T03:00:00Z");
    assert_eq!(shop.get(&path(&third)).as_user("mina").await.expect(200)["status"], "FAILED");
    begin().await.expect(202);
    shop.audit().await;
}

#[tokio::test]
async fn a_caller_without_the_right_to_change_begins_no_export() {
    let shop = TestShop::new().with_people(PeoplePolicy { ..PeoplePolicy::DEFAULT });
    for user in ["mina", "hana", "boss"] {
        shop.customer(user, 0).await;
        set_user(&shop, user, "SUSPENDED").await;
    }
    // Their own data is theirs.
    export(&shop, "MINE").as_user("mina").await.expect(202);
    export(&shop, "ORDERS").as_seller("hana").await.refused(409, "USER_NOT_ACTIVE");
    let as_boss = |of: &str| export(&shop, of).as_user("boss").header("x-user-role", "ADMIN");
    as_boss("LEDGER").await.refused(409, "USER_NOT_ACTIVE");
    set_user(&shop, "mina", "ACTIVE").await;
    shop.settle().await;
    shop.post("/users/mina/withdraw", json!({})).as_user("mina").await.expect(200);
    export(&shop, "MINE").as_user("mina").await.refused(409, "USER_NOT_ACTIVE");
}
