//! Failures that users of this shop and of others reported, each with the value that was reported.
//! ARCHITECTURE.md ("Failure modes seen elsewhere") lists them with their sources.

mod bestsellers;
mod coupons;
mod orders;
mod prices;
mod stock;
