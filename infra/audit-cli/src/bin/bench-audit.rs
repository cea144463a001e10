//! Measures the time and the memory that an audit of a large shop's export takes: `cargo xtask bench audit`.
//!
//! Two shops of different size are audited, each in a process of its own. Bounded memory shows as the same peak for both.
//! The larger shop is made up item by item as it is read, so that it needs no disk; reading lines of an export costs the
//! same for both. Exits with 1 if a goal is missed.
#![allow(clippy::disallowed_methods, reason = "the machine's own time is what is asked for")]

use std::{
    error::Error,
    fs,
    io::Write,
    process::{Command, ExitCode},
    time::Instant,
};

use audit::{Pace, Passes, Report, Scope, read_export};
use clap::Parser;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_dynamo::Item;
use serde_json::json;
use shared::{
    domain::{
        OrderId, ProductId, UserId, Won,
        account::{Account, Movement},
        inventory::Shard,
        ledger::EntryKind,
        order::{Actor, Draft, LineStatus, Order, OrderLine},
        pricing::{self, ShippingPolicy},
        product::{Offer, Product, SaleStatus, SaleWindow},
        swept::SweepPlan,
        user::{Profile, UserKind},
    },
    store::{Key, keys, orders::OrderRecord},
};

const OFFER: Offer = Offer { price: Won::new(9_000), discount: Won::ZERO, status: SaleStatus::OnSale, terms: None };
const SHIPPING: ShippingPolicy = ShippingPolicy { fee: Won::new(3_000), free_from: Won::new(30_000) };

/// Audits shops of two sizes, and says whether memory and time stay within the goals
#[derive(Debug, Parser)]
struct Arguments {
    /// The orders of the larger shop; each has two entries in a ledger. The smaller shop has a fifth of them
    #[arg(long, default_value_t = 1_000_000)]
    orders: u64,

    /// The number of orders of each user
    #[arg(long, default_value_t = 20)]
    orders_of_a_user: u64,

    /// The megabytes for the relations of a pass; by default those of the nightly function
    #[arg(long, default_value_t = Pace::NIGHTLY.memory / 1_000_000)]
    memory_mb: usize,

    /// Stop each audit after this many passes, for a shop whose whole audit takes hours
    #[arg(long)]
    passes: Option<u32>,

    /// Audit one shop of this many orders and print the measurement: what the other processes do
    #[arg(long, hide = true)]
    one: Option<u64>,
}

/// The measurement of one audit.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    orders: u64,
    seconds: f64,
    passes: u32,
    /// The part of the relations that the passes were about.
    share: f64,
    /// The ledgers alone.
    ledger_seconds: f64,
    entries: u64,
    /// The peak of the process, in megabytes.
    peak_mb: u64,
    /// The bytes of the export.
    export_bytes: u64,
}

/// What an audit may take.
#[derive(Clone, Copy)]
struct Bounds {
    /// The bytes for the relations of a pass.
    memory: usize,
    passes: u32,
}

/// A function's memory, less the gigabyte for pages, code and what the allocator holds back.
const MEMORY_GOAL_MB: u64 = 2_000;

/// The orders that the nightly function must master.
const ORDERS_GOAL: u64 = 10_000_000;

/// The minutes in which a pass of the function must have ended.
const MINUTES_GOAL: f64 = 13.0;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let Arguments { orders, orders_of_a_user, memory_mb, passes, one } = Arguments::parse();
    let bounds = Bounds { memory: memory_mb * 1_000_000, passes: passes.unwrap_or(u32::MAX).max(1) };
    if let Some(orders) = one {
        println!("{}", serde_json::to_string(&measure(orders, orders_of_a_user.max(1), bounds)?)?);
        return Ok(ExitCode::SUCCESS);
    }
    let mut measured = Vec::new();
    for size in [orders / 5, orders] {
        let mut audit = Command::new(std::env::current_exe()?);
        audit.args(["--one", &size.to_string(), "--orders-of-a-user", &orders_of_a_user.to_string()]);
        audit.args(["--memory-mb", &memory_mb.to_string()]);
        audit.args(passes.iter().flat_map(|passes| ["--passes".to_owned(), passes.to_string()]));
        let output = audit.stderr(std::process::Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err("an audit failed".into());
        }
        let one: Measured = serde_json::from_slice(&output.stdout)?;
        println!(
            "{} orders: {:.1} s in {} passes over {:.0} % of the relations, {} MB at most; ledgers alone {:.1} s, {:.0} entries a second",
            one.orders,
            one.seconds,
            one.passes,
            one.share * 100.0,
            one.peak_mb,
            one.ledger_seconds,
            one.entries as f64 / one.ledger_seconds
        );
        measured.push(one);
    }
    let misses = misses(&measured);
    if misses.is_empty() {
        println!("goals met");
        return Ok(ExitCode::SUCCESS);
    }
    println!("falls short: {}", misses.join("; "));
    Ok(ExitCode::FAILURE)
}

/// The goals that are missed. The time of a pass grows with the orders, so it is extrapolated to ten million.
fn misses(measured: &[Measured]) -> Vec<String> {
    let mut misses = Vec::new();
    for one in measured {
        if one.peak_mb > MEMORY_GOAL_MB {
            misses.push(format!("{} MB for {} orders, more than {MEMORY_GOAL_MB}", one.peak_mb, one.orders));
        }
    }
    if let Some(last) = measured.last() {
        let of_a_pass = last.seconds / f64::from(last.passes.max(1)) / 60.0;
        let minutes = of_a_pass * ORDERS_GOAL as f64 / last.orders.max(1) as f64;
        let how = if last.orders == ORDERS_GOAL { "measured" } else { "extrapolated" };
        println!(
            "a pass over {ORDERS_GOAL} orders: {minutes:.1} minutes of one core here, {how}; \
             an export has {} bytes an order",
            last.export_bytes / last.orders.max(1)
        );
        if minutes > MINUTES_GOAL {
            misses.push(format!("{minutes:.1} minutes for a pass over {ORDERS_GOAL} orders, more than {MINUTES_GOAL}"));
        }
    }
    misses
}

/// Audits a shop of this many orders: its ledgers, then all of it.
fn measure(orders: u64, of_a_user: u64, bounds: Bounds) -> Result<Measured, Box<dyn Error>> {
    let (ledgers, ledger_seconds, _) = audited(orders, of_a_user, bounds, Scope::Ledgers)?;
    let (all, seconds, passed) = audited(orders, of_a_user, bounds, Scope::Everything)?;
    if passed.share >= 1.0 && all.figures.orders != orders {
        return Err("not all orders were seen".into());
    }
    let mut counter = Counter(0);
    for number in 0..users(orders, of_a_user).min(100) {
        write_user(&mut counter, number, of_a_user)?;
    }
    let export_bytes = counter.0 / (users(orders, of_a_user).clamp(1, 100) * of_a_user) * orders;
    let entries = ledgers.figures.ledger_entries;
    let Passed { passes, share } = passed;
    Ok(Measured { orders, seconds, passes, share, ledger_seconds, entries, peak_mb: peak_mb(), export_bytes })
}

/// Counts bytes.
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += u64::try_from(bytes.len()).unwrap_or_default();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn users(orders: u64, of_a_user: u64) -> u64 {
    orders.div_ceil(of_a_user)
}

/// Writes the part of an export that has one user, who charges the price of a tea and orders it, again and again.
fn write_user(export: &mut impl Write, number: u64, orders: u64) -> Result<(), Box<dyn Error>> {
    let tea = ProductId::try_from("tea".to_owned()).map_err(|_| "an id")?;
    let user = UserId::try_from(format!("user-{number}")).map_err(|_| "an id")?;
    let mut account = Account::NEW;
    for turn in 0..orders {
        let name = format!("frfjxplir33xb{number:07}{turn:06}");
        let id = OrderId::try_from(name.clone()).map_err(|_| "an id")?;
        let order = Order::paid(id.clone(), draft(&user, &tea)?);
        let charge = (format!("{name}-c"), EntryKind::Charge, order.paid, None);
        let payment = (name, EntryKind::Payment, order.paid.negated(), Some(id.clone()));
        for (entry_id, kind, amount, order_id) in [charge, payment] {
            let (payment_id, actor, reason, at) = (None, Actor::Customer, None, order.created_at);
            let movement = Movement { entry_id, kind, amount, order_id, payment_id, actor, reason, at };
            let (after, entry) = account.book(&user, movement).map_err(|_| "a balance within its bounds")?;
            put(export, keys::ledger_entry(&user, entry.sequence), entry)?;
            account = after;
        }
        put(export, keys::order(&id), OrderRecord::new(order, "digest".to_owned()))?;
    }
    put(export, keys::account(&user), account)?;
    put(export, keys::profile(&user), profile(user))
}

fn write_product(export: &mut impl Write, orders: u64) -> Result<(), Box<dyn Error>> {
    let tea = ProductId::try_from("tea".to_owned()).map_err(|_| "an id")?;
    let shard = Shard { received: i64::try_from(orders)?, ..Shard::new(0, OFFER, 1) };
    put(export, keys::stock(&tea, 0), shard)?;
    let place = keys::product_by_time(SaleStatus::OnSale, Timestamp::UNIX_EPOCH, &tea);
    let mut listed = serde_json::to_value(product(tea.clone()))?;
    if let Some(attributes) = listed.as_object_mut() {
        attributes.insert(keys::BY_TIME.pk.to_owned(), json!(place.pk));
        attributes.insert(keys::BY_TIME.sk.to_owned(), json!(place.sk));
    }
    put(export, keys::product(&tea), listed)
}

fn draft(user: &UserId, tea: &ProductId) -> Result<Draft, Box<dyn Error>> {
    let line = OrderLine {
        product_id: tea.clone(),
        seller_id: None,
        name: "녹차".to_owned(),
        quantity: 1.try_into().map_err(|_| "a quantity")?,
        cancelled_quantity: 0,
        limit: None,
        quota: None,
        scrapped: 0,
        unit_price: OFFER.price,
        unit_discount: OFFER.discount,
        coupon_share: Won::ZERO,
        outside_scope: false,
        status: LineStatus::PendingPayment,
    };
    let quote = pricing::quote(&[line.priced()], None, SHIPPING).map_err(|_| "a price")?;
    let (user_id, items) = (user.clone(), vec![line]);
    let (actor, at) = (Actor::Customer, Timestamp::UNIX_EPOCH);
    Ok(Draft { user_id, actor, items, quote, coupon_id: None, budget_shards: None, order_sheet_id: None, at })
}

fn profile(user_id: UserId) -> Profile {
    Profile {
        user_id,
        name: "김민수".to_owned(),
        email: "minsu@example.com".to_owned(),
        email_claimed: false,
        email_key: None,
        phone: None,
        address: None,
        address_number: None,
        kind: UserKind::Customer,
        seller: None,
        version: 1,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: None,
        erased_at: None,
    }
}

fn product(product_id: ProductId) -> Product {
    Product {
        product_id,
        name: "녹차".to_owned(),
        description: None,
        category: None,
        seller_id: None,
        offer: OFFER,
        paused_status: None,
        stock_shards: 1,
        flash: false,
        drop_id: None,
        scaling: shared::domain::scaling::Scaling::default(),
        needs_shipping: true,
        limit: None,
        window: SaleWindow::default(),
        offers: Vec::new(),
        sweep: SweepPlan::default(),
        version: 1,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: None,
    }
}

fn put(export: &mut impl Write, key: Key, record: impl Serialize) -> Result<(), Box<dyn Error>> {
    let mut item: Item = serde_dynamo::to_item(record)?;
    let place: Item = serde_dynamo::to_item(json!({ "pk": key.pk, "sk": key.sk }))?;
    item.extend(place.iter().map(|(name, value)| (name.clone(), value.clone())));
    Ok(writeln!(export, "{}", json!({ "Item": item }))?)
}

/// The passes of an audit, and the part of the relations that they were about.
struct Passed {
    passes: u32,
    share: f64,
}

/// The report on a shop, months after the last order; the seconds of the auditor, without those that make the shop up; and
/// the passes.
fn audited(orders: u64, of_a_user: u64, bounds: Bounds, scope: Scope) -> Result<(Report, f64, Passed), Box<dyn Error>> {
    let now = "2026-11-20T03:00:00Z".parse()?;
    let (mut seconds, mut part) = (0.0, Vec::new());
    let mut passes = Passes::new(scope, bounds.memory);
    while let Some(mut auditor) = passes.next_auditor().filter(|_| passes.done() < bounds.passes) {
        let mut left = orders;
        for number in 0..=users(orders, of_a_user) {
            part.clear();
            if number == users(orders, of_a_user) {
                write_product(&mut part, orders)?;
            } else {
                let of_user = left.min(of_a_user);
                write_user(&mut part, number, of_user)?;
                left -= of_user;
            }
            let start = Instant::now();
            read_export(part.as_slice(), &mut auditor)?;
            seconds += start.elapsed().as_secs_f64();
        }
        let start = Instant::now();
        passes.add(auditor, now);
        seconds += start.elapsed().as_secs_f64();
    }
    let passed = Passed { passes: passes.done(), share: passes.share() };
    let report = passes.into_report();
    if report.is_clean() { Ok((report, seconds, passed)) } else { Err(format!("not clean: {report}").into()) }
}

/// The peak memory of this process so far, in megabytes; 0 if the system does not report it.
fn peak_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB")).and_then(|kb| kb.trim().parse::<u64>().ok());
    peak.unwrap_or_default() / 1_000
}
