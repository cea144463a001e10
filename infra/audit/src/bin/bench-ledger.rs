//! Tells how fast ledgers are verified from an export: `cargo xtask bench ledger`.
#![allow(clippy::disallowed_methods, reason = "the machine's own time is what is asked for")]

use std::{
    error::Error,
    fs::File,
    io::{BufReader, BufWriter, Write},
    path::Path,
    time::Instant,
};

use audit::{Auditor, Scope};
use clap::Parser;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use shared::{
    domain::{
        OrderId, UserId, Won,
        ledger::{EntryKind, Movement},
        user::Account,
    },
    store::{Key, keys},
};

/// Writes an export of ledgers and verifies it
#[derive(Debug, Parser)]
struct Arguments {
    /// How many entries
    #[arg(long, default_value_t = 1_000_000)]
    entries: u64,

    /// Over how many users they are spread
    #[arg(long, default_value_t = 10_000)]
    users: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { entries, users } = Arguments::parse();
    let file = std::env::temp_dir().join(format!("jangteo-ledgers-{}.json", std::process::id()));
    let outcome = write(&file, entries, users.max(1)).and_then(|()| verify(&file, entries));
    std::fs::remove_file(&file)?;
    outcome
}

/// A charge and a payment by turns, user by user, as a table's export has them.
fn write(file: &Path, entries: u64, users: u64) -> Result<(), Box<dyn Error>> {
    let mut export = BufWriter::new(File::create(file)?);
    for number in 0..users {
        let user = UserId::try_from(format!("user-{number}")).map_err(|_| "an id")?;
        let mut account = Account::NEW;
        let of_user = entries / users + u64::from(number < entries % users);
        for _ in 0..of_user {
            let entry_id = format!("frfjxplir33xbm{number:06}{:06}", account.sequence);
            let order_id = OrderId::try_from(entry_id.clone()).map_err(|_| "an id")?;
            let (kind, amount, order_id) = match account.sequence % 2 {
                0 => (EntryKind::Charge, 10_000, None),
                _ => (EntryKind::Payment, -9_900, Some(order_id)),
            };
            let movement = Movement { entry_id, kind, amount: Won::new(amount), order_id, at: Timestamp::UNIX_EPOCH };
            let (after, entry) = account.book(&user, movement).map_err(|_| "a balance within its bounds")?;
            put(&mut export, keys::ledger_entry(&user, entry.sequence), entry)?;
            account = after;
        }
        put(&mut export, keys::account(&user), account)?;
    }
    Ok(export.flush()?)
}

fn put(export: &mut impl Write, key: Key, record: impl Serialize) -> Result<(), Box<dyn Error>> {
    let mut item: serde_dynamo::Item = serde_dynamo::to_item(record)?;
    let place: serde_dynamo::Item = serde_dynamo::to_item(json!({ "pk": key.pk, "sk": key.sk }))?;
    item.extend(place.iter().map(|(name, value)| (name.clone(), value.clone())));
    Ok(writeln!(export, "{}", json!({ "Item": item }))?)
}

fn verify(file: &Path, entries: u64) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let mut auditor = Auditor::new(Scope::Ledgers);
    audit::read_export(BufReader::new(File::open(file)?), &mut auditor)?;
    let report = auditor.finish(Timestamp::UNIX_EPOCH);
    let seconds = start.elapsed().as_secs_f64();
    print!("{report}");
    println!("{entries} entries in {seconds:.2} s: {:.0} a second", entries as f64 / seconds);
    if report.is_clean() && report.figures.ledger_entries == entries { Ok(()) } else { Err("not verified".into()) }
}
