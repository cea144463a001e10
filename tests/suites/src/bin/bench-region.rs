//! Runs the whole chain through the limits of a region, in virtual time: `cargo xtask bench region`.
#![allow(clippy::disallowed_methods, reason = "the machine's own time is what is asked for")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on should say where")]

use std::{process::ExitCode, time::Instant};

use serde_json::json;
use tests::{
    TestShop,
    limits::{
        Limits,
        region::{Load, Outcome, Quotas, Region},
    },
};

/// The orders a second that a shop is to sell within the default quotas.
const GOAL: u32 = 1_000;

const PRODUCTS: usize = 500;

/// Products that sell fastest, and have several shards for it.
const POPULAR: usize = 40;

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> ExitCode {
    println!(
        "The whole chain through the model of a region, with the shipped handlers; seconds are virtual but for the last column."
    );
    println!(
        "256 partitions and stream shards; Seoul's default quotas; a hold takes 10 s; a platform answers in 100 ms.\n"
    );
    let rates: Vec<u32> = std::env::args().skip(1).filter_map(|rate| rate.parse().ok()).collect();
    let rates = if rates.is_empty() { vec![100, GOAL, 5 * GOAL] } else { rates };
    let mut short = Vec::new();
    for rate in &rates {
        let outcome = run(*rate).await;
        if *rate == GOAL {
            short.extend(shortfalls(&outcome));
        }
    }
    if !rates.contains(&GOAL) {
        println!("the goals are those of {GOAL} orders/s");
        return ExitCode::SUCCESS;
    }
    if short.is_empty() {
        println!("goals met");
        return ExitCode::SUCCESS;
    }
    println!("falls short: {}", short.join("; "));
    ExitCode::FAILURE
}

async fn run(rate: u32) -> Outcome {
    let limits = Limits { burst_seconds: 0.1, ..Limits::for_warm_table(256) };
    let shop = TestShop::through_without_stream(limits, 1).without_caps().with_times(10);
    let seconds = if rate > GOAL { 3 } else { 6 };
    let load = Load { orders_per_second: rate, sheets_per_second: rate, seconds, products: PRODUCTS, users: 2_000 };
    let prepare = shop.without_limits();
    for user in 0..load.users {
        prepare.customer(&format!("u{user}"), 50_000_000).await;
    }
    for product in 0..load.products {
        let shards = if product < POPULAR { 8 } else { 1 };
        let body = json!({
            "productId": format!("p{product:04}"), "name": "p", "price": 100, "stock": 1_000_000, "stockShards": shards,
        });
        prepare.post("/products", body).as_admin().await.expect(201);
    }
    let begun = Instant::now();
    let outcome = Region::new(shop, Quotas::SEOUL, limits).run(load).await;
    show(rate, &outcome, begun.elapsed().as_secs_f64());
    outcome
}

fn show(rate: u32, outcome: &Outcome, wall: f64) {
    println!("{rate} orders/s and as many sheets/s ({wall:.0} s on this machine)");
    for (name, delays) in [
        ("orders answered", &outcome.orders),
        ("sheets answered", &outcome.sheets),
        ("sales counted", &outcome.counted),
        ("events published", &outcome.published),
        ("events delivered", &outcome.delivered),
        ("holds released late by", &outcome.released),
    ] {
        println!(
            "  {name:<28}{:>8}  p50 {:>7} ms  p99 {:>7} ms  longest {:>7} ms",
            delays.count(),
            delays.percentile(50).as_millis(),
            delays.percentile(99).as_millis(),
            delays.percentile(100).as_millis(),
        );
    }
    println!(
        "  refused for want of an execution {}, busy {}; sheets swept {}/s; conflicts {}, throttled {}",
        outcome.refused, outcome.busy, outcome.sheets_swept, outcome.seen.conflicts, outcome.seen.throttled
    );
    for usage in &outcome.usages {
        println!("  {:<48}{:>8} of {:>7} {:>5} %", usage.name, usage.most, usage.limit, usage.percent());
    }
    if let Some(first) = outcome.usages.iter().max_by_key(|usage| usage.percent()) {
        println!("  the first limit: {} at {} %\n", first.name, first.percent());
    }
}

/// The goals that a load of [`GOAL`] misses. The quotas of Lambda and of the table are to be raised in any case.
fn shortfalls(outcome: &Outcome) -> Vec<String> {
    let others =
        outcome.usages.iter().filter(|usage| !usage.name.starts_with("Lambda") && !usage.name.starts_with("DynamoDB"));
    let mut short: Vec<String> = others
        .filter(|usage| usage.percent() >= 100)
        .map(|usage| format!("{} at {} %", usage.name, usage.percent()))
        .collect();
    let late = [
        ("sales are counted", &outcome.counted, 10_000),
        ("events are delivered", &outcome.delivered, 10_000),
        ("holds are released", &outcome.released, 5_000),
    ];
    for (what, delays, most_ms) in late {
        let longest = delays.percentile(100).as_millis();
        if longest > most_ms {
            short.push(format!("{what} after up to {longest} ms"));
        }
    }
    if outcome.busy + outcome.refused > 0 {
        short.push(format!("{} requests refused", outcome.busy + outcome.refused));
    }
    if outcome.sheets_swept < u64::from(GOAL) * 60 / 40 {
        short.push(format!("only {} sheets swept a second", outcome.sheets_swept));
    }
    short
}
