//! Flash mode: units are reserved in a shard, then claimed by an order's commit. A sweep releases orphaned
//! reservations.

use std::{collections::BTreeMap, convert::Infallible};

use shared::domain::{
    OrderId,
    draws::{Drawn, Slot, missing},
    swept::Swept,
};
use stateright::{Model, Property};

use crate::explore::{GRACE, at, holds, needed};

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
    GiveBackWithVoid,
    /// A missing sequence number is voided with all units that are missing from it on.
    OnePlaceEach,
    /// No sweep runs.
    Sweep,
}

/// A shard with so many units. Each order is wanted by a client, perhaps by two concurrent requests with the same key.
#[derive(Debug, Clone)]
struct Draws {
    units: i64,
    /// The order that each function is to make, and its units.
    functions: Vec<(usize, i64)>,
    sweeps: usize,
    /// The number of sequence numbers in one step of the sweep.
    batch: i64,
    deaths: u8,
    lost: u8,
    /// The number of times that the sweep's grace may pass while a function is about to claim its reservation.
    late: u8,
    forgotten: Option<Forgotten>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Function {
    Begun,
    Drew(Drawn),
    /// The commit was refused: the reservation is to be released.
    Failed(Drawn),
    Ordered,
    TooLittle,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Sweep {
    Idle,
    /// Looks at the sequence numbers from `place` on, after reading `drawn` and `swept` at this instant.
    Looks {
        drawn: i64,
        swept: Swept,
        tick: i64,
        place: i64,
    },
    /// Is about to void these and to return their units.
    Found {
        drawn: i64,
        swept: Swept,
        tick: i64,
        place: i64,
        missing: Vec<i64>,
        next: i64,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    tick: i64,
    remaining: i64,
    drawn: i64,
    swept: Swept,
    slots: BTreeMap<i64, Slot>,
    /// The units of each order.
    orders: Vec<i64>,
    functions: Vec<Function>,
    sweeps: Vec<Sweep>,
    deaths: u8,
    lost: u8,
    late: u8,
}

impl State {
    /// Whether a function is about to claim or to void its reservation.
    fn is_at_it(&self) -> bool {
        let is_at_it = |function: &Function| matches!(function, Function::Drew(_) | Function::Failed(_));
        self.functions.iter().any(is_at_it)
    }

    fn void(&mut self, from: i64, units: i64) {
        self.slots.insert(from, Slot { units, order_id: None });
    }

    fn is_swept(&self) -> bool {
        self.swept.reaches(self.drawn)
    }

    /// Reserved units without a claim record.
    fn unclaimed(&self) -> i64 {
        let slot = |place| Ok::<_, Infallible>(self.slots.get(&place).cloned());
        let (missing, _) = missing(0..self.drawn, slot).unwrap();
        i64::try_from(missing.len()).unwrap()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Call(usize),
    /// The answer to a reservation is lost, and the SDK sends the update again.
    CallTwice(usize),
    Die(usize),
    Ask(usize),
    Sweep(usize),
    /// A sweep reads before any claim record is visible to it: its reads are eventually consistent.
    SweepBlind(usize),
    SweepDies(usize),
    Tick,
}

impl Draws {
    fn forgot(&self, what: Forgotten) -> bool {
        self.forgotten == Some(what)
    }

    fn draw(&self, state: &mut State, function: usize) {
        let (_, units) = self.functions[function];
        state.functions[function] = if state.remaining >= units || self.forgot(Forgotten::Remaining) {
            let from = state.drawn;
            state.remaining -= units;
            state.drawn += units;
            Function::Drew(Drawn { shard: 0, from, units })
        } else {
            Function::TooLittle
        };
    }

    /// One commit: the order and the claim record of its units.
    fn claim(&self, state: &mut State, function: usize, drawn: Drawn) {
        let (order, units) = self.functions[function];
        let is_new = state.orders[order] == 0 || self.forgot(Forgotten::OrderIfAbsent);
        let is_free = !state.slots.contains_key(&drawn.from) || self.forgot(Forgotten::ClaimIfAbsent);
        state.functions[function] = if is_new && is_free {
            state.orders[order] = units;
            let order_id = OrderId::try_from(order.to_string()).ok();
            state.slots.insert(drawn.from, Slot { units, order_id });
            Function::Ordered
        } else {
            Function::Failed(drawn)
        };
    }

    /// One commit: the voided claim, and the units back in stock.
    fn give_back(&self, state: &mut State, drawn: Drawn) {
        let is_free = !state.slots.contains_key(&drawn.from) || self.forgot(Forgotten::VoidIfAbsent);
        if is_free {
            state.void(drawn.from, drawn.units);
        }
        if is_free || self.forgot(Forgotten::GiveBackWithVoid) {
            state.remaining += drawn.units;
        }
    }

    fn call(&self, state: &mut State, function: usize) {
        let (order, _) = self.functions[function];
        let is_ordered = state.orders[order] > 0 && !self.forgot(Forgotten::OrderIfAbsent);
        match state.functions[function] {
            // A repetition of the key is answered with the order that exists.
            Function::Begun if is_ordered => state.functions[function] = Function::Ordered,
            Function::Begun => self.draw(state, function),
            Function::Drew(drawn) => self.claim(state, function, drawn),
            Function::Failed(drawn) => {
                self.give_back(state, drawn);
                state.functions[function] = Function::Begun;
            }
            Function::Ordered | Function::TooLittle => {}
        }
    }

    fn sweep(&self, state: &mut State, sweep: usize, is_blind: bool) {
        state.sweeps[sweep] = match state.sweeps[sweep].clone() {
            Sweep::Idle => {
                let (drawn, swept, tick) = (state.drawn, state.swept, state.tick);
                Sweep::Looks { drawn, swept, tick, place: swept.to }
            }
            Sweep::Looks { drawn, swept, tick, place } => {
                let end = swept.due(at(tick), GRACE).map_or(place, |due| due.end);
                if place < end {
                    let slots = |place| Ok::<_, Infallible>(state.slots.get(&place).filter(|_| !is_blind).cloned());
                    let (missing, next) = missing(place..end.min(place + self.batch), slots).unwrap();
                    Sweep::Found { drawn, swept, tick, place, missing, next }
                } else {
                    if let Some(moved) = swept.moved(place, drawn, at(tick))
                        && state.swept.to <= moved.to
                        && state.swept.at <= moved.at
                    {
                        state.swept = moved;
                    }
                    Sweep::Idle
                }
            }
            Sweep::Found { drawn, swept, tick, place, missing, next } => {
                let all_free = missing.iter().all(|place| !state.slots.contains_key(place));
                if all_free || self.forgot(Forgotten::SweepIfAbsent) {
                    let count = i64::try_from(missing.len()).unwrap();
                    if self.forgot(Forgotten::OnePlaceEach) {
                        missing.first().iter().for_each(|first| state.void(**first, count));
                    } else {
                        missing.iter().for_each(|place| state.void(*place, 1));
                    }
                    state.remaining += count;
                    Sweep::Looks { drawn, swept, tick, place: next }
                } else {
                    Sweep::Looks { drawn, swept, tick, place }
                }
            }
        };
    }
}

impl Model for Draws {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let orders = self.functions.iter().map(|(order, _)| order + 1).max().unwrap_or(0);
        vec![State {
            tick: 1,
            remaining: self.units,
            drawn: 0,
            swept: Swept::default(),
            slots: BTreeMap::new(),
            orders: vec![0; orders],
            functions: vec![Function::Begun; self.functions.len()],
            sweeps: vec![Sweep::Idle; self.sweeps],
            deaths: self.deaths,
            lost: self.lost,
            late: self.late,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for (number, function) in state.functions.iter().enumerate() {
            match function {
                Function::Ordered => continue,
                Function::TooLittle => {
                    if state.remaining >= self.functions[number].1 {
                        steps.push(Step::Ask(number));
                    }
                    continue;
                }
                Function::Begun if state.lost > 0 => steps.extend([Step::Call(number), Step::CallTwice(number)]),
                _ => steps.push(Step::Call(number)),
            }
            if state.deaths > 0 && *function != Function::Begun {
                steps.push(Step::Die(number));
            }
        }
        let is_due = state.swept.due(at(state.tick), GRACE).is_some();
        for (number, sweep) in state.sweeps.iter().enumerate() {
            if *sweep != Sweep::Idle {
                steps.push(Step::Sweep(number));
                if state.deaths > 0 {
                    steps.push(Step::SweepDies(number));
                }
                if matches!(sweep, Sweep::Looks { .. }) {
                    steps.push(Step::SweepBlind(number));
                }
            } else if is_due && !state.is_swept() && !self.forgot(Forgotten::Sweep) {
                steps.push(Step::Sweep(number));
            }
        }
        if !is_due && !state.is_swept() && (state.late > 0 || !state.is_at_it()) {
            steps.push(Step::Tick);
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Call(function) => self.call(&mut state, function),
            Step::CallTwice(function) => {
                state.lost -= 1;
                self.draw(&mut state, function);
                self.draw(&mut state, function);
            }
            Step::Die(function) => {
                state.deaths -= 1;
                state.functions[function] = Function::Begun;
            }
            Step::Ask(function) => state.functions[function] = Function::Begun,
            Step::Sweep(sweep) => self.sweep(&mut state, sweep, false),
            Step::SweepBlind(sweep) => self.sweep(&mut state, sweep, true),
            Step::SweepDies(sweep) => {
                state.deaths -= 1;
                state.sweeps[sweep] = Sweep::Idle;
            }
            Step::Tick => {
                state.late -= u8::from(state.is_at_it());
                state.tick += 1;
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("never more sold than there are", |model, state: &State| {
                state.orders.iter().sum::<i64>() <= model.units
            }),
            Property::always("the shelf is never below zero", |_, state: &State| state.remaining >= 0),
            Property::always("units are on the shelf, in hands, or of an order", |model, state: &State| {
                state.remaining + state.unclaimed() + state.orders.iter().sum::<i64>() == model.units
            }),
            Property::always("each order has the slot of its units", |_, state: &State| {
                (0..).zip(&state.orders).all(|(order, units): (i64, _)| {
                    let of_order =
                        |slot: &&Slot| slot.order_id.as_ref().is_some_and(|id| id.as_str() == order.to_string());
                    state.slots.values().filter(of_order).map(|slot| slot.units).sum::<i64>() == *units
                })
            }),
            Property::always("nothing is lost for ever", |model, state: &State| {
                let mut steps = Vec::new();
                model.actions(state, &mut steps);
                !steps.is_empty() || state.remaining + state.orders.iter().sum::<i64>() == model.units
            }),
            Property::sometimes("burnt units are sold after all", |model, state: &State| {
                let is_void = |slot: &Slot| slot.order_id.is_none();
                state.slots.values().any(is_void) && state.orders.iter().sum::<i64>() == model.units
            }),
        ]
    }
}

/// Two units for an order of one and one of two.
const TWO_UNITS: fn() -> Draws = || Draws {
    units: 2,
    functions: vec![(0, 2), (1, 1)],
    sweeps: 2,
    batch: 2,
    deaths: 1,
    lost: 0,
    late: 1,
    forgotten: None,
};

/// Units for an order that is requested twice and for another one. The sweep looks at one sequence number at a time.
const ASKED_TWICE: fn() -> Draws =
    || Draws { units: 4, functions: vec![(0, 2), (0, 2), (1, 2)], sweeps: 1, batch: 1, ..TWO_UNITS() };

#[test]
fn two_orders_and_two_sweeps_lose_no_unit() {
    holds("draws, two orders, two sweeps", TWO_UNITS());
}

#[test]
fn two_orders_with_lost_answers_lose_no_unit() {
    holds("draws, two orders, answers lost", Draws { sweeps: 1, deaths: 2, lost: 1, ..TWO_UNITS() });
}

#[test]
fn a_repeated_order_and_another_lose_no_unit() {
    holds("draws, an order asked for twice", ASKED_TWICE());
}

#[test]
fn every_condition_is_needed() {
    let forgetful = [
        (Forgotten::Remaining, TWO_UNITS()),
        (Forgotten::ClaimIfAbsent, TWO_UNITS()),
        (Forgotten::OrderIfAbsent, ASKED_TWICE()),
        (Forgotten::VoidIfAbsent, TWO_UNITS()),
        (Forgotten::SweepIfAbsent, TWO_UNITS()),
        (Forgotten::GiveBackWithVoid, TWO_UNITS()),
        (Forgotten::OnePlaceEach, TWO_UNITS()),
        (Forgotten::Sweep, TWO_UNITS()),
    ];
    needed(forgetful.map(|(forgotten, model)| (forgotten, Draws { forgotten: Some(forgotten), ..model })));
}
