//! Reverts mends of the past, one at a time: without each, its tests must fail (`tests/reverted.yaml`).
//!
//! The code that ships has no switch for this. All changes are made at once in a copy of the tree, below `target/reverted`:
//! it is built once, and a variable of the environment chooses the mend. Patches, one build for each, would take hours.
#![allow(clippy::expect_used, clippy::print_stdout, reason = "its output is for the person at the terminal")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Output, Stdio},
};

use clap::Parser;
use tests::{
    reverted::{self, Mend, SWITCH},
    template::project_file,
};

/// The most characters that are shown of a failure.
const MAX_SHOWN: usize = 240;

#[derive(Parser)]
struct Arguments {
    /// Only the mends whose id begins so
    #[arg(long, default_value = "")]
    of: String,
}

fn main() -> ExitCode {
    let Arguments { of } = Arguments::parse();
    let mends = reverted::mends();
    let copy = project_file("target/reverted");
    if let Err(moved) = copy_with_switches(&copy, &mends).expect("the tree can be copied") {
        println!("these mends have moved; their entries in tests/reverted.yaml must follow:\n{moved}");
        return ExitCode::FAILURE;
    }
    let chosen: Vec<&Mend> = mends.iter().filter(|mend| mend.id.starts_with(&of)).collect();
    let all: BTreeSet<&str> = chosen.iter().flat_map(|mend| mend.tests.iter().map(String::as_str)).collect();
    for target in all.iter().filter_map(|test| test.split_once(' ')).map(|(target, _)| target).collect::<BTreeSet<_>>()
    {
        let built = cargo_test(&copy, target).arg("--no-run").stderr(Stdio::inherit()).output().expect("cargo runs");
        if !built.status.success() {
            println!("with the changes of tests/reverted.yaml {target} does not compile");
            return ExitCode::FAILURE;
        }
    }
    let failing: Vec<&str> = all.into_iter().filter(|test| !run(&copy, test, "").status.success()).collect();
    if !failing.is_empty() {
        println!("these tests fail with every mend in its place: {failing:?}");
        return ExitCode::FAILURE;
    }
    let mut not_missed = 0_u32;
    for mend in chosen {
        for test in &mend.tests {
            let output = run(&copy, test, &mend.id);
            let result = if output.status.success() { "NOT MISSED".to_owned() } else { failure(&output) };
            not_missed += u32::from(output.status.success());
            println!("{}: {}\n  {test}\n  {result}", mend.id, mend.mend);
        }
    }
    println!("{not_missed} not missed");
    if not_missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Copies the files of the tree, with all switches. An unchanged file is left alone, so that a second build is short.
/// The inner error names the mends that have moved.
fn copy_with_switches(copy: &Path, mends: &[Mend]) -> io::Result<Result<(), String>> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(project_file(""))
        .output()?;
    let mut by_file: BTreeMap<&str, Vec<&Mend>> = BTreeMap::new();
    for mend in mends {
        by_file.entry(&mend.file).or_default().push(mend);
    }
    let mut moved = Vec::new();
    for name in String::from_utf8_lossy(&listed.stdout).split('\0').filter(|name| !name.is_empty()) {
        let (from, to): (PathBuf, PathBuf) = (project_file(name), copy.join(name));
        let Ok(mut content) = fs::read(&from) else { continue };
        for mend in by_file.remove(name).unwrap_or_default() {
            match mend.switched(String::from_utf8_lossy(&content).into_owned()) {
                Ok(text) => content = text.into_bytes(),
                Err(text) => moved.push(format!("{}: {name} does not have once: {text}", mend.id)),
            }
        }
        if fs::read(&to).ok().as_ref() != Some(&content) {
            fs::create_dir_all(to.parent().unwrap_or(copy))?;
            fs::write(&to, content)?;
        }
    }
    moved.extend(by_file.into_keys().map(|file| format!("there is no {file}")));
    Ok(if moved.is_empty() { Ok(()) } else { Err(moved.join("\n")) })
}

/// Runs one test, `package/target name`, with one mend switched off.
fn run(copy: &Path, test: &str, id: &str) -> Output {
    let (target, name) = test.split_once(' ').expect("a test is a target and a name");
    cargo_test(copy, target).args(["--", "--exact", name]).env(SWITCH, id).output().expect("cargo runs")
}

/// A call of cargo in the copy, with a target folder of its own: cargo tells packages apart by their paths in the workspace,
/// and would take the changed ones for those of the tree.
fn cargo_test(copy: &Path, target: &str) -> Command {
    let (package, target) = target.split_once('/').expect("a target is one of a package");
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--package", package, "--test", target]);
    cargo.current_dir(copy).env_remove("CARGO_TARGET_DIR");
    cargo
}

/// The place and the beginning of a test's panic, or the last line of an output without one.
fn failure(output: &Output) -> String {
    let told = [&output.stdout, &output.stderr].map(|part| String::from_utf8_lossy(part).into_owned()).concat();
    let mut lines = told.lines().skip_while(|line| !line.contains("panicked at "));
    let Some((_, place)) = lines.next().and_then(|line| line.split_once("panicked at ")) else {
        return told.lines().last().unwrap_or_default().to_owned();
    };
    let message: Vec<&str> = lines.take_while(|line| !line.starts_with("stack backtrace")).map(str::trim).collect();
    format!("{place} {}", message.join(" ")).chars().take(MAX_SHOWN).collect()
}
