//! Failures that users of this shop and of others reported, each with the value that was reported.
//! ARCHITECTURE.md ("Failure modes seen elsewhere") lists them with their sources.

mod caps;
mod coupons;
mod doors;
mod emails;
mod input;
mod lists;
mod orders;
mod preconditions;
mod prices;
mod stock;
