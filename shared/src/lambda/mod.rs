//! The roof: everything that is Lambda's. It serves requests, reads batches of queues and streams, keeps dead letters,
//! and reads the configuration and the secrets of a function.
//!
//! It decides nothing about the shop. Only the functions stand above it, so no other module of this crate names it.

pub mod config;
pub mod dead_letters;
pub mod exports_bucket;
pub mod failures_bucket;
pub mod parameter_store;
pub mod queue;
pub mod serve;
pub mod stream;
pub mod telemetry;

pub use config::Config;
