//! The knowledge that clients have of the shop, by the answers to them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{payers::Session, registers::Registers, tally::Tally, world::World};
use crate::Answer;

/// An order, as the last answer showed it.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) user: &'static str,
    pub(super) id: String,
    pub(super) status: String,
    pub(super) is_external: bool,
    pub(super) lines: Vec<Line>,
    pub(super) parcels: Vec<Parcel>,
    pub(super) claims: BTreeMap<String, Claim>,
    /// The id and the status of each refund to outside.
    pub(super) refunds: Vec<(String, String)>,
}

/// A parcel of an order.
#[derive(Debug, Clone, Default)]
pub(super) struct Parcel {
    pub(super) status: String,
    is_replacement: bool,
    /// Units by the number of their line, from 1.
    pub(super) items: Vec<(usize, u64)>,
}

/// A line of an order.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    pub(super) product: String,
    pub(super) status: String,
    pub(super) quantity: u64,
    /// Units cancelled or returned.
    pub(super) cancelled: u64,
    pub(super) returned: u64,
    /// The price of a unit, less its own discount.
    pub(super) unit_cost: u64,
}

/// A claim of an order.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) is_exchange: bool,
    pub(super) status: String,
    /// The line and the number of units of each part.
    pub(super) items: Vec<(String, u64)>,
    /// Units that came back, and are to be replaced by an exchange.
    pub(super) received: Vec<(String, u64)>,
    /// The return fee that its first answer showed.
    fee: i64,
}

/// A withdrawal of a user.
#[derive(Debug, Clone)]
pub(super) struct Withdrawal {
    pub(super) user: &'static str,
    pub(super) id: String,
}

/// A ticket of a user for a drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) user: &'static str,
    pub(super) drop: String,
    pub(super) text: String,
}

pub(super) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

pub(super) fn number(value: &Value, name: &str) -> i64 {
    value[name].as_i64().unwrap_or(0)
}

pub(super) fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    value[name].as_array().into_iter().flatten()
}

/// Whether it is an order as a whole.
fn is_order(data: &Value) -> bool {
    data["paid"].is_number()
}

fn units(item: &Value) -> (String, u64) {
    (text(item, "itemId"), item["quantity"].as_u64().unwrap_or_default())
}

impl Line {
    fn of(data: &Value) -> Self {
        let number = |name: &str| data[name].as_u64().unwrap_or_default();
        Self {
            product: text(data, "productId"),
            status: text(data, "status"),
            quantity: number("quantity"),
            cancelled: number("cancelledQuantity"),
            returned: number("returnedQuantity"),
            unit_cost: number("unitPrice").saturating_sub(number("unitDiscount")),
        }
    }

    /// Units that the customer gets or has.
    pub(super) fn live(&self) -> u64 {
        self.quantity.saturating_sub(self.cancelled)
    }
}

impl Claim {
    fn of(data: &Value) -> Self {
        let came_back = list(data, "received").filter(|part| part["condition"] != "MISSING");
        Self {
            is_exchange: data["type"] == "EXCHANGE",
            status: text(data, "status"),
            items: list(data, "items").map(units).collect(),
            received: came_back.map(units).collect(),
            fee: number(&data["refund"], "returnFee"),
        }
    }

    /// Units of the replacement: as many of each line as came back.
    pub(super) fn replacement(&self) -> BTreeMap<String, u64> {
        let mut lines = BTreeMap::new();
        self.received.iter().for_each(|(line, units)| *lines.entry(line.clone()).or_default() += units);
        lines
    }
}

impl Order {
    fn of(user: &'static str, data: &Value) -> Self {
        let refunds = list(data, "refunds").filter(|refund| refund["to"] == "EXTERNAL");
        Self {
            user,
            id: text(data, "orderId"),
            status: text(data, "status"),
            is_external: data["payment"] == "EXTERNAL",
            lines: list(data, "items").map(Line::of).collect(),
            parcels: list(data, "parcels").map(Parcel::of).collect(),
            claims: list(data, "claims").map(|claim| (text(claim, "claimId"), Claim::of(claim))).collect(),
            refunds: refunds.map(|refund| (text(refund, "refundId"), text(refund, "status"))).collect(),
        }
    }

    /// Units of the line at a place that are in no parcel yet. Answers about parcels come without their order.
    pub(super) fn to_ship(&self, place: usize) -> u64 {
        let items = self.parcels.iter().filter(|parcel| !parcel.is_replacement).flat_map(|parcel| &parcel.items);
        let shipped: u64 = items.filter(|(number, _)| *number == place + 1).map(|(_, units)| units).sum();
        let line = &self.lines[place];
        (line.quantity + line.returned).saturating_sub(line.cancelled + shipped)
    }

    /// Whether a unit of the line at a place has arrived.
    pub(super) fn has_arrived(&self, place: usize) -> bool {
        let is_in = |parcel: &Parcel| parcel.items.iter().any(|(number, _)| *number == place + 1);
        let is_in_parcel = self.parcels.iter().any(|parcel| parcel.status == "DELIVERED" && is_in(parcel));
        let is_shown = ["DELIVERED", "PURCHASE_CONFIRMED", "EXCHANGED"].contains(&self.lines[place].status.as_str());
        self.lines[place].live() > 0 && (is_shown || is_in_parcel)
    }

    /// The line with this id.
    pub(super) fn line(&self, id: &str) -> Option<&Line> {
        self.lines.get(id.parse::<usize>().ok()?.checked_sub(1)?)
    }

    /// A claim whose state fulfils this, and its id.
    pub(super) fn claims_that(&self, is_so: impl Fn(&Claim) -> bool) -> Vec<(&String, &Claim)> {
        self.claims.iter().filter(|(_, claim)| is_so(claim)).collect()
    }
}

impl Parcel {
    fn of(data: &Value) -> Self {
        let item = |(line, units): (String, u64)| Some((line.parse().ok()?, units));
        Self {
            status: text(data, "status"),
            is_replacement: data["claimId"].is_string(),
            items: list(data, "items").map(units).filter_map(item).collect(),
        }
    }
}

/// The knowledge that clients have of the shop.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The orders in answers so far.
    pub(super) orders: Vec<Order>,
    /// The payment sessions in answers so far.
    pub(super) sessions: Vec<Session>,
    pub(super) withdrawals: Vec<Withdrawal>,
    /// The exports, each with its owner.
    pub(super) exports: Vec<(&'static str, String)>,
    /// The tickets that users have got.
    pub(super) tickets: Vec<Ticket>,
    /// The order sheets.
    pub(super) sheets: Vec<(&'static str, String)>,
    /// The bounds of the sums of charges and restocks.
    pub(super) tally: Tally,
    /// The values that clients have set.
    pub(super) registers: Registers,
    /// The coupons issued to clients.
    pub(super) coupons: Vec<(&'static str, &'static str)>,
    /// The number of each answer of each function.
    pub(super) answers: BTreeMap<(&'static str, String), u64>,
    /// The success that each key has had.
    answered: BTreeMap<String, Value>,
    /// The request that made each parcel and each claim.
    made: BTreeMap<String, String>,
    /// For each reader of the stream, the number of changes read, and the number of those not handled yet.
    pub(super) behind: BTreeMap<(&'static str, u64), (usize, usize)>,
}

/// Keeps an answer, and checks that a key has one outcome, and that a parcel or a claim is made by one request.
pub(super) fn record(world: &World, who: &'static str, name: &str, key: Option<&str>, answer: &Answer) {
    if answer.status >= 500 {
        world.report_violation(format!("{name} gets {} {}", answer.status, answer.body));
    }
    if answer.status >= 300 {
        return;
    }
    let data = &answer.body["data"];
    let mut known = world.known.lock().unwrap();
    let mut violations = Vec::new();
    violations.extend(record_part(&mut known, name, answer.status == 201, data));
    if let Some(id) = data["orderId"].as_str().filter(|_| is_order(data)) {
        match known.orders.iter_mut().find(|order| order.id == id) {
            None => known.orders.push(Order::of(who, data)),
            // A seller sees only a part of it.
            Some(order) if order.lines.len() == data["items"].as_array().map_or(0, Vec::len) => {
                let before = std::mem::replace(order, Order::of(order.user, data));
                for (id, claim) in &mut order.claims {
                    claim.fee = before.claims.get(id).map_or(claim.fee, |claim| claim.fee);
                }
            }
            Some(_) => {}
        }
    }
    if data["issuedCouponId"].is_string()
        && let Some(coupon) = world.shape.coupons.iter().find(|coupon| data["couponId"] == **coupon)
        && !known.coupons.contains(&(who, coupon))
    {
        known.coupons.push((who, coupon));
    }
    if let Some(sheet) = data["orderSheetId"].as_str().filter(|_| data["orderId"].is_null())
        && known.sheets.iter().all(|(_, id)| id != sheet)
    {
        known.sheets.push((who, sheet.to_owned()));
    }
    if let Some(export) = data["exportId"].as_str().filter(|id| known.exports.iter().all(|(_, other)| other != id)) {
        known.exports.push((who, export.to_owned()));
    }
    if data["ticket"].is_string() {
        let ticket = Ticket { user: who, drop: text(data, "dropId"), text: text(data, "ticket") };
        if !known.tickets.contains(&ticket) {
            known.tickets.push(ticket);
        }
    }
    record_session(&mut known, who, data);
    if let Some(key) = key {
        let outcome = outcome(data);
        let first = known.answered.entry(key.to_owned()).or_insert_with(|| outcome.clone()).clone();
        if first != outcome {
            violations.push(format!("{name} gets {outcome} by its key, and got {first} before"));
        }
    }
    drop(known);
    violations.into_iter().for_each(|violation| world.report_violation(violation));
}

/// Keeps a parcel or a claim, with the request that made it.
fn record_part(known: &mut Known, name: &str, is_made: bool, data: &Value) -> Option<String> {
    let order = data["orderId"].as_str()?;
    let (part, is_claim) = match (data["parcelId"].as_str(), data["claimId"].as_str()) {
        (Some(parcel), _) => (parcel, false),
        (None, Some(claim)) if data["status"].is_string() => (claim, true),
        _ => return None,
    };
    let there = known.orders.iter_mut().find(|other| other.id == order);
    let mut violation = None;
    if let Some(order) = there {
        if is_claim {
            let fee = order.claims.get(part).map(|claim| claim.fee);
            violation = fee.and_then(|fee| fee_violation(part, fee, data));
            order.claims.insert(part.to_owned(), Claim { fee: fee.unwrap_or(Claim::of(data).fee), ..Claim::of(data) });
        } else if let Some(place) = part.parse::<usize>().ok().and_then(|number| number.checked_sub(1)) {
            let missing = (place + 1).saturating_sub(order.parcels.len());
            order.parcels.extend((0..missing).map(|_| Parcel::default()));
            order.parcels[place] = Parcel::of(data);
        }
    }
    if is_made {
        let made = format!("{order} {} {part}", if is_claim { "claim" } else { "parcel" });
        let by = known.made.entry(made.clone()).or_insert_with(|| name.to_owned());
        if by != name {
            violation = Some(format!("{name} makes {made}, which {by} made before"));
        }
    }
    violation
}

/// A return keeps the fee that its customer was told, or all of its refund.
fn fee_violation(claim: &str, fee: i64, data: &Value) -> Option<String> {
    let refund = &data["refund"];
    let amount = |name: &str| number(refund, name);
    let gross = amount("goods") - amount("coupon") + amount("shipping");
    let keeps = amount("returnFee") >= fee.min(gross) && amount("total") == gross - amount("returnFee");
    (data["status"] == "COMPLETED" && !keeps).then(|| format!("{claim} refunds {refund}, with a fee of {fee} before"))
}

/// Keeps a payment session, or a withdrawal.
fn record_session(known: &mut Known, who: &'static str, data: &Value) {
    let id = |name: &str| data[name].as_str().map(str::to_owned);
    if let Some(id) = id("paymentId").filter(|_| data["purpose"].is_object()) {
        let failed = list(data, "refunds").filter(|refund| refund["status"] == "FAILED");
        let before = known.sessions.iter().position(|session| session.id == id);
        let session = Session {
            user: before.map_or(who, |place| known.sessions[place].user),
            id,
            amount: number(data, "amount"),
            status: text(data, "status"),
            is_top_up: data["purpose"]["type"] == "TOP_UP",
            failed_refunds: failed.filter_map(|refund| refund["amount"].as_i64()).collect(),
        };
        match before {
            Some(place) => known.sessions[place] = session,
            None => known.sessions.push(session),
        }
    }
    if let Some(id) = id("withdrawalId").filter(|id| known.withdrawals.iter().all(|other| other.id != *id)) {
        known.withdrawals.push(Withdrawal { user: who, id });
    }
}

/// The part of an answer that must be the same for each repetition of a key: all of a charge, the id of anything else.
fn outcome(data: &Value) -> Value {
    if data["entryId"].is_string() {
        return data.clone();
    }
    if data["parcelId"].is_string() {
        return json!([data["orderId"], data["parcelId"]]);
    }
    let ids = [
        "exportId",
        "withdrawalId",
        "paymentId",
        "issuedCouponId",
        if is_order(data) { "orderId" } else { "orderSheetId" },
        "claimId",
        "couponId",
        "productId",
        "userId",
    ];
    ids.into_iter().map(|id| &data[id]).find(|id| id.is_string()).cloned().unwrap_or_default()
}
