//! Orders, from their creation to their refund.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use shared::domain::order::{Actor, LineStatus, TRANSITIONS, Transition, allowed_next};

use super::{
    Asked, Outcome, Reference, Refused,
    claims::Claim,
    coupons::named,
    fine,
    goods::Counter,
    instant, not_found, number,
    parcels::Parcel,
    sheets::{Line, Quote},
    shipping::address,
    text,
};

#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) user: String,
    is_external: bool,
    has_failed: bool,
    pub(super) quote: Quote,
    pub(super) lines: Vec<Line>,
    sheet: Option<String>,
    pub(super) paid_at: Option<Timestamp>,
    refunded: i64,
    pub(super) hold_ends: Option<Timestamp>,
    /// The states so far, oldest first.
    states: Vec<&'static str>,
    /// The address that it was given, or its user had; none if its user had none.
    pub(super) ship_to: Option<Value>,
    pub(super) parcels: Vec<Parcel>,
    pub(super) claims: Vec<Claim>,
    /// The lines that a claim has kept from being confirmed in time.
    pub(super) waited: Vec<usize>,
    /// The weight of its history, without returned payments.
    pub(super) weight: usize,
}

/// The weight of a history entry without its lines.
pub(super) const ENTRY: usize = 4;

/// The weight of the entries that returned payments and results of refunds can have in a run.
const RETURNED: usize = 8 * ENTRY;

impl Line {
    fn is_terminal(&self) -> bool {
        matches!(self.status.as_str(), "CANCELLED" | "RETURNED")
    }

    pub(super) fn is_unshipped(&self) -> bool {
        matches!(self.status.as_str(), "PAID" | "PREPARING")
    }

    /// Whether its state is that of its parcels.
    pub(super) fn is_on_its_way(&self) -> bool {
        self.is_unshipped() || matches!(self.status.as_str(), "SHIPPED" | "IN_DELIVERY" | "DELIVERED")
    }

    fn has_arrived(&self) -> bool {
        matches!(self.status.as_str(), "DELIVERED" | "PURCHASE_CONFIRMED")
    }

    pub(super) fn left(&self) -> i64 {
        self.quantity - self.cancelled
    }

    /// Cancelled units return to the quota of their offer. In a run, an offer with a quota does not end.
    fn return_to_quota(&mut self, units: i64) {
        self.quota = self.quota.map(|(quota, of)| (quota, of - units));
    }
}

impl Order {
    /// Whether something of it is still to happen.
    pub(super) fn is_open(&self) -> bool {
        let is_over = |line: &Line| line.is_terminal() || line.has_arrived() || line.status == "EXCHANGED";
        !self.has_failed && !self.lines.iter().all(is_over)
    }

    /// The fees that are due back: that of a shipment with its last unit.
    pub(super) fn fees_back(&self) -> i64 {
        let is_gone = |place: usize| {
            let lines = self.lines.iter().filter(|line| self.quote.shipment_of(&line.seller) == place);
            lines.map(Line::left).sum::<i64>() == 0
        };
        let shipments = self.quote.shipments.iter().enumerate();
        shipments.filter(|(place, _)| is_gone(*place)).map(|(_, (_, fee))| fee).sum()
    }

    fn status(&self) -> &'static str {
        let all_gone = self.lines.iter().all(Line::is_terminal);
        if self.has_failed {
            "PAYMENT_FAILED"
        } else if self.paid_at.is_none() {
            if all_gone { "CANCELLED" } else { "PENDING_PAYMENT" }
        } else if all_gone {
            "FULLY_REFUNDED"
        } else if (0..self.lines.len()).any(|line| self.returned_by_claims(line) > 0) {
            "PARTIALLY_CANCELLED"
        } else if self.lines.iter().all(|line| line.is_terminal() || line.has_arrived()) {
            "COMPLETED"
        } else if self.lines.iter().any(|line| line.cancelled > 0) {
            "PARTIALLY_CANCELLED"
        } else {
            "PAID"
        }
    }

    fn paid(&self) -> i64 {
        if self.paid_at.is_some() { self.quote.payable } else { 0 }
    }

    fn set_lines(&mut self, status: &str) {
        self.lines.iter_mut().for_each(|line| line.move_to(status));
    }

    /// Notes the present state.
    pub(super) fn moved(&mut self) {
        let status = self.status();
        if self.states.last() != Some(&status) {
            self.states.push(status);
        }
    }

    fn shown(&self, id: &str) -> Value {
        let mut shown = self.quote.shown();
        for (place, line) in self.lines.iter().enumerate() {
            let item = &mut shown["items"][place];
            item["cancelledQuantity"] = json!(line.cancelled);
            item["shippedQuantity"] = json!(self.in_parcels(place));
            item["deliveredQuantity"] = json!(self.arrived(place));
            item["returnedQuantity"] = json!(self.returned(place));
            item["status"] = json!(line.status);
        }
        let parcels = self.parcels.iter().zip(1..).map(|(parcel, number)| parcel.shown(id, number));
        shown["parcels"] = parcels.collect();
        if !self.claims.is_empty() {
            shown["claims"] = (0..self.claims.len()).map(|claim| self.claim_shown(id, claim, true)).collect();
        }
        shown["orderId"] = json!(id);
        shown["userId"] = json!(self.user);
        shown["status"] = json!(self.status());
        shown["payment"] = json!(if self.is_external { "EXTERNAL" } else { "BALANCE" });
        shown["paid"] = json!(self.paid());
        shown["refunded"] = json!(self.refunded);
        shown["orderSheetId"] = json!(self.sheet);
        shown["paidAt"] = json!(self.paid_at.map(|at| at.to_string()));
        shown["holdExpiresAt"] = json!(self.hold_ends.map(|at| at.to_string()));
        shown
    }
}

/// The units of a request by the place of their line, in the order of the lines.
pub(super) fn item_units(sent: &Value) -> Vec<(usize, i64)> {
    let items = sent["items"].as_array().into_iter().flatten();
    let place = |item: &Value| text(item, "itemId").parse::<usize>().unwrap_or(0).wrapping_sub(1);
    let mut units: Vec<(usize, i64)> = items.map(|item| (place(item), number(item, "quantity"))).collect();
    units.sort_unstable();
    units
}

impl Reference {
    pub(super) fn place(&mut self, asked: &Asked<'_>) -> Outcome {
        let user = asked.text("userId");
        let sheet_id = asked.sent["orderSheetId"].is_string().then(|| asked.text("orderSheetId"));
        let (basket, coupon, quoted) = match &sheet_id {
            None => (self.basket(&asked.sent, &user)?, named(&asked.sent), None),
            Some(id) => {
                let sheet = self.sheets.get(id).filter(|sheet| sheet.user == user).ok_or_else(not_found)?;
                if let Some(order) = &sheet.order {
                    return Err(("ORDER_STATE_CONFLICT", json!({ "orderSheetId": id, "orderId": order })));
                }
                if asked.now >= sheet.ends {
                    return Err(("ORDER_SHEET_EXPIRED", json!({ "orderSheetId": id })));
                }
                let last = self.cart_orders.get(&user);
                if sheet.cart.as_ref().is_some_and(|before| before.as_ref() != last) {
                    return Err(("ORDER_STATE_CONFLICT", json!({ "orderSheetId": id, "orderId": last })));
                }
                let lines = sheet.quote.lines.iter();
                let basket = lines.map(|line| (line.product.clone(), line.quantity)).collect();
                (basket, sheet.quote.coupon.clone(), Some(&sheet.quote))
            }
        };
        let quote = self.quote(&user, &basket, coupon, quoted, asked)?;
        let serving = self.admit_to(asked, &user, &basket)?;
        let payment = asked.text("payment");
        let id = asked.id("orderId");
        let mut order = Order {
            user: user.clone(),
            // An order that costs nothing needs no external payment.
            is_external: payment == "EXTERNAL" && quote.payable > 0,
            has_failed: false,
            lines: quote.lines.clone(),
            quote,
            sheet: sheet_id.clone(),
            paid_at: None,
            refunded: 0,
            hold_ends: None,
            states: Vec::new(),
            ship_to: Some(self.users[&user].ship_to()).filter(|address| !address.is_null()),
            parcels: Vec::new(),
            claims: Vec::new(),
            waited: Vec::new(),
            weight: ENTRY,
        };
        order.set_lines("PENDING_PAYMENT");
        let needs_address = self.settings.policy.people.require_address
            && order.lines.iter().any(|line| self.products[&line.product].needs_shipping);
        let missing = self.users[&user].missing_of_address();
        if needs_address && !missing.is_empty() {
            return Err(("ADDRESS_REQUIRED", json!({ "missing": missing })));
        }
        let is_paid_at_once = payment == "BALANCE" || (payment == "EXTERNAL" && !order.is_external);
        if !is_paid_at_once {
            self.check_caps(&order)?;
        }
        if is_paid_at_once {
            let (payable, balance) = (order.quote.payable, self.users[&user].balance);
            if balance < payable {
                order.has_failed = true;
                order.set_lines("CANCELLED");
                order.lines.iter_mut().for_each(|line| line.cancelled = line.quantity);
                order.moved();
                self.orders.insert(id, order);
                return Err(("BALANCE_NOT_ENOUGH", json!({ "payable": payable, "balance": balance })));
            }
            self.ensure_unused(serving.as_ref())?;
            self.book(&user, "PAYMENT", -payable, Some(&id));
            order.paid_at = Some(asked.at("paidAt"));
            order.set_lines("PREPARING");
        } else {
            self.ensure_unused(serving.as_ref())?;
            order.hold_ends = Some(asked.at("createdAt") + self.settings.policy.hold);
        }
        self.serve(serving.as_ref());
        order.moved();
        for line in &mut order.lines {
            let limit = self.products[&line.product].limit.as_ref();
            line.limit = limit.map(|limit| limit.counter(asked.at("createdAt")));
            let sold = self.sold(&self.products[&line.product], line.quantity, asked.now);
            line.quota = sold.quota.map(|quota| (quota, line.quantity));
        }
        for line in &order.lines {
            self.products.get_mut(&line.product).expect("what is ordered is there").stock -= line.quantity;
        }
        if let Some(coupon) = &order.quote.coupon {
            self.use_coupon(&user, coupon, Some(&id));
        }
        let mut is_from_cart = asked.sent["fromCart"] == true;
        if let Some(sheet) = sheet_id.and_then(|sheet| self.sheets.get_mut(&sheet)) {
            sheet.order = Some(id.clone());
            is_from_cart = sheet.cart.is_some();
        }
        if is_from_cart {
            self.cart_orders.insert(user.clone(), id.clone());
            let cart = self.carts.entry(user).or_default();
            for line in &order.lines {
                cart.entry(line.product.clone()).and_modify(|units| *units -= line.quantity);
            }
            cart.retain(|_, units| *units > 0);
        }
        let mut shown = order.shown(&id);
        // The answer leaves the address out if that cannot be read.
        if !asked.actual["shipTo"].is_null() {
            shown["shipTo"] = self.address_of(&order, &asked.actual["shipTo"]);
        }
        self.orders.insert(id, order);
        Ok((201, shown))
    }

    /// Refuses an order by which its user would hold more than the caps allow.
    fn check_caps(&self, order: &Order) -> Result<(), (&'static str, Value)> {
        let caps = self.settings.policy.caps;
        let units = |order: &Order| order.lines.iter().map(|line| line.quantity).sum::<i64>();
        if units(order) > caps.held_units {
            return Err(("LIMIT_EXCEEDED", json!({ "limit": "heldUnits", "max": caps.held_units })));
        }
        let waiting: Vec<&Order> =
            self.orders.values().filter(|it| it.user == order.user && it.status() == "PENDING_PAYMENT").collect();
        let held: i64 = waiting.iter().map(|order| units(order)).sum();
        if i64::try_from(waiting.len()).unwrap() >= caps.pending_orders {
            return Err(("TOO_MANY_REQUESTS", json!({ "limit": "pendingOrders", "max": caps.pending_orders })));
        }
        if held + units(order) > caps.held_units {
            return Err(("TOO_MANY_REQUESTS", json!({ "limit": "heldUnits", "max": caps.held_units })));
        }
        Ok(())
    }

    /// The units of a user that a counter has.
    pub(super) fn counted(&self, user: &str, product: &str, counter: Counter) -> i64 {
        let lines = self.orders.values().filter(|order| order.user == user).flat_map(|order| &order.lines);
        lines.filter(|line| line.product == product && line.limit == Some(counter)).map(Line::left).sum()
    }

    fn order_of(&self, asked: &Asked<'_>) -> Result<&Order, (&'static str, Value)> {
        // An unpaid order does not concern its sellers.
        let theirs = |order: &&Order| match asked.call.role().as_str() {
            "ADMIN" => true,
            "SELLER" => order.paid_at.is_some() && order.lines.iter().any(|line| self.sells(asked, line)),
            _ => order.user == asked.call.caller(),
        };
        self.orders.get(&asked.part(1)).filter(theirs).ok_or_else(not_found)
    }

    fn sells(&self, asked: &Asked<'_>, line: &Line) -> bool {
        self.products[&line.product].seller == asked.call.caller()
    }

    /// Adds an entry with so many lines to a history, if this actor has room for it.
    fn note(&mut self, id: &str, lines: usize, actor: Actor, asked: &Asked<'_>) -> Result<(), Refused> {
        let mut order = self.orders.remove(id).expect("it is there");
        let noted = self.note_more(&mut order, lines, 0, actor, asked);
        self.orders.insert(id.to_owned(), order);
        noted
    }

    /// The same for an entry with a part of so much more weight.
    pub(super) fn note_more(
        &self,
        order: &mut Order,
        lines: usize,
        part: usize,
        actor: Actor,
        asked: &Asked<'_>,
    ) -> Result<(), Refused> {
        let bounds = self.settings.bounds.history;
        let most = if actor == Actor::Customer { bounds.customer } else { bounds.shop };
        let weight = order.weight + ENTRY + lines + part;
        // Only the answer shows whether money was returned before.
        let more = if order.is_external && asked.actual["limit"] == "orderHistory" { RETURNED } else { 0 };
        if weight + more > most {
            return Err(("LIMIT_EXCEEDED", json!({ "limit": "orderHistory", "max": most })));
        }
        order.weight = weight;
        Ok(())
    }

    pub(super) fn order(&self, asked: &Asked<'_>) -> Outcome {
        let order = self.order_of(asked)?;
        let mut shown = order.shown(&asked.part(1));
        shown["shipTo"] = self.address_of(order, &asked.actual["shipTo"]);
        fine(shown)
    }

    /// The role in which the caller pays, cancels and claims: the orderer, or an admin.
    pub(super) fn buyer(&self, asked: &Asked<'_>, order: &Order) -> Result<Actor, Refused> {
        let sells = |line: &Line| asked.call.role() == "SELLER" && line.seller == asked.call.caller();
        match asked.call.role().as_str() {
            "ADMIN" => Ok(Actor::Admin),
            _ if order.user == asked.call.caller() => Ok(Actor::Customer),
            _ if order.paid_at.is_some() && order.lines.iter().any(sells) => Err(("FORBIDDEN", json!({}))),
            _ => Err(not_found()),
        }
    }

    pub(super) fn order_item(&self, asked: &Asked<'_>) -> Outcome {
        let shown = self.order_of(asked)?.shown(&asked.part(1));
        let line = asked.part(3).parse::<usize>().ok().and_then(|number| shown["items"].get(number.checked_sub(1)?));
        line.cloned().map_or_else(|| Err(not_found()), fine)
    }

    /// The states of the order as a whole; entries of its lines may stand between them.
    pub(super) fn history(&self, asked: &Asked<'_>) -> Outcome {
        let mut states = self.order_of(asked)?.states.iter();
        let mut expected: Vec<Value> = Vec::new();
        for step in asked.actual["items"].as_array().into_iter().flatten() {
            let is_of_money =
                matches!(step["event"].as_str(), Some("PAYMENT_RETURNED" | "REFUND_SUCCEEDED" | "ADDRESS_CHANGED"));
            expected.push(if is_of_money || step["itemId"].is_string() {
                json!({})
            } else {
                json!({ "to": states.next() })
            });
        }
        expected.extend(states.map(|state| json!({ "to": state })));
        fine(json!({ "items": expected }))
    }

    /// An order that is paid outside can receive more than one payment.
    pub(super) fn payments(&self, asked: &Asked<'_>) -> Outcome {
        let order = self.order_of(asked)?;
        if order.is_external {
            return fine(json!({}));
        }
        let status = match order.paid_at {
            _ if order.has_failed => Some("FAILED"),
            None => None,
            Some(_) if order.status() == "FULLY_REFUNDED" => Some("REFUNDED"),
            Some(_) if order.refunded == 0 => Some("PAID"),
            Some(_) if order.refunded < order.paid() => Some("PARTIALLY_REFUNDED"),
            Some(_) => Some("REFUNDED"),
        };
        let payment = |status| json!({ "orderId": asked.part(1), "amount": order.quote.payable, "status": status });
        fine(json!({ "items": status.map(payment).into_iter().collect::<Vec<_>>() }))
    }

    /// A failed attempt without an answer may have left an order that no client knows of.
    pub(super) fn list_orders(&self, asked: &Asked<'_>) -> Value {
        let user = asked.call.caller();
        let mut mine: Vec<&String> = self.orders.iter().filter(|(_, it)| it.user == user).map(|(id, _)| id).collect();
        let mut items: Vec<Value> = Vec::new();
        for actual in asked.actual["items"].as_array().into_iter().flatten() {
            let id = text(actual, "orderId");
            mine.retain(|other| **other != id);
            items.push(match self.orders.get(&id) {
                Some(order) => order.shown(&id),
                None => json!({ "status": "PAYMENT_FAILED" }),
            });
        }
        if asked.actual["nextCursor"].is_null() {
            items.extend(mine.into_iter().map(|id| json!({ "orderId": id })));
        }
        json!({ "items": items })
    }

    /// Lines of paid orders; at rest, the desk has all of them.
    pub(super) fn list_desk_lines(&self, asked: &Asked<'_>) -> Outcome {
        let (caller, role, seller) = (asked.call.caller(), asked.call.role(), asked.call.query("sellerId"));
        let is_other = seller.as_ref().is_some_and(|seller| *seller != caller);
        if role == "CUSTOMER" || (role == "SELLER" && is_other) {
            return Err(("FORBIDDEN", json!({})));
        }
        let seller = seller.or_else(|| (role == "SELLER").then_some(caller));
        let is_of = |line: &Line| {
            seller.as_ref().is_none_or(|seller| self.products.get(&line.product).is_some_and(|it| it.seller == *seller))
        };
        let paid = self.orders.iter().filter(|(_, order)| order.paid_at.is_some());
        let lines = paid.flat_map(|(id, order)| (1..).zip(&order.lines).map(move |line| (id, line)));
        let mut left: BTreeMap<(String, String), Value> = lines
            .filter(|(_, (_, line))| is_of(line))
            .map(|(id, (number, line))| {
                let number: usize = number;
                let to_ship = self.orders[id].to_ship(number - 1);
                let shown = json!({
                    "orderId": id, "itemId": number.to_string(), "productId": line.product,
                    "quantity": line.quantity, "toShip": to_ship, "status": line.status,
                });
                ((id.clone(), number.to_string()), shown)
            })
            .collect();
        let mut items: Vec<Value> = Vec::new();
        for actual in asked.actual["items"].as_array().into_iter().flatten() {
            let line = left.remove(&(text(actual, "orderId"), text(actual, "itemId")));
            items.push(line.unwrap_or_else(|| json!("another line, once")));
        }
        if asked.actual["nextCursor"].is_null() {
            items.extend(left.into_values());
        }
        fine(json!({ "items": items }))
    }

    pub(super) fn pay(&mut self, asked: &Asked<'_>) -> Outcome {
        self.may_change(asked)?;
        let id = asked.part(1);
        let order = self.order_of(asked)?;
        if order.is_external || order.status() != "PENDING_PAYMENT" {
            return Err(("ORDER_STATE_CONFLICT", json!({ "status": order.status() })));
        }
        let (user, payable) = (order.user.clone(), order.quote.payable);
        let balance = self.ensure_active(&user)?.balance;
        if balance < payable {
            return Err(("BALANCE_NOT_ENOUGH", json!({ "orderId": id, "payable": payable, "balance": balance })));
        }
        self.book(&user, "PAYMENT", -payable, Some(&id));
        self.paid(&id, asked.at("paidAt"));
        fine(self.orders[&id].shown(&id))
    }

    fn paid(&mut self, id: &str, at: Timestamp) {
        let order = self.orders.get_mut(id).expect("what is paid is there");
        order.paid_at = Some(at);
        order.hold_ends = None;
        order.set_lines("PREPARING");
        order.weight += ENTRY;
        order.moved();
    }

    pub(super) fn cancel(&mut self, asked: &Asked<'_>) -> Outcome {
        self.may_change(asked)?;
        let id = asked.part(1);
        let order = self.order_of(asked)?;
        let all: Vec<i64> = order.lines.iter().map(Line::left).collect();
        let mut units = vec![0; all.len()];
        match asked.sent["items"].as_array() {
            None => units.clone_from(&all),
            Some(items) => {
                for item in items {
                    let place = text(item, "itemId").parse().ok().and_then(|number: usize| units.get_mut(number - 1));
                    *place.ok_or_else(not_found)? = number(item, "quantity");
                }
            }
        }
        let conflict = Err(("ORDER_STATE_CONFLICT", json!({ "status": order.status() })));
        match order.status() {
            "PENDING_PAYMENT" if units == all => {
                self.end_unpaid(&id);
                return fine(self.orders[&id].shown(&id));
            }
            "PENDING_PAYMENT" | "CANCELLED" | "FULLY_REFUNDED" => return conflict,
            _ => {}
        }
        let is_whole = asked.sent["items"].is_null();
        for (place, units) in units.iter().enumerate().filter(|(_, units)| **units > 0) {
            let (line, item, left) = (&order.lines[place], (place + 1).to_string(), order.to_ship(place));
            if !line.is_unshipped() || (is_whole && order.travelling(place) > 0) {
                return Err(("ORDER_STATE_CONFLICT", json!({ "itemId": item, "status": line.status })));
            }
            if left < *units {
                let details = json!({ "itemId": item, "requested": units, "available": left });
                return Err(("ORDER_STATE_CONFLICT", details));
            }
        }
        let actor = if asked.call.role() == "ADMIN" { Actor::Admin } else { Actor::Customer };
        let before = order.clone();
        let mut after = before.clone();
        for (place, units) in units.iter().enumerate().filter(|(_, units)| **units > 0) {
            after.lines[place].cancelled += units;
            after.lines[place].return_to_quota(*units);
            if after.lines[place].left() == 0 {
                after.lines[place].move_to("CANCELLED");
            } else {
                after.follow(&before, place);
            }
        }
        after.show_claims();
        let lines = after.lines_of_entry(&before, &[]);
        self.note_more(&mut after, lines, 0, actor, asked)?;
        self.orders.insert(id.clone(), after);
        for (line, units) in before.lines.iter().zip(units) {
            self.products.get_mut(&line.product).expect("what was ordered is there").stock += units;
        }
        self.refund(&id);
        fine(self.orders[&id].shown(&id))
    }

    pub(super) fn readdress(&mut self, asked: &Asked<'_>) -> Outcome {
        self.may_change(asked)?;
        let id = asked.part(1);
        let order = self.orders.get(&id).ok_or_else(not_found)?;
        let actor = self.buyer(asked, order)?;
        let user = &self.users[&order.user];
        let shown = user.shown();
        let given = address(&asked.sent["shipTo"], &text(&shown, "name"), &shown["phone"]);
        if !order.parcels.is_empty() || order.lines.iter().all(|line| line.left() == 0) {
            return Err(("ORDER_STATE_CONFLICT", json!({ "status": order.status() })));
        }
        if order.ship_to.as_ref() != Some(&given) {
            self.note(&id, 0, actor, asked)?;
        }
        let order = self.orders.get_mut(&id).expect("it is there");
        order.ship_to = Some(given.clone());
        let mut shown = order.shown(&id);
        shown["shipTo"] = given;
        fine(shown)
    }

    pub(super) fn move_line(&mut self, asked: &Asked<'_>) -> Outcome {
        self.may_change(asked)?;
        let id = asked.part(1);
        let order = self.order_of(asked)?;
        let number = asked.part(3).parse().unwrap_or(0_usize);
        let line = order.lines.get(number.wrapping_sub(1)).ok_or_else(not_found)?.clone();
        if asked.call.role() == "SELLER" && !self.sells(asked, &line) {
            return Err(not_found());
        }
        let actor = match asked.call.role().as_str() {
            "ADMIN" => Actor::Admin,
            "SELLER" => Actor::Seller,
            _ => Actor::Customer,
        };
        let state = |name: &str| serde_json::from_value::<LineStatus>(json!(name)).expect("a state of lines");
        let to = asked.text("status");
        let is_ever = |edge: &&Transition| edge.to == state(&to) && (actor == Actor::Admin || edge.by == actor);
        // A withdrawal is open to the caller who makes it, and to one who repeats it.
        let from = line.before.as_ref().filter(|_| line.status == to).unwrap_or(&line.status);
        let counts = |edge: &Transition| !edge.is_withdrawal() || edge.from == state(from);
        if !TRANSITIONS.iter().filter(is_ever).any(counts) {
            return Err(("FORBIDDEN", json!({})));
        }
        if line.status != to {
            let order = self.orders[&id].clone();
            let mut next = allowed_next(state(&line.status), line.before.as_deref().map(state), actor);
            // Units in parcels are not cancelled with the rest, and a claimed line only follows its parcels.
            let is_partly_shipped = line.is_unshipped() && order.travelling(number - 1) > 0;
            next.retain(|next| !is_partly_shipped || *next != LineStatus::Cancelled);
            let is_of_parcels = |next: &LineStatus| {
                matches!(next, LineStatus::Shipped | LineStatus::InDelivery | LineStatus::Delivered)
            };
            let is_claimed = order.is_claimed(number - 1);
            next.retain(|next| !is_claimed || (line.is_on_its_way() && is_of_parcels(next)));
            if !next.contains(&state(&to)) {
                return Err(("ORDER_STATE_CONFLICT", json!({ "itemId": asked.part(3), "status": line.status })));
            }
            let mut after = order.clone();
            after.imply_parcels(&order, number - 1, &to, asked.at("updatedAt"));
            let moved = &mut after.lines[number - 1];
            moved.move_to(&to);
            let mut back = 0;
            if to == "CANCELLED" {
                moved.return_to_quota(line.left());
            }
            if moved.is_terminal() {
                back = line.left();
                moved.cancelled = moved.quantity;
            }
            after.show_claims();
            let lines = after.lines_of_entry(&order, &[number - 1]);
            self.note_more(&mut after, lines, 0, actor, asked)?;
            self.orders.insert(id.clone(), after);
            self.products.get_mut(&line.product).expect("what was ordered is there").stock += back;
            self.refund(&id);
        }
        let order = &self.orders[&id];
        // A seller sees only their own lines.
        fine(if actor == Actor::Seller { json!({ "status": order.status() }) } else { order.shown(&id) })
    }

    /// Units of a line come back; with the last unit, the line reaches the given state.
    fn take_back(&mut self, id: &str, place: usize, units: i64, end: &str) {
        let line = &mut self.orders.get_mut(id).expect("it is there").lines[place];
        line.cancelled += units;
        if end == "CANCELLED" {
            line.return_to_quota(units);
        }
        if line.left() == 0 {
            line.move_to(end);
        }
        self.products.get_mut(&line.product).expect("what was ordered is there").stock += units;
    }

    /// Refunds the amount due for all units that came back, less the earlier refunds.
    pub(super) fn refund(&mut self, id: &str) {
        let order = self.orders.get_mut(id).expect("it is there");
        let was_void = order.states.last() == Some(&"FULLY_REFUNDED");
        let all_gone = order.lines.iter().all(|line| line.left() == 0) && !was_void;
        let due = order.lines.iter().map(Line::refund).sum::<i64>() + order.fees_back() - order.fees_kept();
        let refund = due - order.refunded;
        order.refunded = due;
        order.moved();
        let (user, coupon) = (order.user.clone(), order.quote.coupon.clone());
        if refund > 0 && !order.is_external {
            self.book(&user, "REFUND", refund, Some(id));
        }
        if let Some(coupon) = coupon.filter(|_| all_gone) {
            self.use_coupon(&user, &coupon, None);
        }
    }

    fn end_unpaid(&mut self, id: &str) {
        let order = self.orders.get_mut(id).expect("it is there");
        order.hold_ends = None;
        let (user, coupon) = (order.user.clone(), order.quote.coupon.clone());
        for place in 0..order.lines.len() {
            let quantity = self.orders[id].lines[place].quantity;
            self.take_back(id, place, quantity, "CANCELLED");
        }
        self.orders.get_mut(id).expect("it is there").moved();
        if let Some(coupon) = coupon {
            self.use_coupon(&user, &coupon, None);
        }
    }

    /// Ends the orders with an expired hold.
    pub(in crate::simulator) fn end_holds(&mut self, now: Timestamp) {
        let is_over = |order: &Order| order.hold_ends.is_some_and(|end| end <= now);
        let over: Vec<String> = self.orders.iter().filter(|(_, it)| is_over(it)).map(|(id, _)| id.clone()).collect();
        over.iter().for_each(|id| self.end_unpaid(id));
    }

    /// The orders that wait for external payments: their customers, and their ids.
    pub(in crate::simulator) fn waiting_outside(&self) -> Vec<(String, String)> {
        let waits = |order: &Order| order.is_external && order.status() == "PENDING_PAYMENT";
        let waiting = self.orders.iter().filter(|(_, order)| waits(order));
        waiting.map(|(id, order)| (order.user.clone(), id.clone())).collect()
    }

    /// Takes over the state that the shop shows for a waiting order, if the results of its payments can lead to it. The
    /// order in which they arrived is unknown.
    pub(in crate::simulator) fn settle(
        &mut self,
        id: &str,
        actual: &Value,
        results: &[(&str, i64)],
        now: Timestamp,
    ) -> Option<String> {
        let order = &self.orders[id];
        let payable = order.quote.payable;
        let is_over = order.hold_ends.is_some_and(|end| end <= now);
        let succeeds = |(kind, amount): &(&str, i64)| *kind == "PaymentSucceeded" && *amount == payable;
        let can_be_paid = results.iter().any(succeeds);
        let must_be_paid = can_be_paid && results.iter().all(succeeds);
        let can_fail = results.iter().any(|(kind, _)| *kind == "PaymentFailed");
        let can_end = can_fail || (is_over && !must_be_paid);
        match actual["status"].as_str() {
            Some("PAID") if can_be_paid => self.paid(id, instant(&actual["paidAt"])?),
            Some("CANCELLED") if can_end => self.end_unpaid(id),
            Some("PENDING_PAYMENT") if !must_be_paid && !can_fail => {}
            _ => return Some(format!("order {id} is {} after {results:?}", actual["status"])),
        }
        None
    }
}
