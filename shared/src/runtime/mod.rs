//! Where the outside world comes in: time, randomness, configuration, identity, Lambda.

pub mod aws;
pub mod config;
mod effects;
pub mod identity;
pub mod queue;
pub mod serve;
pub mod stream;
mod telemetry;
pub mod trace;

pub use config::Config;
pub use effects::{Clock, Random};
