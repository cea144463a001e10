//! Payments from outside.

pub mod provider;
