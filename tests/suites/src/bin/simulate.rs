//! Simulates runs of the shop, each from its seed: `cargo xtask sim`.
#![allow(clippy::disallowed_methods, reason = "the machine's own time is what is asked for")]

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use tests::simulator::{Mutant, Plan, Subject, run, shrink};

/// Simulates runs of the shop, each from its seed, on all cores
///
/// A run that fails prints its seed, the smallest part of its plan that still fails, and all that happens in it. The
/// exit code is then 1.
#[derive(Debug, Parser)]
struct Arguments {
    /// The number of seeds
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,

    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,

    /// Run this seed only, and print all that happens
    #[arg(long)]
    seed: Option<u64>,

    /// Do not shrink a plan that fails
    #[arg(long)]
    whole: bool,

    /// Go on after failures, and print only the first of each seed
    #[arg(long)]
    count: bool,

    /// Print how often each function gave each answer, and the number of claims, parcels and users of each state
    #[arg(long)]
    answers: bool,

    /// Let most steps be about a subject
    #[arg(long)]
    about: Option<Subject>,

    /// Plant bugs, one after the other, and print the seed that finds each
    #[arg(long)]
    mutants: bool,

    /// Only the bugs with this text in their names
    #[arg(long, default_value = "")]
    only: String,
}

/// The plan of a seed, about a subject if there is one.
fn plan_of(about: Option<Subject>, seed: u64) -> Plan {
    about.map_or_else(|| Plan::of(seed), |subject| Plan::about(subject, seed))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.seed {
        _ if arguments.mutants => hunt_all(&arguments),
        Some(seed) => show(&plan_of(arguments.about, seed), arguments.whole),
        None => run_all(&arguments),
    }
}

/// Runs a plan and prints all that happens in it. A plan that fails is shrunk first.
fn show(plan: &Plan, whole: bool) -> ExitCode {
    let outcome = run(plan, true);
    let failed = !outcome.violations.is_empty();
    let (plan, outcome) = if failed && !whole {
        eprintln!("seed {} has a violation; shrinking its plan …", plan.seed);
        let smallest = shrink(plan);
        let outcome = run(&smallest, true);
        (smallest, outcome)
    } else {
        (plan.clone(), outcome)
    };
    print!("{}", outcome.trace);
    println!("seed {}: {} steps, faults {:?}, {} calls", plan.seed, plan.steps.len(), plan.faults, outcome.calls);
    println!("{:?}\n{:?}", plan.shape, plan.settings);
    outcome.violations.iter().for_each(|violation| println!("VIOLATION: {violation}"));
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The progress of work in so many parts, with the time left. It shows on a terminal alone.
fn progress(parts: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {pos} of {len}, {eta} left");
    ProgressBar::new(parts).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn on_all_cores(work: impl Fn() + Sync) {
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(&work);
        }
    });
}

/// Plants each bug and simulates runs until one fails. Fails if none does.
fn hunt_all(arguments: &Arguments) -> ExitCode {
    let began = Instant::now();
    let about = |subject: &'static Subject| Mutant::about(*subject).iter().map(move |mutant| (mutant, Some(*subject)));
    let all = Mutant::ALL.iter().map(|mutant| (mutant, None));
    let all = all.chain(Subject::value_variants().iter().flat_map(about));
    let planted: Vec<(&Mutant, Option<Subject>)> =
        all.filter(|(mutant, _)| mutant.name.contains(&arguments.only)).collect();
    let (next, survivors) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let progress = progress(planted.len() as u64);
    on_all_cores(|| {
        while let Some(&(mutant, about)) = planted.get(next.fetch_add(1, Ordering::SeqCst)) {
            let seeds = arguments.from..arguments.from.saturating_add(arguments.seeds);
            let mut changed = 0;
            let found = seeds.into_iter().find_map(|seed| {
                let run = run(&Plan { mutant: Some(*mutant), ..plan_of(about, seed) }, false);
                changed += run.planted;
                run.violations.into_iter().next().map(|violation| (seed, violation))
            });
            match found {
                Some((seed, violation)) => {
                    progress.suspend(|| println!("{}\n    seed {seed}: {violation}", mutant.name));
                }
                None => {
                    survivors.fetch_add(1, Ordering::SeqCst);
                    progress.suspend(|| {
                        println!("{}\n    NOT FOUND by {} seeds, {changed} calls changed", mutant.name, arguments.seeds)
                    });
                }
            }
            progress.inc(1);
        }
    });
    progress.finish_and_clear();
    let (all, survivors) = (planted.len(), survivors.into_inner());
    println!("{} of {all} planted bugs were found, {:.1} s", all - survivors, began.elapsed().as_secs_f64());
    if survivors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Numbers by function and answer, or by thing and state.
type Counts = BTreeMap<(&'static str, String), u64>;

fn add(to: &Mutex<Counts>, counts: Counts) {
    if let Ok(mut to) = to.lock() {
        counts.into_iter().for_each(|(of, times)| *to.entry(of).or_default() += times);
    }
}

fn run_all(arguments: &Arguments) -> ExitCode {
    let began = Instant::now();
    let (next, calls) = (AtomicU64::new(arguments.from), AtomicU64::new(0));
    let end = arguments.from.saturating_add(arguments.seeds);
    let failed: Mutex<Vec<(u64, String)>> = Mutex::default();
    let (answers, ends): (Mutex<Counts>, Mutex<Counts>) = Default::default();
    let progress = progress(arguments.seeds);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= end {
                return;
            }
            let outcome = run(&plan_of(arguments.about, seed), false);
            progress.inc(1);
            calls.fetch_add(outcome.calls, Ordering::SeqCst);
            add(&answers, outcome.answers);
            add(&ends, outcome.ends);
            if let Some(violation) = outcome.violations.into_iter().next() {
                if let Ok(mut failed) = failed.lock() {
                    failed.push((seed, violation));
                }
                if !arguments.count {
                    next.store(end, Ordering::SeqCst);
                }
            }
        }
    };
    on_all_cores(work);
    progress.finish_and_clear();
    if arguments.answers {
        for counts in [answers, ends] {
            let counts = counts.into_inner().unwrap_or_default();
            counts.iter().for_each(|((of, state), times)| println!("{of:<24} {state:<24} {times}"));
        }
    }
    let mut failed = failed.into_inner().unwrap_or_default();
    failed.sort();
    let seconds = began.elapsed().as_secs_f64();
    let calls = calls.into_inner();
    match failed.first() {
        None => {
            println!("{} seeds from {}: no violation; {calls} calls, {seconds:.1} s", arguments.seeds, arguments.from);
            ExitCode::SUCCESS
        }
        Some((seed, violation)) if arguments.count => {
            println!(
                "{} of {} seeds have violations in {seconds:.1} s, first {seed}: {violation}",
                failed.len(),
                arguments.seeds
            );
            failed.iter().skip(1).for_each(|(seed, violation)| println!("{seed}: {violation}"));
            ExitCode::FAILURE
        }
        Some((seed, violation)) => {
            println!("seed {seed}: {violation}");
            let code = show(&plan_of(arguments.about, *seed), arguments.whole);
            let about = arguments.about.and_then(|subject| subject.to_possible_value());
            let about = about.map(|subject| format!(" --about {}", subject.get_name())).unwrap_or_default();
            println!("to see it again: cargo xtask sim{about} --seed {seed}");
            code
        }
    }
}
