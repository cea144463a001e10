//! Every task of a developer, as one command: `cargo xtask`.

mod audit;
mod completions;
mod console;
mod dev;
mod dlq;
mod env;
mod failure;
mod load;
mod migrate;
mod preflight;
mod run;
mod sample;
mod second_opinion;
mod smoke;
mod test;
mod token;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use failure::Failure;

/// The tasks of a first day.
const EXAMPLES: &str = "\
Examples:
  cargo xtask dev                      run the shop, with sample data
  cargo xtask dev --fresh              the same, from the beginning
  cargo xtask test                     run all checks, as CI does
  cargo xtask sim --seed 7             show one simulated run, call by call
  cargo xtask audit                    prove that the books of the running shop are right
  cargo xtask dlq list                 list its dead letters
  cargo xtask load --rate 20           load it, and compare stock and balances";

/// Every task of a developer.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the shop on this machine, with sample data, until Ctrl-C
    ///
    /// Needs a Rust toolchain, Python 3.11 to 3.14, a C compiler and 8 GB of disk: no Docker, no AWS account. The first
    /// start installs the emulator of AWS and cargo-lambda into .local/tools and builds everything, which takes
    /// minutes. Later starts take seconds and keep all data.
    ///
    /// Listens on this machine only: 9000 the shop's API, 4566 the emulator (any AWS service, and the API as deployed,
    /// with its authorizer), 9100 the data platform, 9200 the issuer of tokens, 9300 the payment system, 9001 cargo
    /// lambda watch. Each refuses web pages of other origins, and requests for other hosts than localhost, 127.0.0.1
    /// and [::1].
    Dev(dev::Options),

    /// Run the emulator of AWS with the template deployed and sample data, until Ctrl-C
    ///
    /// Runs everything that `dev` runs but the functions on port 9000. `cargo lambda watch` and `cargo lambda invoke`
    /// run those, with the environment from infra/local-stack/functions.env.
    Emulator(dev::Options),

    /// Print region, credentials and endpoint of the shop that runs here, for a shell: eval "$(cargo xtask env)"
    Env,

    /// Run all checks, stopping at the first that fails
    ///
    /// In this order: formatting, lints, unit and in-process tests, and the end-to-end tests against the deployed template, on
    /// ports of their own; beside those the template's checks and fifty simulated runs. CI runs the same.
    Test,

    /// Write what follows from the code: the API reference, the contracts of events, parts of the client kits, the manifests' lists of functions
    ///
    /// Run it after a change of an endpoint, a view or an event; tests fail until it is done.
    Generate,

    /// Run a benchmark: `cost` counts what each operation costs at the wire, next to its budget; `price` computes the price of
    /// orders, of an idle month and of a page; `flash` sells out through a model of the limits of DynamoDB; `region` runs the
    /// whole chain through the limits of a region; `audit` audits a million orders; `reconcile` reconciles a million lines; `start` measures start, memory, size
    /// and CPU time of the functions as they ship, all or those named
    Bench {
        /// The benchmark's name
        name: String,
        /// Arguments of the benchmark
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },

    /// Simulate runs of the shop with every fault, each from its seed
    ///
    /// `--seeds 1000 --from 0` runs so many; `--seed 7` shows all that happens in one. `cargo xtask sim --help` has the rest.
    #[command(disable_help_flag = true)]
    Sim {
        /// Arguments of the simulator
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },

    /// Plant bugs in the simulated shop, one after the other, and show how each is found
    ///
    /// `--seeds 1000` is the most runs for each.
    #[command(disable_help_flag = true)]
    Mutants {
        /// Arguments of the simulator
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },

    /// Revert mends of the past, one at a time, in a copy of the code: tests must fail without each
    ///
    /// `--of L3` reverts only those whose id begins so. The mends are in tests/reverted.yaml.
    #[command(disable_help_flag = true)]
    Reverted {
        /// Arguments of the check
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },

    /// Compare the permissions of the functions with the calls that the last `cargo xtask test` noted
    ///
    /// With `--end-to-end` each action is taken away in turn, and an end-to-end test has to fail: `cargo xtask permissions
    /// --help` has the rest.
    #[command(disable_help_flag = true)]
    Permissions {
        /// Arguments of the comparison
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },

    /// Compare the answers of the embedded DynamoDB with those of moto and dynalite
    ///
    /// Sends the requests that the last `cargo test --workspace` recorded. A difference without an explanation in
    /// tests/second-opinion.yaml fails, and so does an explanation without a difference. The first run installs both
    /// emulators into .local/second-opinion; dynalite needs Node.js 20.
    SecondOpinion,

    /// Read the whole table and check that the books are right
    ///
    /// Reads the table of the shop that `cargo xtask dev` runs, which may go on meanwhile: only a violation that each
    /// of three looks finds is a fault. `cargo xtask audit --help` shows how to name another table, or an export.
    /// `--ledger` verifies the chains of all ledgers, `--ledger --user ID` of one.
    #[command(disable_help_flag = true)]
    Audit {
        /// Arguments of the auditor
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },

    /// Compare a payment provider's statement of a day with payments and ledger, both ways
    ///
    /// `cargo xtask reconcile FILE.csv` reads the table of the shop that `cargo xtask dev` runs, which may go on meanwhile.
    /// `cargo xtask reconcile --help` shows how to name the day, another table, or an export.
    #[command(disable_help_flag = true)]
    Reconcile {
        /// Arguments of the reconciliation
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },

    /// Bring the data of an earlier stage to the form that the shop expects now
    ///
    /// Migrates the table of the shop that `cargo xtask dev` runs, unless `--table` names another. Resumable, and safe
    /// while the shop is open; `cargo xtask migrate --help` has the rest.
    #[command(disable_help_flag = true)]
    Migrate {
        /// Arguments of the tool
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },

    /// Read an account's quotas, and say what a shop in it can sell
    ///
    /// Changes nothing. Reads the emulator of the shop that `cargo xtask dev` runs, unless `--region` names a region of AWS;
    /// `cargo xtask preflight --help` has the rest.
    #[command(disable_help_flag = true)]
    Preflight {
        /// Arguments of the tool
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },

    /// Check a deployed API: open where it should be, closed everywhere else
    ///
    /// Calls it over HTTP and changes nothing. Run it after each deployment.
    Smoke(smoke::Options),

    /// Upload the console of operators to a deployed shop
    ///
    /// Needs the AWS CLI, and a stack that was deployed with `Console=true`. The page is told the address of the API and the
    /// client of the user pool. It holds no secret.
    Console(console::Options),

    /// Print the completions of a shell
    ///
    /// `source <(cargo xtask completions bash)` completes `cargo xtask`, also in zsh; `cargo xtask completions fish | source` in fish.
    Completions(completions::Options),

    /// Load the shop that runs here: browsing and ordering at an open rate
    ///
    /// Shows percentiles of latencies, then compares stock and balances with the units bought. Makes users and products of its own.
    Load(load::Options),

    /// Print a token of a user of the stack's user pool, valid for an hour
    ///
    /// The password comes from the variable JANGTEO_PASSWORD, or from standard input. `--local --user kim` asks the issuer
    /// of the shop that runs here instead.
    Token(token::Options),

    /// Print a new random secret that signs deliveries to the data platform
    ///
    /// It is the value of the SecureString parameter that the template's DataPlatformSecretParameter names.
    WebhookSecret,

    /// List, show, redrive or drop dead letters
    ///
    /// Works on the shop that `cargo xtask dev` runs, unless `--stack` names a deployed one; `cargo xtask dlq --help`
    /// has the rest.
    #[command(disable_help_flag = true)]
    Dlq {
        /// Arguments of the tool
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Dev(options) => dev::run(options).await,
        Command::Emulator(options) => dev::run_emulator(options).await,
        Command::Env => env::run(),
        Command::Test => unless_stopped(test::run()).await,
        // These benchmarks measure the machine, not the wire.
        Command::Bench { name, arguments } if name == "audit" => {
            unless_stopped(run::check(audit::optimised("audit-cli", "bench-audit", &arguments))).await
        }
        Command::Bench { name, arguments } if name == "reconcile" => {
            unless_stopped(run::check(audit::optimised("reconcile", "bench-reconcile", &arguments))).await
        }
        Command::Bench { name, arguments } => {
            unless_stopped(run::binary("suites", &format!("bench-{name}"), &arguments, [])).await
        }
        Command::Generate => unless_stopped(run::binary("contracts", "generate", &[], [])).await,
        Command::Sim { arguments } => unless_stopped(run::binary("suites", "simulate", &arguments, [])).await,
        Command::Mutants { mut arguments } => {
            arguments.push("--mutants".to_owned());
            unless_stopped(run::binary("suites", "simulate", &arguments, [])).await
        }
        Command::Reverted { arguments } => unless_stopped(run::binary("suites", "reverted", &arguments, [])).await,
        Command::Permissions { arguments } => {
            unless_stopped(run::binary("suites", "permissions", &arguments, [])).await
        }
        Command::SecondOpinion => unless_stopped(second_opinion::run()).await,
        Command::Audit { arguments } => unless_stopped(audit::run(arguments)).await,
        Command::Reconcile { arguments } => unless_stopped(audit::reconcile(arguments)).await,
        Command::Migrate { arguments } => unless_stopped(migrate::run(arguments)).await,
        Command::Preflight { arguments } => unless_stopped(preflight::run(arguments)).await,
        Command::Smoke(options) => unless_stopped(smoke::run(&options)).await,
        Command::Console(options) => unless_stopped(console::run(&options)).await,
        Command::Completions(options) => completions::run::<Arguments>(&options),
        Command::Load(options) => unless_stopped(load::run(&options)).await,
        Command::Token(options) => unless_stopped(token::run(&options)).await,

        Command::WebhookSecret => webhook_secret(),
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

/// Prints a new secret.
fn webhook_secret() -> Result<(), Failure> {
    println!("{}", local_stack::new_webhook_secret()?);
    Ok(())
}

/// Does the work, or drops it at Ctrl-C, which ends every process it started.
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
