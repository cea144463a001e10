//! The simulator: a shop with its whole environment, in one thread and in virtual time, with every interleaving and
//! every fault chosen by one seed.
//!
//! The handlers and the AWS SDK are those that ship, and DynamoDB is embedded. The bus, the queues, the stream's
//! delivery, the network and the external systems are models that are as unkind as their documentation allows. A
//! [`Plan`] lists the operations and the possible faults. After it the shop quiesces, and then the books must be right:
//! [`run`] returns the violations.

mod bestsellers;
mod books;
mod clients;
mod connection;
mod consumers;
pub mod desk;
mod exports;
mod faults;
mod invariants;
mod known;
mod lists;
mod message_bus;
mod mutants;
mod operations;
mod outside;
mod payers;
mod plan;
mod provider;
mod quiesce;
mod recounts;
mod reference;
mod registers;
mod sequential_client;
mod settings;
mod shape;
mod shrink;
mod table;
mod tally;
mod trace;
mod world;

pub use mutants::Mutant;
pub use plan::{FaultKind, Plan, Step, Subject, Theme};
pub use settings::RunSettings;
pub use shape::Shape;
pub use shrink::shrink;

use std::collections::BTreeMap;

use tokio::{runtime::Builder, task::JoinSet, time::Instant};
use world::World;

/// The result of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// The violations of invariants.
    pub violations: Vec<String>,
    /// The events of the run, a line each, if a trace was asked for.
    pub trace: String,
    /// The number of calls of AWS that were carried out.
    pub calls: u64,
    /// The number of calls and answers that the planted bug has changed.
    pub planted: u64,
    /// The number of payment sessions in the end.
    pub sessions: usize,
    /// The number of each answer of each function: a status, or a code.
    pub answers: BTreeMap<(&'static str, String), u64>,
    /// The number of claims, parcels and users of each state in the end.
    pub ends: BTreeMap<(&'static str, String), u64>,
}

/// Runs a plan to its end, on this thread.
pub fn run(plan: &Plan, is_traced: bool) -> Run {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime can be built").block_on(play(plan, is_traced))
}

async fn play(plan: &Plan, is_traced: bool) -> Run {
    let world = World::new(plan, is_traced);
    consumers::start(&world);
    if plan.is_sequential {
        sequential_client::play(&world, &plan.steps).await;
    } else {
        play_at_once(&world, &plan.steps).await;
    }
    quiesce::quiesce(&world).await;
    quiesce::check(&world).await;
    world.close();
    let answers = std::mem::take(&mut world.known.lock().unwrap().answers);
    let items = world.table.latest();
    let (sessions, ends) = (books::sessions(&items).count(), recounts::ends(&items));
    let (violations, trace) = (world.violations(), world.trace.text());
    Run { violations, trace, calls: world.calls(), planted: world.planted(), sessions, answers, ends }
}

async fn play_at_once(world: &World, steps: &[Step]) {
    clients::seed_data(world).await;
    world.set_faults_off(false);
    let began = Instant::now();
    let mut running = JoinSet::new();
    for step in steps.iter().cloned() {
        running.spawn(clients::take_step(world.clone(), step, began));
    }
    while let Some(done) = running.join_next().await {
        if let Err(error) = done {
            world.report_violation(format!("a step does not come to its end: {error}"));
        }
    }
    quiesce::sweep_payments_with_faults(world).await;
    world.set_faults_off(true);
}
