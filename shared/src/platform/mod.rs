//! The ground floor: clock, randomness, ids, the trace of a request, the environment, and the configuration of AWS
//! clients.
//!
//! It knows nothing of the shop: no other module of this crate may be named here.

pub mod aws;
mod cipher;
mod effects;
pub mod environment;
pub(crate) mod ids;
mod signature;
pub mod trace;

pub use cipher::{CipherKey, is_sealed};
pub use effects::{Clock, Random};
pub use signature::{SIGNATURE_LEN, SigningKey};
