//! The simulator: a shop with all that goes on around it, in one thread and in virtual time, with every interleaving and
//! every fault chosen by one seed.
//!
//! The handlers and the AWS SDK are those that ship; DynamoDB is embedded; the bus, the queues, the stream's delivery, the
//! network and what lies outside are models that are as unkind as their documentation lets them be. A [`Plan`] says what
//! is done and what may go wrong. After it all comes to rest, and then the books must be right: [`run`] tells what is not.

mod alone;
mod bestsellers;
mod clients;
mod connection;
mod consumers;
mod faults;
mod invariants;
mod knobs;
mod lists;
mod mail;
mod mutants;
mod operations;
mod outside;
mod plan;
mod reference;
mod registers;
mod rest;
mod shape;
mod shrink;
mod table;
mod tally;
mod trace;
mod world;

pub use knobs::Knobs;
pub use mutants::Mutant;
pub use plan::{FaultKind, Plan, Step, Theme};
pub use shape::Shape;
pub use shrink::shrink;

use std::collections::BTreeMap;

use tokio::{runtime::Builder, task::JoinSet, time::Instant};
use world::World;

/// What became of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// What is not as it must be.
    pub wrong: Vec<String>,
    /// What happened, a line each, where that was asked for.
    pub trace: String,
    /// How many calls of AWS were carried out.
    pub calls: u64,
    /// How often each function gave each answer: a status, or a code.
    pub answers: BTreeMap<(&'static str, String), u64>,
}

/// Runs a plan to its end, on this thread.
pub fn run(plan: &Plan, is_traced: bool) -> Run {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime can be built").block_on(play(plan, is_traced))
}

async fn play(plan: &Plan, is_traced: bool) -> Run {
    let world = World::new(plan, is_traced);
    consumers::start(&world);
    if plan.is_alone {
        alone::play(&world, &plan.steps).await;
    } else {
        play_at_once(&world, &plan.steps).await;
    }
    rest::come_to_rest(&world).await;
    rest::check(&world).await;
    world.close();
    let answers = std::mem::take(&mut world.known.lock().unwrap().answers);
    Run { wrong: world.wrongs(), trace: world.trace.text(), calls: world.calls(), answers }
}

async fn play_at_once(world: &World, steps: &[Step]) {
    clients::seed_data(world).await;
    world.set_calm(false);
    let began = Instant::now();
    let mut acting = JoinSet::new();
    for step in steps.iter().cloned() {
        acting.spawn(clients::act(world.clone(), step, began));
    }
    while let Some(done) = acting.join_next().await {
        if let Err(error) = done {
            world.report_violation(format!("a step does not come to its end: {error}"));
        }
    }
    world.set_calm(true);
}
