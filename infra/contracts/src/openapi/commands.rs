//! The calls of each operation's samples, to try it on the sample shop. They use the ids of the sample data
//! (`infra/xtask/sample-data.json`) and the headers of the local runner. An end-to-end test runs every one as shown.

use std::collections::BTreeSet;

use functions::routes;
use serde_json::{Value, json};
use utoipa::openapi::{OpenApi, extensions::ExtensionsBuilder};

use super::{
    Error, operations, samples,
    source::{python, shell, typescript},
};

/// The address in the commands. The page that shows them puts its own in its place.
const SHOP: &str = "http://localhost:9000";

/// The local payment provider, where one call does what a customer does on the hosted page.
const PROVIDER: &str = "http://localhost:9300";

/// The extension by which documentation tools know samples of code.
const EXTENSION: &str = "x-codeSamples";

/// The headers that name a caller to the local runner. The page of a deployed shop shows a token in their place.
#[derive(Clone, Copy)]
enum As {
    Anyone,
    Customer(&'static str),
    Seller(&'static str),
    Admin,
}

impl As {
    /// The values of `x-user-id` and `x-user-role`.
    fn headers(self) -> (Option<&'static str>, Option<&'static str>) {
        match self {
            Self::Anyone => (None, None),
            Self::Customer(user) => (Some(user), None),
            Self::Seller(user) => (Some(user), Some("SELLER")),
            Self::Admin => (Some("admin"), Some("ADMIN")),
        }
    }
}

/// A call, whose answer may have an id that later calls name.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) server: &'static str,
    caller: As,
    /// The method, if curl would not choose it by itself.
    method: Option<&'static str>,
    pub(super) path: String,
    pub(super) body: Option<Value>,
    /// Whether it is made with an idempotency key.
    pub(super) keyed: bool,
    /// The field of the answer that a variable keeps.
    pub(super) keeps: Option<Variable>,
}

/// An id that an answer has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Variable {
    /// Its name in paths and bodies of later calls.
    pub(super) name: &'static str,
    pub(super) field: &'static str,
}

const ORDER: Variable = Variable { name: "$ORDER", field: "orderId" };
const SHEET: Variable = Variable { name: "$SHEET", field: "orderSheetId" };
const PAYMENT: Variable = Variable { name: "$PAYMENT", field: "paymentId" };
const KEY: Variable = Variable { name: "$KEY", field: "paymentKey" };
const CLAIM: Variable = Variable { name: "$CLAIM", field: "claimId" };
const WITHDRAWAL: Variable = Variable { name: "$WITHDRAWAL", field: "withdrawalId" };
const EXPORT: Variable = Variable { name: "$EXPORT", field: "exportId" };
const TICKET: Variable = Variable { name: "$TICKET", field: "ticket" };

/// All variables.
pub(super) const VARIABLES: [Variable; 8] = [ORDER, SHEET, PAYMENT, KEY, CLAIM, WITHDRAWAL, EXPORT, TICKET];

impl Call {
    fn get(caller: As, path: &str) -> Self {
        Self { server: SHOP, caller, method: None, path: path.to_owned(), body: None, keyed: false, keeps: None }
    }

    fn post(caller: As, path: &str, body: Value) -> Self {
        Self { body: Some(body), keyed: true, ..Self::get(caller, path) }
    }

    fn patch(caller: As, path: &str, body: Value) -> Self {
        Self { method: Some("PATCH"), body: Some(body), ..Self::get(caller, path) }
    }

    /// A POST without a body.
    fn empty_post(caller: As, path: &str) -> Self {
        Self { method: Some("POST"), keyed: true, ..Self::get(caller, path) }
    }

    fn without_key(mut self) -> Self {
        self.keyed = false;
        self
    }

    /// The call with its answer's id kept. A call that only prepares another needs no key.
    fn keeping(self, variable: Variable) -> Self {
        Self { keeps: Some(variable), ..self.without_key() }
    }

    pub(super) fn method(&self) -> &'static str {
        self.method.unwrap_or(if self.body.is_some() { "POST" } else { "GET" })
    }

    /// The method, where curl needs to be told.
    pub(super) fn told_method(&self) -> Option<&'static str> {
        self.method
    }

    /// The headers that name the caller to the local runner.
    pub(super) fn identity(&self) -> Vec<(&'static str, &'static str)> {
        let (user, role) = self.caller.headers();
        user.map(|user| ("x-user-id", user)).into_iter().chain(role.map(|role| ("x-user-role", role))).collect()
    }

    /// Whether the server answers with the shop's envelope.
    pub(super) fn has_envelope(&self) -> bool {
        self.server == SHOP
    }
}

/// Adds its samples to each operation: the same calls as a command, in TypeScript and in Python.
pub(crate) fn add(document: &mut OpenApi) -> Result<(), Error> {
    for (method, path, operation) in operations::each_mut(document) {
        let calls = calls(method, path).ok_or_else(|| Error::NoCommand(format!("{method} {path}")))?;
        let samples = json!([
            { "lang": "Shell", "label": "curl", "source": shell::source(&calls) },
            { "lang": "TypeScript", "label": "TypeScript", "source": typescript::source(&calls) },
            { "lang": "Python", "label": "Python", "source": python::source(&calls) },
        ]);
        let extensions = ExtensionsBuilder::new().add(EXTENSION, samples).build();
        operation.extensions.get_or_insert_default().merge(extensions);
    }
    Ok(())
}

const KIM: As = As::Customer("kim");

/// The call of an operation, after those that create its order, sheet or coupon.
fn calls(method: &str, path: &str) -> Option<Vec<Call>> {
    if let Some(call) = simple(method, path) {
        return Some(vec![call]);
    }
    let items = json!([{ "productId": "hanji", "quantity": 2 }]);
    let order = Call::post(KIM, "/orders", json!({ "userId": "kim", "items": items })).keeping(ORDER);
    let held = json!({ "userId": "kim", "items": items, "payment": "LATER" });
    let held = Call::post(KIM, "/orders", held).keeping(ORDER);
    let sheet = Call::post(KIM, "/order-sheets", json!({ "userId": "kim", "items": items })).keeping(SHEET);
    let withdrawal = Call::post(KIM, "/balance/withdrawals", withdrawal_of_kim()).keeping(WITHDRAWAL);
    let export = Call::post(KIM, "/exports", export_of_kim()).keeping(EXPORT);
    let payment = Call::post(KIM, "/payments", top_up_of_kim()).keeping(PAYMENT);
    let checkout = json!({ "clientKey": "test_ck_local", "merchantOrderId": "$PAYMENT", "amount": 50_000 });
    let key = Call { server: PROVIDER, ..Call::post(As::Anyone, "/checkout", checkout).keeping(KEY) };
    let confirm = json!({ "paymentKey": "$KEY", "amount": 50_000 });
    let confirm = Call::post(KIM, "/payments/$PAYMENT/confirm", confirm).without_key();
    let issued = json!({ "userId": "lee", "couponId": "delivery" });
    let ship = Call::post(As::Admin, "/orders/$ORDER/parcels", samples::parcel());
    let deliver = Call::patch(As::Admin, "/orders/$ORDER/parcels/1", json!({ "status": "DELIVERED" }));
    let claim = Call::post(KIM, "/orders/$ORDER/claims", samples::claim());
    let delivered = [order.clone(), ship.clone(), deliver.clone()];
    let claimed: Vec<Call> = delivered.iter().cloned().chain([claim.clone().keeping(CLAIM)]).collect();
    let accept = Call::post(As::Admin, "/claims/$CLAIM/decide", json!({ "accept": true }));
    let readdress = Call::patch(KIM, "/orders/$ORDER", json!({ "shipTo": address() }));
    let drop = json!({ "productId": "gim", "opensAt": "2026-11-27T20:00:00+09:00", "enabled": false });
    let drop = Call { method: Some("PUT"), ..Call::patch(As::Admin, "/drops/friday", drop) };
    let enter = Call::empty_post(KIM, "/drops/friday/entries").without_key();
    let (mut before, call) = match (method, path) {
        ("PUT", "/drops/{dropId}") => (Vec::new(), drop),
        ("GET", "/drops/{dropId}") => (vec![drop], Call::get(KIM, "/drops/friday")),
        ("POST", "/drops/{dropId}/entries") => (vec![drop], enter),
        ("GET", "/drops/{dropId}/entries") => {
            (vec![drop, enter.keeping(TICKET)], Call::get(KIM, "/drops/friday/entries?ticket=$TICKET"))
        }
        ("POST", "/coupons/revoke") => {
            let issue = Call::post(As::Admin, "/coupons/issue", issued.clone()).without_key();
            (vec![issue], Call::post(As::Admin, "/coupons/revoke", issued))
        }
        ("POST", "/orders/{orderId}/payment") => (vec![held], Call::empty_post(KIM, "/orders/$ORDER/payment")),
        ("POST", "/orders/{orderId}/cancel") => {
            let part = json!({ "items": [{ "itemId": "1", "quantity": 1 }], "reason": "하나만 필요해요" });
            (vec![order], Call::post(KIM, "/orders/$ORDER/cancel", part))
        }
        ("PATCH", "/orders/{orderId}/items/{itemId}") => {
            (vec![order], Call::patch(As::Admin, "/orders/$ORDER/items/1", json!({ "status": "SHIPPED" })))
        }
        ("POST", "/orders/{orderId}/parcels") => (vec![order], ship),
        ("PATCH", "/orders/{orderId}/parcels/{parcelId}") => (vec![order, ship], deliver),
        ("POST", "/orders/{orderId}/claims") => (delivered.into(), claim),
        ("GET", "/claims/{claimId}") => (claimed, Call::get(KIM, "/claims/$CLAIM")),
        ("POST", "/claims/{claimId}/decide") => (claimed, accept),
        ("POST", "/claims/{claimId}/receive") => {
            let receive = Call::post(As::Admin, "/claims/$CLAIM/receive", samples::receipt());
            (claimed.into_iter().chain([accept]).collect(), receive)
        }
        ("POST", "/claims/{claimId}/withdraw") => (claimed, Call::empty_post(KIM, "/claims/$CLAIM/withdraw")),
        ("PATCH", "/orders/{orderId}") => (vec![order], readdress),
        ("GET", "/orders/{orderId}/ship-to") => (vec![order, readdress], Call::get(KIM, "/orders/$ORDER/ship-to")),
        ("POST", "/users/{userId}/withdraw") => {
            let bora = json!({ "userId": "bora", "name": "윤보라", "email": "bora@example.com" });
            let join = Call::post(As::Customer("bora"), "/users", bora).without_key();
            (vec![join], Call::post(As::Customer("bora"), "/users/bora/withdraw", json!({ "forfeit": true })))
        }
        ("POST", "/orders/{orderId}/refunds/{refundId}/retry") => {
            let retry =
                Call::post(As::Admin, "/orders/$ORDER/refunds/$ORDER-2-refund/retry", json!({ "to": "BALANCE" }));
            (vec![order], retry)
        }
        ("GET", "/balance/withdrawals/{withdrawalId}") => {
            (vec![withdrawal], Call::get(KIM, "/balance/withdrawals/$WITHDRAWAL"))
        }
        ("PATCH", "/balance/withdrawals/{withdrawalId}") => {
            let paid_out = json!({ "status": "PAID_OUT" });
            (vec![withdrawal], Call::patch(As::Admin, "/balance/withdrawals/$WITHDRAWAL", paid_out))
        }
        ("GET", "/exports/{exportId}") => (vec![export], Call::get(KIM, "/exports/$EXPORT")),
        ("GET", "/payments/{paymentId}") => (vec![payment], Call::get(KIM, "/payments/$PAYMENT")),
        ("POST", "/payments/{paymentId}/confirm") => (vec![payment, key], confirm),
        ("POST", "/payments/{paymentId}/refund") => {
            let refund = Call::post(As::Admin, "/payments/$PAYMENT/refund", json!({ "amount": 5_000 }));
            (vec![payment, key, confirm], refund)
        }
        ("GET", path) if path.contains("{orderId}") => (vec![order], Call::get(KIM, &filled_in(path))),
        ("GET", path) if path.contains("{orderSheetId}") => (vec![sheet], Call::get(KIM, &filled_in(path))),
        _ => return None,
    };
    before.push(call);
    Some(before)
}

/// The call of an operation as a request of a `.http` file. Variables of the shell become variables of the file.
pub(crate) fn request(method: &str, path: &str) -> Option<String> {
    let call = calls(method, path)?.pop()?;
    let mut lines = vec![format!("{method} {{{{shop}}}}{}", call.path)];
    lines.extend(call.identity().into_iter().map(|(name, value)| format!("{name}: {value}")));
    if call.keyed {
        lines.push("Idempotency-Key: {{$guid}}".to_owned());
    }
    if let Some(body) = &call.body {
        lines.extend(["Content-Type: application/json".to_owned(), String::new()]);
        lines.push(serde_json::to_string_pretty(body).ok()?);
    }
    let text = lines.join("\n");
    // `$guid` is the file format's own.
    let names = text.split(|c: char| !(c == '$' || c.is_ascii_uppercase())).filter(|word| word.starts_with('$'));
    let variables: BTreeSet<&str> = names.filter(|word| word.len() > 1).collect();
    Some(variables.iter().fold(text.clone(), |text, variable| {
        text.replace(variable, &format!("{{{{{}}}}}", variable.trim_start_matches('$').to_ascii_lowercase()))
    }))
}

fn address() -> Value {
    json!({ "postcode": "04524", "line1": "서울특별시 중구 세종대로 110", "line2": "3층", "note": "문 앞" })
}

fn withdrawal_of_kim() -> Value {
    let account = json!({ "bank": "088", "number": "110-123-456789", "holder": "김하늘" });
    json!({ "userId": "kim", "amount": 1_000, "account": account })
}

fn export_of_kim() -> Value {
    json!({ "of": "MINE", "from": "2026-01-01T00:00:00+09:00", "to": "2027-01-01T00:00:00+09:00" })
}

fn top_up_of_kim() -> Value {
    json!({ "purpose": { "type": "TOP_UP", "userId": "kim", "amount": 50_000 } })
}

/// The call of an operation that needs nothing but the sample data.
fn simple(method: &str, path: &str) -> Option<Call> {
    let hanji = json!({ "userId": "kim", "items": [{ "productId": "hanji", "quantity": 2 }] });
    Some(match (method, path) {
        ("POST", "/users") => {
            let mina =
                json!({ "userId": "mina", "name": "김민아", "email": "mina@example.com", "phone": "010-1234-5678" });
            Call::post(As::Customer("mina"), "/users", mina)
        }
        ("PATCH", "/users/{userId}") => Call::patch(KIM, "/users/kim", json!({ "phone": "010-8765-4321" })),
        ("GET", "/users") => Call::get(As::Admin, "/users?email=kim@example.com"),
        ("GET", "/desk/audit-log") => Call::get(As::Admin, "/desk/audit-log?userId=kim&limit=20"),
        ("POST", "/balance/charge") => Call::post(KIM, "/balance/charge", json!({ "userId": "kim", "amount": 50_000 })),
        ("GET", "/balance/{userId}/entries") => Call::get(KIM, "/balance/kim/entries?limit=20"),
        ("POST", "/balance/adjustments") => {
            let correction = json!({ "userId": "kim", "amount": -500, "reason": "중복 적립 정정" });
            Call::post(As::Admin, "/balance/adjustments", correction)
        }
        ("POST", "/balance/withdrawals") => Call::post(KIM, "/balance/withdrawals", withdrawal_of_kim()),
        ("POST", "/exports") => Call::post(KIM, "/exports", export_of_kim()),
        ("POST", "/payments") => Call::post(KIM, "/payments", top_up_of_kim()),
        ("GET", "/payments") => Call::get(KIM, "/payments?userId=kim&limit=20"),
        ("POST", "/payment-notices/{provider}") => {
            let notice = json!({ "eventType": "PAYMENT_STATUS_CHANGED", "data": { "orderId": "unknown" } });
            Call::post(As::Anyone, "/payment-notices/toss", notice).without_key()
        }
        ("GET", "/products") => Call::get(As::Anyone, "/products?limit=20"),
        ("GET", "/products/best-seller") => Call::get(As::Anyone, "/products/best-seller?range=3days"),
        ("POST", "/products") => {
            let tea = json!({
                "productId": "hallabong-tea", "name": "한라봉차 500 g", "category": "차", "price": 12_000, "discount": 1_000,
                "stock": 100,
            });
            Call::post(As::Seller("namdaemun"), "/products", tea)
        }
        ("PATCH", "/products/{productId}") => Call::patch(As::Admin, "/products/but", json!({ "price": 26_000 })),
        ("POST", "/products/{productId}/restock") => {
            Call::post(As::Admin, "/products/but/restock", json!({ "quantity": 50 }))
        }
        ("POST", "/coupons") => {
            let campaign = json!({
                "couponId": "welcome-5000", "name": "첫 구매 5,000원", "kind": "FIXED", "value": 5_000,
                "minOrderAmount": 20_000, "totalQuantity": 1_000, "issueFrom": "2026-11-20T00:00:00+09:00",
                "issueUntil": "2035-12-31T00:00:00+09:00", "validDays": 30,
            });
            Call::post(As::Admin, "/coupons", campaign)
        }
        ("PATCH", "/coupons/{couponId}") => {
            Call::patch(As::Admin, "/coupons/welcome", json!({ "description": "첫 주문에 쓰는 쿠폰" }))
        }
        ("GET", "/coupons/campaigns") => Call::get(As::Anyone, "/coupons/campaigns?open=true"),
        ("GET", "/coupons") => Call::get(KIM, "/coupons?userId=kim&status=ALL"),
        ("POST", "/coupons/issue") => {
            Call::post(KIM, "/coupons/issue", json!({ "userId": "kim", "couponId": "harvest" }))
        }
        ("POST", "/orders") => Call::post(KIM, "/orders", hanji),
        ("GET", "/orders") => Call::get(KIM, "/orders?userId=kim&limit=20"),
        ("POST", "/orders/cart") => {
            Call::post(KIM, "/orders/cart", json!({ "userId": "kim", "productId": "gim", "quantity": 2 }))
        }
        ("GET", "/products/{productId}/yours") => Call::get(KIM, "/products/gim/yours?userId=kim"),
        ("GET", "/orders/cart") => Call::get(KIM, "/orders/cart?userId=kim"),
        ("DELETE", "/orders/cart/{itemId}") => {
            Call { method: Some("DELETE"), ..Call::get(KIM, "/orders/cart/gim?userId=kim") }
        }
        ("POST", "/order-sheets") => Call::post(KIM, "/order-sheets", hanji),
        ("GET", "/sellers/{sellerId}/shipping") => Call::get(KIM, "/sellers/namdaemun/shipping"),
        ("PUT", "/sellers/{sellerId}/shipping") => {
            let terms = json!({ "fee": 2_500, "freeFrom": 50_000, "returnFee": 2_500 });
            let seller = As::Seller("namdaemun");
            Call { method: Some("PUT"), ..Call::patch(seller, "/sellers/namdaemun/shipping", terms) }
        }
        ("GET", "/desk/products") => Call::get(As::Seller("namdaemun"), "/desk/products?limit=20"),
        ("GET", "/desk/lines") => Call::get(As::Seller("namdaemun"), "/desk/lines?status=PREPARING&limit=20"),
        ("GET", "/desk/campaigns") => Call::get(As::Admin, "/desk/campaigns?limit=20"),
        ("GET", path)
            if !["{order", "{payment", "{withdrawal", "{export", "{claim", "{drop"]
                .iter()
                .any(|id| path.contains(id)) =>
        {
            Call::get(reader(path), &filled_in(path))
        }
        _ => return None,
    })
}

/// The caller of a GET: nobody if the route is public, an admin at the desk and for campaigns, else a customer.
fn reader(path: &str) -> As {
    match routes::find("GET", path) {
        Some((route, _)) if route.public => As::Anyone,
        _ if path.starts_with("/desk") || path.starts_with("/coupons/") => As::Admin,
        _ => KIM,
    }
}

/// The path of a GET with ids of the sample data, or the variable that keeps an id.
fn filled_in(path: &str) -> String {
    let ids = [
        ("{userId}", "kim"),
        ("{productId}", "hanji"),
        ("{couponId}", "welcome"),
        ("{orderId}", "$ORDER"),
        ("{itemId}", "1"),
        ("{orderSheetId}", "$SHEET"),
    ];
    ids.iter().fold(path.to_owned(), |path, (parameter, id)| path.replace(parameter, id))
}
