//! The waiting line of a drop: customers enter, looks take its steps, and admitted customers buy.
//!
//! The decisions are production's: the step of a line, and the standing of a place in it.

use std::{
    collections::BTreeMap,
    hash::{Hash, Hasher},
};

use jiff::Timestamp;
use shared::domain::drops::{DropState, Line, LineCounter, Place, Shelf, Standing, Target};
use stateright::{Model, Property};
use tests::drafts::id;

use crate::explore::{holds, needed};

/// As long as a turn.
const TICK_S: i64 = 130;

/// A condition, or a check, that the model can forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forgotten {
    /// A step is written although another has been taken since the line was read.
    StepOnce,
    /// A user gets a place although they have one.
    EntryIfAbsent,
    /// A ticket serves although it has served.
    ServeIfAbsent,
    /// The commit of an order takes no unit into account.
    Stock,
    /// An order is made before its turn.
    Standing,
}

#[derive(Debug, Clone)]
struct Lines {
    drop: DropState,
    units: i64,
    /// The user of each function.
    users: Vec<usize>,
    /// The functions that look at the line at the same time.
    looks: usize,
    /// The customers who never come back.
    leaves: u8,
    deaths: u8,
    last_tick: i64,
    forgotten: Option<Forgotten>,
}

/// A line with a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Image(Line);

impl Hash for Image {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Line { step, stepped_at, left, entered, ended, waves } = &self.0;
        (step, stepped_at, left, entered, ended).hash(state);
        for wave in waves {
            (wave.ends_at, &wave.to, wave.admitted, wave.open).hash(state);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Customer {
    Begun,
    /// Has got a number, and is about to put the place.
    Numbered(i64),
    InLine(i64),
    /// Has seen the own turn, and is about to order.
    Orders(i64),
    Done,
    /// In the line, and never comes back.
    Left,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Look {
    Idle,
    Seen { line: Image, tick: i64 },
    Read { line: Image, next: Vec<i64>, left: i64, tick: i64 },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    tick: i64,
    line: Image,
    /// The next number of each counter.
    next: Vec<i64>,
    left: i64,
    /// The number of each user's place.
    places: BTreeMap<usize, i64>,
    /// The orders that each place served, by counter and number.
    served: BTreeMap<(u16, i64), u8>,
    /// For each counter, the number below which all have been admitted at some time.
    ever_admitted: Vec<i64>,
    customers: Vec<Customer>,
    looks: Vec<Look>,
    leaves: u8,
    deaths: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A customer's function makes its next call.
    Call(usize),
    /// It dies before that, and the request is repeated.
    Die(usize),
    Leave(usize),
    Look(usize),
    LookDies(usize),
    Tick,
}

fn at(tick: i64) -> Timestamp {
    Timestamp::from_second(tick * TICK_S).unwrap()
}

/// A drop of a product with so many counters, open from tick 0 on.
fn drop_with(counters: u16) -> DropState {
    let key = id(&"A".repeat(43));
    let state = DropState::new(id("friday"), Target::ProductId(id("tea")), (at(0), true), key, at(0));
    let line = Line { ended: vec![0; usize::from(counters)], ..Line::default() };
    DropState { counters, line, ..state }
}

impl Lines {
    fn forgot(&self, what: Forgotten) -> bool {
        self.forgotten == Some(what)
    }

    /// The counter of a user: each another one.
    fn counter(&self, user: usize) -> u16 {
        u16::try_from(user).unwrap() % self.drop.counters
    }

    fn place(&self, function: usize, number: i64) -> Place {
        Place { counter: self.counter(self.users[function]), number }
    }

    fn state_of(&self, line: &Image) -> DropState {
        DropState { line: line.0.clone(), ..self.drop.clone() }
    }

    fn standing(&self, state: &State, function: usize, number: i64) -> Standing {
        self.state_of(&state.line).standing(self.place(function, number), at(0), at(state.tick))
    }

    fn is_due(&self, state: &State) -> bool {
        self.state_of(&state.line).is_due(at(state.tick))
    }

    fn call(&self, state: &mut State, function: usize) {
        let user = self.users[function];
        let counter = usize::from(self.counter(user));
        state.customers[function] = match state.customers[function] {
            Customer::Begun => match state.places.get(&user) {
                Some(number) if !self.forgot(Forgotten::EntryIfAbsent) => Customer::InLine(*number),
                _ => {
                    state.next[counter] += 1;
                    Customer::Numbered(state.next[counter] - 1)
                }
            },
            Customer::Numbered(number) if self.forgot(Forgotten::EntryIfAbsent) => {
                state.places.insert(user, number);
                Customer::InLine(number)
            }
            Customer::Numbered(number) => Customer::InLine(*state.places.entry(user).or_insert(number)),
            Customer::InLine(number) => match self.standing(state, function, number) {
                Standing::Admitted { .. } => Customer::Orders(number),
                Standing::Waiting { .. } if self.forgot(Forgotten::Standing) => Customer::Orders(number),
                Standing::Waiting { .. } => Customer::InLine(number),
                Standing::Expired => Customer::Done,
            },
            Customer::Orders(number) => {
                let Place { counter, number } = self.place(function, number);
                let has_served = state.served.contains_key(&(counter, number));
                let is_free = !has_served || self.forgot(Forgotten::ServeIfAbsent);
                if is_free && (state.left > 0 || self.forgot(Forgotten::Stock)) {
                    state.left -= 1;
                    *state.served.entry((counter, number)).or_default() += 1;
                }
                Customer::Done
            }
            done @ (Customer::Done | Customer::Left) => done,
        };
    }

    fn look(&self, state: &mut State, number: usize) {
        state.looks[number] = match state.looks[number].clone() {
            Look::Idle => Look::Seen { line: state.line.clone(), tick: state.tick },
            Look::Seen { line, tick } => Look::Read { line, next: state.next.clone(), left: state.left, tick },
            Look::Read { line, next, left, tick } => {
                if line.0.step == state.line.0.step || self.forgot(Forgotten::StepOnce) {
                    let counters: Vec<LineCounter> = next.into_iter().map(|next| LineCounter { next }).collect();
                    let stepped = self.state_of(&line).stepped(&counters, Shelf { shards: 1, left }, at(tick));
                    for (ever, to) in state.ever_admitted.iter_mut().zip(stepped.admitted_to()) {
                        *ever = (*ever).max(*to);
                    }
                    state.line = Image(stepped);
                }
                Look::Idle
            }
        };
    }

    /// Whether a customer's function waits for its turn.
    fn waits(&self, state: &State, function: usize) -> bool {
        let Customer::InLine(number) = state.customers[function] else { return false };
        matches!(self.standing(state, function, number), Standing::Waiting { .. })
    }

    fn is_at_rest(&self, state: &State) -> bool {
        let mut steps = Vec::new();
        self.actions(state, &mut steps);
        steps.is_empty()
    }
}

impl Model for Lines {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            tick: 0,
            line: Image(self.drop.line.clone()),
            next: vec![0; usize::from(self.drop.counters)],
            left: self.units,
            places: BTreeMap::new(),
            served: BTreeMap::new(),
            ever_admitted: vec![0; usize::from(self.drop.counters)],
            customers: vec![Customer::Begun; self.users.len()],
            looks: vec![Look::Idle; self.looks],
            leaves: self.leaves,
            deaths: self.deaths,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for (number, customer) in state.customers.iter().enumerate() {
            let waits = self.waits(state, number) && !self.forgot(Forgotten::Standing);
            if !matches!(customer, Customer::Done | Customer::Left) && !waits {
                steps.push(Step::Call(number));
            }
            if matches!(customer, Customer::Numbered(_) | Customer::Orders(_)) && state.deaths > 0 {
                steps.push(Step::Die(number));
            }
            if matches!(customer, Customer::InLine(_)) && state.leaves > 0 {
                steps.push(Step::Leave(number));
            }
        }
        for (number, look) in state.looks.iter().enumerate() {
            if *look != Look::Idle || self.is_due(state) {
                steps.push(Step::Look(number));
            }
            if *look != Look::Idle && state.deaths > 0 {
                steps.push(Step::LookDies(number));
            }
        }
        // All enter within the first turn. While customers wait, somebody looks within each.
        let enters = |customer: &Customer| matches!(customer, Customer::Begun | Customer::Numbered(_));
        if state.tick < self.last_tick && !self.is_due(state) && !state.customers.iter().any(enters) {
            steps.push(Step::Tick);
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Call(function) => self.call(&mut state, function),
            Step::Die(function) => {
                state.customers[function] = Customer::Begun;
                state.deaths -= 1;
            }
            Step::Leave(function) => {
                state.customers[function] = Customer::Left;
                state.leaves -= 1;
            }
            Step::Look(number) => self.look(&mut state, number),
            Step::LookDies(number) => {
                state.looks[number] = Look::Idle;
                state.deaths -= 1;
            }
            Step::Tick => state.tick += 1,
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("units are left, or are bought", |model: &Self, state: &State| {
                let bought: i64 = state.served.values().map(|orders| i64::from(*orders)).sum();
                state.left >= 0 && state.left + bought == model.units
            }),
            Property::always("a ticket serves once", |_: &Self, state: &State| {
                state.served.values().all(|orders| *orders == 1)
            }),
            Property::always("nobody buys before the turn", |_: &Self, state: &State| {
                state.served.keys().all(|(counter, number)| *number < state.ever_admitted[usize::from(*counter)])
            }),
            Property::always("who was admitted never waits again", |_: &Self, state: &State| {
                state.line.0.admitted_to() == state.ever_admitted
            }),
            Property::always("a user has one place", |model: &Self, state: &State| {
                model.users.iter().zip(&state.customers).all(|(user, customer)| match customer {
                    Customer::InLine(number) | Customer::Orders(number) => state.places.get(user) == Some(number),
                    _ => true,
                })
            }),
            Property::always("nobody waits for ever while units are left", |model: &Self, state: &State| {
                let waits = (0..state.customers.len()).any(|function| model.waits(state, function));
                !(waits && state.left > 0 && model.is_at_rest(state))
            }),
            Property::sometimes("the unit of one who left is sold to the next", |model: &Self, state: &State| {
                state.customers.contains(&Customer::Left) && state.left == 0 && state.served.len() as i64 == model.units
            }),
        ]
    }
}

/// One unit for two users in two counters, with two looks at the same time.
const ONE_FOR_TWO: fn() -> Lines = || Lines {
    drop: drop_with(2),
    units: 1,
    users: vec![0, 1],
    looks: 2,
    leaves: 1,
    deaths: 1,
    last_tick: 3,
    forgotten: None,
};

/// One unit for two users of one counter, of whom one asks twice.
const ASKED_TWICE: fn() -> Lines =
    || Lines { drop: drop_with(1), users: vec![0, 0, 1], looks: 1, last_tick: 4, ..ONE_FOR_TWO() };

/// Two units for one user who asks twice.
const TWICE_WITH_UNITS: fn() -> Lines =
    || Lines { drop: drop_with(1), units: 2, users: vec![0, 0], looks: 1, ..ONE_FOR_TWO() };

#[test]
fn one_unit_for_two_customers_goes_to_one_in_turn() {
    holds("lines, one unit for two customers", ONE_FOR_TWO());
}

#[test]
fn a_customer_who_enters_twice_has_one_place() {
    holds("lines, a customer enters twice", ASKED_TWICE());
}

#[test]
fn every_condition_is_needed() {
    let forgetful = [
        (Forgotten::StepOnce, ONE_FOR_TWO()),
        (Forgotten::EntryIfAbsent, ASKED_TWICE()),
        (Forgotten::ServeIfAbsent, TWICE_WITH_UNITS()),
        (Forgotten::Stock, ONE_FOR_TWO()),
        (Forgotten::Standing, ONE_FOR_TWO()),
    ];
    needed(forgetful.map(|(forgotten, model)| (forgotten, Lines { forgotten: Some(forgotten), ..model })));
}
