//! The protocols of the shop, each as a model of all that can happen, which is looked at whole: every order of the steps of
//! several functions, any of which may stop between two of them, and every loss of an answer.
//!
//! A step is one call to the table. What decides is production's own code as far as it is pure (`shared::domain`); the
//! conditions of writes are said anew here, and each model is told to forget one after the other: then it must find what
//! goes wrong. So a model that looks at nothing cannot pass.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod draws;
mod explore;
mod histories;
mod holds;
mod sales;
mod tickets;
