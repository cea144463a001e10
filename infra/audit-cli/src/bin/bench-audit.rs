//! Measures the time and the memory that an audit of a large shop's export takes: `cargo xtask bench audit`.
#![allow(clippy::disallowed_methods, reason = "the machine's own time is what is asked for")]

use std::{
    error::Error,
    fs::{self, File},
    io::{BufReader, BufWriter, Write},
    path::Path,
    time::Instant,
};

use audit::{Auditor, Report, Scope};
use clap::Parser;
use jiff::Timestamp;
use serde::Serialize;
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
        product::{Offer, Product, SaleStatus},
        swept::SweepPlan,
        user::{Profile, UserKind},
    },
    store::{Key, keys, orders::OrderRecord},
};

/// Writes an export of a shop and audits it: all of it, and then its ledgers alone
#[derive(Debug, Parser)]
struct Arguments {
    /// The number of orders; each has two entries in a ledger
    #[arg(long, default_value_t = 1_000_000)]
    orders: u64,

    /// The number of users that share the orders
    #[arg(long, default_value_t = 10_000)]
    users: u64,
}

const OFFER: Offer = Offer { price: Won::new(9_000), discount: Won::ZERO, status: SaleStatus::OnSale };
const SHIPPING: ShippingPolicy = ShippingPolicy { fee: Won::new(3_000), free_from: Won::new(30_000) };

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { orders, users } = Arguments::parse();
    let file = std::env::temp_dir().join(format!("jangteo-export-{}.json", std::process::id()));
    let outcome = write(&file, orders, users.max(1)).and_then(|()| {
        let (ledgers, seconds) = audited(&file, Scope::Ledgers)?;
        let entries = ledgers.figures.ledger_entries;
        println!("{entries} ledger entries in {seconds:.1} s: {:.0} a second", entries as f64 / seconds);
        let (all, seconds) = audited(&file, Scope::Everything)?;
        println!("{} orders, with all that belongs to them, in {seconds:.1} s; {}", all.figures.orders, memory());
        if all.figures.orders == orders { Ok(()) } else { Err("not all orders were seen".into()) }
    });
    fs::remove_file(&file)?;
    outcome
}

/// Writes the export of a table: customers charge the price of a tea and order it, again and again.
fn write(file: &Path, orders: u64, users: u64) -> Result<(), Box<dyn Error>> {
    let mut export = BufWriter::new(File::create(file)?);
    let tea = ProductId::try_from("tea".to_owned()).map_err(|_| "an id")?;
    for number in 0..users {
        let user = UserId::try_from(format!("user-{number}")).map_err(|_| "an id")?;
        let mut account = Account::NEW;
        let of_user = orders / users + u64::from(number < orders % users);
        for turn in 0..of_user {
            let name = format!("frfjxplir33xbm{number:06}{turn:06}");
            let id = OrderId::try_from(name.clone()).map_err(|_| "an id")?;
            let order = Order::paid(id.clone(), draft(&user, &tea)?);
            let charge = (format!("{name}-c"), EntryKind::Charge, order.paid, None);
            let payment = (name, EntryKind::Payment, order.paid.negated(), Some(id.clone()));
            for (entry_id, kind, amount, order_id) in [charge, payment] {
                let movement = Movement { entry_id, kind, amount, order_id, reason: None, at: order.created_at };
                let (after, entry) = account.book(&user, movement).map_err(|_| "a balance within its bounds")?;
                put(&mut export, keys::ledger_entry(&user, entry.sequence), entry)?;
                account = after;
            }
            put(&mut export, keys::order(&id), OrderRecord::new(order, "digest".to_owned()))?;
        }
        put(&mut export, keys::account(&user), account)?;
        put(&mut export, keys::profile(&user), profile(user))?;
    }
    let shard = Shard { received: i64::try_from(orders)?, ..Shard::new(0, OFFER, 1) };
    put(&mut export, keys::stock(&tea, 0), shard)?;
    put(&mut export, keys::product(&tea), product(tea))?;
    Ok(export.flush()?)
}

fn draft(user: &UserId, tea: &ProductId) -> Result<Draft, Box<dyn Error>> {
    let line = OrderLine {
        product_id: tea.clone(),
        seller_id: None,
        name: "녹차".to_owned(),
        quantity: 1.try_into().map_err(|_| "a quantity")?,
        cancelled_quantity: 0,
        unit_price: OFFER.price,
        unit_discount: OFFER.discount,
        coupon_share: Won::ZERO,
        status: LineStatus::PendingPayment,
    };
    let quote = pricing::quote(&[line.priced()], None, SHIPPING).map_err(|_| "a price")?;
    let (user_id, items) = (user.clone(), vec![line]);
    let (actor, at) = (Actor::Customer, Timestamp::UNIX_EPOCH);
    Ok(Draft { user_id, actor, items, quote, coupon_id: None, order_sheet_id: None, at })
}

fn profile(user_id: UserId) -> Profile {
    Profile {
        user_id,
        name: "김민수".to_owned(),
        email: "minsu@example.com".to_owned(),
        email_claimed: false,
        phone: None,
        address: None,
        kind: UserKind::Customer,
        seller: None,
        version: 1,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: None,
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

/// The report on the export, months after the last order, and the seconds that the audit takes.
fn audited(file: &Path, scope: Scope) -> Result<(Report, f64), Box<dyn Error>> {
    let start = Instant::now();
    let mut auditor = Auditor::new(scope);
    audit::read_export(BufReader::new(File::open(file)?), &mut auditor)?;
    let report = auditor.finish("2026-11-20T03:00:00Z".parse()?);
    let seconds = start.elapsed().as_secs_f64();
    print!("{report}");
    if report.is_clean() { Ok((report, seconds)) } else { Err("not clean".into()) }
}

/// The peak memory of this process so far, if the system reports it.
fn memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    most.map_or_else(|| "in unknown memory".to_owned(), |most| format!("in at most {} of memory", most.trim()))
}
