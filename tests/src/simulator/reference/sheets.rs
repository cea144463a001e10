//! Order sheets, and the amounts of a basket.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Asked, Outcome, Reference,
    coupons::{named, shares},
    drops::Serving,
    fine,
    goods::{Counter, Product},
    not_found, number, text,
};

#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) product: String,
    pub(super) seller: String,
    pub(super) quantity: i64,
    pub(super) price: i64,
    pub(super) discount: i64,
    /// Its part of the coupon's discount.
    pub(super) share: i64,
    /// Its part of the fee of its shipment.
    shipping_share: i64,
    pub(super) cancelled: i64,
    /// The counter of the purchase limit that has its units.
    pub(super) limit: Option<Counter>,
    /// The quota of a timed offer that has its units, and how many of them.
    pub(super) quota: Option<(usize, i64)>,
    pub(super) status: String,
    /// The state before it.
    pub(super) before: Option<String>,
}

impl Line {
    pub(super) fn amount(&self) -> i64 {
        (self.price - self.discount) * self.quantity
    }

    /// The refund due for its cancelled units.
    pub(super) fn refund(&self) -> i64 {
        (self.amount() - self.share) * self.cancelled / self.quantity
    }

    /// Its part of the coupon's discount, less what its cancelled units gave up.
    pub(super) fn live_share(&self) -> i64 {
        self.share - ((self.price - self.discount) * self.cancelled - self.refund())
    }

    /// Moves it to a state, if it is in another.
    pub(super) fn move_to(&mut self, status: &str) {
        if self.status != status {
            let before = std::mem::replace(&mut self.status, status.to_owned());
            self.before = Some(before).filter(|before| !before.is_empty());
        }
    }
}

/// The amounts of a basket.
#[derive(Debug, Clone)]
pub(super) struct Quote {
    pub(super) lines: Vec<Line>,
    pub(super) coupon: Option<String>,
    pub(super) coupon_discount: i64,
    /// The fee of each shipment, with its seller; the shop's has none.
    pub(super) shipments: Vec<(Option<String>, i64)>,
    pub(super) payable: i64,
}

impl Quote {
    /// The place of the shipment that goods of a seller belong to.
    pub(super) fn shipment_of(&self, seller: &str) -> usize {
        let own = self.shipments.iter().position(|(of, _)| of.as_deref() == Some(seller));
        let of_shop = || self.shipments.iter().position(|(of, _)| of.is_none());
        own.or_else(of_shop).expect("goods are in a shipment")
    }

    /// Splits the fee of each shipment over its lines by their amounts; goods for nothing share it alike.
    fn split_fees(&mut self) {
        for place in 0..self.shipments.len() {
            let is_in = |line: &Line| self.shipment_of(&line.seller) == place;
            let amounts: Vec<i64> = self.lines.iter().map(|line| if is_in(line) { line.amount() } else { 0 }).collect();
            let alike: Vec<i64> = self.lines.iter().map(|line| i64::from(is_in(line))).collect();
            let weights = if amounts.iter().sum::<i64>() == 0 { alike } else { amounts };
            let parts = shares(self.shipments[place].1, &weights);
            self.lines.iter_mut().zip(parts).for_each(|(line, part)| line.shipping_share += part);
        }
    }

    pub(super) fn shown(&self) -> Value {
        let line = |(line, number): (&Line, usize)| {
            json!({
                "itemId": number.to_string(), "sequence": number, "productId": line.product, "quantity": line.quantity,
                "unitPrice": line.price, "unitDiscount": line.discount, "amount": line.amount(),
                "couponShare": line.share, "shippingShare": line.shipping_share, "sellerId": line.seller,
            })
        };
        let items: Vec<Value> = self.lines.iter().zip(1..).map(line).collect();
        let shipments = self.shipments.iter().map(|(seller, fee)| json!({ "sellerId": seller, "fee": fee }));
        let fee: i64 = self.shipments.iter().map(|(_, fee)| fee).sum();
        json!({
            "shipments": shipments.collect::<Vec<_>>(),
            "items": items,
            "goodsTotal": self.lines.iter().map(|line| line.price * line.quantity).sum::<i64>(),
            "goodsDiscount": self.lines.iter().map(|line| line.discount * line.quantity).sum::<i64>(),
            "couponId": self.coupon, "couponDiscount": self.coupon_discount,
            "shippingFee": fee, "payable": self.payable,
        })
    }
}

#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) user: String,
    pub(super) quote: Quote,
    /// Set for a cart: the order made from it before, if there was one.
    pub(super) cart: Option<Option<String>>,
    pub(super) ends: Timestamp,
    pub(super) order: Option<String>,
}

impl Reference {
    /// The products and quantities that a request names.
    pub(super) fn basket(&self, sent: &Value, user: &str) -> Result<Vec<(String, i64)>, (&'static str, Value)> {
        if sent["fromCart"] == true {
            let cart: Vec<_> =
                self.carts.get(user).into_iter().flatten().map(|(id, units)| (id.clone(), *units)).collect();
            if cart.is_empty() {
                // A user who may not order is refused first.
                self.ensure_active(user)?;
                return Err(("INVALID_REQUEST", json!({})));
            }
            return Ok(cart);
        }
        let mut basket: Vec<(String, i64)> = Vec::new();
        for item in sent["items"].as_array().into_iter().flatten() {
            basket.push((text(item, "productId"), number(item, "quantity")));
        }
        Ok(basket)
    }

    /// The amounts of a basket for a user, or the refusal if the user may not order it. A sheet fixes the prices.
    pub(super) fn quote(
        &self,
        user: &str,
        basket: &[(String, i64)],
        coupon: Option<String>,
        sheet: Option<&Quote>,
        asked: &Asked<'_>,
    ) -> Result<Quote, (&'static str, Value)> {
        self.ensure_active(user)?;
        let shown = |id: &str| self.products.get(id).filter(|product| !product.is_hidden());
        let products: Option<Vec<_>> = basket.iter().map(|(id, units)| Some((id, *units, shown(id)?))).collect();
        let products = products.ok_or_else(not_found)?;
        if let Some((id, ..)) = products.iter().find(|(.., product)| !product.is_on_sale()) {
            return Err(("PRODUCT_NOT_ON_SALE", json!({ "productId": id })));
        }
        if let Some(details) = products.iter().find_map(|(id, _, product)| product.closed(id, asked.now)) {
            return Err(("PRODUCT_NOT_ON_SALE", details));
        }
        for (line, (id, _, product)) in sheet.iter().flat_map(|quote| &quote.lines).zip(&products) {
            let sold = self.sold(product, line.quantity, asked.now);
            if (line.price, line.discount) != (product.price, sold.discount) {
                let (quoted, current) = (line.price - line.discount, product.price - sold.discount);
                let (product, left) = (id, sold.offer_left);
                let details = json!({ "productId": product, "quoted": quoted, "current": current, "offerLeft": left });
                return Err(("PRICE_CHANGED", details));
            }
        }
        for (item, (id, units, product)) in asked.sent["items"].as_array().into_iter().flatten().zip(&products) {
            let sold = self.sold(product, *units, asked.now);
            let (expected, current) = (item["expectedPrice"].as_i64(), product.price - sold.discount);
            if let Some(quoted) = expected.filter(|expected| *expected != current) {
                let (product, left) = (id, sold.offer_left);
                let details = json!({ "productId": product, "quoted": quoted, "current": current, "offerLeft": left });
                return Err(("PRICE_CHANGED", details));
            }
        }
        // A product that is known to be sold out is refused before its line is looked at.
        if asked.call.function() == "create-order" && !asked.actual["available"].is_number() {
            self.admit_to(asked, user, basket)?;
        }
        // Any of the lines that lack units may be named.
        let lacking = || products.iter().filter(|(_, units, product)| product.stock < *units);
        let named = lacking().find(|(id, ..)| asked.actual["productId"] == **id).or_else(|| lacking().next());
        if let Some((id, units, product)) = named {
            let details = json!({ "productId": id, "requested": units, "available": product.stock });
            return Err(("STOCK_NOT_ENOUGH", details));
        }
        for (id, units, product) in &products {
            let Some(limit) = &product.limit else { continue };
            let left = (limit.per_user - self.counted(user, id, limit.counter(asked.now))).max(0);
            if *units > left {
                let details = json!({
                    "limit": "perUser", "max": limit.per_user, "productId": id, "within": limit.within, "left": left,
                });
                return Err(("LIMIT_EXCEEDED", details));
            }
        }
        let line = |&(id, units, product): &(&String, i64, &Product)| Line {
            product: id.clone(),
            seller: product.seller.clone(),
            quantity: units,
            price: product.price,
            discount: self.sold(product, units, asked.now).discount,
            share: 0,
            shipping_share: 0,
            cancelled: 0,
            limit: None,
            quota: None,
            status: String::new(),
            before: None,
        };
        let lines: Vec<Line> = products.iter().map(line).collect();
        let goods: i64 = lines.iter().map(Line::amount).sum();
        let mut shipments: Vec<(Option<String>, i64, i64)> = Vec::new();
        for line in &lines {
            let own = self.terms.contains_key(&line.seller).then(|| line.seller.clone());
            match shipments.iter_mut().find(|(of, ..)| *of == own) {
                Some((.., goods)) => *goods += line.amount(),
                None => shipments.push((own, 0, line.amount())),
            }
        }
        for (seller, fee, goods) in &mut shipments {
            let of_shop = self.settings.policy.shipping;
            let own = seller.as_ref().and_then(|seller| self.terms.get(seller));
            let [usual, free_from, _] = own.copied().unwrap_or([of_shop.fee.get(), of_shop.free_from.get(), 0]);
            *fee = if *goods >= free_from { 0 } else { usual };
        }
        if let Some(sheet) = sheet {
            // A sheet fixes the amounts; only its coupon must still be usable, and its budget suffice.
            if let Some(coupon) = &coupon {
                self.ensure_usable(&(user.to_owned(), coupon.clone()), asked.now)?;
                self.ensure_in_budget(coupon, sheet.coupon_discount)?;
            }
            return Ok(sheet.clone());
        }
        let shipments = shipments.into_iter().map(|(seller, fee, _)| (seller, fee)).collect();
        let mut quote = Quote { lines, coupon, coupon_discount: 0, shipments, payable: 0 };
        self.apply_coupon(&mut quote, user, asked.now)?;
        quote.payable = goods - quote.coupon_discount + quote.shipments.iter().map(|(_, fee)| fee).sum::<i64>();
        quote.split_fees();
        Ok(quote)
    }

    /// The ticket by which a user is admitted to the products of a basket.
    pub(super) fn admit_to(
        &self,
        asked: &Asked<'_>,
        user: &str,
        basket: &[(String, i64)],
    ) -> Result<Option<Serving>, (&'static str, Value)> {
        let products: Vec<&str> = basket.iter().map(|(product, _)| product.as_str()).collect();
        self.admit(asked, user, "productId", &products)
    }

    /// Takes the discount of its coupon off the lines in scope, or the fees of their shipments.
    fn apply_coupon(&self, quote: &mut Quote, user: &str, now: Timestamp) -> Result<(), (&'static str, Value)> {
        let Some(coupon) = quote.coupon.clone() else { return Ok(()) };
        let is_in = |line: &Line| self.campaigns.get(&coupon).is_none_or(|it| it.covers(&line.product, &line.seller));
        let amount = |line: &Line| if is_in(line) { line.amount() } else { 0 };
        let amounts: Vec<i64> = quote.lines.iter().map(amount).collect();
        let goods = quote.lines.iter().any(is_in).then(|| amounts.iter().sum());
        let in_scope = quote.lines.iter().filter(|line| is_in(line)).map(|line| quote.shipment_of(&line.seller));
        let in_scope: BTreeSet<usize> = in_scope.collect();
        let fee = in_scope.iter().map(|place| quote.shipments[*place].1).sum();
        match self.discount(&(user.to_owned(), coupon.clone()), goods, fee, now)? {
            None => in_scope.iter().for_each(|place| quote.shipments[*place].1 = 0),
            Some(discount) => {
                self.ensure_in_budget(&coupon, discount)?;
                quote.coupon_discount = discount;
                quote.lines.iter_mut().zip(shares(discount, &amounts)).for_each(|(line, share)| line.share = share);
            }
        }
        Ok(())
    }

    pub(super) fn create_sheet(&mut self, asked: &Asked<'_>) -> Outcome {
        let user = asked.text("userId");
        self.users.get(&user).ok_or_else(not_found)?;
        let basket = self.basket(&asked.sent, &user)?;
        let quote = self.quote(&user, &basket, named(&asked.sent), None, asked)?;
        let ends = asked.at("createdAt") + self.settings.policy.sheet_validity;
        let cart = (asked.sent["fromCart"] == true).then(|| self.cart_orders.get(&user).cloned());
        let sheet = Sheet { user, quote, cart, ends, order: None };
        let shown = sheet.shown(asked.now);
        self.sheets.insert(asked.id("orderSheetId"), sheet);
        Ok((201, shown))
    }

    pub(super) fn sheet(&self, asked: &Asked<'_>) -> Outcome {
        let sheet = self.sheets.get(&asked.part(1)).filter(|sheet| sheet.user == asked.call.caller());
        fine(sheet.ok_or_else(not_found)?.shown(asked.now))
    }
}

impl Sheet {
    fn shown(&self, now: Timestamp) -> Value {
        let status = match &self.order {
            Some(_) => "ORDERED",
            None if now >= self.ends => "EXPIRED",
            None => "OPEN",
        };
        let mut shown = self.quote.shown();
        shown["userId"] = json!(self.user);
        shown["status"] = json!(status);
        shown["orderId"] = json!(self.order);
        shown["expiresAt"] = json!(self.ends.to_string());
        shown
    }
}
