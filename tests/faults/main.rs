//! The shop in process when something fails or happens at once: functions that die, conflicts, lost answers, races, and
//! deliveries by streams and queues.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod audit;
mod backbone;
mod busy_audit;
mod campaigns;
mod cancellation;
mod cart;
mod concurrency;
mod contention;
mod counting;
mod coupon_expiry;
mod crash_points;
mod dead_letters;
mod delivery;
mod desk;
mod events;
mod expiry;
mod exports;
mod external_payments;
mod failure_modes;
mod flash;
mod holds;
mod known_cases;
mod limits;
mod load;
mod nightly_audit;
mod order_sheets;
mod payment_books;
mod provider_key;
mod rebuild;
mod reconcile;
mod relay;
mod scaling;
mod settlement;
mod simulation;
mod stock;
mod sweeps;
mod tickets;
mod unreadable;
mod watch;
