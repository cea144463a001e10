//! Measures the time and the memory that a reconciliation of a large day takes: `cargo xtask bench reconcile`.
//!
//! Two days of different size are reconciled, each in a process of its own. Bounded memory shows as the same peak for both.
//! The statement is a file; the shop's items are made up as they are read. Exits with 1 if a goal is missed.
#![allow(clippy::disallowed_methods, reason = "the machine's own time is what is asked for")]

use std::{
    env,
    error::Error,
    fs::{self, File},
    io::{BufReader, BufWriter, Write},
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

use clap::Parser;
use jiff::{SignedDuration, Timestamp, civil::Date};
use reconcile::{MEMORY, Passes, Report, statement};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::{
    domain::{
        PaymentId, UserId, Won,
        ledger::{EntryHash, EntryKind, LedgerEntry},
        order::Actor,
        provider::{PaymentKey, ProviderName, ProviderPayment, ProviderState},
        session::{Observation, PaymentSession, Purpose},
    },
    store::{Item, Key, keys, sessions::SessionRecord},
};

/// Reconciles days of two sizes, and says whether memory stays within the goal
#[derive(Debug, Parser)]
struct Arguments {
    /// The lines of the larger day; a tenth are refunds. The smaller day has a fifth of them
    #[arg(long, default_value_t = 1_000_000)]
    lines: u64,

    /// The megabytes for the payments of a pass; by default those of the tool
    #[arg(long, default_value_t = MEMORY / 1_000_000)]
    memory_mb: usize,

    /// Reconcile one day of this many lines and print the measurement: the task of the other processes
    #[arg(long, hide = true)]
    one: Option<u64>,
}

/// The measurement of one reconciliation.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    lines: u64,
    items: u64,
    seconds: f64,
    passes: u32,
    /// The peak of the process, in megabytes.
    peak_mb: u64,
}

/// The budget of a pass, and the rest of the process.
const MEMORY_GOAL_MB: u64 = 700;

/// Of so many payments one is refunded in part.
const PAYMENTS_OF_A_REFUND: u64 = 9;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let Arguments { lines, memory_mb, one } = Arguments::parse();
    if let Some(lines) = one {
        println!("{}", serde_json::to_string(&measure(lines, memory_mb.saturating_mul(1_000_000))?)?);
        return Ok(ExitCode::SUCCESS);
    }
    let mut has_met = true;
    for size in [lines / 5, lines] {
        let mut one = Command::new(env::current_exe()?);
        one.args(["--one", &size.to_string(), "--memory-mb", &memory_mb.to_string()]);
        let output = one.stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err("a reconciliation failed".into());
        }
        let Measured { lines, items, seconds, passes, peak_mb } = serde_json::from_slice(&output.stdout)?;
        println!("{lines} lines, {items} items: {seconds:.1} s in {passes} passes, {peak_mb} MB at most");
        has_met &= peak_mb <= MEMORY_GOAL_MB;
    }
    println!("{}", if has_met { "goal met" } else { "falls short: more than 700 MB" });
    Ok(if has_met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn measure(lines: u64, memory: usize) -> Result<Measured, Box<dyn Error>> {
    let file = env::temp_dir().join(format!("bench-reconcile-{}.csv", std::process::id()));
    let measured = measure_file(&file, lines, memory);
    fs::remove_file(&file)?;
    measured
}

fn measure_file(file: &Path, lines: u64, memory: usize) -> Result<Measured, Box<dyn Error>> {
    let payments = lines * PAYMENTS_OF_A_REFUND / (PAYMENTS_OF_A_REFUND + 1);
    let lines = write_statement(file, payments)?;
    let (mut seconds, mut items) = (0.0, 0);
    let mut passes = Passes::new(day()?, ProviderName::Toss, memory)?;
    while let Some(mut pass) = passes.next_pass() {
        let start = Instant::now();
        statement::read(BufReader::new(File::open(file)?), |line| pass.add_line(line))?;
        seconds += start.elapsed().as_secs_f64();
        let mut part = Vec::new();
        for number in 0..payments {
            put_payment(&mut part, number)?;
            if part.len() >= 1_000 || number + 1 == payments {
                items += u64::try_from(part.len())?;
                let start = Instant::now();
                part.drain(..).for_each(|item| pass.add_item(item));
                seconds += start.elapsed().as_secs_f64();
            }
        }
        let start = Instant::now();
        passes.add(pass);
        seconds += start.elapsed().as_secs_f64();
    }
    let done = passes.done();
    let report: Report = passes.into_report();
    if !report.is_clean() || report.figures.lines != lines {
        return Err(format!("not clean: {report}").into());
    }
    Ok(Measured { lines, items: items / u64::from(done.max(1)), seconds, passes: done, peak_mb: peak_mb() })
}

fn day() -> Result<Date, Box<dyn Error>> {
    Ok("2026-11-20".parse()?)
}

/// An instant of the day, hours from midnight.
fn at(number: u64) -> Result<Timestamp, Box<dyn Error>> {
    let start: Timestamp = "2026-11-20T03:00:00Z".parse()?;
    Ok(start.checked_add(SignedDuration::from_millis(i64::try_from(number % 10_000_000)?))?)
}

fn id(number: u64) -> String {
    format!("pay_frfjxplir33xb{number:09}")
}

fn key(number: u64) -> String {
    format!("tlive_20261120_0123456789abcdef{number:09}")
}

fn is_refunded(number: u64) -> bool {
    number.is_multiple_of(PAYMENTS_OF_A_REFUND)
}

/// Writes the statement, and returns the number of its lines.
fn write_statement(file: &Path, payments: u64) -> Result<u64, Box<dyn Error>> {
    let mut file = BufWriter::new(File::create(file)?);
    writeln!(file, "paymentKey,merchantOrderId,type,transactionKey,amount,at")?;
    let mut lines = 0;
    for number in 0..payments {
        let (key, id, at) = (key(number), id(number), at(number)?);
        writeln!(file, "{key},{id},PAYMENT,transaction-0123456789-{number:09},10000,{at}")?;
        lines += 1;
        if is_refunded(number) {
            writeln!(file, "{key},{id},CANCEL,transaction-9876543210-{number:09},4000,{at}")?;
            lines += 1;
        }
    }
    file.flush()?;
    Ok(lines)
}

/// Makes up a top-up of 10,000 won with its part of the ledger, as the shop stores it.
fn put_payment(items: &mut Vec<Item>, number: u64) -> Result<(), Box<dyn Error>> {
    let payment_id = PaymentId::try_from(id(number)).map_err(|_| "an id")?;
    let user = UserId::try_from(format!("user-{number}")).map_err(|_| "an id")?;
    let payment_key = PaymentKey::try_from(key(number)).map_err(|_| "a key")?;
    let (amount, at) = (Won::new(10_000), at(number)?);
    let purpose = (Purpose::TopUp, amount);
    let end = at.checked_add(SignedDuration::from_mins(10))?;
    let session = PaymentSession::new(payment_id.clone(), user.clone(), purpose, ProviderName::Toss, (at, end));
    let state = ProviderState::Done;
    let payment = ProviderPayment { payment_key, payment_id, amount, state, cancels: Vec::new() };
    let Observation::Arrived(mut session) = session.observed(&payment, at) else { return Err("money".into()) };
    items.push(entry(&session, 1, EntryKind::Charge, amount)?);
    if is_refunded(number) {
        let back = Won::new(4_000);
        session = session.refund(back, at).map_err(|_| "a refund")?;
        let refund = format!("{}-r1", session.payment_id);
        session = session.refund_settled(&refund, true, at).ok_or("a result")?.0;
        items.push(entry(&session, 2, EntryKind::Refund, back.negated())?);
    }
    items.push(item(keys::session(&session.payment_id), SessionRecord::new(session, "digest".to_owned()))?);
    Ok(())
}

fn entry(session: &PaymentSession, sequence: u64, kind: EntryKind, amount: Won) -> Result<Item, Box<dyn Error>> {
    let entry = LedgerEntry {
        entry_id: format!("{}-{sequence}", session.payment_id),
        sequence,
        kind,
        amount,
        balance_after: Won::new(10_000),
        order_id: None,
        payment_id: Some(session.payment_id.clone()),
        actor: Some(Actor::Customer),
        reason: None,
        at: session.created_at,
        before: EntryHash::NONE,
    };
    item(keys::ledger_entry(&session.user_id, sequence), entry)
}

fn item(key: Key, record: impl Serialize) -> Result<Item, Box<dyn Error>> {
    let mut item: Item = serde_dynamo::to_item(record)?;
    let place: Item = serde_dynamo::to_item(json!({ "pk": key.pk, "sk": key.sk }))?;
    item.extend(place);
    Ok(item)
}

/// The peak memory of this process so far, in megabytes; 0 if the system does not report it.
fn peak_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB")).and_then(|kb| kb.trim().parse::<u64>().ok());
    peak.unwrap_or_default() / 1_000
}
