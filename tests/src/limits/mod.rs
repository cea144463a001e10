//! DynamoDB's limits, between the functions and the emulator, which has none: the capacity of partitions, conflicts of
//! transactions, and the latency of a network.
//!
//! All time is tokio's. With the clock paused it is virtual: on any machine a partition carries as much in a second as
//! a region's would. All chance is from a seed: the same seed gives the same run.
//!
//! The model and its assumptions:
//! - A partition key is hashed onto one of a fixed number of partitions; each carries 1,000 write and 3,000 read units
//!   a second. A table has as many as its history (or its `WarmThroughput`) gave it: a new on-demand one four.
//!   Splitting a hot partition takes DynamoDB minutes and is left out. An index has partitions of its own.
//! - Unused capacity of a partition is there for a burst later. DynamoDB keeps up to 300 s of it and promises nothing.
//!   After a flash sale's first seconds it is gone, so here it is one second by default.
//! - A transaction locks its items for 10 ms. Any other write of them meanwhile is refused, not queued. Reads are never
//!   refused. A transaction whose condition fails releases its locks at once.
//! - A write costs a unit for each KiB begun, two in a transaction; a cancelled transaction costs its first phase,
//!   half; a throttled call costs nothing. An index costs only once a write is committed. Reads cost as the emulator
//!   reports.
//! - A call takes 3 ms and a bit, every hundredth 20 to 60 ms more; a transaction the 10 ms on top.
//!
//! The shop's own retry loop is the only one, here as deployed, and its jitter is from the seed.

mod bucket;
mod chance;
mod proxy;
pub mod region;
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
    /// The number of partitions that keys are spread over.
    pub partitions: u16,
    /// Write units a second of each partition.
    pub write_units: f64,
    /// Read units a second of each partition.
    pub read_units: f64,
    /// The seconds of unused capacity that a partition saves. It begins with all of them.
    pub burst_seconds: f64,
    /// The time for which a transaction holds its items.
    pub lock: Duration,
    /// The seed of all chance.
    pub seed: u64,
}

impl Limits {
    /// The limits of a new on-demand table: 4,000 write units a second in all.
    pub fn for_new_table() -> Self {
        Self::for_warm_table(4)
    }

    /// The limits of a table that was warmed up to so many partitions.
    pub fn for_warm_table(partitions: u16) -> Self {
        Self {
            partitions,
            write_units: 1_000.0,
            read_units: 3_000.0,
            burst_seconds: 1.0,
            lock: Duration::from_millis(10),
            seed: 1,
        }
    }

    #[must_use]
    pub fn seeded(self, seed: u64) -> Self {
        Self { seed, ..self }
    }
}
