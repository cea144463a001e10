//! The protocols of the shop, each as a model that is explored completely. It covers every order of the steps of
//! several functions, with a stop between any two of them and a loss of any answer.
//!
//! A step is one call to the table. Decisions are production's own code as far as it is pure (`shared::domain`). The
//! conditions of writes are written anew here. Each model can forget one after the other, and must then find the
//! violation. So a model that checks nothing cannot pass.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod claims;
mod explore;
mod histories;
mod holds;
mod lines;
mod quotas;
mod reservations;
mod sales;
mod tickets;
