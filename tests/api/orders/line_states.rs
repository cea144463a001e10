//! `PATCH /orders/{orderId}/items/{itemId}`: every transition, by the table.

use serde_json::{Value, json};
use shared::domain::order::{
    Actor::{self, Admin, Customer, Seller},
    LineStatus, TRANSITIONS, Transition,
};
use tests::{
    TestShop,
    steps::{hold, id, look, move_line},
};

use super::{as_actor, name, shop_of_dabang};

fn may(edge_by: Actor, actor: Actor) -> bool {
    actor == Admin || edge_by == actor
}

/// The states by which a line that is being prepared reaches a state, that one last.
fn way_to(status: LineStatus) -> Vec<LineStatus> {
    let mut ways = vec![vec![LineStatus::Preparing]];
    let mut next = 0;
    while let Some(way) = ways.get(next).cloned() {
        let here = *way.last().unwrap();
        if here == status {
            return way[1..].to_vec();
        }
        for edge in TRANSITIONS.iter().filter(|edge| edge.from == here && !edge.is_withdrawal()) {
            if !ways.iter().any(|way| way.contains(&edge.to)) {
                ways.push([way.clone(), vec![edge.to]].concat());
            }
        }
        next += 1;
    }
    panic!("no way leads to {status:?}");
}

/// The state that a line of [`order_in`] was in before this one.
fn status_before(status: LineStatus) -> LineStatus {
    if status == LineStatus::PendingPayment {
        return status;
    }
    let way = way_to(status);
    *way.iter().rev().nth(1).unwrap_or(&LineStatus::Preparing)
}

/// An order with its line in this state.
async fn order_in(shop: &TestShop, status: LineStatus) -> Value {
    if status == LineStatus::PendingPayment {
        return hold(shop, "mina", "tea", 2).await.expect(201);
    }
    let order = shop.order("mina", "tea", 2).await.expect(201);
    for next in way_to(status) {
        move_line(shop, &order, "1", &name(next)).as_admin().await.expect(200);
    }
    order
}

/// Every state, every actor, every state to ask for: the table alone decides.
#[tokio::test]
async fn every_transition_follows_the_table() {
    let shop = shop_of_dabang().await;
    // A line is PAID for no longer than its commit.
    let states = LineStatus::ALL.iter().copied().filter(|status| *status != LineStatus::Paid);
    let (mut moved, mut stayed, mut forbidden, mut refused, mut unseen) = (0, 0, 0, 0, 0);
    for from in states {
        let order = order_in(&shop, from).await;
        let before = status_before(from);
        for actor in [Customer, Seller, Admin] {
            if (from, actor) == (LineStatus::PendingPayment, Seller) {
                for to in LineStatus::ALL.iter().copied() {
                    let call = move_line(&shop, &order, "1", &name(to)).as_seller("dabang");
                    call.await.refused(404, "ENTITY_NOT_FOUND");
                    unseen += 1;
                }
                continue;
            }
            let leads = |edge: &Transition| edge.from == from && (!edge.is_withdrawal() || edge.to == before);
            let next: Vec<LineStatus> = LineStatus::ALL
                .iter()
                .copied()
                .filter(|to| TRANSITIONS.iter().any(|edge| leads(edge) && edge.to == *to && may(edge.by, actor)))
                .collect();
            for to in LineStatus::ALL.iter().copied() {
                let case = format!("{actor:?} {from:?} -> {to:?}");
                let ask = |order: &Value| as_actor(move_line(&shop, order, "1", &name(to)), actor);
                let counts = |edge: &Transition| !edge.is_withdrawal() || edge.from == from;
                let ever = TRANSITIONS.iter().any(|edge| counts(edge) && edge.to == to && may(edge.by, actor));
                if next.contains(&to) {
                    let fresh = order_in(&shop, from).await;
                    let order = ask(&fresh).await.expect(200);
                    assert_eq!(order["items"][0]["status"], name(to), "{case}");
                    moved += 1;
                } else if !ever {
                    let answer = ask(&order).await;
                    assert_eq!(answer.status, 403, "{case}: {}", answer.body);
                    answer.refused(403, "FORBIDDEN");
                    forbidden += 1;
                } else if to == from {
                    let before = look(&shop, &order).await;
                    let answer = ask(&order).await;
                    assert_eq!(answer.status, 200, "{case}: {}", answer.body);
                    assert_eq!(look(&shop, &order).await, before, "{case}");
                    stayed += 1;
                } else {
                    let answer = ask(&order).await;
                    assert_eq!(answer.status, 409, "{case}: {}", answer.body);
                    let details = answer.refused(409, "ORDER_STATE_CONFLICT");
                    assert_eq!((&details["status"], &details["itemId"]), (&json!(name(from)), &json!("1")), "{case}");
                    assert_eq!(sorted(&details["allowed"]), sorted_names(&next), "{case}");
                    refused += 1;
                }
            }
            // The actions shown as possible are exactly the possible ones.
            let seen = as_actor(shop.get(&format!("/orders/{}", id(&order))), actor).await.expect(200);
            assert_eq!(sorted(&seen["items"][0]["allowedActions"]), sorted_names(&next), "{actor:?} {from:?}");
        }
    }
    let edges = TRANSITIONS.iter().filter(|edge| edge.from != LineStatus::Paid && !edge.is_withdrawal()).count();
    assert!(moved > edges, "each edge, and those that an admin may take besides: {moved}");
    assert_eq!(moved + stayed + forbidden + refused + unseen, 15 * 3 * 16);
    shop.audit().await;
}

fn sorted(names: &Value) -> Vec<String> {
    let mut names: Vec<String> =
        names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn sorted_names(statuses: &[LineStatus]) -> Vec<String> {
    let mut names: Vec<String> = statuses.iter().copied().map(name).collect();
    names.sort();
    names
}
