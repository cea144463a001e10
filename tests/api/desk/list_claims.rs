//! `GET /desk/claims`

use serde_json::{Value, json};
use tests::{TABLE, TestShop, steps::id};

use super::{create, ids, walk};

/// An order of `a` of Hana, `b` of Duri and `c` of the shop, all delivered, and a claim for a unit of each.
async fn seeded_shop() -> (TestShop, Vec<Value>) {
    let shop = TestShop::new();
    create(&shop, 0, "hana", "a", json!({ "stock": 100 })).await;
    create(&shop, 1, "duri", "b", json!({ "stock": 100 })).await;
    shop.product("c", 1_000, 100).await;
    shop.customer("mina", 1_000_000).await;
    let items: Vec<Value> = ["a", "b", "c"].iter().map(|id| json!({ "productId": id, "quantity": 2 })).collect();
    let order = shop.post("/orders", json!({ "userId": "mina", "items": items })).as_user("mina").await.expect(201);
    let mut claims = Vec::new();
    for (item, second) in [("1", 3), ("2", 4), ("3", 5)] {
        let path = format!("/orders/{}/items/{item}", id(&order));
        for status in ["SHIPPED", "DELIVERED"] {
            shop.patch(&path, json!({ "status": status })).as_admin().await.expect(200);
        }
        shop.set_clock(&format!("2026-11-20T03:01:{second:02}Z"));
        claims.push(claim(&shop, &order, item).await);
    }
    shop.settle().await;
    (shop, claims)
}

async fn claim(shop: &TestShop, order: &Value, item: &str) -> Value {
    let body = json!({ "type": "RETURN", "items": [{ "itemId": item, "quantity": 1 }], "reason": "DEFECT" });
    shop.post(&format!("/orders/{}/claims", id(order)), body).as_user("mina").await.expect(201)
}

async fn decide(shop: &TestShop, claim: &Value, accept: bool) {
    let path = format!("/claims/{}/decide", claim_id(claim));
    shop.post(&path, json!({ "accept": accept })).as_admin().await.expect(200);
}

fn claim_id(claim: &Value) -> &str {
    claim["claimId"].as_str().unwrap()
}

#[tokio::test]
async fn claims_are_listed_oldest_first_and_in_their_state_alone() {
    let (shop, claims) = seeded_shop().await;
    let list = shop.get("/desk/claims").as_admin().await.expect(200);
    assert_eq!(ids(&list, "claimId"), claims.iter().map(claim_id).collect::<Vec<_>>());
    let mut first = list["items"][0].clone();
    (first["claimId"], first["orderId"]) = (json!("claim"), json!("o1"));
    insta::assert_json_snapshot!(first, @r#"
    {
      "allowedActions": [
        "DECIDE",
        "WITHDRAW"
      ],
      "claimId": "claim",
      "createdAt": "2026-11-20T03:01:03Z",
      "items": [
        {
          "itemId": "1",
          "quantity": 1
        }
      ],
      "orderId": "o1",
      "paidBy": "SELLER",
      "reason": "DEFECT",
      "sellerId": "hana",
      "status": "REQUESTED",
      "type": "RETURN",
      "updatedAt": "2026-11-20T03:01:03Z"
    }
    "#);
    assert_eq!(list["items"][2]["sellerId"], Value::Null);
    decide(&shop, &claims[0], true).await;
    decide(&shop, &claims[1], false).await;
    shop.settle().await;
    for (status, expected) in [("REQUESTED", 2), ("ACCEPTED", 0), ("REFUSED", 1)] {
        let list = shop.get(&format!("/desk/claims?status={status}")).as_admin().await.expect(200);
        assert_eq!(ids(&list, "claimId"), [claim_id(&claims[expected])], "{status}");
    }
    shop.get("/desk/claims?status=OPEN").as_admin().await.refused(400, "INVALID_REQUEST");
    shop.audit().await;
}

#[tokio::test]
async fn an_outdated_row_shows_nothing() {
    let (shop, claims) = seeded_shop().await;
    decide(&shop, &claims[0], false).await;
    let list = shop.get("/desk/claims?status=REQUESTED").as_admin().await.expect(200);
    assert_eq!(ids(&list, "claimId"), [claim_id(&claims[1]), claim_id(&claims[2])]);
}

#[tokio::test]
async fn sellers_see_their_own_claims_alone() {
    let (shop, claims) = seeded_shop().await;
    for (seller, claim) in [("hana", &claims[0]), ("duri", &claims[1])] {
        for path in ["/desk/claims".to_owned(), "/desk/claims?status=REQUESTED".to_owned()] {
            let list = shop.get(&path).as_seller(seller).await.expect(200);
            assert_eq!(ids(&list, "claimId"), [claim_id(claim)], "{seller} {path}");
        }
        let list = shop.get(&format!("/desk/claims?sellerId={seller}")).as_admin().await.expect(200);
        assert_eq!(ids(&list, "claimId"), [claim_id(claim)]);
    }
    shop.get("/desk/claims?sellerId=duri").as_seller("hana").await.refused(403, "FORBIDDEN");
    shop.get("/desk/claims").as_user("mina").await.refused(403, "FORBIDDEN");
    // Even a row in a wrong list shows no claim of another seller.
    let rows = shop.dynamo().execute("Scan", json!({ "TableName": TABLE })).unwrap()["Items"].take();
    for row in rows.as_array().unwrap().iter().filter(|row| row["pk"]["S"] == "DESKCLAIMS#duri") {
        let mut row = row.clone();
        row["pk"] = json!({ "S": "DESKCLAIMS#hana" });
        row["byTimePk"] = json!({ "S": "DESKCLAIMS#hana#REQUESTED" });
        let put = json!({ "TransactItems": [{ "Put": { "TableName": TABLE, "Item": row } }] });
        shop.dynamo().execute("TransactWriteItems", put).unwrap();
    }
    for path in ["/desk/claims", "/desk/claims?status=REQUESTED"] {
        let list = shop.get(path).as_seller("hana").await.expect(200);
        assert_eq!(ids(&list, "claimId"), [claim_id(&claims[0])], "{path}");
    }
}

#[tokio::test]
async fn a_walk_of_one_entry_a_page_is_the_list() {
    let (shop, claims) = seeded_shop().await;
    for path in ["/desk/claims?limit=1", "/desk/claims?limit=1&status=REQUESTED"] {
        let ask = |cursor: &str| shop.get(&format!("{path}{cursor}")).as_admin();
        let found = walk(ask, "claimId").await.concat();
        assert_eq!(found, claims.iter().map(claim_id).collect::<Vec<_>>(), "{path}");
    }
    let page = shop.get("/desk/claims?limit=1").as_admin().await.expect(200);
    let path = format!("/desk/claims?limit=1&cursor={}", page["nextCursor"].as_str().unwrap());
    shop.get(&path).as_seller("hana").await.refused(400, "INVALID_REQUEST");
}
