//! The page of a running stack: `/` of the API's port, and what it needs beyond the shop's own API, below `/_dev`.
//!
//! - `/` and `/_dev/console/*` are the page: the files of `infra/local-stack/console`, read at each request.
//! - `/store/*` is the storefront: the files of `clients/storefront`. It calls the shop's API alone.
//! - `GET /_dev/stack` names the other ports, `GET /_dev/requests` lists requests, `GET /_dev/events` events of the bus.
//! - `GET /_dev/items?pk=…` reads a partition of the table.
//! - `POST` and `GET /_dev/crowd` run a flash sale, and show it.
//! - `POST /_dev/audit` and `/_dev/dead-letters…` run the tools of operators.
//! - `/_dev/data-platform/*` and `/_dev/payment-system/*` are the outside systems: a page can call its own origin only.
//!
//! Nothing of it is deployed. The door of the port refuses pages of other origins and requests for other hosts, here as
//! everywhere.

mod bus;
mod crowd;
mod files;
mod items;
mod requests;
mod tools;

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use jiff::Timestamp;
use serde_json::{Value, json};

pub use self::files::POLICY;
pub(crate) use self::{
    bus::Bus,
    files::{STORE, page},
    requests::{Begun, Requests},
};
use self::{crowd::Crowds, items::Items, tools::OperatorTools};
use crate::{aws::Aws, data_platform::DataPlatform};

/// The parts of a stack that the page shows.
pub(crate) struct Console {
    /// The addresses of all parts, by name.
    pub(crate) addresses: BTreeMap<&'static str, String>,
    /// The shop's API.
    pub(crate) shop: String,
    pub(crate) aws: Aws,
    pub(crate) table: String,
    pub(crate) requests: Requests,
    pub(crate) bus: Bus,
    pub(crate) data_platform: DataPlatform,
    /// The payment system and its provider, without a door.
    pub(crate) payment_system: Router,
    /// The environment of the operators' tools.
    pub(crate) environment: BTreeMap<&'static str, String>,
}

impl Console {
    pub(crate) fn router(self) -> Router {
        let Self { addresses, shop, aws, table, requests, bus, data_platform, payment_system, environment } = self;
        Router::new()
            .route("/_dev/stack", get(show_stack).with_state(Arc::new(addresses)))
            .merge(files::router())
            .merge(requests.router())
            .merge(bus.router(data_platform.clone()))
            .merge(Items::new(aws, table).router())
            .merge(Crowds::new(shop).router())
            .merge(OperatorTools::new(environment).router())
            .nest("/_dev/data-platform", data_platform.router())
            .nest("/_dev/payment-system", payment_system)
    }
}

async fn show_stack(State(addresses): State<Arc<BTreeMap<&'static str, String>>>) -> Json<Value> {
    Json(json!({ "addresses": *addresses }))
}

fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}

#[expect(clippy::disallowed_methods, reason = "what is outside the shop has a clock of its own")]
fn now() -> Timestamp {
    Timestamp::now()
}
