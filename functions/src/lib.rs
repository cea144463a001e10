//! The functions of the shop: one binary each, in modules by trigger.
//!
//! The table of endpoints at the end of this file is the only one. Routes, the API reference, the router of `cargo
//! lambda watch` and the tests read it; a test checks `template.yaml` against it.

pub mod desk_messages;
pub mod export_messages;
pub mod exports_bucket;
pub mod provider;
pub mod routes;

/// Handlers of HTTP requests: a module per resource, a file per action.
pub mod http {
    mod flag;
    pub mod new_id;
    pub mod not_found;
    mod period;
    pub mod reference;

    pub mod balance {
        pub mod adjust;
        pub mod charge;
        pub mod get;
        pub mod list_entries;
    }

    pub mod cart {
        pub mod add;
        pub mod get;
        pub mod remove;
    }

    pub mod claims {
        pub mod decide;
        pub mod get;
        pub mod receive;
        pub mod withdraw;
    }

    pub mod coupons {
        pub mod create;
        pub mod get;
        pub mod issue;
        pub mod list;
        pub mod list_open;
        pub mod revoke;
        pub mod update;
    }

    pub mod desk {
        pub mod get_product;
        pub mod list_accesses;
        pub mod list_campaigns;
        pub mod list_claims;
        pub mod list_lines;
        pub mod list_products;
    }

    pub mod drops {
        pub mod enter;
        pub mod get;
        pub mod get_entry;
        pub mod set;
    }

    pub mod exports {
        pub mod create;
        pub mod get;
    }

    pub mod order_sheets {
        pub mod create;
        pub mod get;
    }

    pub mod orders {
        pub mod cancel;
        pub mod create;
        pub mod create_claim;
        pub mod create_parcel;
        pub mod get;
        pub mod get_history;
        pub mod get_item;
        pub mod get_ship_to;
        pub mod list;
        pub mod list_payments;
        pub mod pay;
        pub mod retry_refund;
        pub(super) mod units;
        pub mod update;
        pub mod update_item;
        pub mod update_parcel;
    }

    pub mod payments {
        mod answer;
        pub mod confirm;
        pub mod create;
        pub mod get;
        pub mod list;
        pub mod receive_notice;
        pub mod refund;
    }

    pub mod products {
        pub mod create;
        pub mod get;
        pub mod get_yours;
        pub mod list;
        pub mod list_bestsellers;
        pub mod restock;
        pub mod update;
    }

    pub mod sellers {
        pub mod get_shipping;
        pub mod set_shipping;
    }

    pub mod users {
        pub mod create;
        pub mod get;
        pub mod list;
        pub mod update;
        pub mod withdraw;
    }

    pub mod withdrawals {
        pub mod create;
        pub mod get;
        pub mod update;
    }
}

/// Readers of the table's stream.
pub mod stream {
    pub mod count_sales;
    pub mod relay_events;
}

/// Readers of queues.
pub mod queue {
    pub mod build_exports;
    pub mod deliver_orders;
    pub mod process_expiry;
    pub mod settle_payments;
    pub mod update_desk;
}

/// Functions that run on a schedule.
pub mod schedule {
    pub mod audit_books;
    pub mod rebuild_sales;
    pub mod sweep;
    pub mod sweep_payments;
    pub mod watch;
}

use http::{
    balance, cart, claims, coupons, desk, drops, exports, order_sheets, orders, payments, products, reference, sellers,
    users, withdrawals,
};
use routes::Route;
use shared::lambda::serve::Endpoint;

/// Declares the endpoints, a row each: method, path (or several), binary, module of the handler, access. `token`
/// requires a caller's token, `public` does not; a `page` is public and needs no shop.
macro_rules! endpoints {
    ($(($method:literal, $($path:literal)|+, $binary:literal, $($module:ident)::+, $access:ident)),+ $(,)?) => {
        /// Every route of the API. A path without parameters comes before one with parameters that would match it.
        pub const ROUTES: &[Route] = &[$($(
            Route { method: $method, path: $path, function: $binary, public: is_public!($access) }
        ),+),+];

        // Not a field of the routes: a binary that reads the routes would link every handler.
        const HANDLERS: &[(&str, Endpoint)] = &[$(($binary, handler!($($module)::+, $access))),+];

        /// The operations, described by their handlers.
        #[derive(utoipa::OpenApi)]
        #[openapi(paths($($($module)::+::handle),+))]
        pub struct Operations;
    };
}

macro_rules! is_public {
    (token) => {
        false
    };
    ($access:ident) => {
        true
    };
}

macro_rules! handler {
    ($($module:ident)::+, page) => {
        |_, request| Box::pin(async { $($module)::+::handle(request) })
    };
    ($($module:ident)::+, $access:ident) => {
        |shop, request| Box::pin($($module)::+::handle(shop, request))
    };
}

#[rustfmt::skip]
endpoints![
    ("POST",   "/users",                                  "create-user",          users::create,              token),
    ("GET",    "/users/{userId}",                         "get-user",             users::get,                 token),
    ("PATCH",  "/users/{userId}",                         "update-user",          users::update,              token),
    ("GET",    "/users",                                  "list-users",           users::list,                token),
    ("POST",   "/users/{userId}/withdraw",                "withdraw-user",        users::withdraw,            token),
    ("POST",   "/balance/charge",                         "charge-balance",       balance::charge,            token),
    ("POST",   "/balance/adjustments",                    "adjust-balance",       balance::adjust,            token),
    ("POST",   "/balance/withdrawals",                    "create-withdrawal",    withdrawals::create,        token),
    ("GET",    "/balance/withdrawals/{withdrawalId}",     "get-withdrawal",       withdrawals::get,           token),
    ("PATCH",  "/balance/withdrawals/{withdrawalId}",     "update-withdrawal",    withdrawals::update,        token),
    ("GET",    "/balance/{userId}",                       "get-balance",          balance::get,               token),
    ("GET",    "/balance/{userId}/entries",               "list-balance-entries", balance::list_entries,      token),
    ("GET",    "/products",                               "list-products",        products::list,             public),
    ("GET",    "/products/best-seller" | "/products/top", "list-bestsellers",     products::list_bestsellers, public),
    ("GET",    "/products/{productId}",                   "get-product",          products::get,              public),
    ("GET",    "/products/{productId}/yours",             "get-yours",            products::get_yours,        token),
    ("POST",   "/products",                               "create-product",       products::create,           token),
    ("PATCH",  "/products/{productId}",                   "update-product",       products::update,           token),
    ("POST",   "/products/{productId}/restock",           "restock-product",      products::restock,          token),
    ("GET",    "/sellers/{sellerId}/shipping",            "get-seller-shipping",  sellers::get_shipping,      token),
    ("PUT",    "/sellers/{sellerId}/shipping",            "set-seller-shipping",  sellers::set_shipping,      token),
    ("POST",   "/coupons",                                "create-coupon",        coupons::create,            token),
    ("GET",    "/coupons",                                "list-coupons",         coupons::list,              token),
    ("POST",   "/coupons/issue",                          "issue-coupon",         coupons::issue,             token),
    ("POST",   "/coupons/revoke",                         "revoke-coupon",        coupons::revoke,            token),
    ("GET",    "/coupons/campaigns",                      "list-campaigns",       coupons::list_open,         public),
    ("GET",    "/coupons/{couponId}",                     "get-coupon",           coupons::get,               token),
    ("PATCH",  "/coupons/{couponId}",                     "update-coupon",        coupons::update,            token),
    ("POST",   "/orders",                                 "create-order",         orders::create,             token),
    ("GET",    "/orders",                                 "list-orders",          orders::list,               token),
    ("POST",   "/orders/cart",                            "add-to-cart",          cart::add,                  token),
    ("GET",    "/orders/cart",                            "get-cart",             cart::get,                  token),
    ("DELETE", "/orders/cart/{itemId}",                   "remove-from-cart",     cart::remove,               token),
    ("GET",    "/orders/{orderId}",                       "get-order",            orders::get,                token),
    ("PATCH",  "/orders/{orderId}",                       "update-order",         orders::update,             token),
    ("GET",    "/orders/{orderId}/ship-to",               "get-order-ship-to",    orders::get_ship_to,        token),
    ("GET",    "/orders/{orderId}/history",               "get-order-history",    orders::get_history,        token),
    ("GET",    "/orders/{orderId}/payments",              "list-order-payments",  orders::list_payments,      token),
    ("POST",   "/orders/{orderId}/payment",               "pay-order",            orders::pay,                token),
    ("POST",   "/orders/{orderId}/cancel",                "cancel-order",         orders::cancel,             token),
    ("GET",    "/orders/{orderId}/items/{itemId}",        "get-order-item",       orders::get_item,           token),
    ("PATCH",  "/orders/{orderId}/items/{itemId}",        "update-order-item",    orders::update_item,        token),
    ("POST",   "/orders/{orderId}/parcels",               "create-parcel",        orders::create_parcel,      token),
    ("PATCH",  "/orders/{orderId}/parcels/{parcelId}",    "update-parcel",        orders::update_parcel,      token),
    ("POST",   "/orders/{orderId}/claims",                "create-claim",         orders::create_claim,       token),
    ("GET",    "/claims/{claimId}",                       "get-claim",            claims::get,                token),
    ("POST",   "/claims/{claimId}/decide",                "decide-claim",         claims::decide,             token),
    ("POST",   "/claims/{claimId}/receive",               "receive-claim",        claims::receive,            token),
    ("POST",   "/claims/{claimId}/withdraw",              "withdraw-claim",       claims::withdraw,           token),
    ("POST",   "/orders/{orderId}/refunds/{refundId}/retry", "retry-refund",      orders::retry_refund,       token),
    ("POST",   "/payments",                               "create-payment",       payments::create,           token),
    ("GET",    "/payments",                               "list-payments",        payments::list,             token),
    ("GET",    "/payments/{paymentId}",                   "get-payment",          payments::get,              token),
    ("POST",   "/payments/{paymentId}/confirm",           "confirm-payment",      payments::confirm,          token),
    ("POST",   "/payments/{paymentId}/refund",            "refund-payment",       payments::refund,           token),
    ("POST",   "/payment-notices/{provider}",             "receive-payment-notice", payments::receive_notice, public),
    ("POST",   "/order-sheets",                           "create-order-sheet",   order_sheets::create,       token),
    ("GET",    "/order-sheets/{orderSheetId}",            "get-order-sheet",      order_sheets::get,          token),
    ("GET",    "/desk/products",                          "list-desk-products",   desk::list_products,        token),
    ("GET",    "/desk/products/{productId}",              "get-desk-product",     desk::get_product,          token),
    ("GET",    "/desk/lines",                             "list-desk-lines",      desk::list_lines,           token),
    ("GET",    "/desk/claims",                            "list-desk-claims",     desk::list_claims,          token),
    ("GET",    "/desk/campaigns",                         "list-desk-campaigns",  desk::list_campaigns,       token),
    ("GET",    "/desk/audit-log",                         "list-accesses",        desk::list_accesses,        token),
    ("PUT",    "/drops/{dropId}",                         "set-drop",             drops::set,                 token),
    ("GET",    "/drops/{dropId}",                         "get-drop",             drops::get,                 token),
    ("POST",   "/drops/{dropId}/entries",                 "enter-drop",           drops::enter,               token),
    ("GET",    "/drops/{dropId}/entries",                 "get-drop-entry",       drops::get_entry,           token),
    ("POST",   "/exports",                                "create-export",        exports::create,            token),
    ("GET",    "/exports/{exportId}",                     "get-export",           exports::get,               token),
    ("GET",    "/openapi.json",                           "api-reference",        reference,                  page),
    ("GET",    "/docs",                                   "api-reference",        reference::page,            page),
];

/// The handler of a binary. Requests without a route go to `route-not-found`.
pub fn handler(binary: &str) -> Option<Endpoint> {
    let not_found: (&str, Endpoint) = ("route-not-found", handler!(http::not_found, page));
    HANDLERS.iter().chain([&not_found]).find(|(name, _)| *name == binary).map(|(_, handler)| *handler)
}
