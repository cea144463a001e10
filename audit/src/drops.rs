//! Drops: a number of a line belongs to one customer, a counter has given it out, and it served that customer's own order.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    domain::{
        DropId, OrderId, UserId,
        drops::{DropState, Entry, LineCounter, Place, Served, ServedFor},
    },
    store::{Key, keys},
};

use crate::{
    findings::Findings,
    orders::Orders,
    relation::{self, Relation, Selection},
    report::{Invariant, Subject},
};

#[derive(Debug, Default)]
pub(crate) struct Drops {
    lines: BTreeMap<DropId, Line>,
    /// The tickets that served orders, each with its user and its key.
    tickets: BTreeMap<OrderId, Vec<(UserId, Key)>>,
}

#[derive(Debug, Default)]
struct Line {
    is_known: bool,
    admitted_to: Vec<i64>,
    counters: BTreeMap<u16, i64>,
    /// The places whose tickets have served.
    served: BTreeSet<Place>,
    /// The users of each number, by their places and by the records of tickets that have served.
    users: BTreeMap<Place, BTreeSet<UserId>>,
    keys: BTreeSet<Key>,
}

impl Drops {
    pub(crate) fn add(&mut self, state: &DropState, selection: &Selection) {
        if selection.has(relation::drop(&state.drop_id)) {
            let line = self.lines.entry(state.drop_id.clone()).or_default();
            (line.is_known, line.admitted_to) = (true, state.line.admitted_to().to_vec());
        }
    }

    pub(crate) fn add_counter(&mut self, drop: &DropId, number: u16, counter: LineCounter, selection: &Selection) {
        if selection.has(relation::drop(drop)) {
            self.lines.entry(drop.clone()).or_default().counters.insert(number, counter.next);
        }
    }

    pub(crate) fn add_entry(&mut self, entry: Entry, selection: &Selection) {
        if selection.has(relation::drop(&entry.drop_id)) {
            let key = keys::drop_entry(&entry.drop_id, &entry.user_id);
            self.lines.entry(entry.drop_id.clone()).or_default().add(entry.place(), entry.user_id, key);
        }
    }

    pub(crate) fn add_served(&mut self, drop: DropId, place: Place, served: Served, selection: &Selection) {
        let key = keys::drop_place(&drop, place);
        if let ServedFor::OrderId(order) = served.for_what
            && selection.has(relation::order(&order))
        {
            self.tickets.entry(order).or_default().push((served.user_id.clone(), key.clone()));
        }
        if selection.has(relation::drop(&drop)) {
            let line = self.lines.entry(drop).or_default();
            line.add(place, served.user_id, key);
            line.served.insert(place);
        }
    }

    /// Drops the relations that are not selected.
    pub(crate) fn narrow(&mut self, selection: &Selection) {
        self.lines.retain(|drop, _| selection.has(relation::drop(drop)));
        self.tickets.retain(|order, _| selection.has(relation::order(order)));
    }

    /// The memory in use, about, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let places: usize = self.lines.values().map(|line| line.keys.len()).sum();
        self.lines.len() * 500 + places * 400 + self.tickets.len() * 300
    }

    pub(crate) fn finish(self, orders: &Orders, findings: &mut Findings) {
        for (drop, line) in self.lines {
            line.check(&drop, findings);
        }
        for (order, tickets) in self.tickets {
            let seen = tickets.iter().map(|(_, key)| key.clone()).collect();
            let relation = Relation::Order(order.clone());
            let mut checks = findings.between(Invariant::Drops, Subject::Order(order.clone()), relation).with(seen);
            checks.equal("tickets that served it", 1, tickets.len());
            let of_order = orders.user_of(&order).map(UserId::as_str);
            for (user, _) in &tickets {
                checks.equal("user of its ticket", of_order, Some(user.as_str()));
            }
        }
    }
}

impl Line {
    fn add(&mut self, place: Place, user: UserId, key: Key) {
        self.users.entry(place).or_default().insert(user);
        self.keys.insert(key);
    }

    fn check(self, drop: &DropId, findings: &mut Findings) {
        let Key { pk, sk } = keys::drop(drop);
        let seen = self.keys.into_iter().collect();
        let checks = findings.between(Invariant::Drops, Subject::Item(pk, sk), Relation::Drop(drop.clone()));
        let mut checks = checks.with(seen);
        checks.equal("is there, as one with a line", true, self.is_known);
        for (counter, &next) in &self.counters {
            let to = self.admitted_to.get(usize::from(*counter)).copied().unwrap_or(0);
            checks.at_most(format_args!("numbers admitted of counter {counter}"), next, to);
        }
        for Place { counter, number } in self.served {
            // An admission stays: it ends, and its number stays below those that have been admitted.
            let to = self.admitted_to.get(usize::from(counter)).copied().unwrap_or(0);
            checks.equal(
                format_args!("counter {counter} has admitted number {number}, which served"),
                true,
                number < to,
            );
        }
        for (Place { counter, number }, users) in self.users {
            let next = self.counters.get(&counter).copied().unwrap_or(0);
            checks.equal(format_args!("users of number {number} of counter {counter}"), 1, users.len());
            let is_given_out = (0..next).contains(&number);
            checks.equal(format_args!("counter {counter} has given out number {number}"), true, is_given_out);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::store::keys;

    use super::*;
    use crate::fixture::{Shop, TODAY, at};

    /// A shop in which mina's order o1 was served by number 0 of a counter, and sora has number 1.
    fn with_drop() -> (Shop, DropId) {
        let (mut shop, at_ms) = (Shop::healthy(), at(TODAY).as_millisecond());
        let drop = DropId::try_from("friday".to_owned()).unwrap();
        let state = json!({
            "dropId": "friday", "productId": "tea", "opensAt": at_ms, "enabled": true, "counters": 1,
            "key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "version": 1, "createdAt": at_ms, "updatedAt": at_ms,
            "line": { "step": 1, "ended": [0], "waves": [{ "endsAt": at_ms, "to": [1], "admitted": 1, "open": 0 }] },
        });
        shop.put(keys::drop(&drop), state);
        shop.put(keys::line_counter(&drop, 0), json!({ "next": 2 }));
        for (user, number) in [("mina", 0), ("sora", 1)] {
            let user_id = crate::fixture::user(user);
            shop.put(
                keys::drop_entry(&drop, &user_id),
                json!({ "dropId": "friday", "userId": user, "counter": 0, "number": number, "enteredAt": at_ms }),
            );
        }
        serve(&mut shop, &drop, 0, "mina");
        (shop, drop)
    }

    fn serve(shop: &mut Shop, drop: &DropId, number: i64, user: &str) {
        let served = json!({ "userId": user, "orderId": "o1", "servedAt": at(TODAY).as_millisecond(), "ttl": 1 });
        shop.put(keys::drop_place(drop, Place { counter: 0, number }), served);
    }

    #[test]
    fn an_order_is_served_by_one_admitted_ticket_of_its_user() {
        let (mut shop, drop) = with_drop();
        assert_eq!(shop.violations(), [] as [&str; 0]);
        serve(&mut shop, &drop, 1, "sora");
        assert_eq!(
            shop.violations(),
            [
                "[drops] item \"DROP#friday\" \"DROP\": counter 0 has admitted number 1, which served: expected true, found false",
                "[drops] order o1: tickets that served it: expected 1, found 2",
                "[drops] order o1: user of its ticket: expected Some(\"mina\"), found Some(\"sora\")",
            ]
        );
    }

    #[test]
    fn a_number_was_given_out_to_one_customer_before_it_is_admitted() {
        let (mut shop, drop) = with_drop();
        shop.put(keys::line_counter(&drop, 0), json!({ "next": 0 }));
        serve(&mut shop, &drop, 0, "jun");
        let item = r#"[drops] item "DROP#friday" "DROP":"#;
        assert_eq!(
            shop.violations(),
            [
                format!("{item} counter 0 has given out number 0: expected true, found false"),
                format!("{item} counter 0 has given out number 1: expected true, found false"),
                format!("{item} numbers admitted of counter 0: expected at most 0, found 1"),
                format!("{item} users of number 0 of counter 0: expected 1, found 2"),
                "[drops] order o1: user of its ticket: expected Some(\"mina\"), found Some(\"jun\")".to_owned(),
            ]
        );
    }
}
