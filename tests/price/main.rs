//! The price, as `cargo xtask bench price` prints it. A program of its own, since a program has one log.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

use std::{fs, process::Command};

use serde_json::Value;
use tests::{price::count::queues_of, template::project_file};

/// The output for a region, and whether the goals are met.
fn price(region: &str) -> (String, bool) {
    let output = Command::new(env!("CARGO_BIN_EXE_bench-price")).args(["--region", region]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("A million paid orders"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    (text, output.status.success())
}

/// The figure of an item in a column.
fn figure(text: &str, item: &str, column: usize) -> f64 {
    let line = text.lines().find(|line| line.trim_start().starts_with(item)).unwrap_or_else(|| panic!("no {item}"));
    let figures = line.trim_start().trim_start_matches(item).split_whitespace();
    figures.clone().nth(column).and_then(|figure| figure.parse().ok()).unwrap_or_else(|| panic!("{line}"))
}

/// The page has the tables word for word; run `cargo xtask bench price` and paste them.
#[test]
fn the_page_on_prices_has_the_computed_tables() {
    let page = fs::read_to_string(project_file("docs/operations/price.md")).unwrap();
    let (text, _) = price("us-east-1");
    let tables = text.split("\nmet: ").next().unwrap().split("\nmissed: ").next().unwrap();
    for line in tables.lines().filter(|line| !line.is_empty()) {
        assert!(page.contains(line), "docs/operations/price.md lacks the line\n{line}\nof\n{text}");
    }
    let (seoul, _) = price("ap-northeast-2");
    let totals: Vec<&str> = seoul.lines().filter(|line| line.trim_start().starts_with("total")).collect();
    assert_eq!(totals.len(), 3);
    for figures in totals.iter().map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>()) {
        let row = format!("| {} |", figures.join(" | "));
        assert!(page.contains(&row), "docs/operations/price.md lacks the figures of Seoul: {row}");
    }
}

#[test]
fn the_exit_code_is_the_verdict() {
    let (text, is_met) = price("us-east-1");
    assert_eq!(text.contains("\nmissed: "), !is_met);
    assert_eq!(text.lines().last().is_some_and(|line| line.starts_with("falls short: ")), !is_met);
    assert_eq!(text.lines().last() == Some("goals met"), is_met);
}

/// The files of quotas multiply what is counted here.
#[test]
fn the_needs_of_a_sale_are_those_that_are_counted() {
    let needs = fs::read_to_string(project_file("infra/template/quotas/needs.yaml")).unwrap();
    let needs: Value = serde_yaml_ng::from_str(&needs).unwrap();
    let need = |quota: &str| needs["balance"][quota].as_f64().unwrap();
    let (text, _) = price("us-east-1");
    let units = |item: &str| -> f64 {
        let line = text.lines().find(|line| line.trim_start().starts_with(item)).unwrap();
        let note = line.split_once("  ").and_then(|_| line.rsplit("  ").next()).unwrap();
        note.split_whitespace().next().unwrap().parse().unwrap()
    };
    let writes = ["writes, the order", "writes, counting it", "writes, the desk"].map(units);
    assert_eq!(need("tableWrites"), writes.iter().sum::<f64>());
    assert_eq!(need("tableReads"), units("reads"));
    // Ten entries a call, and a target for the event to the data platform. The relay fills the other queues itself.
    assert_eq!(need("busPuts"), units("EventBridge") / 10.0);
    let targets: usize = ["OrderPaid", "ShippingRequested"].into_iter().map(|kind| queues_of(kind).len()).sum();
    assert_eq!(need("busInvocations"), f64::from(u32::try_from(targets).unwrap()));
    assert!(figure(&text, "total", 0) > figure(&text, "total", 1), "a busy shop sells cheaper than a quiet one");
}
