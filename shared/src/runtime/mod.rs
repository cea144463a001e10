//! Where the outside world comes in: time, randomness, configuration, identity, Lambda.

pub mod aws;
pub mod config;
mod effects;
pub mod identity;
pub mod queue;
pub mod serve;
mod telemetry;

pub use config::Config;
pub use effects::{Clock, Random};
