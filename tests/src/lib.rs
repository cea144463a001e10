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

mod bus;
mod calls;
mod contract;
pub mod costs;
pub mod deaths;
pub mod drafts;
mod dynamo;
pub mod event_source;
pub mod limits;
mod meter;
pub mod platform;
pub mod queue;
pub mod queue_source;
mod shop;
pub mod sim;
pub mod stream;
pub mod template;
mod wire;

pub use bus::{Bus, BusFault};
pub use calls::{Answer, Call};
pub use dynamo::{Dynamo, Fault};
pub use meter::{Cost, Meter};
pub use shop::{TABLE, TestShop, random};
