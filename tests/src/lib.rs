//! The foundation of the shop's tests: the real handlers and the real AWS SDK over an embedded DynamoDB, with the table
//! of `template.yaml`.
#![allow(clippy::disallowed_methods, reason = "tests decide time and randomness themselves")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

use mimalloc::MiMalloc;

mod calls;
pub mod contract;
pub mod costs;
pub mod deaths;
pub mod drafts;
pub mod fakes;
pub mod limits;
mod meter;
pub mod metrics;
pub mod night;
pub mod permissions;
pub mod price;
pub mod reverted;
pub mod sales;
pub mod second_opinion;
mod shop;
pub mod simulator;
pub mod start;
pub mod steps;
pub mod template;

/// A test is a million small pieces of memory, most of them soon freed.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

pub use calls::{Answer, Call};
pub use fakes::{Bus, BusFault, Dynamo, Fault};
pub use meter::{Cost, Meter};
pub use shop::{TABLE, TestShop, random, running_clock};
