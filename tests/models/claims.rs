//! The frame of protocols in which a function takes a sequence number of a counter, then claims it, and sweeps recover
//! the numbers of functions that died in between.
//!
//! The frame has the steps: calls, lost answers, deaths, sweeps, time. A protocol says what each of them does to its
//! table.

use std::{fmt::Debug, hash::Hash};

use shared::domain::swept::Swept;
use stateright::{Model, Property};

use crate::explore::{GRACE, at};

/// The bounds of an exploration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) sweeps: usize,
    pub(crate) deaths: u8,
    pub(crate) lost: u8,
    /// The number of times that the sweep's grace may pass while a function is about to claim its number.
    pub(crate) late: u8,
}

/// A protocol on a table.
pub(crate) trait Protocol: Send + Sync + Sized + 'static {
    type Table: Clone + Debug + Eq + Hash + Send + Sync;
    /// The thing that a function takes and claims.
    type Taken: Copy + Debug + Eq + Hash + Send + Sync;
    /// The progress of a sweep that runs.
    type Sweep: Clone + Debug + Eq + Hash + Send + Sync;

    /// The number of functions.
    fn functions(&self) -> usize;
    fn budget(&self) -> Budget;
    fn table(&self) -> Self::Table;
    /// Whether sweeps run at all.
    fn has_sweeps(&self) -> bool;

    /// The progress of sweeps, and the number of sequence numbers taken so far.
    fn progress(table: &Self::Table) -> (Swept, i64);
    /// Whether the request of a function has had its effect already.
    fn is_done(&self, table: &Self::Table, function: usize) -> bool;
    /// Whether a function could take its part.
    fn is_available(&self, table: &Self::Table, function: usize) -> bool;
    /// The update that takes. It is not conditional on earlier ones of the same function.
    fn take(&self, table: &mut Self::Table, function: usize) -> Function<Self::Taken>;
    /// The commit that claims; whether it was made.
    fn claim(&self, table: &mut Self::Table, function: usize, taken: Self::Taken) -> bool;
    /// The commit that gives back.
    fn void(&self, table: &mut Self::Table, taken: Self::Taken);

    /// The next call of a sweep, or the first one; `None` when it is over. A blind one sees no claim record yet.
    fn sweep(
        &self,
        table: &mut Self::Table,
        tick: i64,
        sweep: Option<Self::Sweep>,
        is_blind: bool,
    ) -> Option<Self::Sweep>;
    /// Whether the next call of a sweep reads claim records.
    fn reads_claims(sweep: &Self::Sweep) -> bool;

    fn properties() -> Vec<Property<Claims<Self>>>;
}

/// The progress of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Function<T> {
    Begun,
    /// Found nothing left, and is about to look again.
    Empty,
    Took(T),
    /// Could not claim, and is about to give back.
    Failed(T),
    Done,
    Refused,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State<Table, Taken, Sweep> {
    tick: i64,
    pub(crate) table: Table,
    functions: Vec<Function<Taken>>,
    sweeps: Vec<Option<Sweep>>,
    deaths: u8,
    lost: u8,
    late: u8,
}

/// The state of a protocol's model.
pub(crate) type StateOf<P> = State<<P as Protocol>::Table, <P as Protocol>::Taken, <P as Protocol>::Sweep>;

impl<Table, Taken, Sweep> State<Table, Taken, Sweep> {
    /// Whether a function is about to claim or to give back.
    fn is_claiming(&self) -> bool {
        let is_claiming = |function: &Function<Taken>| matches!(function, Function::Took(_) | Function::Failed(_));
        self.functions.iter().any(is_claiming)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A function makes its next call.
    Call(usize),
    /// The answer to an update that takes is lost, and the SDK sends the update again.
    CallTwice(usize),
    /// A function dies, and its client repeats the request.
    Die(usize),
    /// The client of a refused request asks again.
    Ask(usize),
    Sweep(usize),
    /// A sweep reads before any claim record is visible to it: its reads are eventually consistent.
    SweepBlind(usize),
    SweepDies(usize),
    Tick,
}

/// The model of a protocol.
#[derive(Debug, Clone)]
pub(crate) struct Claims<P>(pub(crate) P);

impl<P: Protocol> Claims<P> {
    fn call(&self, state: &mut StateOf<P>, function: usize) {
        let (Self(protocol), table) = (self, &mut state.table);
        state.functions[function] = match state.functions[function] {
            // A repeated request is answered with its effect.
            Function::Begun if protocol.is_done(table, function) => Function::Done,
            Function::Begun => protocol.take(table, function),
            Function::Empty if protocol.is_available(table, function) => Function::Begun,
            Function::Empty => Function::Refused,
            Function::Took(taken) if protocol.claim(table, function, taken) => Function::Done,
            Function::Took(taken) => Function::Failed(taken),
            Function::Failed(taken) => {
                protocol.void(table, taken);
                Function::Begun
            }
            over @ (Function::Done | Function::Refused) => over,
        };
    }

    fn sweep(&self, state: &mut StateOf<P>, sweep: usize, is_blind: bool) {
        let before = state.sweeps[sweep].take();
        state.sweeps[sweep] = self.0.sweep(&mut state.table, state.tick, before, is_blind);
    }

    /// Whether no step is left. Then nothing must be lost.
    pub(crate) fn is_at_rest(&self, state: &StateOf<P>) -> bool {
        let mut steps = Vec::new();
        self.actions(state, &mut steps);
        steps.is_empty()
    }
}

impl<P: Protocol> Model for Claims<P> {
    type State = StateOf<P>;
    type Action = Step;

    fn init_states(&self) -> Vec<StateOf<P>> {
        let Self(protocol) = self;
        let Budget { sweeps, deaths, lost, late } = protocol.budget();
        let functions = vec![Function::Begun; protocol.functions()];
        vec![State { tick: 1, table: protocol.table(), functions, sweeps: vec![None; sweeps], deaths, lost, late }]
    }

    fn actions(&self, state: &StateOf<P>, steps: &mut Vec<Step>) {
        for (number, function) in state.functions.iter().enumerate() {
            match function {
                Function::Done => continue,
                Function::Refused => {
                    if self.0.is_available(&state.table, number) {
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
        let (swept, taken) = P::progress(&state.table);
        let (is_due, is_swept) = (swept.due(at(state.tick), GRACE).is_some(), swept.reaches(taken));
        for (number, sweep) in state.sweeps.iter().enumerate() {
            if let Some(sweep) = sweep {
                steps.push(Step::Sweep(number));
                if state.deaths > 0 {
                    steps.push(Step::SweepDies(number));
                }
                if P::reads_claims(sweep) {
                    steps.push(Step::SweepBlind(number));
                }
            } else if is_due && !is_swept && self.0.has_sweeps() {
                steps.push(Step::Sweep(number));
            }
        }
        if !is_due && !is_swept && (state.late > 0 || !state.is_claiming()) {
            steps.push(Step::Tick);
        }
    }

    fn next_state(&self, last: &StateOf<P>, step: Step) -> Option<StateOf<P>> {
        let mut state = last.clone();
        match step {
            Step::Call(function) => self.call(&mut state, function),
            Step::CallTwice(function) => {
                state.lost -= 1;
                self.0.take(&mut state.table, function);
                state.functions[function] = self.0.take(&mut state.table, function);
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
                state.sweeps[sweep] = None;
            }
            Step::Tick => {
                state.late -= u8::from(state.is_claiming());
                state.tick += 1;
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        P::properties()
    }
}

/// The progress that a sweep notes at its end, if no other sweep has noted more meanwhile. `read` is the progress that
/// it began with.
pub(crate) fn noted(there: Swept, read: Swept, to: i64, taken: i64, tick: i64) -> Option<Swept> {
    let moved = read.moved(to, taken, at(tick))?;
    (there.to <= moved.to && there.at <= moved.at).then_some(moved)
}
