//! The crate that all functions share, in floors. Data enters at the top and goes down. No floor names one above it,
//! which a test checks (`tests/api/tidy.rs`).
//!
//! | floor | content | must not know |
//! |---|---|---|
//! | [`lambda`] | requests, batches, dead letters and configuration of a function | rules of the shop |
//! | [`api`] | bodies, fields, identity, views, errors and messages of the API | records, keys |
//! | [`app`] | use cases | HTTP, Lambda, attribute names |
//! | [`events`] | the published contracts, mapped from records | use cases |
//! | [`store`] | keys, records and expressions of the table | use cases, HTTP |
//! | [`domain`] | the rules, pure | AWS, HTTP, the clock |
//! | [`platform`] | clock, randomness, trace, environment, AWS clients | the shop |

pub mod api;
pub mod app;
pub mod domain;
pub mod events;
pub mod lambda;
pub mod platform;
pub mod store;
