//! Parcels, and the states of lines that follow from them.

use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::{Value, json};
use shared::domain::order::Actor;

use super::{
    Asked, Outcome, Reference, Refused, fine,
    goods::SEOUL,
    not_found,
    orders::{Order, item_units},
};

#[derive(Debug, Clone)]
pub(super) struct Parcel {
    seller: String,
    /// SHIPPED, IN_DELIVERY or DELIVERED.
    pub(super) status: &'static str,
    pub(super) items: Vec<ParcelItem>,
    /// The number of the claim whose replacement it has, from 1.
    pub(super) claim: Option<usize>,
    pub(super) delivered_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub(super) struct ParcelItem {
    /// The place of the line, from 0.
    pub(super) line: usize,
    pub(super) units: i64,
    /// Units of them that came back, or never arrived.
    pub(super) gone: i64,
}

impl Parcel {
    /// Units of a line that the customer gets or has by it.
    pub(super) fn live(&self, line: usize) -> i64 {
        if self.claim.is_some() {
            return 0;
        }
        self.items.iter().filter(|item| item.line == line).map(|item| item.units - item.gone).sum()
    }

    pub(super) fn shown(&self, order: &str, number: usize) -> Value {
        let item = |item: &ParcelItem| json!({ "itemId": (item.line + 1).to_string(), "quantity": item.units });
        json!({
            "orderId": order, "parcelId": number.to_string(), "sellerId": self.seller, "status": self.status,
            "items": self.items.iter().map(item).collect::<Vec<_>>(),
            "claimId": self.claim.map(|claim| format!("claim_{claim}_{order}")),
            "deliveredAt": self.delivered_at.map(|at| at.to_string()),
        })
    }
}

/// A state of parcels by its name.
fn state(name: &str) -> &'static str {
    ["SHIPPED", "IN_DELIVERY", "DELIVERED"].into_iter().find(|it| *it == name).expect("a state of parcels")
}

/// How far a parcel is.
pub(super) fn rank(status: &str) -> usize {
    ["SHIPPED", "IN_DELIVERY", "DELIVERED"].iter().position(|it| *it == status).expect("a state of parcels")
}

/// The end of a time from an instant on. A number of days ends with as many days in Seoul after that of its begin.
pub(in crate::simulator) fn end_of(begin: Timestamp, time: SignedDuration) -> Timestamp {
    let days = time.as_secs() / 86_400;
    if days == 0 || time.as_secs() % 86_400 != 0 {
        return begin + time;
    }
    let first = begin.to_zoned(SEOUL).start_of_day().expect("days begin");
    (&first + (days + 1).days()).timestamp()
}

impl Order {
    fn sum(&self, line: usize, of: impl Fn(&Parcel, &ParcelItem) -> i64) -> i64 {
        let parcels = self.parcels.iter().filter(|parcel| parcel.claim.is_none());
        let items = parcels.flat_map(|parcel| parcel.items.iter().map(move |item| (parcel, item)));
        items.filter(|(_, item)| item.line == line).map(|(parcel, item)| of(parcel, item)).sum()
    }

    /// Units of a line that were put into parcels.
    pub(super) fn in_parcels(&self, line: usize) -> i64 {
        self.sum(line, |_, item| item.units)
    }

    /// Units of a line that arrived.
    pub(super) fn arrived(&self, line: usize) -> i64 {
        self.sum(line, |parcel, item| if parcel.status == "DELIVERED" { item.units } else { 0 })
    }

    /// Units of a line that came back, or never arrived.
    pub(super) fn returned(&self, line: usize) -> i64 {
        self.sum(line, |_, item| item.gone)
    }

    /// Live units of a line in parcels.
    pub(super) fn travelling(&self, line: usize) -> i64 {
        self.sum(line, |_, item| item.units - item.gone)
    }

    /// Units of a line that are still to be put into a parcel.
    pub(super) fn to_ship(&self, line: usize) -> i64 {
        if self.paid_at.is_none() { 0 } else { self.lines[line].left() - self.travelling(line) }
    }

    /// The state of a line by its least advanced unit.
    pub(super) fn by_parcels(&self, line: usize) -> Option<&'static str> {
        if self.to_ship(line) > 0 {
            return Some("PREPARING");
        }
        let parcels = self.parcels.iter().filter(|parcel| parcel.live(line) > 0);
        parcels.map(|parcel| parcel.status).min_by_key(|status| rank(status))
    }

    /// Brings a line to the state of its parcels, if that is another than before. A request to cancel ends where a
    /// parcel goes on; a granted one with the arrival.
    pub(super) fn follow(&mut self, before: &Self, line: usize) {
        let Some(to) = self.by_parcels(line).filter(|to| before.by_parcels(line) != Some(to)) else { return };
        let follows = match self.lines[line].status.as_str() {
            "CANCEL_IN_PROGRESS" => to == "DELIVERED",
            "CANCEL_REQUESTED" => true,
            _ => self.lines[line].is_on_its_way(),
        };
        if follows {
            self.lines[line].move_to(to);
        }
    }

    /// The number of lines that an entry about these has: others may have changed with them.
    pub(super) fn lines_of_entry(&self, before: &Self, named: &[usize]) -> usize {
        let is_in = |line: &usize| {
            let (now, then) = (&self.lines[*line], &before.lines[*line]);
            now.status != then.status || now.cancelled != then.cancelled || named.contains(line)
        };
        (0..self.lines.len()).filter(is_in).count()
    }

    /// The instant from which a line counts as confirmed, if it has arrived and nothing else happens.
    pub(super) fn confirms_at(&self, line: usize, after: SignedDuration) -> Option<Timestamp> {
        if self.without_claim(line) != "DELIVERED" || self.lines[line].left() == 0 {
            return None;
        }
        let parcels = self.parcels.iter().filter(|parcel| parcel.live(line) > 0);
        parcels.map(|parcel| parcel.delivered_at).max().flatten().map(|at| end_of(at, after))
    }
}

impl Reference {
    /// The role in which the caller ships a line: its seller, or an admin.
    pub(super) fn shipper(&self, asked: &Asked<'_>, order: &Order, line: usize) -> Result<Actor, Refused> {
        if asked.call.role() == "ADMIN" {
            return Ok(Actor::Admin);
        }
        let sells = |line: usize| {
            asked.call.role() == "SELLER" && order.paid_at.is_some() && order.lines[line].seller == asked.call.caller()
        };
        if sells(line) {
            return Ok(Actor::Seller);
        }
        let sees = order.user == asked.call.caller() || (0..order.lines.len()).any(sells);
        Err(if sees { ("FORBIDDEN", json!({})) } else { not_found() })
    }

    pub(super) fn ship(&mut self, asked: &Asked<'_>) -> Outcome {
        self.may_change(asked)?;
        let id = asked.part(1);
        let before = self.orders.get(&id).ok_or_else(not_found)?.clone();
        let items = item_units(&asked.sent);
        let (mut seller, mut actor, mut is_mixed) = (None, Actor::Admin, false);
        for &(line, _) in &items {
            let there = before.lines.get(line).ok_or_else(not_found)?;
            actor = self.shipper(asked, &before, line)?;
            is_mixed |= seller.is_some_and(|seller| seller != &there.seller);
            seller = Some(&there.seller);
        }
        if is_mixed {
            return Err(("INVALID_REQUEST", json!({})));
        }
        let mut after = before.clone();
        let claim = asked.sent["claimId"].is_string().then(|| asked.text("claimId"));
        let claim = claim.map(|claim| before.claim_number(&id, &claim).ok_or_else(not_found)).transpose()?;
        match claim {
            None => before.ensure_to_ship(&items)?,
            Some(number) => before.ensure_to_replace(&id, number, &items)?,
        }
        let seller = seller.cloned().unwrap_or_default();
        let contents = items.iter().map(|&(line, units)| ParcelItem { line, units, gone: 0 }).collect();
        after.parcels.push(Parcel { seller, status: "SHIPPED", items: contents, claim, delivered_at: None });
        let named: Vec<usize> = items.iter().map(|(line, _)| *line).collect();
        match claim {
            None => named.iter().for_each(|line| after.follow(&before, *line)),
            Some(number) => after.complete_exchange(number),
        }
        after.show_claims();
        let lines = after.lines_of_entry(&before, &named);
        self.note_more(&mut after, lines, 6 + lines, actor, asked)?;
        let number = after.parcels.len();
        let shown = after.parcels[number - 1].shown(&id, number);
        after.moved();
        self.orders.insert(id, after);
        Ok((201, shown))
    }

    pub(super) fn move_parcel(&mut self, asked: &Asked<'_>) -> Outcome {
        self.may_change(asked)?;
        let (id, number) = (asked.part(1), asked.part(3).parse::<usize>().unwrap_or(0));
        let before = self.orders.get(&id).ok_or_else(not_found)?.clone();
        let parcel = before.parcels.get(number.wrapping_sub(1)).ok_or_else(not_found)?;
        let actor = self.shipper(asked, &before, parcel.items[0].line)?;
        let to = state(&asked.text("status"));
        if parcel.status == to {
            return fine(parcel.shown(&id, number));
        }
        if rank(parcel.status) > rank(to) {
            let details = json!({ "parcelId": number.to_string(), "status": parcel.status });
            return Err(("ORDER_STATE_CONFLICT", details));
        }
        let mut after = before.clone();
        after.advance(number - 1, to, asked.at("deliveredAt"));
        let named: Vec<usize> = parcel.items.iter().map(|item| item.line).collect();
        named.iter().for_each(|line| after.follow(&before, *line));
        after.show_claims();
        let lines = after.lines_of_entry(&before, &named);
        self.note_more(&mut after, lines, 0, actor, asked)?;
        let shown = after.parcels[number - 1].shown(&id, number);
        after.moved();
        self.orders.insert(id, after);
        fine(shown)
    }

    /// Confirms the lines that arrived long enough ago, unless a unit of them is in an open claim.
    pub(in crate::simulator) fn confirm(&mut self, now: Timestamp) {
        let window = self.settings.policy.confirm_after;
        for order in self.orders.values_mut() {
            let due = |line: &usize| order.confirms_at(*line, window).is_some_and(|at| at <= now);
            let due: Vec<usize> = (0..order.lines.len()).filter(due).collect();
            // One that waited for a claim is confirmed within an hour of its end, and so are the others of its order
            // meanwhile: the client looks.
            if !order.waited.is_empty() {
                order.waited.extend(due);
                order.waited.sort_unstable();
                order.waited.dedup();
                continue;
            }
            let (waiting, due): (Vec<usize>, Vec<usize>) = due.into_iter().partition(|line| order.is_claimed(*line));
            order.waited.extend(waiting);
            if !due.is_empty() {
                order.confirmed(&due);
            }
        }
    }

    /// The orders with lines that a claim has kept from being confirmed: their customers, and their ids.
    pub(in crate::simulator) fn waiting_for_confirmation(&self) -> Vec<(String, String)> {
        let waiting = self.orders.iter().filter(|(_, order)| !order.waited.is_empty());
        waiting.map(|(id, order)| (order.user.clone(), id.clone())).collect()
    }

    /// Takes over the confirmations that the shop shows for lines that waited for a claim.
    pub(in crate::simulator) fn settle_confirmations(&mut self, id: &str, actual: &Value, now: Timestamp) {
        let window = self.settings.policy.confirm_after;
        let order = self.orders.get_mut(id).expect("what waits is there");
        let waited = std::mem::take(&mut order.waited);
        let is_shown = |line: &usize| actual["items"][*line]["status"] == "PURCHASE_CONFIRMED";
        let can_be = |order: &Order, line: usize| {
            !order.is_claimed(line) && order.confirms_at(line, window).is_some_and(|at| at <= now)
        };
        let confirmed: Vec<usize> =
            waited.iter().copied().filter(|line| can_be(order, *line) && is_shown(line)).collect();
        if !confirmed.is_empty() {
            order.confirmed(&confirmed);
        }
        let still = |line: &usize| order.confirms_at(*line, window).is_some_and(|at| at <= now);
        order.waited = waited.into_iter().filter(still).collect();
    }

    /// The ends of the times in which delivered units can be claimed, and of the silence that confirms lines.
    pub(super) fn ends_of_deliveries(&self) -> impl Iterator<Item = Timestamp> {
        let policy = self.settings.policy;
        let times = [policy.confirm_after, policy.claims.change_of_mind, policy.claims.defect];
        let delivered = self.orders.values().flat_map(|order| &order.parcels).filter_map(|parcel| parcel.delivered_at);
        delivered.flat_map(move |at| times.map(|time| end_of(at, time)))
    }
}

impl Order {
    fn confirmed(&mut self, lines: &[usize]) {
        let before = self.clone();
        lines.iter().for_each(|line| self.lines[*line].move_to("PURCHASE_CONFIRMED"));
        self.show_claims();
        self.weight += super::orders::ENTRY + self.lines_of_entry(&before, lines);
        self.moved();
    }

    fn ensure_to_ship(&self, items: &[(usize, i64)]) -> Result<(), Refused> {
        for &(line, units) in items {
            let left = self.to_ship(line);
            let item = (line + 1).to_string();
            if left == 0 || !self.lines[line].is_unshipped() {
                let details = json!({ "itemId": item, "status": self.lines[line].status });
                return Err(("ORDER_STATE_CONFLICT", details));
            }
            if units > left {
                let details = json!({ "itemId": item, "requested": units, "available": left });
                return Err(("ORDER_STATE_CONFLICT", details));
            }
        }
        Ok(())
    }

    fn advance(&mut self, place: usize, to: &'static str, at: Timestamp) {
        let parcel = &mut self.parcels[place];
        if rank(parcel.status) < rank(to) {
            parcel.status = to;
            parcel.delivered_at = (to == "DELIVERED").then_some(at);
        }
    }

    /// Moves the parcels of a line as its move by hand implies: a new one for all units in none, or all that it has.
    pub(super) fn imply_parcels(&mut self, before: &Self, line: usize, to: &str, at: Timestamp) {
        match to {
            "SHIPPED" if before.to_ship(line) > 0 => {
                let items = vec![ParcelItem { line, units: before.to_ship(line), gone: 0 }];
                let seller = self.lines[line].seller.clone();
                self.parcels.push(Parcel { seller, status: "SHIPPED", items, claim: None, delivered_at: None });
            }
            "IN_DELIVERY" | "DELIVERED" => {
                let theirs: Vec<usize> =
                    (0..self.parcels.len()).filter(|place| self.parcels[*place].live(line) > 0).collect();
                for place in &theirs {
                    self.advance(*place, state(to), at);
                }
                let others = theirs.iter().flat_map(|place| &self.parcels[*place].items).map(|item| item.line);
                let others: Vec<usize> = others.filter(|other| *other != line).collect();
                others.into_iter().for_each(|other| self.follow(before, other));
            }
            "CANCELLED" | "RETURNED" => {
                let parcels = self.parcels.iter_mut().filter(|parcel| parcel.claim.is_none());
                let items = parcels.flat_map(|parcel| &mut parcel.items).filter(|item| item.line == line);
                items.for_each(|item| item.gone = item.units);
            }
            _ => {}
        }
    }
}
