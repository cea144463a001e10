//! Compares the answers of the embedded DynamoDB, which the tests have recorded, with those of other emulators.
//!
//! `cargo xtask second-opinion` starts the emulators and runs this.
#![allow(clippy::expect_used, clippy::print_stdout, reason = "its output is for the person at the terminal")]

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use clap::Parser;
use tests::{
    fakes::aws_rules::cases::{cases, seed},
    second_opinion::{
        self, Example,
        explanations::{self, Difference, Verdict},
        replay::Emulator,
    },
    template::project_file,
};

#[derive(Parser)]
struct Arguments {
    /// The address of moto
    #[arg(long)]
    moto: Option<String>,
    /// The address of dynalite
    #[arg(long)]
    dynalite: Option<String>,
    /// The folder of the recorded examples
    #[arg(long)]
    examples: Option<PathBuf>,
    /// Show which emulator checks each rule of AWS, instead of a comparison
    #[arg(long)]
    rules: bool,
    /// The file of the explanations
    #[arg(long)]
    explanations: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let moto = arguments.moto.map(Emulator::moto);
    let dynalite = arguments.dynalite.map(Emulator::dynalite);
    let emulators: Vec<Emulator> =
        moto.into_iter().chain(dynalite).map(|emulator| emulator.expect("a client can be made")).collect();
    if arguments.rules {
        show_rules(&emulators).await;
        return ExitCode::SUCCESS;
    }
    let folder = arguments.examples.unwrap_or_else(second_opinion::folder);
    let examples = match second_opinion::examples(&folder) {
        Ok(examples) if !examples.is_empty() => examples,
        _ => {
            println!("no examples in {}: `cargo test --workspace` records them", folder.display());
            return ExitCode::FAILURE;
        }
    };
    let file = arguments.explanations.unwrap_or_else(|| project_file("tests/second-opinion.yaml"));
    let explanations = explanations::read(&file).expect("the explanations can be read");

    // At the same time: each is a process of its own.
    let replays = emulators.iter().map(|emulator| replay(emulator, &examples));
    let found: Vec<Difference> = futures::future::join_all(replays).await.concat();

    let asked: Vec<&str> = emulators.iter().map(Emulator::name).collect();
    let verdict = Verdict::new(&found, &explanations, &asked);
    report(&verdict);
    let explained = found.len() - verdict.unexplained.len();
    println!("{} examples, asked {}: {explained} differences, explained", examples.len(), asked.join(" and "));
    if verdict.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn replay(emulator: &Emulator, examples: &[Example]) -> Vec<Difference> {
    emulator.create_table().await.expect("the emulator answers");
    let mut found = Vec::new();
    for example in examples {
        found.extend(emulator.replay(example).await.expect("the emulator answers"));
    }
    found
}

/// Shows, for each rule, whether an emulator refuses the request that breaks it and accepts the nearest.
async fn show_rules(emulators: &[Emulator]) {
    for case in cases() {
        let mut shown = Vec::new();
        for emulator in emulators {
            let is_unknown = emulator.name() == "dynalite" && case.operation.starts_with("Transact");
            let mut verdicts = Vec::new();
            for request in [&case.refused, &case.accepted] {
                let put = serde_json::json!({ "TableName": tests::TABLE, "Item": seed() });
                emulator.create_table().await.expect("the emulator answers");
                emulator.send("PutItem", &put).await.expect("the emulator answers");
                verdicts.push(emulator.send(case.operation, request).await.expect("the emulator answers").0 == 200);
            }
            shown.push(match verdicts.as_slice() {
                _ if is_unknown => "-",
                [false, true] => "checks it",
                [true, true] => "accepts both",
                [false, false] => "refuses both",
                _ => "accepts the wrong one",
            });
        }
        println!("{}\t{}", case.rule, shown.join("\t"));
    }
}

/// The most kinds of requests that are shown for one difference.
const SHOWN: usize = 5;

fn report(verdict: &Verdict<'_>) {
    let mut grouped: BTreeMap<(&str, &str), Vec<&Difference>> = BTreeMap::new();
    for found in &verdict.unexplained {
        grouped.entry((&found.emulator, &found.difference)).or_default().push(found);
    }
    for ((emulator, difference), all) in grouped {
        println!("{emulator} {difference}: {} examples", all.len());
        for found in all.iter().take(SHOWN) {
            println!("    {} -> {}", found.kind, found.outcome);
        }
    }
    for explanation in &verdict.unused {
        println!("explains nothing: {} {} ({})", explanation.emulator, explanation.difference, explanation.kind);
    }
}
