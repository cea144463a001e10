//! The invocations of each function, and the shop that they meet.

use std::collections::BTreeMap;

use functions::{ROUTES, desk_messages::OUTDATED_ROWS, export_messages::EXPORT_DUE, queue::build_exports, routes};
use jiff::{SignedDuration, Timestamp};
use payment_system::{CallFault, Fault, FaultKind, On};
use serde_json::{Map, Value, json};

use super::{EMPTY, Error, services::Services};
use crate::{
    TestShop,
    fakes::{event_source::Settings, queue, stream::Reader},
    steps::payments::{CARD, pay_session, payment_id, session_of, sweep_payments},
};

/// Measured invocations of a function.
pub(super) const TIMES: usize = 300;

/// Measured invocations of a function that reads much of the table in each.
const TIMES_ON_SCHEDULE: usize = 5;

/// The price of a unit with its shipping.
const PAYABLE: i64 = 4_000;

/// The seeded things by which invocations differ: one for each invocation, of orders.
pub(super) struct Invocations {
    /// Paid orders to cancel.
    paid: Vec<String>,
    /// Paid orders to ship.
    unshipped: Vec<String>,
    /// Paid orders with nothing in a parcel.
    to_ship: Vec<String>,
    /// Paid orders with a unit in a parcel.
    in_parcel: Vec<String>,
    /// Delivered orders, to be claimed.
    delivered: Vec<String>,
    /// Claims to withdraw, to decide and to receive.
    claims: [Vec<String>; 3],
    /// Orders to pay from the balance.
    unpaid: Vec<String>,
    /// Orders that the payment system pays.
    external: Vec<String>,
    /// Orders whose hold is over.
    expired: Vec<String>,
    sheet: String,
    /// Sessions of top-ups to confirm.
    sessions: Vec<String>,
    /// Paid top-ups to send back.
    topped_up: Vec<String>,
    /// Orders with a refund that failed.
    unrefunded: Vec<String>,
    /// Withdrawals to pay out.
    withdrawals: Vec<String>,
    /// Exports to build, and one with its file.
    exports: Vec<String>,
    exported: String,
    /// The stream records of a new order, by function, and its id.
    records: BTreeMap<&'static str, Vec<Value>>,
    recorded: String,
    /// The query with a ticket of the drop.
    ticket: String,
    /// The event of that order in a message of a queue.
    message: Value,
}

/// The number of measured invocations of a function. A step of the audit takes minutes, by design: `bench audit` has its
/// cost.
pub(super) fn times(function: &str) -> usize {
    match function {
        "audit-books" => 0,
        "rebuild-sales" => TIMES_ON_SCHEDULE,
        _ => TIMES,
    }
}

/// The status of an HTTP answer, or whether each message and record was handled.
pub(super) fn outcome(answer: &Value) -> String {
    match (&answer["statusCode"], answer["batchItemFailures"].as_array()) {
        (Value::Number(status), _) => status.to_string(),
        (_, Some(failures)) if !failures.is_empty() => "failed".to_owned(),
        _ => "done".to_owned(),
    }
}

/// Whether a function answers so, if all is well. Figures of a function that fails would mean nothing.
pub(super) fn is_expected(function: &str, outcome: &str) -> bool {
    match function {
        "route-not-found" => outcome == "404",
        _ => outcome == "done" || outcome.starts_with('2'),
    }
}

impl Invocations {
    /// Seeds the shop, with things for this many invocations of each function.
    pub(super) async fn prepare(services: &Services, each: usize) -> Result<Self, Error> {
        let (shop, now) = (&services.shop, Timestamp::now());
        shop.product("hanji", 1_000, 1_000_000).await;
        shop.customer("kim", 99_999_900).await;
        for index in 0..each {
            shop.customer(&format!("u{index}"), 0).await;
        }
        let terms = json!({
            "kind": "FIXED", "value": 1_000, "issueFrom": (now - SignedDuration::from_hours(1)).to_string(),
            "issueUntil": (now + SignedDuration::from_hours(24)).to_string(),
        });
        shop.campaign("welcome", 1_000_000, terms.clone()).await;
        shop.campaign("gift", 1_000_000, terms).await;
        for index in 0..each {
            shop.post("/coupons/issue", json!({ "userId": format!("u{index}"), "couponId": "gift" }))
                .as_admin()
                .await
                .expect(201);
        }
        // A cart of a product for those that remove it.
        for index in 0..each {
            let item = json!({ "userId": format!("u{index}"), "productId": "hanji", "quantity": 1 });
            shop.post("/orders/cart", item).as_user(&format!("u{index}")).await.expect(200);
        }
        shop.set_clock(&(now - SignedDuration::from_mins(20)).to_string());
        let expired = orders(shop, "LATER", each).await;
        shop.set_clock(&now.to_string());
        // The last one is not shipped: functions that do not care take it, and the one that changes an address.
        let (paid, unshipped) = (orders(shop, "BALANCE", each).await, orders(shop, "BALANCE", each + 1).await);
        let (to_ship, in_parcel) = (orders(shop, "BALANCE", each).await, orders(shop, "BALANCE", each).await);
        for order in &in_parcel {
            shop.post(&format!("/orders/{order}/parcels"), parcel()).as_admin().await.expect(201);
        }
        let delivered = delivered(shop, each).await;
        let [asked, undecided, accepted] = [false, false, true].map(|is_accepted| claimed(shop, each, is_accepted));
        let claims = [asked.await, undecided.await, accepted.await];
        let address = json!({ "address": "서울시 중구 세종대로 110" });
        shop.patch("/users/kim", address).as_user("kim").await.expect(200);
        let (unpaid, external) = (orders(shop, "LATER", each).await, orders(shop, "EXTERNAL", each).await);
        let items = json!([{ "productId": "hanji", "quantity": 1 }]);
        let sheet = shop.post("/order-sheets", json!({ "userId": "kim", "items": items })).as_user("kim").await;
        let sheet = text(&sheet.expect(201)["orderSheetId"]);

        shop.campaign("queued", 100, json!({ "kind": "FIXED", "value": 1_000 })).await;
        let opens_at = (now + SignedDuration::from_hours(1)).to_string();
        let drop = json!({ "couponId": "queued", "opensAt": opens_at, "enabled": true });
        shop.call("PUT", "/drops/friday").json(&drop).as_admin().await.expect(200);
        let entry = shop.post("/drops/friday/entries", json!({})).as_user("kim").await.expect(201);
        let ticket = format!("?ticket={}", text(&entry["ticket"]));

        let (sessions, topped_up) = (top_ups(shop, each, false).await, top_ups(shop, each, true).await);
        let unrefunded = unrefunded(shop, each).await;
        let mut withdrawals = Vec::new();
        for _ in 0..each {
            let withdrawal = shop.post("/balance/withdrawals", withdrawal()).as_user("kim").await.expect(201);
            withdrawals.push(text(&withdrawal["withdrawalId"]));
        }

        let mut exports = Vec::new();
        for index in 0..each {
            exports.push(text(&export(shop, &format!("u{index}")).await["exportId"]));
        }
        let exported = text(&export(shop, "u0").await["exportId"]);
        for version in 1..=2 {
            let messages = queue::batch("jangteo.orders", &[(EXPORT_DUE, due(&exported, version))]);
            let queue = queue::Waits::default().queue();
            build_exports::handle(shop.instance(), &queue, messages).await?;
        }

        // Another shop, with a stream.
        let other = TestShop::new();
        other.set_clock(&now.to_string());
        other.product("hanji", 1_000, 10).await;
        other.customer("kim", 99_999_900).await;
        let recorded = orders(&other, "BALANCE", 1).await.remove(0);
        let all = Reader::new(other.dynamo().clone()).next(100);
        let of = |function: &str| {
            let settings = Settings::of(function);
            all.iter().filter(|record| settings.passes(record)).cloned().collect()
        };
        let records = [("count-sales", of("CountSales")), ("relay-events", of("RelayEvents"))].into();
        let message = serde_json::to_value(queue::batch_of(&other.published().await))?;
        Ok(Self {
            paid,
            unshipped,
            to_ship,
            in_parcel,
            delivered,
            claims,
            unpaid,
            external,
            expired,
            sheet,
            sessions,
            topped_up,
            unrefunded,
            withdrawals,
            exports,
            exported,
            records,
            recorded,
            ticket,
            message,
        })
    }

    /// The event of an invocation of a function.
    ///
    /// # Errors
    /// If the function is not known here.
    pub(super) fn event(&self, function: &str, index: usize) -> Result<Value, Error> {
        let message =
            |kind: &str, detail: Value| Ok(serde_json::to_value(queue::batch("jangteo.orders", &[(kind, detail)]))?);
        match function {
            "count-sales" | "relay-events" => {
                let records = Value::from(self.records.get(function).cloned().unwrap_or_default());
                let id = self.paid.get(index).ok_or("there are too few orders")?;
                // Another order each time: one that is counted is not counted again.
                let records: Value = serde_json::from_str(&records.to_string().replace(&self.recorded, id))?;
                Ok(json!({ "Records": records }))
            }
            "deliver-orders" => Ok(self.message.clone()),
            "process-expiry" => message("OrderPlaced", json!({ "aggregateId": self.expired.get(index) })),
            "settle-payments" => {
                let at = Timestamp::now().to_string();
                let order = self.external.get(index);
                message(
                    "PaymentSucceeded",
                    json!({ "paymentId": format!("p{index}"), "orderId": order, "amount": PAYABLE, "at": at }),
                )
            }
            "build-exports" => message(EXPORT_DUE, due(self.exports.get(index).ok_or("there are too few exports")?, 1)),
            "update-desk" => {
                let now = Timestamp::now().as_millisecond();
                let rows = json!({
                    "orderId": self.paid.get(index), "version": 1, "changedAt": now, "order": true, "lines": [1], "claims": [],
                });
                message(OUTDATED_ROWS, rows)
            }
            "sweep" => Ok(json!({ "task": "EXPIRY" })),
            "audit-books" | "rebuild-sales" | "sweep-payments" | "watch" => Ok(json!({})),
            EMPTY | "route-not-found" => Ok(http("GET", "/nothing", None, None)),
            _ => self.request(function, index),
        }
    }

    /// A request to a function of the API.
    fn request(&self, function: &str, index: usize) -> Result<Value, Error> {
        let route = ROUTES.iter().find(|route| route.function == function);
        let route = route.ok_or_else(|| format!("{function} has no invocations here"))?;
        let user = format!("u{index}");
        let nth = |orders: &Vec<String>| orders.get(index).cloned().unwrap_or_default();
        let items = json!([{ "productId": "hanji", "quantity": 1 }]);
        let (body, order, query) = match function {
            "add-to-cart" => (json!({ "userId": user, "productId": "hanji", "quantity": 1 }), None, ""),
            "cancel-order" => (json!({ "reason": "changed my mind" }), Some(nth(&self.paid)), ""),
            "charge-balance" => (json!({ "userId": "kim", "amount": 1_000 }), None, ""),
            "adjust-balance" => (json!({ "userId": "kim", "amount": 1, "reason": "정정" }), None, ""),
            "create-payment" => (top_up(), None, ""),
            "confirm-payment" => (json!({ "paymentKey": format!("t{index}"), "amount": 1_000 }), None, ""),
            "refund-payment" => (json!({ "amount": 1_000 }), None, ""),
            "retry-refund" => (json!({ "to": "BALANCE" }), Some(nth(&self.unrefunded)), ""),
            "receive-payment-notice" => (json!({}), None, ""),
            "create-withdrawal" => (withdrawal(), None, ""),
            "create-export" => (mine(), None, ""),
            "create-parcel" => (parcel(), Some(nth(&self.to_ship)), ""),
            "update-parcel" => (json!({ "status": "DELIVERED" }), Some(nth(&self.in_parcel)), ""),
            "create-claim" => (claim(), Some(nth(&self.delivered)), ""),
            "decide-claim" => (json!({ "accept": true }), None, ""),
            "receive-claim" => {
                (json!({ "items": [{ "itemId": "1", "quantity": 1, "condition": "SELLABLE" }] }), None, "")
            }
            "withdraw-claim" => (json!({}), None, ""),
            "set-seller-shipping" => (json!({ "fee": 2_500, "freeFrom": 50_000, "returnFee": 2_500 }), None, ""),
            "update-order" => (json!({ "shipTo": "서울시 중구 세종대로 110" }), None, ""),
            "withdraw-user" => (json!({ "forfeit": true }), None, ""),
            "list-users" => (Value::Null, None, "?email=kim@example.com"),
            "list-accesses" => (Value::Null, None, "?userId=kim"),
            "update-withdrawal" => (json!({ "status": "PAID_OUT" }), None, ""),
            "create-coupon" => {
                let now = Timestamp::now();
                let until = (now + SignedDuration::from_hours(24)).to_string();
                let campaign = json!({
                    "couponId": format!("c{index}"), "name": "환영 쿠폰", "kind": "FIXED", "value": 1_000, "totalQuantity": 100,
                    "issueFrom": now.to_string(), "issueUntil": until, "validDays": 7,
                });
                (campaign, None, "")
            }
            "create-order" | "create-order-sheet" => (json!({ "userId": "kim", "items": items }), None, ""),
            "create-product" => {
                let product = json!({ "productId": format!("p{index}"), "name": "한지", "price": 1_000, "stock": 10 });
                (product, None, "")
            }
            "create-user" => {
                let email = format!("v{index}@example.com");
                (json!({ "userId": format!("v{index}"), "name": "김민수", "email": email }), None, "")
            }
            "issue-coupon" => (json!({ "userId": user, "couponId": "welcome" }), None, ""),
            "revoke-coupon" => (json!({ "userId": user, "couponId": "gift" }), None, ""),
            "update-coupon" => (json!({ "description": format!("{index}번째 설명") }), None, ""),
            "set-drop" => {
                let opens_at = (Timestamp::now() + SignedDuration::from_hours(1)).to_string();
                (json!({ "couponId": "queued", "opensAt": opens_at, "enabled": index.is_multiple_of(2) }), None, "")
            }
            "get-drop-entry" => (Value::Null, None, self.ticket.as_str()),
            "list-campaigns" => (Value::Null, None, "?open=true"),
            "pay-order" => (Value::Null, Some(nth(&self.unpaid)), ""),
            "restock-product" => (json!({ "quantity": 1 }), None, ""),
            "update-order-item" => (json!({ "status": "SHIPPED" }), Some(nth(&self.unshipped)), ""),
            "update-product" => (json!({ "price": 1_000 + 100 * (index % 2) }), None, ""),
            "update-user" => (json!({ "phone": format!("010-1234-{:04}", index % 10_000) }), None, ""),
            "get-cart" | "get-yours" | "list-coupons" | "list-orders" | "list-payments" => {
                (Value::Null, None, "?userId=kim")
            }
            "remove-from-cart" => (Value::Null, None, "?userId="),
            _ => (Value::Null, None, ""),
        };
        let customer = match function {
            "create-user" => format!("v{index}"),
            "add-to-cart" | "remove-from-cart" | "issue-coupon" | "withdraw-user" | "create-export" | "enter-drop" => {
                user.clone()
            }
            "get-export" => "u0".to_owned(),
            _ => "kim".to_owned(),
        };
        let is_admins = function.contains("desk")
            || [
                "adjust-balance",
                "create-coupon",
                "create-parcel",
                "create-product",
                "decide-claim",
                "receive-claim",
                "get-coupon",
                "refund-payment",
                "restock-product",
                "list-accesses",
                "list-users",
                "retry-refund",
                "revoke-coupon",
                "set-drop",
                "set-seller-shipping",
                "update-coupon",
                "update-order-item",
                "update-parcel",
                "update-product",
                "update-withdrawal",
            ]
            .contains(&function);
        let caller = match (route.public, is_admins) {
            (true, _) => None,
            (false, true) => Some(("boss", Some("admin"))),
            (false, false) => Some((customer.as_str(), None)),
        };
        let order = order.unwrap_or_else(|| self.unshipped.last().cloned().unwrap_or_default());
        let refund = format!("{order}-3-refund");
        let payment = nth(if function == "refund-payment" { &self.topped_up } else { &self.sessions });
        let withdrawal = nth(&self.withdrawals);
        let [asked, undecided, accepted] = &self.claims;
        let claim = nth(match function {
            "decide-claim" => undecided,
            "receive-claim" => accepted,
            _ => asked,
        });
        let ids = [
            ("{refundId}", refund.as_str()),
            ("{paymentId}", &payment),
            ("{withdrawalId}", &withdrawal),
            ("{provider}", "toss"),
            ("{userId}", if function == "withdraw-user" { user.as_str() } else { "kim" }),
            ("{sellerId}", "kim"),
            ("{parcelId}", "1"),
            ("{claimId}", &claim),
            ("{exportId}", &self.exported),
            ("{dropId}", "friday"),
            ("{productId}", "hanji"),
            ("{couponId}", "welcome"),
            ("{orderId}", &order),
            ("{itemId}", if function == "remove-from-cart" { "hanji" } else { "1" }),
            ("{orderSheetId}", &self.sheet),
        ];
        let path = ids.iter().fold(route.path.to_owned(), |path, (parameter, id)| path.replace(parameter, id));
        let query = if function == "remove-from-cart" { format!("{query}{user}") } else { query.to_owned() };
        let mut event = http(route.method, &format!("{path}{query}"), caller, (!body.is_null()).then_some(body));
        if function == "create-order" {
            event["headers"]["idempotency-key"] = json!(format!("order-{index}"));
        }
        Ok(event)
    }
}

/// A request for an export of one's own data.
fn mine() -> Value {
    let now = Timestamp::now();
    json!({ "of": "MINE", "from": (now - SignedDuration::from_hours(24)).to_string(), "to": now.to_string() })
}

async fn export(shop: &TestShop, user: &str) -> Value {
    shop.post("/exports", mine()).as_user(user).await.expect(202)
}

/// The message about a step of an export.
fn due(export: &str, version: u64) -> Value {
    json!({ "exportId": export, "version": version, "changedAt": Timestamp::now().as_millisecond() })
}

/// Paid orders with their unit delivered.
async fn delivered(shop: &TestShop, count: usize) -> Vec<String> {
    let ids = orders(shop, "BALANCE", count).await;
    for id in &ids {
        shop.post(&format!("/orders/{id}/parcels"), parcel()).as_admin().await.expect(201);
        let arrives = shop.patch(&format!("/orders/{id}/parcels/1"), json!({ "status": "DELIVERED" }));
        arrives.as_admin().await.expect(200);
    }
    ids
}

/// Claims of delivered orders, accepted or not.
async fn claimed(shop: &TestShop, count: usize, are_accepted: bool) -> Vec<String> {
    let mut ids = Vec::new();
    for order in delivered(shop, count).await {
        let claim = shop.post(&format!("/orders/{order}/claims"), claim()).as_user("kim").await.expect(201);
        let id = text(&claim["claimId"]);
        if are_accepted {
            shop.post(&format!("/claims/{id}/decide"), json!({ "accept": true })).as_admin().await.expect(200);
        }
        ids.push(id);
    }
    ids
}

fn claim() -> Value {
    json!({ "type": "RETURN", "items": [{ "itemId": "1", "quantity": 1 }], "reason": "DEFECT" })
}

/// A parcel with one unit of the first line.
fn parcel() -> Value {
    json!({ "items": [{ "itemId": "1", "quantity": 1 }], "carrier": "CJ", "trackingNumber": "688012345678" })
}

/// Sessions of top-ups, paid or not.
async fn top_ups(shop: &TestShop, count: usize, are_paid: bool) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let session = shop.post("/payments", top_up()).as_user("kim").await.expect(201);
        if are_paid {
            pay_session(shop, "kim", &session, CARD).await;
        }
        ids.push(payment_id(&session));
    }
    ids
}

/// Cancelled orders whose money could not be sent back.
async fn unrefunded(shop: &TestShop, count: usize) -> Vec<String> {
    let ids = orders(shop, "EXTERNAL", count).await;
    for id in &ids {
        let session = session_of(shop, "kim", &json!({ "orderId": id })).await.expect(201);
        pay_session(shop, "kim", &session, CARD).await;
        shop.post(&format!("/orders/{id}/cancel"), json!({})).as_user("kim").await.expect(200);
    }
    let refusal = FaultKind::Call(On::Cancel, CallFault::Decline("NOT_CANCELABLE_PAYMENT".to_owned()));
    shop.provider.provider().set_faults(vec![Fault { kind: refusal, times: None }]).expect("a fault");
    sweep_payments(shop).await;
    shop.provider.provider().clear_faults();
    ids
}

fn top_up() -> Value {
    json!({ "purpose": { "type": "TOP_UP", "userId": "kim", "amount": 1_000 } })
}

fn withdrawal() -> Value {
    let account = json!({ "bank": "088", "number": "110-123", "holder": "김하늘" });
    json!({ "userId": "kim", "amount": 1, "account": account })
}

/// Orders of a unit by one customer, by a means of payment.
async fn orders(shop: &TestShop, payment: &str, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let items = json!([{ "productId": "hanji", "quantity": 1 }]);
        let order = json!({ "userId": "kim", "items": items, "payment": payment });
        ids.push(text(&shop.post("/orders", order).as_user("kim").await.expect(201)["orderId"]));
    }
    ids
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// An event of an HTTP API, as API Gateway makes it for a caller with a group.
fn http(method: &str, path: &str, caller: Option<(&str, Option<&str>)>, body: Option<Value>) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parameters = routes::find(method, path).map(|(_, parameters)| parameters).unwrap_or_default();
    let parameters: Map<_, _> = parameters.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let asked = query.split_once('=').map(|(name, value)| json!({ name: value }));
    let claims = caller.map(|(user, group)| {
        let mut claims = json!({ "sub": user, "iss": "https://issuer.example", "token_use": "access" });
        if let Some(group) = group {
            claims["cognito:groups"] = json!(format!("[{group}]"));
        }
        json!({ "jwt": { "claims": claims, "scopes": null } })
    });
    json!({
        "version": "2.0", "routeKey": format!("{method} {path}"), "rawPath": path, "rawQueryString": query,
        "headers": {
            "host": "api.example.com", "content-type": "application/json", "accept": "*/*", "user-agent": "bench",
            "x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https", "x-forwarded-port": "443",
        },
        "queryStringParameters": asked, "pathParameters": parameters,
        "requestContext": {
            "accountId": "123456789012", "apiId": "api", "domainName": "api.example.com", "domainPrefix": "api",
            "stage": "$default", "requestId": "JKJaXmPLvHcESHA=", "routeKey": format!("{method} {path}"),
            "time": "20/Nov/2026:03:00:00 +0000", "timeEpoch": 1_795_143_600_000_i64, "authorizer": claims,
            "http": {
                "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "bench",
            },
        },
        "body": body.map(|body| body.to_string()), "isBase64Encoded": false,
    })
}

#[cfg(test)]
mod tests {
    use local_stack::function_names;
    use shared::{
        api::identity::{IdentitySource, RoleGroups},
        lambda::serve,
    };

    use super::*;
    use crate::permissions::running_as;

    #[test]
    fn an_outcome_is_the_status_or_whether_all_is_done() {
        let outcomes = [
            (json!({ "statusCode": 201, "body": "{}" }), "201", true),
            (json!({ "statusCode": 409, "body": "{}" }), "409", false),
            (json!({ "batchItemFailures": [] }), "done", true),
            (json!({ "batchItemFailures": [{ "itemIdentifier": "1" }] }), "failed", false),
            (Value::Null, "done", true),
        ];
        for (answer, said, expected) in outcomes {
            assert_eq!((outcome(&answer).as_str(), is_expected("create-order", said)), (said, expected));
        }
        assert!(is_expected("route-not-found", "404") && !is_expected("route-not-found", "200"));
    }

    /// The handlers take the events as they are, and all of them do their work.
    #[tokio::test]
    async fn each_function_has_an_invocation_that_succeeds() {
        let services = Services::start().await.unwrap();
        let invocations = Invocations::prepare(&services, 1).await.unwrap();
        let claims = IdentitySource::Claims(RoleGroups::default());
        for function in function_names().unwrap() {
            let event = invocations.event(&function, 0).unwrap();
            let Some(endpoint) = functions::handler(&function) else { continue };
            let request = lambda_http::request::from_str(&event.to_string()).unwrap();
            let work = serve::answer(services.shop.instance(), endpoint, request, &claims);
            let response = running_as(&function, work).await;
            let status = response.status().as_u16().to_string();
            assert!(is_expected(&function, &status), "{function} {status}: {:?}", response.body());
        }
    }

    #[test]
    fn an_event_is_that_of_api_gateway() {
        let event = http("GET", "/orders/o1/items/1?userId=kim", Some(("boss", Some("admin"))), None);
        assert_eq!(event["pathParameters"], json!({ "orderId": "o1", "itemId": "1" }));
        assert_eq!(event["queryStringParameters"], json!({ "userId": "kim" }));
        assert_eq!(event["requestContext"]["authorizer"]["jwt"]["claims"]["cognito:groups"], "[admin]");
        assert_eq!(event["body"], Value::Null);
        assert_eq!(http("GET", "/products", None, None)["requestContext"]["authorizer"], Value::Null);
    }
}
