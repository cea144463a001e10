//! First come, first served: a function allocates a ticket of a counter, then claims it. A sweep voids orphaned
//! tickets.

use std::collections::BTreeSet;

use shared::domain::{coupon::Counter, swept::Swept};
use stateright::{Model, Property};

use crate::explore::{GRACE, at, holds, needed};

/// A condition, or an atomic pair of writes, that the model can forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forgotten {
    /// A ticket is allocated beyond the limit.
    Limit,
    /// A ticket is claimed although it has a claim record.
    ClaimIfAbsent,
    /// A user gets the coupon although they have one.
    GiveIfAbsent,
    /// A ticket is voided although it has a claim record.
    VoidIfAbsent,
    /// The limit is raised even if the ticket is not voided.
    RaiseWithVoid,
    /// The sweep takes a ticket that was just allocated for an old one.
    Seen,
    /// No sweep runs.
    Sweep,
}

/// A campaign of so many coupons. Some of its users send two requests at once.
#[derive(Debug, Clone)]
struct Tickets {
    total: i64,
    /// The user of each function.
    users: Vec<usize>,
    sweeps: usize,
    deaths: u8,
    lost: u8,
    /// The number of times that the sweep's grace may pass while a function is about to claim its ticket.
    late: u8,
    forgotten: Option<Forgotten>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Slot {
    Void,
    Of(usize),
}

/// The progress of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Function {
    Begun,
    /// Found no ticket left, and is about to look at the counter.
    Empty,
    Drew(i64),
    /// Could not claim its ticket, and is about to void it.
    Failed(i64),
    Issued,
    SoldOut,
}

/// The progress of a sweep.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Sweep {
    Idle,
    Read { counter: Counter, tick: i64 },
    Burnt { counter: Counter, tick: i64, tickets: Vec<i64> },
    Done { counter: Counter, tick: i64 },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    tick: i64,
    counter: Counter,
    slots: Vec<Option<Slot>>,
    /// The number of coupons that each user was given.
    given: Vec<u8>,
    functions: Vec<Function>,
    sweeps: Vec<Sweep>,
    deaths: u8,
    lost: u8,
    late: u8,
}

impl State {
    /// Whether a function is about to claim or to void its ticket.
    fn is_at_it(&self) -> bool {
        let is_at_it = |function: &Function| matches!(function, Function::Drew(_) | Function::Failed(_));
        self.functions.iter().any(is_at_it)
    }

    fn slot(&self, ticket: i64) -> Option<Slot> {
        self.slots.get(usize::try_from(ticket).unwrap()).copied().flatten()
    }

    fn put(&mut self, ticket: i64, slot: Slot) {
        let place = usize::try_from(ticket).unwrap();
        self.slots.resize(self.slots.len().max(place + 1), None);
        self.slots[place] = Some(slot);
    }

    fn count(&self, is: impl Fn(Slot) -> bool) -> i64 {
        i64::try_from(self.slots.iter().flatten().filter(|slot| is(**slot)).count()).unwrap()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A function makes its next call.
    Call(usize),
    /// The answer to an allocation is lost, and the SDK sends the update again.
    CallTwice(usize),
    /// A function dies, and its client repeats the request.
    Die(usize),
    /// A client that got SOLD_OUT asks again.
    Ask(usize),
    Sweep(usize),
    /// A sweep reads before any claim record is visible to it: its reads are eventually consistent.
    SweepBlind(usize),
    SweepDies(usize),
    Tick,
}

impl Tickets {
    fn forgot(&self, what: Forgotten) -> bool {
        self.forgotten == Some(what)
    }

    fn draw(&self, state: &mut State, function: usize) {
        let Counter { next, limit, .. } = state.counter;
        state.functions[function] = if next < limit || self.forgot(Forgotten::Limit) {
            state.counter.next += 1;
            Function::Drew(next)
        } else {
            Function::Empty
        };
    }

    /// One commit: the claim record of the ticket, and the user's coupon.
    fn claim(&self, state: &mut State, function: usize, ticket: i64) {
        let user = self.users[function];
        let slot_is_free = state.slot(ticket).is_none() || self.forgot(Forgotten::ClaimIfAbsent);
        let has_none = state.given[user] == 0 || self.forgot(Forgotten::GiveIfAbsent);
        state.functions[function] = if slot_is_free && has_none {
            state.put(ticket, Slot::Of(user));
            state.given[user] += 1;
            Function::Issued
        } else {
            Function::Failed(ticket)
        };
    }

    /// One commit: the voided claim of the ticket, and the raised limit.
    fn reclaim(&self, state: &mut State, ticket: i64) {
        let is_free = state.slot(ticket).is_none() || self.forgot(Forgotten::VoidIfAbsent);
        if is_free {
            state.put(ticket, Slot::Void);
        }
        if is_free || self.forgot(Forgotten::RaiseWithVoid) {
            state.counter.limit += 1;
        }
    }

    fn call(&self, state: &mut State, function: usize) {
        let has_coupon = state.given[self.users[function]] > 0 && !self.forgot(Forgotten::GiveIfAbsent);
        match state.functions[function] {
            Function::Begun if has_coupon => state.functions[function] = Function::Issued,
            Function::Begun => self.draw(state, function),
            Function::Empty => {
                let is_empty = state.counter.left() <= 0;
                state.functions[function] = if is_empty { Function::SoldOut } else { Function::Begun };
            }
            Function::Drew(ticket) => self.claim(state, function, ticket),
            Function::Failed(ticket) => {
                self.reclaim(state, ticket);
                state.functions[function] = Function::Begun;
            }
            Function::Issued | Function::SoldOut => {}
        }
    }

    fn sweep(&self, state: &mut State, sweep: usize, is_blind: bool) {
        let now = state.sweeps[sweep].clone();
        state.sweeps[sweep] = match now {
            Sweep::Idle => Sweep::Read { counter: state.counter, tick: state.tick },
            Sweep::Read { counter, tick } => {
                let due = self.due(&counter, tick).unwrap_or(0..0);
                let tickets = due.rev().filter(|ticket| is_blind || state.slot(*ticket).is_none()).collect();
                Sweep::Burnt { counter, tick, tickets }
            }
            Sweep::Burnt { counter, tick, mut tickets } => match tickets.pop() {
                Some(ticket) => {
                    self.reclaim(state, ticket);
                    Sweep::Burnt { counter, tick, tickets }
                }
                None => Sweep::Done { counter, tick },
            },
            Sweep::Done { counter, tick } => {
                let due = self.due(&counter, tick).unwrap_or(0..0);
                let (to, next) = (due.end.max(counter.swept.to), counter.next);
                if let Some(swept) = counter.swept.moved(to, next, at(tick)) {
                    let there = state.counter.swept;
                    if there.to <= swept.to && there.at <= swept.at {
                        let to = if self.forgot(Forgotten::Seen) { swept.seen } else { swept.to };
                        state.counter.swept = Swept { to, ..swept };
                    }
                }
                Sweep::Idle
            }
        };
    }

    fn due(&self, counter: &Counter, tick: i64) -> Option<std::ops::Range<i64>> {
        counter.swept.due(at(tick), GRACE)
    }

    fn is_swept(state: &State) -> bool {
        state.counter.swept.reaches(state.counter.next)
    }
}

impl Model for Tickets {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let users = self.users.iter().collect::<BTreeSet<_>>().len();
        vec![State {
            tick: 1,
            counter: Counter::new(self.total),
            slots: Vec::new(),
            given: vec![0; users],
            functions: vec![Function::Begun; self.users.len()],
            sweeps: vec![Sweep::Idle; self.sweeps],
            deaths: self.deaths,
            lost: self.lost,
            late: self.late,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for (number, function) in state.functions.iter().enumerate() {
            match function {
                Function::Issued => continue,
                Function::SoldOut => {
                    if state.counter.left() > 0 {
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
        let is_due = self.due(&state.counter, state.tick).is_some();
        for (number, sweep) in state.sweeps.iter().enumerate() {
            if *sweep != Sweep::Idle {
                steps.push(Step::Sweep(number));
                if state.deaths > 0 {
                    steps.push(Step::SweepDies(number));
                }
                if matches!(sweep, Sweep::Read { .. }) {
                    steps.push(Step::SweepBlind(number));
                }
            } else if is_due && !Self::is_swept(state) && !self.forgot(Forgotten::Sweep) {
                steps.push(Step::Sweep(number));
            }
        }
        if !is_due && !Self::is_swept(state) && (state.late > 0 || !state.is_at_it()) {
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
            Property::always("never more issued than there are", |model, state: &State| {
                state.given.iter().map(|given| i64::from(*given)).sum::<i64>() <= model.total
            }),
            Property::always("one coupon a user", |_, state: &State| state.given.iter().all(|given| *given <= 1)),
            Property::always("each coupon has its slot", |_, state: &State| {
                (0..)
                    .zip(&state.given)
                    .all(|(user, given)| state.count(|slot| slot == Slot::Of(user)) == i64::from(*given))
            }),
            Property::always("the limit is the total and what was made void", |model, state: &State| {
                state.counter.limit == model.total + state.count(|slot| slot == Slot::Void)
            }),
            Property::always("nobody is refused for ever", |model, state: &State| {
                let mut steps = Vec::new();
                model.actions(state, &mut steps);
                let wanted = i64::try_from(state.given.len()).unwrap().min(model.total);
                !steps.is_empty() || state.count(|slot| slot != Slot::Void) == wanted
            }),
            Property::sometimes("a ticket burns and another is issued for it", |model, state: &State| {
                state.count(|slot| slot == Slot::Void) > 0 && state.count(|slot| slot != Slot::Void) == model.total
            }),
        ]
    }
}

const ONE_FOR_TWO: fn() -> Tickets =
    || Tickets { total: 1, users: vec![0, 1], sweeps: 2, deaths: 1, lost: 1, late: 1, forgotten: None };

#[test]
fn one_coupon_for_two_users_is_issued_once() {
    holds("tickets, one for two users, two sweeps", ONE_FOR_TWO());
}

#[test]
fn a_repeated_request_and_another_get_one_coupon_each() {
    holds("tickets, two for two users of whom one asks twice", ASKED_TWICE());
}

const ASKED_TWICE: fn() -> Tickets = || Tickets { total: 2, users: vec![0, 0, 1], sweeps: 1, lost: 0, ..ONE_FOR_TWO() };

#[test]
fn every_condition_is_needed() {
    let forgetful = [
        (Forgotten::Limit, ONE_FOR_TWO()),
        (Forgotten::ClaimIfAbsent, ONE_FOR_TWO()),
        (Forgotten::GiveIfAbsent, ASKED_TWICE()),
        (Forgotten::VoidIfAbsent, ONE_FOR_TWO()),
        (Forgotten::RaiseWithVoid, ONE_FOR_TWO()),
        (Forgotten::Seen, ONE_FOR_TWO()),
        (Forgotten::Sweep, ONE_FOR_TWO()),
    ];
    needed(forgetful.map(|(forgotten, model)| (forgotten, Tickets { forgotten: Some(forgotten), ..model })));
}
