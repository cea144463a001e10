//! The shop end to end: `template.yaml` deployed to the emulator, its functions called over HTTP.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where, and has a clock of its own"
)]

mod as_shipped;
mod browser;
mod card_and_deposit;
mod checkout;
mod clients;
mod console;
mod dead_letters;
mod deployed;
mod doors;
mod external_payments;
mod flash;
mod interruptions;
mod newcomer;
mod other_origins;
mod races;
mod reference;
mod stack;
mod stacks;
mod storefront;
mod tour;
mod webdriver;
