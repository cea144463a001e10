//! The provider's statement and the shop's books: equal after payments, refunds and lost answers, and each other line is
//! named.

use payment_system::{CallFault, On};
use serde_json::json;
use tests::{
    TestShop,
    steps::{
        external::waiting,
        id,
        payments::{
            CARD, check_out, confirm, fail_once, pay_session, payment_id, reconcile, session_of, statement_of_today,
            sweep_payments, top_up,
        },
        wait,
    },
};

/// A shop with a top-up refunded in part, an order cancelled in part, and a payment whose answer was lost. Returns it
/// with the id of the top-up.
async fn shop_with_payments() -> (TestShop, String) {
    let (shop, order) = waiting().await;
    let session = session_of(&shop, "mina", &order).await.expect(201);
    pay_session(&shop, "mina", &session, CARD).await;
    let top = top_up(&shop, "mina", 10_000).await;
    let top = payment_id(&pay_session(&shop, "mina", &top, CARD).await);
    shop.post(&format!("/payments/{top}/refund"), json!({ "amount": 4_000 })).as_admin().await.expect(200);
    let items = json!({ "items": [{ "itemId": "1", "quantity": 1 }] });
    shop.post(&format!("/orders/{}/cancel", id(&order)), items).as_user("mina").await.expect(200);
    let lost = top_up(&shop, "mina", 3_000).await;
    let key = check_out(&shop, &lost, CARD);
    fail_once(&shop, On::Confirm, CallFault::SilentAfter);
    confirm(&shop, "mina", &lost, &key).await.expect(200);
    wait(&shop, 10_000);
    for _ in 0..3 {
        sweep_payments(&shop).await;
    }
    shop.audit().await;
    (shop, top)
}

#[tokio::test(start_paused = true)]
async fn a_day_of_payments_and_refunds_reconciles() {
    let (shop, _) = shop_with_payments().await;
    let statement = statement_of_today(&shop);
    let report = reconcile(&shop, &statement).await;
    assert!(report.is_clean() && report.hints.is_empty(), "{report}");
    assert_eq!((report.figures.payments, report.figures.paid, report.figures.cancels), (3, 39_000, 2), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_and_a_foreign_line_are_named() {
    let (shop, top) = shop_with_payments().await;
    let statement = statement_of_today(&shop);
    let is_lost = |line: &&str| line.contains(&format!(",{top},CANCEL,"));
    assert_eq!(statement.lines().filter(is_lost).count(), 1, "{statement}");
    let mut lines: Vec<&str> = statement.lines().filter(|line| !is_lost(line)).collect();
    lines.push("key,foreign,PAYMENT,transaction,7000,2026-11-20T12:00:00+09:00");
    let report = reconcile(&shop, &lines.join("\n")).await;
    let differences: Vec<String> = report.differences.iter().map(ToString::to_string).collect();
    assert_eq!(differences.len(), 2, "{report}");
    assert_eq!(differences[0], "Line 6: payment foreign, 7000 won paid: the shop has no such payment.");
    assert!(differences[1].starts_with(&format!("payment {top}, 4000 won sent back: recorded at ")), "{report}");
}
