//! Checks of the template in the form that CloudFormation gets: `template.yaml` after SAM's transform.
//!
//! Each rule is a function over the transformed template with values of its parameters. Faults are planted in the
//! template, one after the other: the rule that a fault is meant for must catch it, and no other rule may.
//!
//! Needs the tools of the local stack, which install themselves: `cargo xtask test` asks for it by name.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod lint;
mod plain;
mod rules;
mod sets;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    process::Stdio,
    slice,
    sync::LazyLock,
};

use futures::future::try_join_all;
use local_stack::{Steps, Tools};
use serde_json::{Value, json};
use tests::{night::is_night, template::project_file};

use plain::Plain;
use rules::{Rule, rules};
use sets::Set;

/// The findings of the review of production that are visible in the template.
const FINDINGS: [&str; 19] = [
    "D1", "D2", "D3", "D4", "D5", "M", "P1", "P10", "P11", "P12", "P13", "P2", "P4", "P5", "P7", "P9", "S3", "S5", "S6",
];

/// The tools, and the transformed template by its parameters.
static TRANSFORMED: LazyLock<(Tools, BTreeMap<Set, Value>)> = LazyLock::new(|| {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let tools = Tools::set_up(Steps::silent()).await.unwrap_or_else(|error| panic!("{error}"));
        let transform = async |set: Set| tools.transform(&set.parameters()).await;
        let templates = try_join_all(Set::ALL.map(transform)).await.unwrap_or_else(|error| panic!("{error}"));
        let templates = Set::ALL.into_iter().zip(templates).collect();
        (tools, templates)
    })
});

fn transformed(set: Set) -> &'static Value {
    &TRANSFORMED.1[&set]
}

/// The violations of each rule, in words.
fn all_violations(template: Value, set: Set) -> BTreeMap<&'static str, Vec<String>> {
    violations(template, set, &rules().collect::<Vec<_>>())
}

/// The violations of each of these rules, in words.
fn violations(template: Value, set: Set, rules: &[&Rule]) -> BTreeMap<&'static str, Vec<String>> {
    let plain = Plain::new(template, &set.parameters());
    let of_rule = |rule: &Rule| {
        let found = (rule.check)(&plain);
        found.iter().map(|violation| format!("{set:?}: {} ({}): {violation}", rule.name, rule.finding)).collect()
    };
    rules.iter().map(|rule| (rule.name, of_rule(rule))).collect()
}

/// SAM's translator without the copies that the local stack leaves out.
#[test]
fn the_transform_is_that_of_the_translator_itself() {
    const UNCHANGED: &str = "import copy, sam, transform; sam.open_api._deepcopy = copy.deepcopy; transform.main()";
    let set = Set::Everything;
    let request = json!({
        "template": project_file("template.yaml"), "region": "ap-northeast-2", "parameters": set.parameters(),
    });
    let mut python = TRANSFORMED.0.program("python");
    python.args(["-B", "-c", UNCHANGED]).env("PYTHONPATH", project_file("infra/local-stack/scripts"));
    let mut python = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(request.to_string().as_bytes()).unwrap();
    let answer: Value = serde_json::from_slice(&python.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(&answer, transformed(set));
}

#[test]
fn the_template_keeps_every_rule() {
    let found = Set::ALL.map(|set| all_violations(transformed(set).clone(), set));
    let found: Vec<String> = found.into_iter().flat_map(BTreeMap::into_values).flatten().collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// Violations of the unchanged template are not counted, so that one of them does not fail every fault here. By day a
/// fault meets its own rule, and at night all.
#[test]
fn every_planted_fault_is_caught_by_its_rule_alone() {
    let mut wrong = Vec::new();
    for set in Set::ALL {
        let before = all_violations(transformed(set).clone(), set);
        let all: Vec<&Rule> = rules().collect();
        for (rule, fault) in rules().flat_map(|rule| rule.faults.iter().map(move |fault| (rule, fault))) {
            if fault.set != set {
                continue;
            }
            let mut template = transformed(set).clone();
            (fault.plant)(&mut template);
            let mut found = violations(template, set, if is_night() { &all } else { slice::from_ref(&rule) });
            found.retain(|rule, violations| {
                violations.retain(|violation| !before[rule].contains(violation));
                !violations.is_empty()
            });
            if found.remove(rule.name).is_none() {
                wrong.push(format!("{}: {} is not caught", rule.name, fault.name));
            }
            let also = found.values().flatten();
            wrong.extend(also.map(|also| format!("{}: {} is also caught by {also}", rule.name, fault.name)));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_a_planted_fault_and_every_finding_a_rule() {
    let without: Vec<&str> = rules().filter(|rule| rule.faults.is_empty()).map(|rule| rule.name).collect();
    assert_eq!(without, [] as [&str; 0]);
    let findings: BTreeSet<&str> = rules().map(|rule| rule.finding).collect();
    assert_eq!(findings.into_iter().collect::<Vec<_>>(), FINDINGS);
    let names: BTreeSet<&str> = rules().map(|rule| rule.name).collect();
    assert_eq!(names.len(), rules().count(), "each rule has a name of its own");
}
