//! Claims: returns and exchanges of units of an order.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::domain::order::Actor;

use super::{
    Asked, Outcome, Reference, Refused, fine, not_found,
    orders::{Order, item_units},
    parcels::{end_of, rank},
    text,
};

#[derive(Debug, Clone)]
pub(super) struct Claim {
    kind: String,
    reason: String,
    status: &'static str,
    /// Units by the place of their line.
    items: Vec<(usize, i64)>,
    /// The return fee that its customer agreed to.
    fee: i64,
    /// The units in it: line, parcel and number, while it is open.
    taken: Vec<(usize, usize, i64)>,
    /// The lines that show it, each with its state without it.
    covers: Vec<(usize, String)>,
    received: BTreeMap<(usize, String), i64>,
    refund: Option<Refund>,
    /// The customer's words; none if there are none, or they are erased.
    text: Option<String>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Refund {
    goods: i64,
    coupon: i64,
    shipping: i64,
    fee: i64,
}

impl Refund {
    /// The money that `after` brings back and `before` did not, less a fee.
    fn between(before: &Order, after: &Order, fee: i64) -> Self {
        let lines = || before.lines.iter().zip(&after.lines);
        let goods = lines().map(|(was, is)| (is.price - is.discount) * (is.cancelled - was.cancelled)).sum::<i64>();
        let net = lines().map(|(was, is)| is.refund() - was.refund()).sum::<i64>();
        let shipping = after.fees_back() - before.fees_back();
        Self { goods, coupon: goods - net, shipping, fee: fee.min(net + shipping) }
    }

    fn total(self) -> i64 {
        self.goods - self.coupon + self.shipping - self.fee
    }

    fn shown(self) -> Value {
        json!({
            "goods": self.goods, "coupon": self.coupon, "shipping": self.shipping, "returnFee": self.fee,
            "total": self.total(),
        })
    }
}

const REASONS: [&str; 5] = ["CHANGE_OF_MIND", "DEFECT", "WRONG_ITEM", "DAMAGED", "NOT_DELIVERED"];

impl Claim {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.status, "REQUESTED" | "ACCEPTED" | "RECEIVED")
    }

    fn is_exchange(&self) -> bool {
        self.kind == "EXCHANGE"
    }

    fn actions(&self) -> &'static [&'static str] {
        match self.status {
            "REQUESTED" => &["DECIDE", "WITHDRAW"],
            "ACCEPTED" => &["RECEIVE", "WITHDRAW"],
            "RECEIVED" => &["SHIP"],
            _ => &[],
        }
    }

    fn units(&self, line: usize) -> i64 {
        self.taken.iter().filter(|(of, ..)| *of == line).map(|(.., units)| units).sum()
    }

    fn asked(&self, line: usize) -> i64 {
        self.items.iter().filter(|(of, _)| *of == line).map(|(_, units)| units).sum()
    }

    fn received(&self, line: usize, condition: &str) -> i64 {
        self.received.get(&(line, condition.to_owned())).copied().unwrap_or(0)
    }

    fn came_back(&self, line: usize) -> i64 {
        self.received(line, "SELLABLE") + self.received(line, "UNSELLABLE")
    }

    fn line_status(&self) -> &'static str {
        match (self.is_exchange(), self.status) {
            (false, "REQUESTED") => "RETURN_REQUESTED",
            (false, _) => "RETURN_IN_PROGRESS",
            (true, "REQUESTED") => "EXCHANGE_REQUESTED",
            (true, _) => "EXCHANGE_IN_PROGRESS",
        }
    }
}

impl Order {
    /// The number of a claim, from 1, by its id.
    pub(super) fn claim_number(&self, order: &str, id: &str) -> Option<usize> {
        (1..=self.claims.len()).find(|number| *id == format!("claim_{number}_{order}"))
    }

    fn open_claims(&self) -> impl Iterator<Item = &Claim> {
        self.claims.iter().filter(|claim| claim.is_open())
    }

    /// Whether a unit of a line is in an open claim.
    pub(super) fn is_claimed(&self, line: usize) -> bool {
        self.open_claims().any(|claim| claim.units(line) > 0)
    }

    /// Units of a line that came back by returns.
    pub(super) fn returned_by_claims(&self, line: usize) -> i64 {
        self.claims.iter().filter(|claim| claim.refund.is_some()).map(|claim| claim.came_back(line)).sum()
    }

    /// The return fees that were kept.
    pub(super) fn fees_kept(&self) -> i64 {
        self.claims.iter().filter_map(|claim| claim.refund).map(|refund| refund.fee).sum()
    }

    /// The state of a line without the claim that it shows.
    pub(super) fn without_claim(&self, line: usize) -> &str {
        let covers = self.open_claims().flat_map(|claim| &claim.covers);
        let covered = covers.filter(|(of, _)| *of == line).last();
        covered.map_or(&self.lines[line].status, |(_, before)| before)
    }

    /// Lines show the claim that all their units are in.
    pub(super) fn show_claims(&mut self) {
        for number in 0..self.claims.len() {
            if !self.claims[number].is_open() {
                continue;
            }
            for place in 0..self.lines.len() {
                let (claim, line) = (&mut self.claims[number], &mut self.lines[place]);
                let is_covered = claim.covers.iter().any(|(of, _)| *of == place);
                let can_be = line.is_on_its_way() || matches!(line.status.as_str(), "PURCHASE_CONFIRMED" | "EXCHANGED");
                let has_all = claim.units(place) > 0 && claim.units(place) == line.left();
                if !is_covered && has_all && can_be {
                    claim.covers.push((place, line.status.clone()));
                }
                if is_covered || (has_all && can_be) {
                    line.move_to(claim.line_status());
                }
            }
        }
    }

    /// A line is in the state again that it has without its claim; its parcels may have moved meanwhile.
    fn restore(&mut self, line: usize, before: &str) {
        let is_of_parcels = matches!(before, "PAID" | "PREPARING" | "SHIPPED" | "IN_DELIVERY" | "DELIVERED");
        let to = self.by_parcels(line).filter(|_| is_of_parcels).unwrap_or(before).to_owned();
        self.lines[line].move_to(&to);
    }

    fn end_claim(&mut self, number: usize, status: &'static str) {
        let claim = &mut self.claims[number];
        claim.status = status;
        claim.taken.clear();
        let covers = std::mem::take(&mut claim.covers);
        covers.iter().for_each(|(line, before)| self.restore(*line, before));
    }

    /// Units of a line that can be claimed, by parcel: those whose time ends first come first.
    fn claimable(
        &self,
        line: usize,
        reason: &str,
        asked: &Asked<'_>,
        times: [jiff::SignedDuration; 2],
    ) -> Vec<(usize, i64)> {
        let is_change_of_mind = reason == "CHANGE_OF_MIND";
        let takes_claims = match self.lines[line].status.as_str() {
            "PURCHASE_CONFIRMED" => !is_change_of_mind,
            "EXCHANGED" => true,
            _ => self.lines[line].is_on_its_way(),
        };
        let time = times[usize::from(!is_change_of_mind)];
        let mut found = Vec::new();
        for (place, parcel) in self.parcels.iter().enumerate().filter(|_| takes_claims) {
            let is_there = reason == "NOT_DELIVERED" || parcel.status == "DELIVERED";
            let is_in_time = parcel.delivered_at.is_none_or(|at| asked.now < end_of(at, time));
            let taken = self.open_claims().flat_map(|claim| &claim.taken);
            let taken: i64 = taken.filter(|it| (it.0, it.1) == (line, place)).map(|it| it.2).sum();
            let free = parcel.live(line) - taken;
            if is_there && is_in_time && free > 0 {
                found.push((place, free));
            }
        }
        match reason {
            "NOT_DELIVERED" => found.sort_by_key(|(place, _)| (rank(self.parcels[*place].status), *place)),
            _ => found.sort_by_key(|(place, _)| (self.parcels[*place].delivered_at, *place)),
        }
        found
    }

    /// Units of a line of a replacement that are still to be shipped.
    fn to_replace(&self, number: usize, line: usize) -> i64 {
        let parcels = self.parcels.iter().filter(|parcel| parcel.claim == Some(number));
        let items = parcels.flat_map(|parcel| &parcel.items).filter(|item| item.line == line);
        self.claims[number - 1].came_back(line) - items.map(|item| item.units).sum::<i64>()
    }

    pub(super) fn ensure_to_replace(&self, order: &str, number: usize, items: &[(usize, i64)]) -> Result<(), Refused> {
        self.ensure_allowed(order, number, "SHIP")?;
        for &(line, units) in items {
            if self.claims[number - 1].asked(line) == 0 {
                return Err(not_found());
            }
            let left = self.to_replace(number, line);
            if units > left {
                let details = json!({ "itemId": (line + 1).to_string(), "requested": units, "available": left });
                return Err(("ORDER_STATE_CONFLICT", details));
            }
        }
        Ok(())
    }

    /// Ends an exchange with the last unit of its replacement.
    pub(super) fn complete_exchange(&mut self, number: usize) {
        let lines: Vec<usize> = self.claims[number - 1].items.iter().map(|(line, _)| *line).collect();
        if lines.iter().any(|line| self.to_replace(number, *line) > 0) {
            return;
        }
        let claim = &mut self.claims[number - 1];
        claim.status = "COMPLETED";
        claim.taken.clear();
        let covers = std::mem::take(&mut claim.covers);
        covers.iter().for_each(|(line, _)| self.lines[*line].move_to("EXCHANGED"));
    }

    fn ensure_allowed(&self, order: &str, number: usize, action: &str) -> Result<(), Refused> {
        let claim = &self.claims[number - 1];
        if claim.actions().contains(&action) {
            return Ok(());
        }
        let id = format!("claim_{number}_{order}");
        Err(("ORDER_STATE_CONFLICT", json!({ "claimId": id, "status": claim.status, "allowed": claim.actions() })))
    }

    /// Completes a return with its receipt: what came back is gone, and paid back.
    fn complete_return(&mut self, number: usize, before: &Self) {
        let claim = self.claims[number].clone();
        for (line, _) in &claim.items {
            let mut gone = claim.came_back(*line);
            self.lines[*line].cancelled += gone;
            for (_, parcel, units) in claim.taken.iter().filter(|(of, ..)| of == line) {
                let item = self.parcels[*parcel].items.iter_mut().find(|item| item.line == *line);
                let units = gone.min(*units);
                item.expect("claimed units are in a parcel").gone += units;
                gone -= units;
            }
        }
        let refund = Refund::between(before, self, claim.fee);
        self.end_claim(number, "COMPLETED");
        self.claims[number].refund = Some(refund);
        for (line, _) in &claim.items {
            self.follow(before, *line);
            if self.lines[*line].left() == 0 {
                self.lines[*line].move_to("RETURNED");
            }
        }
    }

    /// Takes in the originals of an exchange. Those that are missing are in it no longer.
    fn receive_exchange(&mut self, number: usize) {
        let claim = self.claims[number].clone();
        for (line, _) in &claim.items {
            let mut missing = claim.received(*line, "MISSING");
            if missing == 0 {
                continue;
            }
            let of_claim = &mut self.claims[number];
            for (_, _, units) in of_claim.taken.iter_mut().rev().filter(|(of, ..)| of == line) {
                let left = missing.min(*units);
                *units -= left;
                missing -= left;
            }
            of_claim.covers.retain(|(of, _)| of != line);
            if let Some((_, before)) = claim.covers.iter().find(|(of, _)| of == line) {
                self.restore(*line, before);
            }
        }
        if claim.items.iter().all(|(line, _)| claim.came_back(*line) == 0) {
            self.end_claim(number, "COMPLETED");
        } else {
            self.claims[number].status = "RECEIVED";
        }
    }

    /// A claim as its customer and admins see it. A seller's view of an open one lacks what others' goods bring.
    pub(super) fn claim_shown(&self, order: &str, number: usize, is_whole: bool) -> Value {
        let claim = &self.claims[number];
        let items = claim.items.iter().map(|(line, units)| item(*line, *units));
        let mut received: Vec<_> = claim.received.iter().collect();
        let rank = |condition: &str| ["SELLABLE", "UNSELLABLE", "MISSING"].iter().position(|it| *it == condition);
        received.sort_by_key(|((line, condition), _)| (*line, rank(condition)));
        let received = received.into_iter().map(|((line, condition), units)| {
            let mut shown = item(*line, *units);
            shown["condition"] = json!(condition);
            shown
        });
        let received: Vec<Value> = received.collect();
        let mut shown = json!({
            "claimId": format!("claim_{}_{order}", number + 1), "orderId": order, "type": claim.kind,
            "reason": claim.reason, "status": claim.status, "items": items.collect::<Vec<_>>(),
            "paidBy": if claim.reason == "CHANGE_OF_MIND" { "CUSTOMER" } else { "SELLER" },
            "allowedActions": claim.actions(),
        });
        if !received.is_empty() {
            shown["received"] = json!(received);
        }
        if is_whole || !claim.is_open() {
            shown["refund"] = self.claim_refund(number).shown();
        }
        shown
    }

    /// The refund of a claim: as it was, or as it would be if all its units came back.
    fn claim_refund(&self, number: usize) -> Refund {
        let claim = &self.claims[number];
        if let Some(refund) = claim.refund {
            return refund;
        }
        if claim.is_exchange() || !claim.is_open() {
            return Refund::default();
        }
        let mut after = self.clone();
        claim.taken.iter().for_each(|(line, _, units)| after.lines[*line].cancelled += units);
        Refund::between(self, &after, claim.fee)
    }
}

fn item(line: usize, units: i64) -> Value {
    json!({ "itemId": (line + 1).to_string(), "quantity": units })
}

impl Reference {
    /// The weight of words about an order; none are kept of an erased user.
    fn words(&self, order: &Order, words: &str) -> usize {
        if self.users[&order.user].is_erased { 0 } else { weight_of(words) }
    }

    pub(super) fn request_claim(&mut self, asked: &Asked<'_>) -> Outcome {
        let (kind, reason) = (asked.text("type"), asked.text("reason"));
        if kind == "EXCHANGE" && reason == "NOT_DELIVERED" {
            return Err(("INVALID_REQUEST", json!({})));
        }
        let is_preview = asked.call.query("preview").as_deref() == Some("true");
        if !is_preview {
            self.may_change(asked)?;
        }
        let id = asked.part(1);
        let before = self.orders.get(&id).ok_or_else(not_found)?.clone();
        let actor = self.buyer(asked, &before)?;
        let items = item_units(&asked.sent);
        let sellers = items.iter().map(|(line, _)| Some(&before.lines.get(*line)?.seller)).collect::<Option<Vec<_>>>();
        let sellers = sellers.ok_or_else(not_found)?;
        if sellers.iter().any(|seller| seller != &sellers[0]) {
            return Err(("INVALID_REQUEST", json!({})));
        }
        let policy = self.settings.policy;
        let times = [policy.claims.change_of_mind, policy.claims.defect];
        let mut taken = Vec::new();
        for &(line, units) in &items {
            let left_for = |reason: &str| before.claimable(line, reason, asked, times);
            let free = left_for(&reason);
            let available: i64 = free.iter().map(|(_, units)| units).sum();
            if units > available {
                let is_possible = |other: &str| {
                    let fits = other != "NOT_DELIVERED" || kind == "RETURN";
                    fits && left_for(other).iter().map(|(_, units)| units).sum::<i64>() >= units
                };
                let allowed: Vec<&str> = REASONS.into_iter().filter(|reason| is_possible(reason)).collect();
                let details = json!({
                    "itemId": (line + 1).to_string(), "status": before.lines[line].status, "requested": units,
                    "available": available, "allowed": allowed,
                });
                return Err(("ORDER_STATE_CONFLICT", details));
            }
            let mut missing = units;
            for (parcel, free) in free {
                let part = free.min(missing);
                missing -= part;
                if part > 0 {
                    taken.push((line, parcel, part));
                }
            }
        }
        let return_fee = self.terms.get(sellers[0]).map_or(policy.return_fee.get(), |terms| terms[2]);
        let fee = if kind == "RETURN" && reason == "CHANGE_OF_MIND" { return_fee } else { 0 };
        let lines: Vec<usize> = items.iter().map(|(line, _)| *line).collect();
        let mut after = before.clone();
        after.claims.push(Claim {
            kind,
            reason,
            status: "REQUESTED",
            items,
            fee,
            taken,
            covers: Vec::new(),
            received: BTreeMap::new(),
            refund: None,
            text: asked.sent["text"].as_str().filter(|_| !self.users[&before.user].is_erased).map(str::to_owned),
        });
        let claim = after.claims.len() - 1;
        after.show_claims();
        let refund = after.claim_refund(claim);
        let expected = asked.sent["expectedTotal"].as_i64().filter(|_| !is_preview);
        if let Some(quoted) = expected.filter(|expected| *expected != refund.total()) {
            let details = json!({ "quoted": quoted, "current": refund.total(), "refund": refund.shown() });
            return Err(("PRICE_CHANGED", details));
        }
        let count = after.lines_of_entry(&before, &lines);
        self.note_more(&mut after, count, 8 + 2 * count + self.words(&before, &asked.text("text")), actor, asked)?;
        let mut shown = after.claim_shown(&id, claim, true);
        self.show_text(&after, claim, &mut shown);
        if is_preview {
            return fine(json!({ "refund": shown["refund"], "items": shown["items"], "paidBy": shown["paidBy"] }));
        }
        after.moved();
        self.orders.insert(id, after);
        Ok((201, shown))
    }

    /// The order of a claim, and the place of the claim, if the caller sees it.
    fn claimed(&self, asked: &Asked<'_>) -> Result<(String, Order, usize), Refused> {
        let id = asked.part(1);
        let of_order = id.splitn(3, '_').nth(2).unwrap_or_default().to_owned();
        let order = self.orders.get(&of_order).ok_or_else(not_found)?;
        let number = order.claim_number(&of_order, &id).ok_or_else(not_found)?;
        let (role, caller) = (asked.call.role(), asked.call.caller());
        let sells = |(line, _): &(usize, i64)| role == "SELLER" && order.lines[*line].seller == caller;
        let sees = role == "ADMIN" || order.user == caller || order.claims[number - 1].items.iter().any(sells);
        if sees { Ok((of_order, order.clone(), number - 1)) } else { Err(not_found()) }
    }

    pub(super) fn claim(&self, asked: &Asked<'_>) -> Outcome {
        let (id, order, number) = self.claimed(asked)?;
        let mut shown = order.claim_shown(&id, number, asked.call.role() != "SELLER");
        self.show_text(&order, number, &mut shown);
        fine(shown)
    }

    /// Shows the customer's words. A function may have those of an erased user in its cache for a minute.
    fn show_text(&self, order: &Order, number: usize, shown: &mut Value) {
        if !self.users[&order.user].is_erased {
            shown["text"] = json!(order.claims[number].text);
        }
    }

    pub(super) fn decide_claim(&mut self, asked: &Asked<'_>) -> Outcome {
        self.may_change(asked)?;
        let (id, before, number) = self.claimed(asked)?;
        let actor = self.shipper(asked, &before, before.claims[number].items[0].0)?;
        before.ensure_allowed(&id, number + 1, "DECIDE")?;
        let mut after = before.clone();
        let claim = &mut after.claims[number];
        let mut takes = Vec::new();
        if asked.sent["accept"] != true {
            after.end_claim(number, "REFUSED");
        } else if claim.reason == "NOT_DELIVERED" {
            claim.received =
                claim.items.iter().map(|(line, units)| ((*line, "UNSELLABLE".to_owned()), *units)).collect();
            after.complete_return(number, &before);
        } else {
            claim.status = "ACCEPTED";
            takes = if claim.is_exchange() { claim.items.clone() } else { Vec::new() };
        }
        let why = self.words(&before, &asked.text("reason"));
        self.change_claim(asked, &id, (before, after, number), (actor, why), &takes)
    }

    pub(super) fn withdraw_claim(&mut self, asked: &Asked<'_>) -> Outcome {
        self.may_change(asked)?;
        let (id, before, number) = self.claimed(asked)?;
        let actor = match asked.call.role().as_str() {
            "ADMIN" => Actor::Admin,
            _ if before.user == asked.call.caller() => Actor::Customer,
            _ => return Err(("FORBIDDEN", json!({}))),
        };
        before.ensure_allowed(&id, number + 1, "WITHDRAW")?;
        let mut after = before.clone();
        let claim = &before.claims[number];
        let is_held = claim.is_exchange() && claim.status == "ACCEPTED";
        let back = if is_held { claim.items.iter().map(|(line, units)| (*line, -units)).collect() } else { Vec::new() };
        after.end_claim(number, "WITHDRAWN");
        self.change_claim(asked, &id, (before, after, number), (actor, 0), &back)
    }

    pub(super) fn receive_claim(&mut self, asked: &Asked<'_>) -> Outcome {
        self.may_change(asked)?;
        let (id, before, number) = self.claimed(asked)?;
        let actor = self.shipper(asked, &before, before.claims[number].items[0].0)?;
        before.ensure_allowed(&id, number + 1, "RECEIVE")?;
        let mut received: BTreeMap<(usize, String), i64> = BTreeMap::new();
        for part in asked.sent["items"].as_array().into_iter().flatten() {
            let line = text(part, "itemId").parse::<usize>().unwrap_or(0).wrapping_sub(1);
            received.insert((line, text(part, "condition")), part["quantity"].as_i64().unwrap_or(0));
        }
        let claim = &before.claims[number];
        if received.keys().any(|(line, _)| claim.asked(*line) == 0) {
            return Err(not_found());
        }
        for (line, units) in &claim.items {
            let named: i64 = received.iter().filter(|((of, _), _)| of == line).map(|(_, units)| units).sum();
            if named != *units {
                let details = json!({ "itemId": (line + 1).to_string(), "claimed": units, "named": named });
                return Err(("ORDER_STATE_CONFLICT", details));
            }
        }
        let mut after = before.clone();
        after.claims[number].received = received;
        let claim = &after.claims[number];
        let back = |(line, _): &(usize, i64)| {
            // The replacement of a missing unit is not needed.
            let missing = if claim.is_exchange() { claim.received(*line, "MISSING") } else { 0 };
            (*line, -claim.received(*line, "SELLABLE") - missing)
        };
        let back: Vec<(usize, i64)> = claim.items.iter().map(back).collect();
        if claim.is_exchange() {
            after.receive_exchange(number);
        } else {
            after.complete_return(number, &before);
        }
        self.change_claim(asked, &id, (before, after, number), (actor, RECEIPT), &back)
    }

    /// Commits a step of a claim, which takes units from the stock or gives them back.
    fn change_claim(
        &mut self,
        asked: &Asked<'_>,
        id: &str,
        (before, mut after, number): (Order, Order, usize),
        (actor, weight): (Actor, usize),
        takes: &[(usize, i64)],
    ) -> Outcome {
        let named: Vec<usize> = before.claims[number].items.iter().map(|(line, _)| *line).collect();
        after.show_claims();
        let lines = after.lines_of_entry(&before, &named);
        let weight = if weight == RECEIPT { 4 * lines } else { weight };
        self.note_more(&mut after, lines, weight, actor, asked)?;
        let lacking = |(line, units): &&(usize, i64)| self.products[&after.lines[*line].product].stock < *units;
        // Any of the products that lack units may be named.
        let is_named = |it: &&&(usize, i64)| asked.actual["productId"] == after.lines[it.0].product;
        let short: Vec<&(usize, i64)> = takes.iter().filter(lacking).collect();
        if let Some((line, units)) = short.iter().find(|it| is_named(it)).or(short.first()) {
            let product = &after.lines[*line].product;
            let available = self.products[product].stock;
            let details = json!({ "productId": product, "requested": units, "available": available });
            return Err(("STOCK_NOT_ENOUGH", details));
        }
        for (line, units) in takes {
            let product = &after.lines[*line].product;
            self.products.get_mut(product).expect("what was ordered is there").stock -= units;
        }
        let mut shown = after.claim_shown(id, number, asked.call.role() != "SELLER");
        self.show_text(&after, number, &mut shown);
        self.orders.insert(id.to_owned(), after);
        self.refund(id);
        fine(shown)
    }
}

/// Stands for the weight of a receipt, which follows from its lines.
const RECEIPT: usize = usize::MAX;

/// The weight of words. They are stored sealed: with a mark, a nonce and a tag, in base 64.
fn weight_of(words: &str) -> usize {
    if words.is_empty() { 0 } else { (1 + ((12 + words.len() + 16) * 4).div_ceil(3)).div_ceil(40) }
}
