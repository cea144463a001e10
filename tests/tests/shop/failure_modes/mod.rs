//! Failures that users of this shop and of others reported, each with the reported value.
//! docs/failure-modes.md lists them with their sources.

mod bestsellers;
mod caps;
mod coupons;
mod doors;
mod emails;
mod input;
mod lists;
mod orders;
mod payments;
mod preconditions;
mod prices;
mod roles;
mod sellers;
mod stock;
