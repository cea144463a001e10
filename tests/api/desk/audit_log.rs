//! `GET /desk/audit-log`

use serde_json::json;
use tests::TestShop;

use super::walk;

#[tokio::test]
async fn looks_and_changes_of_others_are_logged_newest_first() {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    for second in 1..=3 {
        shop.set_clock(&format!("2026-11-20T03:00:0{second}Z"));
        shop.get("/users/mina").as_user("mina").await.expect(200);
        shop.get("/users/mina").as_admin().await.expect(200);
    }
    shop.set_clock("2026-11-20T03:00:04Z");
    shop.patch("/users/mina", json!({ "phone": "1" })).as_user("mina").await.expect(200);
    shop.patch("/users/mina", json!({ "phone": "2" })).as_admin().await.expect(200);
    let ask = |cursor: &str| shop.get(&format!("/desk/audit-log?userId=mina&limit=2{cursor}")).as_admin();
    let read = "GET /users/{userId}";
    assert_eq!(walk(ask, "route").await, [vec!["PATCH /users/{userId}", read], vec![read, read], vec![]]);
    let log = shop.get("/desk/audit-log?userId=mina").as_admin().await.expect(200);
    let last = &log["items"][0];
    assert_eq!(
        (&last["role"], &last["userId"], &last["at"]),
        (&json!("ADMIN"), &json!("mina"), &json!("2026-11-20T03:00:04Z"))
    );
    shop.get("/balance/mina/entries").as_user("mina").await.expect(200);
    shop.get("/balance/mina/entries").as_admin().await.expect(200);
    let log = shop.get("/desk/audit-log?userId=mina").as_admin().await.expect(200);
    let of_ledger = log["items"].as_array().unwrap().iter().filter(|it| it["route"] == "GET /balance/{userId}/entries");
    assert_eq!(of_ledger.count(), 1, "{log}");
    shop.get("/desk/audit-log?userId=mina").as_user("mina").await.refused(403, "FORBIDDEN");
    let cursor = shop.get("/desk/audit-log?userId=mina&limit=1").as_admin().await.expect(200)["nextCursor"].clone();
    let of_another = format!("/desk/audit-log?userId=jun&cursor={}", cursor.as_str().unwrap());
    assert_eq!(shop.get(&of_another).as_admin().await.bad_fields(), ["cursor"]);
    shop.audit().await;
}
