//! Services of AWS in this process, and the event sources that drive functions as Lambda does.

pub mod account;
pub mod aws_rules;
pub mod bucket;
mod bus;
pub(crate) mod dynamo;
pub mod event_source;
pub mod parameters;
pub mod payment_provider;
pub mod platform;
pub mod queue;
pub mod queue_source;
pub mod stream;
pub mod wire;

pub use bus::{Bus, BusFault, work_queues};
pub use dynamo::{Dynamo, Fault};
