//! Reads the quotas of an AWS account, and says what a shop in it can sell.

pub mod account;
pub mod quotas;
pub mod verdict;

#[cfg(test)]
mod tests;
