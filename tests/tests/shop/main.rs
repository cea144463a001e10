//! The shop in process: the real handlers over an embedded DynamoDB.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod alarms;
mod audit;
mod backbone;
mod balance;
mod bestsellers;
mod cancellation;
mod cart;
mod cart_orders;
mod concurrency;
mod contention;
mod conventions;
mod costs;
mod counting;
mod coupon_expiry;
mod coupons;
mod crash_points;
mod crash_scenarios;
mod delivery;
mod desk;
mod documents;
mod due;
mod events;
mod external;
mod failure_modes;
mod features;
mod flash;
mod fuzz;
mod holds;
mod idempotency;
mod known_cases;
mod limits;
mod line_states;
mod nightly_audit;
mod order_sheets;
mod orders;
mod products;
mod rebuild;
mod recent_stock;
mod records;
mod reference;
mod relay;
mod selling;
mod settlement;
mod simulation;
mod steps;
mod stock;
mod tickets;
mod tidy;
mod trace;
mod users;
