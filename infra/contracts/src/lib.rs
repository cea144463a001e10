//! Everything that is generated from the code and committed: the API reference, the contracts of events, and the manifests'
//! lists of functions. `cargo xtask generate` writes it; tests hold it to the code.

pub mod events;
pub mod manifests;
pub mod openapi;
