//! The API in process: the real handlers over an embedded DynamoDB. A folder for each resource of the routes; conventions of
//! the whole API, and the documents and the template that describe it, beside them.
// The budgets of all operations are measured in one future.
#![recursion_limit = "256"]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod alarms;
mod cart;
mod claims;
mod conventions;
mod costs;
mod desk;
mod documents;
mod doors;
mod exports;
mod features;
mod fuzz;
mod idempotency;
mod input;
mod orders;
mod preconditions;
mod records;
mod reference;
mod roles;
mod tidy;
mod trace;

mod balance {
    mod adjust;
    mod charge;
    mod list_entries;
    mod withdrawals;
}

mod coupons {
    mod budget;
    mod create;
    mod issue;
    mod list;
    mod list_open;
    mod revoke;
    mod scope;
    mod update;
}

mod drops {
    mod entries;
    mod get;
    mod set;
}

mod order_sheets {
    mod create;
}

mod payments {
    mod confirm;
    mod create;
    mod manual;
    mod notices;
    mod refund;
}

mod sellers {
    mod shipping;
}

mod products {
    mod create;
    mod list;
    mod list_bestsellers;
    mod purchase_limit;
    mod recent_stock;
    mod restock;
    mod sale_window;
    mod timed_offers;
    mod update;
}

mod users {
    mod address;
    mod create;
    mod first_stage;
    mod get;
    mod list;
    mod personal_data;
    mod update;
    mod withdraw;
}
