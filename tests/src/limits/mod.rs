//! DynamoDB's limits, between the functions and the emulator, which has none: what a partition carries, transactions
//! that meet, and the time that a network takes.
//!
//! All time is tokio's. With the clock paused it is virtual: however slow the machine, what a partition lets through in
//! a second is what a region's would. All chance is from a seed: the same seed gives the same run.
//!
//! What is modelled, and what is assumed:
//! - A partition key is hashed onto one of a fixed number of partitions; each carries 1,000 write and 3,000 read units a
//!   second. A table has as many as its history (or its `WarmThroughput`) gave it: a new on-demand one four. Splitting a
//!   hot partition takes DynamoDB minutes and is left out. An index has partitions of its own.
//! - What a partition did not use is there for a burst later. DynamoDB keeps up to 300 s of it, promises nothing, and
//!   after a flash sale's first seconds it is gone: here it is one second unless told otherwise.
//! - A transaction locks its items for 10 ms. Whatever else would write one of them meanwhile is refused, not queued.
//!   Reads are never refused. What a refused condition locked is free again at once.
//! - A write costs a unit for each KiB begun, two in a transaction; a cancelled transaction costs its first phase, half;
//!   a throttled call costs nothing. An index costs only once a write is committed. Reads cost what the emulator says.
//! - A call takes 3 ms and a bit, every hundredth 20 to 60 ms more; a transaction the 10 ms on top.
//!
//! The SDK's own retries are off, as their jitter cannot be seeded: what the shop itself repeats is what is seen.

mod bucket;
mod chance;
mod proxy;
mod request;
mod rush;
mod simulation;

pub use bucket::Bucket;
pub use chance::Chance;
pub use proxy::{Limited, Seen};
pub use rush::{Rush, rush};
pub use simulation::{Issued, Sale, simulate};

use std::time::Duration;

/// The limits of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Over how many partitions keys are spread.
    pub partitions: u16,
    /// Write units a second of each.
    pub write_units: f64,
    /// Read units a second of each.
    pub read_units: f64,
    /// For how many seconds a partition saves up what it does not use. It begins with all of that.
    pub burst_seconds: f64,
    /// How long a transaction holds its items.
    pub lock: Duration,
    /// What chance begins with.
    pub seed: u64,
}

impl Limits {
    /// A new on-demand table: 4,000 write units a second in all.
    pub fn of_a_new_table() -> Self {
        Self::of_a_warm_table(4)
    }

    /// A table that was warmed up to so many partitions.
    pub fn of_a_warm_table(partitions: u16) -> Self {
        Self {
            partitions,
            write_units: 1_000.0,
            read_units: 3_000.0,
            burst_seconds: 1.0,
            lock: Duration::from_millis(10),
            seed: 1,
        }
    }

    /// The same with another seed.
    #[must_use]
    pub fn seeded(self, seed: u64) -> Self {
        Self { seed, ..self }
    }
}
