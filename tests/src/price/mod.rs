//! The price of the shop: the counted consumption of its handlers, at a region's list prices.
//!
//! Counted are requests, capacity units, entries of the bus, messages by the template's rules, invocations, bytes of the
//! log, and metrics. A model is the rest, by the constants of this module: milliseconds of functions, the batches of an
//! outside system, and the polls of an idle queue. Only a bill of AWS can tell these.

pub mod count;
pub mod prices;
pub mod record;
mod report;

pub use report::{Goals, Report};

/// The milliseconds of an invocation, warm, in the memory of the template: of one thing, and of a full batch. A function of
/// several schedules has its milliseconds by schedule.
const MILLISECONDS: [(&str, f64, f64); 14] = [
    ("create-order", 25.0, 25.0),
    ("relay-events", 15.0, 120.0),
    ("count-sales", 20.0, 60.0),
    ("deliver-orders", 60.0, 180.0),
    ("update-desk", 20.0, 60.0),
    ("list-products", 15.0, 15.0),
    ("sweep", 20.0, 20.0),
    ("sweep-payments", 20.0, 20.0),
    ("rebuild-sales EachMinute", 10.0, 10.0),
    ("rebuild-sales EachNight", 10.0, 10.0),
    ("audit-books EachNight", 1_000.0, 1_000.0),
    ("audit-books UntilDone", 10.0, 10.0),
    ("watch", 50.0, 50.0),
    // The batch of a heartbeat alone.
    ("heartbeat", 3.0, 3.0),
];

/// The bytes of an answer's headers, and of the frame around them.
const HEADER_BYTES: f64 = 300.0;

/// The messages that an outside system takes at once: in a quiet shop, and in a busy one.
const OUTSIDE_BATCH: [f64; 2] = [1.0, 10.0];

/// The polls of an idle queue in a minute: Lambda's five pollers, each of which waits for 20 seconds.
const POLLS: f64 = 15.0;

const MINUTES_OF_A_MONTH: f64 = 730.0 * 60.0;
const NIGHTS_OF_A_MONTH: f64 = 730.0 / 24.0;

/// The goals, in US dollars of us-east-1.
pub const GOALS: Goals = Goals { million_orders: 10.0, idle_month: 1.0, recent_page: 0.1 };

fn milliseconds(function: &str) -> (f64, f64) {
    let found = MILLISECONDS.iter().find(|(name, ..)| *name == function);
    found.map(|(_, one, full)| (*one, *full)).unwrap_or_else(|| panic!("{function} has no milliseconds"))
}
