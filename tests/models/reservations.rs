//! Flash mode: units are reserved in a shard, then claimed by an order's commit. A sweep releases orphaned
//! reservations.

use std::{collections::BTreeMap, convert::Infallible};

use shared::domain::{
    OrderId,
    reservations::{ClaimRecord, Reservation, missing},
    swept::Swept,
};
use stateright::Property;

use crate::{
    claims::{Budget, Claims, Function, Protocol, State, StateOf, noted},
    explore::{GRACE, at, holds, needed},
};

/// A condition, or an atomic pair of writes, that the model can forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forgotten {
    /// Units are reserved without regard to the stock.
    Remaining,
    /// A reservation is claimed although it has a claim record.
    ClaimIfAbsent,
    /// An order is put although it exists.
    OrderIfAbsent,
    /// A function voids a reservation although it has a claim record.
    VoidIfAbsent,
    /// The sweep voids reservations although they have claim records.
    SweepIfAbsent,
    /// Units return to stock even if the reservation is not voided.
    ReleaseWithVoid,
    /// A missing sequence number is voided with all units that are missing from it on.
    OneNumberEach,
    /// No sweep runs.
    Sweep,
}

/// A shard with so many units. Each order is wanted by a client, perhaps by two concurrent requests with the same key.
#[derive(Debug, Clone)]
struct Reservations {
    units: i64,
    /// The order that each function is to make, and its units.
    functions: Vec<(usize, i64)>,
    /// The number of sequence numbers in one step of the sweep.
    batch: i64,
    budget: Budget,
    forgotten: Option<Forgotten>,
}

/// The progress of a sweep.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Sweep {
    /// Looks at the sequence numbers from `place` on, after reading `reserved` and `swept` at this instant.
    Looks { reserved: i64, swept: Swept, tick: i64, place: i64 },
    /// Is about to void these and to return their units.
    Found { reserved: i64, swept: Swept, tick: i64, place: i64, missing: Vec<i64>, next: i64 },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Table {
    remaining: i64,
    reserved: i64,
    swept: Swept,
    claims: BTreeMap<i64, ClaimRecord>,
    /// The units of each order.
    orders: Vec<i64>,
}

impl Table {
    fn put_void(&mut self, from: i64, units: i64) {
        self.claims.insert(from, ClaimRecord { units, order_id: None });
    }

    fn ordered(&self) -> i64 {
        self.orders.iter().sum()
    }

    /// Reserved units without a claim record.
    fn unclaimed(&self) -> i64 {
        let claim = |place| Ok::<_, Infallible>(self.claims.get(&place).cloned());
        let (missing, _) = missing(0..self.reserved, claim).unwrap();
        i64::try_from(missing.len()).unwrap()
    }
}

impl Reservations {
    fn forgot(&self, what: Forgotten) -> bool {
        self.forgotten == Some(what)
    }
}

impl Protocol for Reservations {
    type Table = Table;
    type Taken = Reservation;
    type Sweep = Sweep;

    fn functions(&self) -> usize {
        self.functions.len()
    }

    fn budget(&self) -> Budget {
        self.budget
    }

    fn table(&self) -> Table {
        let orders = self.functions.iter().map(|(order, _)| order + 1).max().unwrap_or(0);
        Table {
            remaining: self.units,
            reserved: 0,
            swept: Swept::default(),
            claims: BTreeMap::new(),
            orders: vec![0; orders],
        }
    }

    fn has_sweeps(&self) -> bool {
        !self.forgot(Forgotten::Sweep)
    }

    fn progress(table: &Table) -> (Swept, i64) {
        (table.swept, table.reserved)
    }

    fn is_done(&self, table: &Table, function: usize) -> bool {
        table.orders[self.functions[function].0] > 0 && !self.forgot(Forgotten::OrderIfAbsent)
    }

    fn is_available(&self, table: &Table, function: usize) -> bool {
        table.remaining >= self.functions[function].1
    }

    fn take(&self, table: &mut Table, function: usize) -> Function<Reservation> {
        let (_, units) = self.functions[function];
        if table.remaining >= units || self.forgot(Forgotten::Remaining) {
            let from = table.reserved;
            table.remaining -= units;
            table.reserved += units;
            Function::Took(Reservation { shard: 0, from, units })
        } else {
            Function::Refused
        }
    }

    /// The order, and the claim record of its units.
    fn claim(&self, table: &mut Table, function: usize, taken: Reservation) -> bool {
        let (order, units) = self.functions[function];
        let is_new = table.orders[order] == 0 || self.forgot(Forgotten::OrderIfAbsent);
        let is_free = !table.claims.contains_key(&taken.from) || self.forgot(Forgotten::ClaimIfAbsent);
        if is_new && is_free {
            table.orders[order] = units;
            let order_id = OrderId::try_from(order.to_string()).ok();
            table.claims.insert(taken.from, ClaimRecord { units, order_id });
        }
        is_new && is_free
    }

    /// The voided claim, and the units back in stock.
    fn void(&self, table: &mut Table, taken: Reservation) {
        let is_free = !table.claims.contains_key(&taken.from) || self.forgot(Forgotten::VoidIfAbsent);
        if is_free {
            table.put_void(taken.from, taken.units);
        }
        if is_free || self.forgot(Forgotten::ReleaseWithVoid) {
            table.remaining += taken.units;
        }
    }

    fn sweep(&self, table: &mut Table, tick: i64, sweep: Option<Sweep>, is_blind: bool) -> Option<Sweep> {
        match sweep {
            None => {
                let (reserved, swept) = (table.reserved, table.swept);
                Some(Sweep::Looks { reserved, swept, tick, place: swept.to })
            }
            Some(Sweep::Looks { reserved, swept, tick, place }) => {
                let end = swept.due(at(tick), GRACE).map_or(place, |due| due.end);
                if place < end {
                    let claims = |place| Ok::<_, Infallible>(table.claims.get(&place).filter(|_| !is_blind).cloned());
                    let (missing, next) = missing(place..end.min(place + self.batch), claims).unwrap();
                    return Some(Sweep::Found { reserved, swept, tick, place, missing, next });
                }
                table.swept = noted(table.swept, swept, place, reserved, tick).unwrap_or(table.swept);
                None
            }
            Some(Sweep::Found { reserved, swept, tick, place, missing, next }) => {
                let all_free = missing.iter().all(|place| !table.claims.contains_key(place));
                if !all_free && !self.forgot(Forgotten::SweepIfAbsent) {
                    return Some(Sweep::Looks { reserved, swept, tick, place });
                }
                let count = i64::try_from(missing.len()).unwrap();
                if self.forgot(Forgotten::OneNumberEach) {
                    missing.first().iter().for_each(|first| table.put_void(**first, count));
                } else {
                    missing.iter().for_each(|place| table.put_void(*place, 1));
                }
                table.remaining += count;
                Some(Sweep::Looks { reserved, swept, tick, place: next })
            }
        }
    }

    fn reads_claims(sweep: &Sweep) -> bool {
        matches!(sweep, Sweep::Looks { .. })
    }

    fn properties() -> Vec<Property<Claims<Self>>> {
        vec![
            Property::always(
                "at most the units of the shard are ordered",
                |Claims(model), State { table, .. }: &StateOf<Self>| table.ordered() <= model.units,
            ),
            Property::always("stock is never below zero", |_, State { table, .. }: &StateOf<Self>| {
                table.remaining >= 0
            }),
            Property::always(
                "units are in stock, reserved, or ordered",
                |Claims(model), State { table, .. }: &StateOf<Self>| {
                    table.remaining + table.unclaimed() + table.ordered() == model.units
                },
            ),
            Property::always(
                "each order has the claim record of its units",
                |_, State { table, .. }: &StateOf<Self>| {
                    (0..).zip(&table.orders).all(|(order, units): (i64, _)| {
                        let of_order = |claim: &&ClaimRecord| {
                            claim.order_id.as_ref().is_some_and(|id| id.as_str() == order.to_string())
                        };
                        table.claims.values().filter(of_order).map(|claim| claim.units).sum::<i64>() == *units
                    })
                },
            ),
            Property::always("no unit is lost for ever", |model, state: &StateOf<Self>| {
                !model.is_at_rest(state) || state.table.remaining + state.table.ordered() == model.0.units
            }),
            Property::sometimes(
                "orphaned units are ordered after all",
                |Claims(model), State { table, .. }: &StateOf<Self>| {
                    let is_void = |claim: &ClaimRecord| claim.order_id.is_none();
                    table.claims.values().any(is_void) && table.ordered() == model.units
                },
            ),
        ]
    }
}

/// Two units for an order of one and one of two.
const TWO_UNITS: fn() -> Reservations = || Reservations {
    units: 2,
    functions: vec![(0, 2), (1, 1)],
    batch: 2,
    budget: Budget { sweeps: 2, deaths: 1, lost: 0, late: 1 },
    forgotten: None,
};

/// Units for an order that is requested twice and for another one. The sweep looks at one sequence number at a time.
const ASKED_TWICE: fn() -> Reservations = || Reservations {
    units: 4,
    functions: vec![(0, 2), (0, 2), (1, 2)],
    batch: 1,
    budget: Budget { sweeps: 1, deaths: 1, lost: 0, late: 1 },
    forgotten: None,
};

#[test]
fn two_orders_and_two_sweeps_lose_no_unit() {
    holds("reservations, two orders, two sweeps", Claims(TWO_UNITS()));
}

#[test]
fn two_orders_with_lost_answers_lose_no_unit() {
    let budget = Budget { sweeps: 1, deaths: 2, lost: 1, late: 1 };
    holds("reservations, two orders, answers lost", Claims(Reservations { budget, ..TWO_UNITS() }));
}

#[test]
fn a_repeated_order_and_another_lose_no_unit() {
    holds("reservations, an order asked for twice", Claims(ASKED_TWICE()));
}

#[test]
fn every_condition_is_needed() {
    let forgetful = [
        (Forgotten::Remaining, TWO_UNITS()),
        (Forgotten::ClaimIfAbsent, TWO_UNITS()),
        (Forgotten::OrderIfAbsent, ASKED_TWICE()),
        (Forgotten::VoidIfAbsent, TWO_UNITS()),
        (Forgotten::SweepIfAbsent, TWO_UNITS()),
        (Forgotten::ReleaseWithVoid, TWO_UNITS()),
        (Forgotten::OneNumberEach, TWO_UNITS()),
        (Forgotten::Sweep, TWO_UNITS()),
    ];
    needed(
        forgetful.map(|(forgotten, model)| (forgotten, Claims(Reservations { forgotten: Some(forgotten), ..model }))),
    );
}
