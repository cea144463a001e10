//! Failures that users of this shop and of others reported, each with the reported value.
//! docs/failure-modes.md lists them with their sources.

mod bestsellers;
mod caps;
mod coupons;
mod emails;
mod lists;
mod orders;
mod payments;
mod prices;
mod sellers;
mod stock;
