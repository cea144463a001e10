//! Order sheets, and the amounts of a basket.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Asked, Outcome, Reference,
    coupons::{named, shares},
    fine,
    goods::Product,
    not_found, number, text,
};

#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) product: String,
    pub(super) quantity: i64,
    pub(super) price: i64,
    pub(super) discount: i64,
    pub(super) share: i64,
    pub(super) cancelled: i64,
    pub(super) status: String,
    /// The state before it.
    pub(super) before: Option<String>,
}

impl Line {
    pub(super) fn amount(&self) -> i64 {
        (self.price - self.discount) * self.quantity
    }
}

/// The amounts of a basket.
#[derive(Debug, Clone)]
pub(super) struct Quote {
    pub(super) lines: Vec<Line>,
    pub(super) coupon: Option<String>,
    pub(super) coupon_discount: i64,
    pub(super) fee: i64,
    pub(super) payable: i64,
}

impl Quote {
    pub(super) fn shown(&self) -> Value {
        let line = |(line, number): (&Line, usize)| {
            json!({
                "itemId": number.to_string(), "sequence": number, "productId": line.product, "quantity": line.quantity,
                "unitPrice": line.price, "unitDiscount": line.discount, "amount": line.amount(),
                "couponShare": line.share,
            })
        };
        let items: Vec<Value> = self.lines.iter().zip(1..).map(line).collect();
        json!({
            "items": items,
            "goodsTotal": self.lines.iter().map(|line| line.price * line.quantity).sum::<i64>(),
            "goodsDiscount": self.lines.iter().map(|line| line.discount * line.quantity).sum::<i64>(),
            "couponId": self.coupon, "couponDiscount": self.coupon_discount,
            "shippingFee": self.fee, "payable": self.payable,
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
        for (line, (id, _, product)) in sheet.iter().flat_map(|quote| &quote.lines).zip(&products) {
            if (line.price, line.discount) != (product.price, product.discount) {
                let (quoted, current) = (line.price - line.discount, product.price - product.discount);
                return Err(("PRICE_CHANGED", json!({ "productId": id, "quoted": quoted, "current": current })));
            }
        }
        for (item, (id, _, product)) in asked.sent["items"].as_array().into_iter().flatten().zip(&products) {
            let (expected, current) = (item["expectedPrice"].as_i64(), product.price - product.discount);
            if let Some(quoted) = expected.filter(|expected| *expected != current) {
                return Err(("PRICE_CHANGED", json!({ "productId": id, "quoted": quoted, "current": current })));
            }
        }
        // Any of the lines that lack units may be named.
        let lacking = || products.iter().filter(|(_, units, product)| product.stock < *units);
        let named = lacking().find(|(id, ..)| asked.actual["productId"] == **id).or_else(|| lacking().next());
        if let Some((id, units, product)) = named {
            let details = json!({ "productId": id, "requested": units, "available": product.stock });
            return Err(("STOCK_NOT_ENOUGH", details));
        }
        let line = |&(id, units, product): &(&String, i64, &Product)| Line {
            product: id.clone(),
            quantity: units,
            price: product.price,
            discount: product.discount,
            share: 0,
            cancelled: 0,
            status: String::new(),
            before: None,
        };
        let mut lines: Vec<Line> = products.iter().map(line).collect();
        let amounts: Vec<i64> = lines.iter().map(Line::amount).collect();
        let goods: i64 = amounts.iter().sum();
        let shipping = self.settings.policy.shipping;
        let fee = if goods >= shipping.free_from.get() { 0 } else { shipping.fee.get() };
        let (coupon_discount, fee) = match &coupon {
            Some(coupon) => self.discount(&(user.to_owned(), coupon.clone()), goods, fee, asked.now)?,
            None => (0, fee),
        };
        lines.iter_mut().zip(shares(coupon_discount, &amounts)).for_each(|(line, share)| line.share = share);
        Ok(Quote { lines, coupon, coupon_discount, fee, payable: goods - coupon_discount + fee })
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
