//! Counting sales from the stream: a mark for each event with its counts, then the board of bestsellers. Batches come again,
//! cut anew, to one function or to two at once, which may die anywhere.
//!
//! What a change of an order counts for, and what the board becomes, is decided by production.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{Hash, Hasher},
};

use jiff::civil::Date;
use shared::{
    app::bestsellers::SalesChange,
    domain::{
        OrderId, ProductId, Won,
        bestseller::{Board, Candidate},
        order::{Actor, Cancellation, Order},
        time::seoul_day,
    },
};
use stateright::{Model, Property};
use tests::drafts::{draft, id};

use crate::explore::{FREE_SHIPPING, at, holds, needed};

/// A condition, or an order of writes, that the model is told to forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forgotten {
    /// An event is counted whether or not it has its mark.
    MarkIfAbsent,
    /// The marks are made before the counts, in a commit of their own.
    MarkWithCounts,
    /// A board is put up whatever has become of the one that was seen.
    BoardVersion,
    /// The counts are read before the board.
    BoardFirst,
    /// A board that stays as it was seen is not put up anew.
    UnchangedToo,
    /// A batch is done before the board is up to date.
    BoardBeforeDone,
}

/// What a change of an order counts for.
#[derive(Debug, Clone)]
struct Event {
    id: String,
    units: BTreeMap<ProductId, i64>,
}

#[derive(Debug, Clone)]
struct Sales {
    /// The stream.
    events: Vec<Event>,
    functions: usize,
    deaths: u8,
    forgotten: Option<Forgotten>,
}

/// A board that can be told from others by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Image(Board);

impl Hash for Image {
    fn hash<H: Hasher>(&self, state: &mut H) {
        serde_json::to_string(&self.0).unwrap().hash(state);
    }
}

type Counts = BTreeMap<ProductId, i64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Function {
    Idle,
    /// Is going to count these events of its batch, which ends here.
    Counts {
        left: BTreeSet<usize>,
        batch: BTreeSet<usize>,
        to: usize,
    },
    /// Has made its marks in a commit of their own.
    Marked {
        left: BTreeSet<usize>,
        batch: BTreeSet<usize>,
        to: usize,
    },
    /// Is going to read the board, or what was forgotten to be read after it.
    ReadsBoard {
        batch: BTreeSet<usize>,
        to: usize,
        counts: Option<Counts>,
    },
    ReadsCounts {
        batch: BTreeSet<usize>,
        to: usize,
        board: Image,
    },
    PutsUp {
        batch: BTreeSet<usize>,
        to: usize,
        board: Image,
        counts: Counts,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    counts: Counts,
    marks: BTreeSet<String>,
    board: Image,
    /// How many records the stream takes for handled.
    handled: usize,
    functions: Vec<Function>,
    deaths: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A function is handed the records up to this one.
    Take(usize, usize),
    Call(usize),
    Die(usize),
}

fn today() -> Date {
    seoul_day(at(0))
}

impl Sales {
    fn forgot(&self, what: Forgotten) -> bool {
        self.forgotten == Some(what)
    }

    fn sum<'a>(&self, events: impl IntoIterator<Item = &'a Event>) -> Counts {
        let mut counts = Counts::new();
        for (product, units) in events.into_iter().flat_map(|event| &event.units) {
            *counts.entry(product.clone()).or_default() += units;
        }
        counts
    }

    fn touched(&self, batch: &BTreeSet<usize>) -> BTreeSet<ProductId> {
        batch.iter().flat_map(|event| self.events[*event].units.keys().cloned()).collect()
    }

    fn add_counts(&self, state: &mut State, events: &BTreeSet<usize>) {
        for (product, units) in self.sum(events.iter().map(|event| &self.events[*event])) {
            *state.counts.entry(product).or_default() += units;
        }
    }

    fn mark(&self, state: &mut State, events: &BTreeSet<usize>) {
        state.marks.extend(events.iter().map(|event| self.events[*event].id.clone()));
    }

    fn counted(&self, state: &mut State, batch: BTreeSet<usize>, to: usize) -> Function {
        if self.forgot(Forgotten::BoardBeforeDone) {
            state.handled = state.handled.max(to);
        }
        Function::ReadsBoard { batch, to, counts: None }
    }

    fn read_counts(&self, state: &State, batch: &BTreeSet<usize>) -> Counts {
        let counts = self.touched(batch).into_iter();
        counts.map(|product| (product.clone(), state.counts.get(&product).copied().unwrap_or(0))).collect()
    }

    /// The board with what was touched as it is counted by now.
    fn renewed(&self, Image(seen): &Image, counts: &Counts) -> Image {
        let mut board = seen.clone();
        board.candidates.retain(|candidate| !counts.contains_key(&candidate.product_id));
        let candidate = |(product, units): (&ProductId, &i64)| Candidate {
            product_id: product.clone(),
            name: product.to_string(),
            price: Won::new(1),
            days: [(today(), *units)].into(),
            last_sold_at: at(0),
        };
        board.update(counts.iter().map(candidate).collect(), today());
        Image(board)
    }

    fn call(&self, state: &mut State, function: usize) {
        let now = state.functions[function].clone();
        state.functions[function] = match now {
            Function::Idle => Function::Idle,
            Function::Counts { left, batch, to } => {
                let marks = state.marks.clone();
                let is_new = |event: &usize| !marks.contains(&self.events[*event].id);
                if left.iter().all(is_new) || self.forgot(Forgotten::MarkIfAbsent) {
                    self.mark(state, &left);
                    if self.forgot(Forgotten::MarkWithCounts) {
                        Function::Marked { left, batch, to }
                    } else {
                        self.add_counts(state, &left);
                        self.counted(state, batch, to)
                    }
                } else {
                    // The refusal tells which were counted before.
                    let left: BTreeSet<usize> = left.into_iter().filter(is_new).collect();
                    if left.is_empty() { self.counted(state, batch, to) } else { Function::Counts { left, batch, to } }
                }
            }
            Function::Marked { left, batch, to } => {
                self.add_counts(state, &left);
                self.counted(state, batch, to)
            }
            Function::ReadsBoard { batch, to, counts: None } if self.forgot(Forgotten::BoardFirst) => {
                let counts = Some(self.read_counts(state, &batch));
                Function::ReadsBoard { batch, to, counts }
            }
            Function::ReadsBoard { batch, to, counts } => {
                let board = state.board.clone();
                match counts {
                    Some(counts) => Function::PutsUp { batch, to, board, counts },
                    None => Function::ReadsCounts { batch, to, board },
                }
            }
            Function::ReadsCounts { batch, to, board } => {
                let counts = self.read_counts(state, &batch);
                Function::PutsUp { batch, to, board, counts }
            }
            Function::PutsUp { batch, to, board, counts } => {
                let mut renewed = self.renewed(&board, &counts);
                let is_as_seen = state.board.0.version == board.0.version || self.forgot(Forgotten::BoardVersion);
                let is_same = renewed.0.candidates == board.0.candidates;
                if is_same && self.forgot(Forgotten::UnchangedToo) {
                    state.handled = state.handled.max(to);
                    Function::Idle
                } else if is_as_seen {
                    renewed.0.version = board.0.version + 1;
                    state.board = renewed;
                    state.handled = state.handled.max(to);
                    Function::Idle
                } else {
                    Function::ReadsBoard { batch, to, counts: None }
                }
            }
        };
    }
}

impl Model for Sales {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            counts: Counts::new(),
            marks: BTreeSet::new(),
            board: Image::default(),
            handled: 0,
            functions: vec![Function::Idle; self.functions],
            deaths: self.deaths,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for (number, function) in state.functions.iter().enumerate() {
            if *function == Function::Idle {
                steps.extend((state.handled + 1..=self.events.len()).map(|to| Step::Take(number, to)));
            } else {
                steps.push(Step::Call(number));
                if state.deaths > 0 {
                    steps.push(Step::Die(number));
                }
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Take(function, to) => {
                let batch: BTreeSet<usize> = (state.handled..to).collect();
                state.functions[function] = Function::Counts { left: batch.clone(), batch, to };
            }
            Step::Call(function) => self.call(&mut state, function),
            Step::Die(function) => {
                state.deaths -= 1;
                state.functions[function] = Function::Idle;
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("what has its mark is counted once", |model, state: &State| {
                let marked = model.events.iter().filter(|event| state.marks.contains(&event.id));
                let is_between = state.functions.iter().any(|function| matches!(function, Function::Marked { .. }));
                is_between || state.counts == model.sum(marked)
            }),
            Property::always("in the end all is counted", |model, state: &State| {
                let mut steps = Vec::new();
                model.actions(state, &mut steps);
                !steps.is_empty() || state.counts == model.sum(&model.events)
            }),
            Property::always("in the end the board is what a recount gives", |model, state: &State| {
                let mut steps = Vec::new();
                model.actions(state, &mut steps);
                let units = |board: &Board| {
                    let top = board.top(today()).into_iter();
                    top.map(|(candidate, units)| (candidate.product_id.clone(), units)).collect::<Counts>()
                };
                let recount = model.renewed(&Image::default(), &model.sum(&model.events));
                !steps.is_empty() || units(&state.board.0) == units(&recount.0)
            }),
            Property::sometimes("all is counted", |model, state: &State| {
                state.counts == model.sum(&model.events) && state.handled == model.events.len()
            }),
        ]
    }
}

fn paid(order: &str, lines: &[(&str, i64)]) -> Order {
    Order::paid(id::<OrderId>(order), draft("mina", lines, FREE_SHIPPING, at(0)))
}

fn event(old: Option<&Order>, new: &Order) -> Event {
    match SalesChange::of_order(old, new) {
        Some(SalesChange::Sold { event_id, units, .. }) => Event { id: event_id, units },
        other => panic!("{other:?}"),
    }
}

/// An order of tea and a cup, one of tea, and a unit of the first given back.
fn stream(functions: usize, deaths: u8) -> Sales {
    let (first, second) = (paid("o1", &[("tea", 3), ("cup", 1)]), paid("o2", &[("tea", 1)]));
    let a_unit = Cancellation::Units([(1, 1)].into());
    let cancelled = first.cancel(&a_unit, Actor::Customer, None, at(0)).unwrap();
    let events = vec![event(None, &first), event(None, &second), event(Some(&first), &cancelled)];
    Sales { events, functions, deaths, forgotten: None }
}

#[test]
fn batches_that_come_again_to_two_functions() {
    holds("sales, two functions", stream(2, 2));
}

#[test]
fn batches_that_come_again_to_one_function() {
    holds("sales, one function", stream(1, 4));
}

#[test]
fn every_condition_is_needed() {
    use Forgotten::{BoardBeforeDone, BoardFirst, BoardVersion, MarkIfAbsent, MarkWithCounts, UnchangedToo};
    let forgetful = [MarkIfAbsent, MarkWithCounts, BoardVersion, BoardFirst, UnchangedToo, BoardBeforeDone];
    needed(forgetful.map(|forgotten| (forgotten, Sales { forgotten: Some(forgotten), ..stream(2, 1) })));
}
