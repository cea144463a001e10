//! `DELETE /orders/cart/{itemId}`, and the replacement of a cart's contents

use serde_json::{Value, json};
use shared::{
    domain::{OrderId, ProductId, Quantity, UserId, cart::Cart},
    store::{Consistency, Outcome, Transaction, carts, keys},
};

use super::{add, cart, open, quantities};

#[tokio::test]
async fn a_removal_is_idempotent() {
    let shop = open().await;
    let remove = |item: &str| shop.call("DELETE", &format!("/orders/cart/{item}")).as_user("mina");
    // The same without a cart.
    assert_eq!(remove("tea").await.expect(204), Value::Null);
    add(&shop, "tea", 2).await.expect(200);
    add(&shop, "cup", 1).await.expect(200);
    let answer = remove("tea").await;
    assert_eq!(answer.headers.get("content-type"), None);
    assert_eq!(answer.expect(204), Value::Null);
    assert_eq!(quantities(&cart(&shop).await), [("cup", 1)]);
    remove("tea").await.expect(204);
    remove("nothing").await.expect(204);
    remove("cup").await.expect(204);
    assert_eq!(cart(&shop).await, json!({ "items": [], "total": 0 }));
    assert_eq!(quantities(&add(&shop, "tea", 1).await.expect(200)), [("tea", 1)]);
    assert_eq!(remove("a%20b").await.bad_fields(), ["itemId"]);
    shop.audit().await;
}

/// The write of an order's own transaction: it removes exactly the ordered units from the cart that it has read.
#[tokio::test]
async fn a_cart_is_replaced_only_if_unchanged() {
    let shop = open().await;
    let mina = UserId::try_from("mina".to_owned()).unwrap();
    let order = OrderId::try_from("order".to_owned()).unwrap();
    let ordered = [(ProductId::try_from("tea".to_owned()).unwrap(), Quantity::try_from(2).unwrap())];
    let table = &shop.instance().table;
    let mut backoff = table.backoff();

    add(&shop, "tea", 3).await.expect(200);
    let mut seen: Cart = table.get(keys::cart(&mina), Consistency::Strong).await.unwrap().unwrap();
    add(&shop, "cup", 1).await.expect(200);
    for unchanged in [false, true] {
        let mut transaction = Transaction::new();
        let replaced = transaction.add(carts::replace(&mina, &seen, &seen.ordered(&order, &ordered)));
        match table.commit(transaction, &mut backoff).await.unwrap() {
            Outcome::Committed => assert!(unchanged),
            Outcome::Refused(evidence) => {
                assert!(!unchanged);
                // The refusal returns the cart as it is, for another try.
                seen = evidence.of(replaced).unwrap().flatten().unwrap();
            }
        }
    }
    assert_eq!(quantities(&cart(&shop).await), [("cup", 1), ("tea", 1)]);
    shop.audit().await;
}
