//! Everything a developer does here, as one command: `cargo xtask`.

mod audit;
mod dev;
mod dlq;
mod failure;
mod migrate;
mod run;
mod sample;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use failure::Failure;

/// Everything a developer does here.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the shop on this machine, with sample data, until Ctrl-C
    ///
    /// Needs a Rust toolchain and Python 3, nothing else: no Docker, no AWS account. The first start installs the
    /// emulator of AWS and cargo-lambda into .local/tools and builds everything, which takes minutes; later ones take
    /// seconds and find all data as it was.
    ///
    /// Listens on this machine only: 9000 the shop's API, 4566 the emulator (any AWS service, and the API as deployed,
    /// with its authorizer), 9100 the data platform, 9200 the issuer of tokens, 9300 the payment system, 9001 cargo
    /// lambda watch.
    Dev {
        /// Start empty: forget users, products, orders and all
        #[arg(long)]
        fresh: bool,

        /// Add this to every port, where the usual ones are taken
        #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=50_000))]
        port_offset: u16,
    },

    /// Run all checks, stopping at the first that fails
    ///
    /// In this order: formatting, lints, unit and in-process tests, a thousand simulated evenings, the template's lint, and
    /// the end-to-end tests against the deployed template, on ports of their own. What CI runs.
    Test,

    /// Run a benchmark: `cost` counts what each operation costs at the wire, next to its budget; `flash` sells out through a
    /// model of the limits of DynamoDB; `audit` audits a million orders
    Bench {
        /// The benchmark's name
        name: String,
        /// What is passed on to it
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },

    /// Simulate evenings of the shop, each from its seed, with everything going wrong that can
    ///
    /// `--seeds 1000 --from 0` runs so many; `--seed 7` shows all that happens in one. `cargo xtask sim --help` has the rest.
    #[command(disable_help_flag = true)]
    Sim {
        /// What is passed on to the simulator
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },

    /// Plant bugs in the simulated shop, one after the other, and tell how each is found
    ///
    /// `--seeds 1000` is how many evenings each may take.
    #[command(disable_help_flag = true)]
    Mutants {
        /// What is passed on to the simulator
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },

    /// Read the whole table and check that the books are right
    ///
    /// Unless told otherwise the table of the shop that `cargo xtask dev` runs; `cargo xtask audit --help` shows how to
    /// name another, or an export. `--ledger` verifies the chains of all ledgers, `--ledger --user ID` of one.
    #[command(disable_help_flag = true)]
    Audit {
        /// What is passed on to the auditor
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },

    /// Bring the data of an earlier stage to the form that the shop expects now
    ///
    /// Without `--table` the table of the shop that `cargo xtask dev` runs. Resumable, and safe while the shop is open;
    /// `cargo xtask migrate --help` has the rest.
    #[command(disable_help_flag = true)]
    Migrate {
        /// What is passed on to the tool
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },

    /// See to dead letters: `list`, `show`, `redrive` or `drop` what could not be handled
    ///
    /// Those of the shop that `cargo xtask dev` runs, unless `--stack` names a deployed one; `cargo xtask dlq --help` has the
    /// rest.
    #[command(disable_help_flag = true)]
    Dlq {
        /// What is passed on to the tool
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Dev { fresh, port_offset } => dev::run(fresh, port_offset).await,
        Command::Test => unless_stopped(test::run()).await,
        // What is measured there is the machine, not the wire.
        Command::Bench { name, arguments } if name == "audit" => {
            unless_stopped(run::check(audit::optimised("bench-audit", &arguments))).await
        }
        Command::Bench { name, arguments } => {
            unless_stopped(run::binary(&format!("bench-{name}"), &arguments, [])).await
        }
        Command::Sim { arguments } => unless_stopped(run::binary("simulate", &arguments, [])).await,
        Command::Mutants { mut arguments } => {
            arguments.push("--mutants".to_owned());
            unless_stopped(run::binary("simulate", &arguments, [])).await
        }
        Command::Audit { arguments } => unless_stopped(audit::run(arguments)).await,
        Command::Migrate { arguments } => unless_stopped(migrate::run(arguments)).await,
        Command::Dlq { arguments } => unless_stopped(dlq::run(arguments)).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Does the work, or drops it at Ctrl-C, which ends all that it has started.
async fn unless_stopped(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::select! {
        outcome = work => outcome,
        stopped = stop_signal() => stopped.and(Err(Failure::Interrupted)),
    }
}

/// Waits for Ctrl-C or SIGTERM.
async fn stop_signal() -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
