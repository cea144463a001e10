//! Prints the price of the shop, item by item: `cargo xtask bench price [--region REGION]`.
#![recursion_limit = "256"]

use std::{
    env,
    process::{Command, ExitCode},
};

use clap::Parser;
use shared::platform::environment::optional;
use tests::price::{GOALS, Report, prices::Prices, record::Recorder};

/// Print the price of the shop, item by item, and whether it keeps the goals
#[derive(Debug, Parser)]
struct Arguments {
    /// The region; its prices are in infra/template/prices
    #[arg(long, default_value = "us-east-1")]
    region: String,
}

/// The format of lines that Lambda sets by the template's `LogFormat`.
const FORMAT: (&str, &str) = ("AWS_LAMBDA_LOG_FORMAT", "JSON");

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A process cannot change its own environment while it runs.
    if optional(FORMAT.0).as_deref() != Some(FORMAT.1) {
        let again = env::current_exe().and_then(|program| {
            let mut again = Command::new(program);
            again.args(env::args().skip(1)).env(FORMAT.0, FORMAT.1).env("METRICS_NAMESPACE", "Jangteo/jangteo").status()
        });
        let is_met = again.is_ok_and(|status| status.success());
        return if is_met { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build() else {
        eprintln!("error: no runtime can be built");
        return ExitCode::FAILURE;
    };
    let report = runtime.block_on(async {
        let recorder = Recorder::start();
        Report::of(&recorder, Prices::of(&arguments.region)).await
    });
    print!("{report}");
    let goals = report.goals(&GOALS);
    for (is_met, words) in &goals {
        println!("{}: {words}", if *is_met { "met" } else { "missed" });
    }
    let missed: Vec<&str> = goals.iter().filter(|(is_met, _)| !is_met).map(|(_, words)| words.as_str()).collect();
    if missed.is_empty() {
        println!("goals met");
        return ExitCode::SUCCESS;
    }
    println!("falls short: {}", missed.join("; "));
    ExitCode::FAILURE
}
