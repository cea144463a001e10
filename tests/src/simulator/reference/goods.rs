//! Products, stock, carts, and bestsellers.

use std::collections::BTreeMap;

use jiff::{
    Timestamp,
    civil::Date,
    tz::{Offset, TimeZone},
};
use serde_json::{Value, json};

use super::{Asked, Outcome, Reference, Refused, fine, instant, not_found, number, text};

#[derive(Debug)]
pub(super) struct Product {
    pub(super) name: String,
    pub(super) price: i64,
    pub(super) discount: i64,
    pub(super) stock: i64,
    /// ON_SALE, DISCONTINUED or HIDDEN.
    pub(super) status: String,
    /// Whether its seller is suspended or withdrawn.
    pub(super) is_paused: bool,
    /// Its seller.
    pub(super) seller: String,
    /// Whether an order of it may need an address.
    pub(super) needs_shipping: bool,
    /// Its purchase limit.
    pub(super) limit: Option<Limit>,
    /// The begin and the end of its sale.
    pub(super) window: [Option<Timestamp>; 2],
    /// In the order of their time.
    pub(super) offers: Vec<Offer>,
}

/// A timed offer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Offer {
    discount: i64,
    from: Timestamp,
    until: Timestamp,
    quantity: Option<i64>,
    /// The number of quotas in the shop when it began to count.
    since: usize,
}

/// The terms on which units of a product are sold at an instant.
#[derive(Debug)]
pub(super) struct Sold {
    pub(super) discount: i64,
    /// The quota that the units count on.
    pub(super) quota: Option<usize>,
    /// The units left at the offer that runs, if they are too few.
    pub(super) offer_left: Option<i64>,
}

/// A purchase limit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Limit {
    pub(super) per_user: i64,
    pub(super) within: String,
    /// The number of limits in the shop when it began to count, by which it differs from an earlier one of its product.
    pub(super) since: usize,
}

impl Limit {
    /// The counter of an order of this instant, as its lines name it.
    pub(super) fn counter(&self, at: Timestamp) -> Counter {
        (self.since, (self.within == "DAY").then(|| day(at)))
    }
}

/// A counter: the limit since that many, and its day.
pub(super) type Counter = (usize, Option<Date>);

impl Product {
    pub(super) fn is_on_sale(&self) -> bool {
        self.status == "ON_SALE" && !self.is_paused
    }

    pub(super) fn is_hidden(&self) -> bool {
        self.status == "HIDDEN"
    }

    /// The details of a refusal outside of its sale window.
    pub(super) fn closed(&self, id: &str, at: Timestamp) -> Option<Value> {
        let [from, until] = self.window;
        let is_open = from.is_none_or(|from| from <= at) && until.is_none_or(|until| at < until);
        let [from, until] = self.window.map(|at| at.map(|at| at.to_string()));
        (!is_open).then(|| json!({ "productId": id, "saleFrom": from, "saleUntil": until }))
    }

    /// Whether the caller is its seller or an admin.
    fn is_owned(&self, asked: &Asked<'_>) -> bool {
        asked.call.role() == "ADMIN" || self.seller == asked.call.caller()
    }

    /// The product as sellers and admins see it. Its number of shards is not the reference's concern.
    fn shown_at_desk(&self, id: &str) -> Value {
        let mut shown = self.shown_whole(id);
        shown["sellerId"] = json!(self.seller);
        shown
    }

    /// The sale status that customers see, by which the desk lists it.
    fn sale_status(&self) -> &str {
        match self.status.as_str() {
            "ON_SALE" if self.is_paused => "DISCONTINUED",
            own => own,
        }
    }

    /// The product as answers about it alone show it.
    fn shown_whole(&self, id: &str) -> Value {
        let limit = self.limit.as_ref();
        let mut shown = self.shown(id);
        shown["saleFrom"] = json!(self.window[0].map(|at| at.to_string()));
        shown["saleUntil"] = json!(self.window[1].map(|at| at.to_string()));
        let offer = |offer: &Offer| {
            json!({
                "discount": offer.discount, "from": offer.from.to_string(), "until": offer.until.to_string(),
                "quantity": offer.quantity,
            })
        };
        let offers: Vec<Value> = self.offers.iter().map(offer).collect();
        shown["offers"] = if offers.is_empty() { Value::Null } else { json!(offers) };
        shown["limit"] = json!(limit.map(|limit| json!({ "perUser": limit.per_user, "within": limit.within })));
        shown
    }

    fn shown(&self, id: &str) -> Value {
        let status = match self.sale_status() {
            "ON_SALE" if self.stock == 0 => "SOLD_OUT",
            status => status,
        };
        json!({
            "productId": id, "name": self.name, "price": self.price, "discount": self.discount,
            "stock": self.stock, "status": status,
        })
    }
}

/// A part of a list with a stable order that is otherwise not promised. It may be cut anywhere, and then has a cursor.
pub(super) fn part_of(asked: &Asked<'_>, id: &str, listed: &BTreeMap<&str, Value>) -> Value {
    let actual = asked.actual["items"].as_array().into_iter().flatten();
    let mut items: Vec<Value> = actual.filter_map(|item| listed.get(text(item, id).as_str()).cloned()).collect();
    if asked.actual["nextCursor"].is_null() {
        items.resize(listed.len(), json!("another that is in the list"));
    }
    json!({ "items": items })
}

/// Seoul's time, which has no summer time.
pub(super) const SEOUL: TimeZone = TimeZone::fixed(Offset::constant(9));

/// The day in Seoul.
pub(in crate::simulator) fn day(at: Timestamp) -> Date {
    at.to_zoned(SEOUL).date()
}

impl Reference {
    pub(super) fn create_product(&mut self, asked: &Asked<'_>) -> Outcome {
        let id = asked.text("productId");
        self.ensure_active(&asked.text("sellerId"))?;
        if self.products.contains_key(&id) {
            return Err(("ALREADY_EXISTS", json!({})));
        }
        let product = Product {
            name: asked.text("name"),
            price: number(&asked.sent, "price"),
            discount: number(&asked.sent, "discount"),
            stock: number(&asked.sent, "stock"),
            status: asked.sent["status"].as_str().unwrap_or("ON_SALE").to_owned(),
            is_paused: false,
            seller: asked.text("sellerId"),
            needs_shipping: asked.sent["needsShipping"] != false,
            limit: None,
            window: ["saleFrom", "saleUntil"].map(|name| instant(&asked.sent[name])),
            offers: Vec::new(),
        };
        let offers = self.offers(&[], &asked.sent["offers"])?;
        let limit = self.limit(None, &asked.sent["limit"]);
        let product = Product { limit, offers, ..product };
        let shown = product.shown_whole(&id);
        self.products.insert(id, product);
        Ok((201, shown))
    }

    pub(super) fn update_product(&mut self, asked: &Asked<'_>) -> Outcome {
        let id = asked.part(1);
        let before = self.owned(asked)?.limit.clone();
        let named = asked.sent.get("limit");
        let limit = named.map_or(before.clone(), |limit| self.limit(before, limit));
        let before = self.owned(asked)?.offers.clone();
        let named = asked.sent.get("offers");
        let offers = named.map_or(Ok(before.clone()), |offers| self.offers(&before, offers))?;
        let product = self.owned(asked)?;
        (product.limit, product.offers) = (limit, offers);
        for (field, value) in asked.sent.as_object().into_iter().flatten() {
            match field.as_str() {
                "price" => product.price = value.as_i64().unwrap_or(0),
                "discount" => product.discount = value.as_i64().unwrap_or(0),
                "saleFrom" => product.window[0] = instant(value),
                "saleUntil" => product.window[1] = instant(value),
                "name" => product.name = text(&asked.sent, field),
                "status" => product.status = text(&asked.sent, field),
                // The shard of units does not change their number.
                _ => {}
            }
        }
        fine(product.shown_whole(&id))
    }

    /// The offers that replace others.
    fn offers(&mut self, before: &[Offer], sent: &Value) -> Result<Vec<Offer>, Refused> {
        let mut offers = Vec::new();
        for sent in sent.as_array().into_iter().flatten() {
            let (from, until) = (instant(&sent["from"]).expect("it begins"), instant(&sent["until"]).expect("it ends"));
            let quantity = sent["quantity"].as_i64();
            let seen = before.iter().find(|offer| offer.from == from && offer.quantity.is_some());
            if quantity.is_some() && quantity < seen.and_then(|seen| seen.quantity) {
                return Err(("INVALID_REQUEST", json!({})));
            }
            let since = seen.map_or(self.quotas + 1, |seen| seen.since);
            self.quotas = self.quotas.max(since);
            offers.push(Offer { discount: number(sent, "discount"), from, until, quantity, since });
        }
        offers.sort_by_key(|offer| offer.from);
        Ok(offers)
    }

    /// The terms on which so many units of a product are sold at an instant.
    pub(super) fn sold(&self, product: &Product, units: i64, at: Timestamp) -> Sold {
        let regular = Sold { discount: product.discount, quota: None, offer_left: None };
        let Some(offer) = product.offers.iter().find(|offer| offer.from <= at && at < offer.until) else {
            return regular;
        };
        let Some(quantity) = offer.quantity else { return Sold { discount: offer.discount, ..regular } };
        let lines = self.orders.values().flat_map(|order| &order.lines).filter_map(|line| line.quota);
        let taken: i64 = lines.filter(|(since, _)| *since == offer.since).map(|(_, units)| units).sum();
        let left = quantity - taken;
        if left < units {
            return Sold { offer_left: Some(left), ..regular };
        }
        Sold { discount: offer.discount, quota: Some(offer.since), offer_left: None }
    }

    /// The instants at which offers and sales of products begin and end.
    pub(super) fn ends_of_products(&self) -> impl Iterator<Item = Timestamp> {
        self.products.values().flat_map(|product| {
            let offers = product.offers.iter().flat_map(|offer| [offer.from, offer.until]);
            product.window.into_iter().flatten().chain(offers)
        })
    }

    pub(super) fn yours(&self, asked: &Asked<'_>) -> Outcome {
        let (id, user) = (asked.part(1), asked.call.caller());
        self.users.get(&user).ok_or_else(not_found)?;
        let product = self.products.get(&id).filter(|product| !product.is_hidden()).ok_or_else(not_found)?;
        let bought = product.limit.as_ref().map(|limit| self.counted(&user, &id, limit.counter(asked.now)));
        let left = product.limit.as_ref().zip(bought).map(|(limit, bought)| (limit.per_user - bought).max(0));
        fine(json!({
            "price": product.price, "discount": self.sold(product, 1, asked.now).discount, "bought": bought, "left": left,
            "saleFrom": product.window[0].map(|at| at.to_string()), "saleUntil": product.window[1].map(|at| at.to_string()),
        }))
    }

    /// The limit that replaces another one.
    fn limit(&mut self, before: Option<Limit>, sent: &Value) -> Option<Limit> {
        let per_user = sent["perUser"].as_i64()?;
        let within = text(sent, "within");
        let since = match before.filter(|before| before.within == within) {
            Some(before) => before.since,
            None => {
                self.limits += 1;
                self.limits
            }
        };
        Some(Limit { per_user, within, since })
    }

    pub(super) fn restock(&mut self, asked: &Asked<'_>) -> Outcome {
        let id = asked.part(1);
        let product = self.owned(asked)?;
        let quantity = number(&asked.sent, "quantity");
        if product.stock + quantity < 0 {
            return Err(("STOCK_NOT_ENOUGH", json!({ "productId": id, "available": product.stock })));
        }
        product.stock += quantity;
        fine(product.shown_whole(&id))
    }

    /// A product that the caller may change.
    fn owned(&mut self, asked: &Asked<'_>) -> Result<&mut Product, (&'static str, Value)> {
        if asked.call.role() == "CUSTOMER" {
            return Err(("FORBIDDEN", json!({})));
        }
        self.may_change(asked)?;
        let product = self.products.get_mut(&asked.part(1)).filter(|product| product.is_owned(asked));
        product.ok_or_else(not_found)
    }

    pub(super) fn desk_product(&self, asked: &Asked<'_>) -> Outcome {
        if asked.call.role() == "CUSTOMER" {
            return Err(("FORBIDDEN", json!({})));
        }
        let id = asked.part(2);
        let product = self.products.get(&id).filter(|product| product.is_owned(asked)).ok_or_else(not_found)?;
        fine(product.shown_at_desk(&id))
    }

    pub(super) fn list_desk_products(&self, asked: &Asked<'_>) -> Outcome {
        let (wanted, status) = (asked.call.query("sellerId"), asked.call.query("status"));
        let is_other = wanted.as_ref().is_some_and(|seller| *seller != asked.call.caller());
        if asked.call.role() == "CUSTOMER" || (asked.call.role() == "SELLER" && is_other) {
            return Err(("FORBIDDEN", json!({})));
        }
        let is_listed = |product: &Product| {
            let has_status = status.as_ref().is_none_or(|status| product.sale_status() == status);
            product.is_owned(asked) && has_status && wanted.as_ref().is_none_or(|seller| product.seller == *seller)
        };
        let listed = self.products.iter().filter(|(_, product)| is_listed(product));
        let listed = listed.map(|(id, product)| {
            let mut shown = product.shown_at_desk(id);
            shown
                .as_object_mut()
                .expect("an object")
                .retain(|name, _| name != "limit" && name != "offers" && !name.starts_with("sale"));
            (id.as_str(), shown)
        });
        let listed: BTreeMap<&str, Value> = listed.collect();
        fine(part_of(asked, "productId", &listed))
    }

    pub(super) fn product(&self, asked: &Asked<'_>) -> Outcome {
        let id = asked.part(1);
        let product = self.products.get(&id).filter(|product| !product.is_hidden()).ok_or_else(not_found)?;
        fine(product.shown_whole(&id))
    }

    /// The first page, of two. Only a stable order of the list is promised.
    pub(super) fn list_products(&self, asked: &Asked<'_>) -> Outcome {
        let actual = asked.actual["items"].as_array().into_iter().flatten();
        let listed: BTreeMap<&String, &Product> = self.products.iter().filter(|(_, it)| it.is_on_sale()).collect();
        let mut items: Vec<Value> = Vec::new();
        for id in actual.map(|item| text(item, "productId")) {
            items.extend(listed.get_key_value(&id).map(|(id, product)| product.shown(id)));
        }
        // A page that is cut has a cursor.
        if asked.actual["nextCursor"].is_null() || items.is_empty() {
            items.resize(listed.len().min(2), json!("another product that is on sale"));
        }
        fine(json!({ "items": items }))
    }

    /// The best-selling products of three days in Seoul, today included. Cancelled and returned units, and units that
    /// cost nothing, are left out.
    pub(super) fn bestsellers(&self, now: Timestamp) -> Value {
        let today = day(now);
        let mut sold: BTreeMap<&str, (i64, Timestamp)> = BTreeMap::new();
        for order in self.orders.values() {
            let Some(paid_at) = order.paid_at else { continue };
            if (today - day(paid_at)).get_days() >= 3 {
                continue;
            }
            for line in order.lines.iter().filter(|line| line.price > line.discount) {
                let (units, last) = sold.entry(&line.product).or_insert((0, paid_at));
                *units += line.quantity - line.cancelled;
                *last = paid_at.max(*last);
            }
        }
        let on_sale = |id: &str| self.products.get(id).filter(|product| product.is_on_sale());
        let mut best: Vec<(&str, i64, Timestamp)> = sold.into_iter().map(|(id, (units, at))| (id, units, at)).collect();
        best.retain(|(id, units, _)| *units > 0 && on_sale(id).is_some());
        best.sort_by_key(|(_, units, last)| std::cmp::Reverse((*units, *last)));
        let shown = |((id, units, _), rank): ((&str, i64, Timestamp), usize)| {
            let mut shown = on_sale(id).expect("what is listed is on sale").shown(id);
            shown["rank"] = json!(rank);
            shown["soldQuantity"] = json!(units);
            shown
        };
        let items: Vec<Value> = best.into_iter().take(5).zip(1..).map(shown).collect();
        json!({ "items": items })
    }

    pub(super) fn add_to_cart(&mut self, asked: &Asked<'_>) -> Outcome {
        let (user, id) = (asked.text("userId"), asked.text("productId"));
        self.users.get(&user).ok_or_else(not_found)?;
        let product = self.products.get(&id).filter(|product| !product.is_hidden()).ok_or_else(not_found)?;
        if !product.is_on_sale() {
            return Err(("PRODUCT_NOT_ON_SALE", json!({ "productId": id })));
        }
        let (cart, most) = (self.carts.entry(user.clone()).or_default(), self.settings.bounds.cart_items);
        if !cart.contains_key(&id) && cart.len() >= usize::from(most) {
            return Err(("LIMIT_EXCEEDED", json!({ "limit": "cartItems", "max": most })));
        }
        *cart.entry(id).or_default() += number(&asked.sent, "quantity");
        fine(self.cart(&user))
    }

    pub(super) fn cart(&self, user: &str) -> Value {
        let mut total = 0;
        let mut items: Vec<Value> = Vec::new();
        for (id, quantity) in self.carts.get(user).into_iter().flatten() {
            let product = &self.products[id];
            let amount = if product.is_on_sale() { (product.price - product.discount) * quantity } else { 0 };
            total += amount;
            let mut item = if product.is_hidden() {
                json!({ "productId": id, "name": id, "price": 0, "discount": 0, "stock": 0, "status": "DISCONTINUED" })
            } else {
                product.shown(id)
            };
            item["itemId"] = json!(id);
            item["quantity"] = json!(quantity);
            item["amount"] = json!(amount);
            items.push(item);
        }
        json!({ "items": items, "total": total })
    }
}
