//! What every function of the shop shares.
//!
//! Dependencies point inwards: [`api`] and the functions call [`app`], [`app`] applies the rules of [`domain`] to
//! what [`store`] holds, [`events`] are what others learn of it, and [`runtime`] is where the outside world (time,
//! randomness, configuration, identity, Lambda) comes in.

pub mod api;
pub mod app;
pub mod domain;
pub mod events;
pub mod runtime;
pub mod store;
