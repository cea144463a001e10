//! Adapters to payment providers: implementations of the port `shared::app::payments::provider`.
//!
//! | module | content |
//! |---|---|
//! | [`transport`] | one HTTP exchange with a provider, and its limits |
//! | [`toss`] | the REST protocol of Toss Payments, version 1, over any transport |
//! | [`manual`] | bank transfers that an admin confirms |
//!
//! The transport is a parameter, so that the simulator runs the same adapter against a provider in its own process.

pub mod manual;
pub mod toss;
pub mod transport;

pub use manual::Manual;
pub use toss::Toss;
pub use transport::{Answer, HttpTransport, InvalidTransport, Method, NoAnswer, Request, SecretKey, Transport};
