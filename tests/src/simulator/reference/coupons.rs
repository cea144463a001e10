//! First-come coupons.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::{
    Asked, Outcome, Reference, fine,
    goods::{SEOUL, part_of},
    instant, not_found, number,
    sheets::Line,
    text,
};

#[derive(Debug)]
pub(super) struct Campaign {
    kind: String,
    value: i64,
    max_discount: Option<i64>,
    total: i64,
    issued: i64,
    /// ACTIVE, PAUSED or ENDED.
    status: String,
    pub(super) issue_until: Timestamp,
    valid_days: Option<i64>,
    valid_until: Option<Timestamp>,
    /// The products or sellers of its scope; all if there is none.
    scope: Value,
    /// The won that all its discounts can take together.
    budget: Option<i64>,
}

impl Campaign {
    /// Whether its discount is on units of a product.
    pub(super) fn covers(&self, product: &str, seller: &str) -> bool {
        let names = |list: &str, id: &str| self.scope[list].as_array().is_some_and(|ids| ids.contains(&json!(id)));
        self.scope.is_null() || names("productIds", product) || names("sellerIds", seller)
    }
}

#[derive(Debug)]
pub(super) struct Coupon {
    /// USABLE, USED or REVOKED.
    state: &'static str,
    order: Option<String>,
    pub(super) ends: Timestamp,
}

impl Coupon {
    fn status(&self, now: Timestamp) -> &'static str {
        if self.state == "USABLE" && now >= self.ends { "EXPIRED" } else { self.state }
    }
}

impl Reference {
    pub(super) fn create_coupon(&mut self, asked: &Asked<'_>) -> Outcome {
        let id = asked.text("couponId");
        if self.campaigns.contains_key(&id) {
            return Err(("ALREADY_EXISTS", json!({})));
        }
        let total = number(&asked.sent, "totalQuantity");
        let campaign = Campaign {
            kind: asked.text("kind"),
            value: number(&asked.sent, "value"),
            max_discount: asked.sent["maxDiscount"].as_i64(),
            total,
            issued: 0,
            status: "ACTIVE".to_owned(),
            issue_until: instant(&asked.sent["issueUntil"]).expect("a campaign ends"),
            valid_days: asked.sent["validDays"].as_i64(),
            valid_until: instant(&asked.sent["validUntil"]),
            scope: asked.sent["scope"].clone(),
            budget: asked.sent["maxTotalDiscount"].as_i64(),
        };
        let budget = campaign.budget;
        self.campaigns.insert(id.clone(), campaign);
        let shown = json!({
            "couponId": id, "totalQuantity": total, "issuedQuantity": 0, "remainingQuantity": total,
            "maxTotalDiscount": budget, "budgetLeft": budget,
        });
        Ok((201, shown))
    }

    pub(super) fn change_campaign(&mut self, asked: &Asked<'_>) -> Outcome {
        let campaign = self.campaigns.get_mut(&asked.part(1)).ok_or_else(not_found)?;
        let (status, until) = (asked.sent["status"].as_str(), instant(&asked.sent["issueUntil"]));
        let added = asked.sent["addQuantity"].as_i64().unwrap_or(0);
        if campaign.status == "ENDED" && (status.is_some_and(|it| it != "ENDED") || until.is_some() || added > 0) {
            return Err(("ORDER_STATE_CONFLICT", json!({ "status": "ENDED", "allowed": [] })));
        }
        if until.zip(campaign.valid_until).is_some_and(|(until, end)| until > end) {
            return Err(("INVALID_REQUEST", json!({})));
        }
        campaign.status = status.map_or(campaign.status.clone(), str::to_owned);
        campaign.issue_until = until.unwrap_or(campaign.issue_until);
        campaign.total += added;
        fine(json!({
            "couponId": asked.part(1), "status": campaign.status, "totalQuantity": campaign.total,
            "issueUntil": campaign.issue_until.to_string(),
        }))
    }

    /// Campaigns that issue now, by their end. Whether they are sold out is shown late.
    pub(super) fn list_campaigns(&self, now: Timestamp) -> Value {
        let is_open = |campaign: &Campaign| {
            let has_ended = now >= campaign.issue_until || campaign.valid_until.is_some_and(|end| now >= end);
            campaign.status == "ACTIVE" && !has_ended
        };
        let open = self.campaigns.iter().filter(|(_, campaign)| is_open(campaign));
        let mut open: Vec<(Timestamp, &String)> = open.map(|(id, campaign)| (campaign.issue_until, id)).collect();
        open.sort();
        let items: Vec<Value> = open.into_iter().map(|(_, id)| json!({ "couponId": id })).collect();
        json!({ "items": items })
    }

    /// Only the name and the number of campaigns: tickets of functions that died count as issued for some time.
    pub(super) fn list_desk_campaigns(&self, asked: &Asked<'_>) -> Outcome {
        if asked.call.role() != "ADMIN" {
            return Err(("FORBIDDEN", json!({})));
        }
        let shown =
            |(id, campaign): (&'_ String, &Campaign)| json!({ "couponId": id, "totalQuantity": campaign.total });
        let listed: BTreeMap<&str, Value> = self.campaigns.iter().map(|it| (it.0.as_str(), shown(it))).collect();
        fine(part_of(asked, "couponId", &listed))
    }

    pub(super) fn issue(&mut self, asked: &Asked<'_>) -> Outcome {
        let (user, id) = (asked.text("userId"), asked.text("couponId"));
        self.ensure_active(&user)?;
        let campaign = self.campaigns.get(&id).ok_or_else(not_found)?;
        let key = (user, id);
        if self.coupons.get(&key).is_some_and(|coupon| coupon.state != "REVOKED") {
            return Err(("COUPON_ALREADY_ISSUED", json!({})));
        }
        if campaign.status != "ACTIVE"
            || asked.now >= campaign.issue_until
            || campaign.valid_until.is_some_and(|end| asked.now >= end)
        {
            return Err(("COUPON_NOT_ISSUABLE", json!({})));
        }
        let serving = self.admit(asked, &key.0, "couponId", &[&key.1])?;
        if campaign.issued == campaign.total {
            return Err(("COUPON_SOLD_OUT", json!({})));
        }
        self.ensure_unused(serving.as_ref())?;
        self.serve(serving.as_ref());
        let campaign = self.campaigns.get_mut(&key.1).ok_or_else(not_found)?;
        campaign.issued += 1;
        let ends = match campaign.valid_days {
            // The day of issue is the first.
            Some(days) => {
                let first = asked.at("issuedAt").to_zoned(SEOUL).start_of_day().expect("days begin");
                (&first + days.days()).timestamp()
            }
            None => campaign.valid_until.expect("coupons end"),
        };
        let replaced = self.coupons.insert(key.clone(), Coupon { state: "USABLE", order: None, ends });
        self.replaced.entry(key.clone()).or_default().extend(replaced);
        Ok((201, self.coupon_shown(&key, asked.at("issuedAt"))))
    }

    fn coupon_shown(&self, key: &(String, String), now: Timestamp) -> Value {
        self.shown_as(key, &self.coupons[key], now)
    }

    fn shown_as(&self, key: &(String, String), coupon: &Coupon, now: Timestamp) -> Value {
        json!({
            "userId": key.0, "couponId": key.1, "kind": self.campaigns[&key.1].kind, "status": coupon.status(now),
            "orderId": coupon.order, "expiresAt": coupon.ends.to_string(),
        })
    }

    pub(super) fn revoke(&mut self, asked: &Asked<'_>) -> Outcome {
        let key = (asked.text("userId"), asked.text("couponId"));
        let coupon = self.coupons.get_mut(&key).ok_or_else(not_found)?;
        match coupon.status(asked.now) {
            reason @ ("USED" | "EXPIRED") => return Err(("COUPON_NOT_USABLE", json!({ "reason": reason }))),
            _ => coupon.state = "REVOKED",
        }
        fine(self.coupon_shown(&key, asked.now))
    }

    /// All of a user's coupons, each before those of its campaign that it replaces, in any order.
    pub(super) fn list_coupons(&self, asked: &Asked<'_>) -> Value {
        let user = asked.call.caller();
        let mut items = Vec::new();
        for key in self.coupons.keys().filter(|(whose, _)| *whose == user) {
            items.push(self.coupon_shown(key, asked.now));
            let replaced = self.replaced.get(key).into_iter().flatten();
            items.extend(replaced.map(|_| json!({ "couponId": key.1, "status": "REVOKED" })));
        }
        if !asked.actual["nextCursor"].is_null() {
            // Only a part of it: the caller walks the list to see the rest.
            items.truncate(asked.actual["items"].as_array().map_or(0, Vec::len));
        }
        json!({ "items": items })
    }

    /// Refuses a coupon that its user does not have, or cannot use any more.
    pub(super) fn ensure_usable(&self, key: &(String, String), now: Timestamp) -> Result<(), (&'static str, Value)> {
        let reason = self.coupons.get(key).map_or("NOT_OWNED", |coupon| coupon.status(now));
        match reason {
            "USABLE" => Ok(()),
            _ => Err(("COUPON_NOT_USABLE", json!({ "couponId": key.1, "reason": reason }))),
        }
    }

    /// The discount of a coupon on the goods in its scope, if there are some and the user can use it for them. Nothing, if
    /// it waives their shipping fee.
    pub(super) fn discount(
        &self,
        key: &(String, String),
        goods: Option<i64>,
        fee: i64,
        now: Timestamp,
    ) -> Result<Option<i64>, (&'static str, Value)> {
        self.ensure_usable(key, now)?;
        let refused = |reason: &str| Err(("COUPON_NOT_USABLE", json!({ "couponId": key.1, "reason": reason })));
        let campaign = &self.campaigns[&key.1];
        let Some(goods) = goods else { return refused("NOT_IN_SCOPE") };
        let discount = match campaign.kind.as_str() {
            "FIXED" => campaign.value.min(goods),
            "RATE" => (goods * campaign.value / 100).min(campaign.max_discount.unwrap_or(goods)).min(goods),
            _ if fee == 0 => return refused("SHIPPING_ALREADY_FREE"),
            _ => return Ok(None),
        };
        if discount == 0 { refused("NOTHING_TO_DISCOUNT") } else { Ok(Some(discount)) }
    }

    /// Refuses a discount above what is left of its campaign's budget: the won that no unit of an order has.
    pub(super) fn ensure_in_budget(&self, coupon: &str, discount: i64) -> Result<(), (&'static str, Value)> {
        let Some(budget) = self.campaigns[coupon].budget else { return Ok(()) };
        let orders = self.orders.values().filter(|order| order.quote.coupon.as_deref() == Some(coupon));
        let spent = orders.flat_map(|order| &order.lines).map(Line::live_share).sum::<i64>();
        if discount <= budget - spent {
            return Ok(());
        }
        let details = json!({ "couponId": coupon, "reason": "BUDGET_EXCEEDED", "budgetLeft": budget - spent });
        Err(("COUPON_NOT_USABLE", details))
    }

    /// Marks the coupon as used for this order, or as usable again.
    pub(super) fn use_coupon(&mut self, user: &str, coupon: &str, order: Option<&str>) {
        let coupon = self.coupons.get_mut(&(user.to_owned(), coupon.to_owned())).expect("who uses a coupon has it");
        coupon.state = if order.is_some() { "USED" } else { "USABLE" };
        coupon.order = order.map(str::to_owned);
    }
}

/// Splits a coupon's discount over lines by their amounts, to the won: the largest remainders get the rest.
pub(super) fn shares(discount: i64, amounts: &[i64]) -> Vec<i64> {
    let sum: i64 = amounts.iter().sum();
    let mut shares: Vec<i64> = amounts.iter().map(|amount| discount * amount / sum.max(1)).collect();
    while shares.iter().sum::<i64>() < discount {
        let left = |place: &usize| discount * amounts[*place] - shares[*place] * sum;
        let most = (0..amounts.len()).rev().max_by_key(left).expect("a discount is on something");
        shares[most] += 1;
    }
    shares
}

/// The coupon that a request names.
pub(super) fn named(sent: &Value) -> Option<String> {
    sent["couponId"].is_string().then(|| text(sent, "couponId"))
}
