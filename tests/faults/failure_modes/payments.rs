//! Results of the payment system that no order could have led to.

use serde_json::{Value, json};
use shared::{
    app::{
        Failure,
        orders::{self, PaymentOutcome},
    },
    domain::Invalid,
};
use tests::{
    TestShop,
    steps::{
        cancel,
        external::{refunds_asked, waiting},
        id, order_by, order_id, result, settle, status,
    },
};

/// Two orders that wait for the payment system.
async fn two_orders() -> (TestShop, Value, Value) {
    let shop = TestShop::new();
    shop.customer("mina", 0).await;
    shop.product("tea", 26_000, 10).await;
    let first = order_by(&shop, "mina", "tea", 1, "EXTERNAL").await.expect(201);
    let second = order_by(&shop, "mina", "tea", 1, "EXTERNAL").await.expect(201);
    (shop, first, second)
}

/// The reason for which a result of this payment is refused.
async fn refused(
    shop: &TestShop,
    order: &Value,
    outcome: PaymentOutcome,
    payment: &str,
    amount: i64,
) -> Option<Failure> {
    orders::settle(shop.instance(), outcome, &result(shop, order, payment, amount)).await.err()
}

/// One payment that succeeded for two orders paid both.
#[tokio::test]
async fn a_payment_is_for_one_order() {
    use PaymentOutcome::{Failed, Succeeded};

    let (shop, first, second) = two_orders().await;
    settle(&shop, &first, Succeeded, "pay-1", 29_000).await;
    for outcome in [Succeeded, Failed] {
        let refused = refused(&shop, &second, outcome, "pay-1", 29_000).await;
        assert!(matches!(refused, Some(Failure::Invalid("paymentId", Invalid::Taken))), "{refused:?}");
    }
    // A repeated result for its own order has no further effect.
    settle(&shop, &first, Succeeded, "pay-1", 29_000).await;
    assert_eq!(
        (status(&shop, &first).await.as_str(), status(&shop, &second).await.as_str()),
        ("PAID", "PENDING_PAYMENT")
    );
    settle(&shop, &second, Succeeded, "pay-2", 29_000).await;
    shop.audit().await;
}

#[tokio::test]
async fn a_payment_for_two_orders_at_once_pays_one() {
    let (shop, first, second) = two_orders().await;
    let pay = |order| orders::settle(shop.instance(), PaymentOutcome::Succeeded, order);
    let (of_first, of_second) = (result(&shop, &first, "pay-1", 29_000), result(&shop, &second, "pay-1", 29_000));
    let (first_settled, second_settled) = tokio::join!(pay(&of_first), pay(&of_second));
    assert_eq!([first_settled, second_settled].iter().filter(|settled| settled.is_ok()).count(), 1);
    shop.audit().await;
}

/// A success of 10¹⁵ won was asked back.
#[tokio::test]
async fn a_refund_above_any_order_is_never_requested() {
    let (shop, order, _) = two_orders().await;
    for amount in [1_000_000_000_000_000, 100_000_000_000_001, 0, -1] {
        let refused = refused(&shop, &order, PaymentOutcome::Succeeded, "pay-1", amount).await;
        assert!(matches!(refused, Some(Failure::Invalid("amount", Invalid::Range { .. }))), "{refused:?}");
    }
    assert_eq!(status(&shop, &order).await, "PENDING_PAYMENT");
    settle(&shop, &order, PaymentOutcome::Succeeded, "pay-1", 29_000).await;
    shop.audit().await;
}

/// The payment system was asked for the same money once more, and paid it a second time.
#[tokio::test]
async fn money_retried_to_the_balance_is_not_asked_for_outside() {
    let (shop, order) = waiting().await;
    settle(&shop, &order, PaymentOutcome::Succeeded, "pay-1", 26_000).await;
    cancel(&shop, "mina", &order, json!({})).await.expect(200);
    let refund = format!("{}-3-refund", id(&order));
    orders::settle_refund(shop.instance(), &order_id(&order), &refund, false).await.unwrap();
    let retry = format!("/orders/{}/refunds/{refund}/retry", id(&order));
    shop.post(&retry, json!({ "to": "BALANCE" })).as_admin().await.expect(200);
    assert_eq!(shop.balance("mina").await, 76_000);
    assert_eq!(refunds_asked(&shop, &order).await.len(), 1);
    shop.audit().await;
}
