//! Counting sales from the stream: a mark for each event, with its counts and their entries in the index by sales,
//! while products go off sale and come back. Batches come again, cut anew, to one function or to two at once, which may
//! die anywhere. Events of a batch that share no product are counted side by side.
//!
//! Production decides the units of a change of an order, and the index entry of a count.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    app::bestsellers::SalesChange,
    domain::{
        OrderId, ProductId,
        bestseller::Listing,
        order::{Actor, Cancellation, Order},
        time::seoul_day,
    },
};
use stateright::{Model, Property};
use tests::drafts::{draft, id};

use crate::explore::{FREE_SHIPPING, at, holds, needed};

/// A condition, or an order of writes, that the model can forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forgotten {
    /// An event is counted although it has its mark.
    MarkIfAbsent,
    /// The marks are made before the counts, in a commit of their own.
    MarkWithCounts,
    /// Counts are written without regard to changes since they were read.
    SeenCounts,
    /// An index entry follows a description that has changed since it was read.
    SeenDescription,
    /// The description of a product is not read after its count has begun.
    LookAtFirst,
    /// The products of an interrupted batch are not checked again.
    LookAgain,
    /// A batch is done before the index entries are checked.
    LookBeforeDone,
}

/// The units that a change of an order counts.
#[derive(Debug, Clone)]
struct Event {
    id: String,
    units: BTreeMap<ProductId, i64>,
}

#[derive(Debug, Clone)]
struct Sales {
    /// The orders' shard of the stream. The products' shard has a record for each change of tea.
    events: Vec<Event>,
    /// Whether tea is on sale after each of its changes.
    changes: Vec<bool>,
    functions: usize,
    deaths: u8,
    forgotten: Option<Forgotten>,
}

/// A shard of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Shard {
    Orders,
    Products,
}

/// A count with its index entry: the units by which the index ranks it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Count {
    units: i64,
    off_sale: bool,
    place: Option<i64>,
}

type Counts = BTreeMap<ProductId, Count>;

/// A batch of a shard, up to this record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Batch {
    shard: Shard,
    to: usize,
}

/// The progress of a group of events that are counted in one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Group {
    /// Is about to read the counts that these events add to.
    Reads {
        left: BTreeSet<usize>,
    },
    Counts {
        left: BTreeSet<usize>,
        seen: Counts,
    },
    /// Has made its marks in a commit of their own.
    Marked {
        left: BTreeSet<usize>,
        seen: Counts,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Function {
    Idle,
    /// Counts groups of events that share no product, side by side.
    Counts {
        batch: Batch,
        groups: Vec<Group>,
        unsure: BTreeSet<ProductId>,
    },
    /// Is about to read the count of the first of these products.
    Looks {
        batch: Batch,
        unsure: BTreeSet<ProductId>,
    },
    /// Is about to read the description of that product.
    LooksFurther {
        batch: Batch,
        unsure: BTreeSet<ProductId>,
        seen: Count,
    },
    /// Is about to write the index entry of that product.
    Places {
        batch: Batch,
        unsure: BTreeSet<ProductId>,
        seen: Count,
        version: usize,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    counts: Counts,
    marks: BTreeSet<String>,
    /// The number of changes of tea so far.
    version: usize,
    /// The numbers of records of the orders and of the products that the stream counts as handled.
    handled: (usize, usize),
    functions: Vec<Function>,
    deaths: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Tea goes off sale, or comes back.
    Describe,
    /// A function gets the records of a shard up to this one.
    Take(usize, Shard, usize),
    /// A function makes its next call. If it counts, the call is for the group with this number.
    Call(usize, usize),
    Die(usize),
}

fn tea() -> ProductId {
    id("tea")
}

/// The rank of so many units, from production's code.
fn place(product: &ProductId, units: i64, off_sale: bool) -> Option<i64> {
    let listing = Listing::of(product, &[(seoul_day(at(0)), units)].into(), at(0), at(0));
    listing.filter(|_| !off_sale).map(|listing| listing.bound.units)
}

impl Sales {
    fn forgot(&self, what: Forgotten) -> bool {
        self.forgotten == Some(what)
    }

    fn sum<'a>(&self, events: impl IntoIterator<Item = &'a Event>) -> BTreeMap<ProductId, i64> {
        let mut sums = BTreeMap::new();
        for (product, units) in events.into_iter().flat_map(|event| &event.units) {
            *sums.entry(product.clone()).or_default() += units;
        }
        sums
    }

    fn products(&self, events: &BTreeSet<usize>) -> BTreeSet<ProductId> {
        events.iter().flat_map(|event| self.events[*event].units.keys().cloned()).collect()
    }

    fn is_off_sale(&self, product: &ProductId, version: usize) -> bool {
        *product == tea() && version.checked_sub(1).is_some_and(|change| !self.changes[change])
    }

    fn add(&self, state: &mut State, events: &BTreeSet<usize>, seen: &Counts) {
        for (product, units) in self.sum(events.iter().map(|event| &self.events[*event])) {
            let seen = seen.get(&product).cloned().unwrap_or_default();
            let units = seen.units + units;
            let count = Count { units, place: place(&product, units, seen.off_sale), ..seen };
            state.counts.insert(product, count);
        }
    }

    fn is_as_seen(&self, state: &State, seen: &Counts, events: &BTreeSet<usize>) -> bool {
        let is_same = |product: &ProductId| match (state.counts.get(product), seen.get(product)) {
            (Some(there), Some(seen)) => (there.units, there.off_sale) == (seen.units, seen.off_sale),
            (there, seen) => there == seen,
        };
        self.products(events).iter().all(is_same) || self.forgot(Forgotten::SeenCounts)
    }

    /// The connected components by product.
    fn groups(&self, events: impl Iterator<Item = usize>) -> Vec<Group> {
        let mut groups: Vec<BTreeSet<usize>> = Vec::new();
        for event in events {
            let of_event = self.products(&[event].into());
            let (shared, others) = groups.into_iter().partition(|group| !self.products(group).is_disjoint(&of_event));
            groups = others;
            groups.push(Vec::into_iter(shared).flatten().chain([event]).collect());
        }
        groups.into_iter().map(|left| Group::Reads { left }).collect()
    }

    /// Makes the next call for a group. Returns the group's next state, and the products to check afterwards.
    fn call_for(&self, state: &mut State, group: Group) -> (Option<Group>, BTreeSet<ProductId>) {
        match group {
            Group::Reads { left } => {
                let products = self.products(&left);
                let seen = state.counts.clone().into_iter().filter(|(product, _)| products.contains(product)).collect();
                (Some(Group::Counts { left, seen }), BTreeSet::new())
            }
            Group::Counts { left, seen } => self.commit(state, left, seen),
            Group::Marked { left, seen } => {
                self.add(state, &left, &seen);
                (None, self.begun(&left, &seen))
            }
        }
    }

    fn commit(&self, state: &mut State, left: BTreeSet<usize>, seen: Counts) -> (Option<Group>, BTreeSet<ProductId>) {
        let is_new = |event: &usize| !state.marks.contains(&self.events[*event].id);
        let (new, old): (BTreeSet<usize>, BTreeSet<usize>) = left.iter().partition(|event| is_new(event));
        if !old.is_empty() && !self.forgot(Forgotten::MarkIfAbsent) {
            // The refusal names the events that were counted before.
            let again = if self.forgot(Forgotten::LookAgain) { BTreeSet::new() } else { self.products(&old) };
            return (Some(Group::Reads { left: new }), again);
        }
        if !self.is_as_seen(state, &seen, &left) {
            return (Some(Group::Reads { left }), BTreeSet::new());
        }
        state.marks.extend(left.iter().map(|event| self.events[*event].id.clone()));
        if self.forgot(Forgotten::MarkWithCounts) {
            return (Some(Group::Marked { left, seen }), BTreeSet::new());
        }
        self.add(state, &left, &seen);
        (None, self.begun(&left, &seen))
    }

    /// Products with counts that these events have begun.
    fn begun(&self, left: &BTreeSet<usize>, seen: &Counts) -> BTreeSet<ProductId> {
        let begun = self.products(left).into_iter().filter(|product| !seen.contains_key(product));
        if self.forgot(Forgotten::LookAtFirst) { BTreeSet::new() } else { begun.collect() }
    }

    fn look(&self, state: &mut State, batch: Batch, unsure: BTreeSet<ProductId>) -> Function {
        if self.forgot(Forgotten::LookBeforeDone) || unsure.is_empty() {
            done(state, &batch);
        }
        if unsure.is_empty() { Function::Idle } else { Function::Looks { batch, unsure } }
    }

    fn call(&self, state: &mut State, function: usize, group: usize) {
        let now = state.functions[function].clone();
        state.functions[function] = match now {
            Function::Idle => Function::Idle,
            Function::Counts { batch, mut groups, unsure } => {
                let (next, new) = self.call_for(state, groups.remove(group));
                let unsure = &unsure | &new;
                // A group without events left has no call to make.
                if let Some(next) = next.filter(|next| !matches!(next, Group::Reads { left } if left.is_empty())) {
                    groups.insert(group, next);
                }
                if groups.is_empty() {
                    self.look(state, batch, unsure)
                } else {
                    Function::Counts { batch, groups, unsure }
                }
            }
            Function::Looks { batch, mut unsure } => {
                let first = unsure.first().cloned().expect("there is one");
                match state.counts.get(&first) {
                    Some(seen) => Function::LooksFurther { batch, unsure, seen: seen.clone() },
                    None => {
                        unsure.pop_first();
                        self.look(state, batch, unsure)
                    }
                }
            }
            Function::LooksFurther { batch, unsure, seen } => {
                Function::Places { batch, unsure, seen, version: state.version }
            }
            Function::Places { batch, mut unsure, seen, version } => {
                let product = unsure.first().cloned().expect("there is one");
                let off_sale = self.is_off_sale(&product, version);
                let due = Count { units: seen.units, off_sale, place: place(&product, seen.units, off_sale) };
                let there = state.counts.get(&product).cloned().unwrap_or_default();
                let is_as_seen = (there.units, there.off_sale) == (seen.units, seen.off_sale);
                // The commit asserts the description only if the description has moved the entry.
                let is_described = version == state.version || seen.off_sale == off_sale || product != tea();
                if due != seen
                    && !((is_as_seen || self.forgot(Forgotten::SeenCounts))
                        && (is_described || self.forgot(Forgotten::SeenDescription)))
                {
                    Function::Looks { batch, unsure }
                } else {
                    if due != seen {
                        state.counts.insert(product, due);
                    }
                    unsure.pop_first();
                    self.look(state, batch, unsure)
                }
            }
        };
    }
}

fn done(state: &mut State, batch: &Batch) {
    match batch.shard {
        Shard::Orders => state.handled.0 = state.handled.0.max(batch.to),
        Shard::Products => state.handled.1 = state.handled.1.max(batch.to),
    }
}

impl Model for Sales {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            counts: Counts::new(),
            marks: BTreeSet::new(),
            version: 0,
            handled: (0, 0),
            functions: vec![Function::Idle; self.functions],
            deaths: self.deaths,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        if state.version < self.changes.len() {
            steps.push(Step::Describe);
        }
        for (number, function) in state.functions.iter().enumerate() {
            if *function == Function::Idle {
                let orders = state.handled.0 + 1..=self.events.len();
                let products = state.handled.1 + 1..=state.version;
                steps.extend(orders.map(|to| Step::Take(number, Shard::Orders, to)));
                steps.extend(products.map(|to| Step::Take(number, Shard::Products, to)));
            } else {
                let groups = if let Function::Counts { groups, .. } = function { groups.len() } else { 1 };
                steps.extend((0..groups).map(|group| Step::Call(number, group)));
                if state.deaths > 0 {
                    steps.push(Step::Die(number));
                }
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Describe => state.version += 1,
            Step::Take(function, shard, to) => {
                let batch = Batch { shard, to };
                state.functions[function] = match shard {
                    Shard::Orders => {
                        let groups = self.groups(state.handled.0..to);
                        Function::Counts { batch, groups, unsure: BTreeSet::new() }
                    }
                    Shard::Products => self.look(&mut state, batch, [tea()].into()),
                };
            }
            Step::Call(function, group) => self.call(&mut state, function, group),
            Step::Die(function) => {
                state.deaths -= 1;
                state.functions[function] = Function::Idle;
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        fn units(counts: &Counts) -> BTreeMap<ProductId, i64> {
            counts.iter().map(|(product, count)| (product.clone(), count.units)).collect()
        }
        vec![
            Property::always("each marked event is counted once", |model, state: &State| {
                let marked = model.events.iter().filter(|event| state.marks.contains(&event.id));
                let is_marked = |group: &Group| matches!(group, Group::Marked { .. });
                let is_between = state.functions.iter().any(
                    |function| matches!(function, Function::Counts { groups, .. } if groups.iter().any(is_marked)),
                );
                is_between || units(&state.counts) == model.sum(marked)
            }),
            Property::always("a count on sale is never ranked below its units", |_, state: &State| {
                let mut counts = state.counts.iter();
                counts.all(|(product, count)| count.off_sale || count.place == place(product, count.units, false))
            }),
            Property::always("in the end all is counted, and just that on sale is ranked", |model, state: &State| {
                let mut steps = Vec::new();
                model.actions(state, &mut steps);
                let is_right = |(product, count): (&ProductId, &Count)| {
                    let off_sale = model.is_off_sale(product, state.version);
                    *count == Count { units: count.units, off_sale, place: place(product, count.units, off_sale) }
                };
                !steps.is_empty()
                    || (units(&state.counts) == model.sum(&model.events) && state.counts.iter().all(is_right))
            }),
            Property::sometimes("all is counted", |model, state: &State| {
                units(&state.counts) == model.sum(&model.events)
                    && state.handled == (model.events.len(), model.changes.len())
            }),
        ]
    }
}

fn paid(order: &str, lines: &[(&str, i64)]) -> Order {
    Order::paid(id::<OrderId>(order), draft("mina", lines, FREE_SHIPPING, at(0)))
}

fn event(old: Option<&Order>, new: &Order) -> Event {
    match SalesChange::from_order(old, new) {
        Some(SalesChange::Sold { event_id, units, .. }) => Event { id: event_id, units },
        other => panic!("{other:?}"),
    }
}

/// An order of tea and a cup, one of tea, and a unit of the first returned.
fn stream(functions: usize, deaths: u8, changes: &[bool]) -> Sales {
    let (first, second) = (paid("o1", &[("tea", 3), ("cup", 1)]), paid("o2", &[("tea", 1)]));
    let a_unit = Cancellation::Units([(1, 1)].into());
    let cancelled = first.cancel(&a_unit, Actor::Customer, None, at(0)).unwrap();
    let events = vec![event(None, &first), event(None, &second), event(Some(&first), &cancelled)];
    Sales { events, changes: changes.to_vec(), functions, deaths, forgotten: None }
}

#[test]
fn repeated_batches_in_two_functions_count_once() {
    holds("sales, two functions", stream(2, 1, &[false]));
}

#[test]
fn concurrent_groups_of_a_batch_count_once() {
    let orders = [("o1", "tea"), ("o2", "cup"), ("o3", "tea")];
    let events = orders.map(|(order, product)| event(None, &paid(order, &[(product, 1)]))).into();
    holds("sales, groups side by side", Sales { events, ..stream(2, 1, &[false]) });
}

#[test]
fn a_product_off_sale_and_back_is_counted_and_ranked() {
    let sales = stream(2, 1, &[false, true]);
    holds("sales, off sale and back", Sales { events: sales.events[..1].to_vec(), ..sales });
}

#[test]
fn repeated_batches_in_one_function_count_once() {
    holds("sales, one function", stream(1, 4, &[false, true]));
}

#[test]
fn every_condition_is_needed() {
    use Forgotten::{
        LookAgain, LookAtFirst, LookBeforeDone, MarkIfAbsent, MarkWithCounts, SeenCounts, SeenDescription,
    };
    let gone_and_back = [MarkIfAbsent, MarkWithCounts, SeenCounts, SeenDescription, LookBeforeDone];
    let gone = [LookAtFirst, LookAgain];
    let forgetful =
        |forgotten, changes: &[bool]| (forgotten, Sales { forgotten: Some(forgotten), ..stream(2, 1, changes) });
    needed(gone_and_back.map(|forgotten| forgetful(forgotten, &[false, true])));
    needed(gone.map(|forgotten| forgetful(forgotten, &[false])));
}
