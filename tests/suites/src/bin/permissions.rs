//! Compares the permissions of the functions with the calls that the tests and the simulator have noted.
//!
//! With `--end-to-end` it takes each action away from its function in turn, and runs an end-to-end test, which has to fail:
//! minutes for each, and hours for all. `--shard 0/4` takes every fourth function.
#![allow(clippy::expect_used, clippy::print_stdout, reason = "its output is for the person at the terminal")]

use std::{
    collections::BTreeSet,
    process::{Command, ExitCode, Stdio},
};

use clap::Parser;
use tests::{
    permissions::{Permissions, noted_uses},
    template::project_file,
};

#[derive(Parser)]
struct Arguments {
    /// Take each action away from its function, and run an end-to-end test that has to fail
    #[arg(long)]
    end_to_end: bool,
    /// Which of how many parts of the functions: `0/4`
    #[arg(long, default_value = "0/1", value_parser = shard)]
    shard: (usize, usize),
    /// Only the functions whose name has this in it
    #[arg(long, default_value = "")]
    of: String,
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/').and_then(|(part, parts)| Some((part.parse().ok()?, parts.parse().ok()?)));
    parts.filter(|(part, parts)| part < parts).ok_or_else(|| "such as 0/4".to_owned())
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.end_to_end { end_to_end(&arguments) } else { in_process() }
}

/// The end-to-end test that misses a permission of the function first.
fn test_of(function: &str) -> &'static str {
    match function {
        "settle-payments" | "process-expiry" => "payments",
        "relay-events" | "deliver-orders" => "dead_letters",
        "adjust-balance"
        | "confirm-payment"
        | "create-payment"
        | "create-withdrawal"
        | "get-payment"
        | "get-withdrawal"
        | "list-payments"
        | "receive-payment-notice"
        | "refund-payment"
        | "retry-refund"
        | "sweep-payments"
        | "update-withdrawal" => "card_and_deposit",
        _ => "deployed",
    }
}

fn end_to_end(arguments: &Arguments) -> ExitCode {
    let (part, parts) = arguments.shard;
    let actions = Permissions::from_template().actions();
    let chosen = actions.into_iter().filter(|(function, _)| function.contains(&arguments.of)).skip(part).step_by(parts);
    let mut never_missed = BTreeSet::new();
    for (function, actions) in chosen {
        never_missed.insert(function.clone());
        for action in actions {
            let is_missed = !passes_without(&function, &action);
            println!("{} {function} {action}", if is_missed { "missed    " } else { "not missed" });
            if is_missed {
                never_missed.remove(&function);
            }
        }
    }
    // Some actions are for what these tests do not do: another function's failure, a contended item. Each function's
    // role is in force if some of its actions is missed; each action is needed by what `in_process` compares.
    println!("never missed: {never_missed:?}");
    if never_missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether the end-to-end test of a function passes although the function may not take the action.
fn passes_without(function: &str, action: &str) -> bool {
    let mut test = Command::new("cargo");
    test.args(["test", "--workspace", "--test", "e2e", test_of(function)]).current_dir(project_file(""));
    test.env(local_stack::WITHOUT, format!("{function} {action}")).stdout(Stdio::null()).stderr(Stdio::null());
    test.status().expect("cargo runs").success()
}

fn in_process() -> ExitCode {
    let (permissions, uses) = (Permissions::from_template(), noted_uses());
    let missing: Vec<_> = uses.iter().filter(|used| !permissions.allow(used)).collect();
    for used in &missing {
        println!("missing: {}: {} {} {}", used.function, used.action, used.resource, used.key);
    }
    // Taken away one by one, each is missed by a call that a test makes. That of no use is missed by none.
    let each = permissions.without_each();
    let not_missed: Vec<_> = each.iter().filter(|(_, rest)| uses.iter().all(|used| rest.allow(used))).collect();
    for (permission, _) in &not_missed {
        println!("nothing misses it: {permission}");
    }
    if missing.is_empty() && not_missed.is_empty() {
        println!("{} kinds of calls, all of them allowed; each of {} permissions is needed", uses.len(), each.len());
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
