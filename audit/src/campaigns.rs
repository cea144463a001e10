//! Invariant 3: a campaign issues no more coupons than it has, and at most one to a user. A coupon is used for exactly
//! one live order.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::{
    domain::{
        CouponId, OrderId, UserId, Won,
        budget::BudgetShard,
        coupon::CouponProblem,
        coupon::{Campaign, CampaignRow, ClaimRecord, Counter, CouponState, IssuedCoupon, Terms},
        order::{Order, OrderLine},
        pricing::{self, NoQuote, PricedLine, ShippingPolicy},
        shipping::shipment_of,
    },
    store::{Key, keys},
};

use crate::{
    findings::{Checks, Findings},
    relation::{self, Relation, Selection},
    report::{Figures, Invariant, Subject},
};

/// The campaigns, and the coupons of each user.
#[derive(Debug, Default)]
pub(crate) struct Campaigns {
    books: BTreeMap<CouponId, Books>,
    holders: BTreeMap<(CouponId, UserId), Holder>,
}

#[derive(Debug, Default)]
struct Books {
    campaign: Option<Described>,
    counters: BTreeMap<u16, Tickets>,
    /// The rows of the public list.
    rows: Vec<CampaignRow>,
    /// The won left in the shards of its budget. Their sum is checked with the orders, in `budgets`.
    budget: BTreeMap<u16, Won>,
}

#[derive(Debug)]
struct Described {
    campaign: Box<Campaign>,
    is_swept: bool,
}

/// The tickets of one counter.
#[derive(Debug, Default)]
struct Tickets {
    counter: Option<Counter>,
    claimed: i64,
    void: i64,
    /// The lowest and the highest ticket with a claim record.
    range: Option<(i64, i64)>,
}

/// The coupon of a user, with the claim records and replaced coupons of a campaign.
#[derive(Debug, Default)]
struct Holder {
    /// The claim records, by counter and ticket.
    claims: Vec<(u16, i64)>,
    coupon: Option<Coupon>,
    /// Revoked coupons that another one replaced.
    replaced: u64,
    /// The user's orders with a coupon of the campaign.
    orders: Vec<(OrderId, CouponUse)>,
}

/// The coupon of an order, and the discount that it gave.
#[derive(Debug)]
struct CouponUse {
    /// Whether at least a part of the order is paid for or held.
    is_live: bool,
    /// The price of the goods within the coupon's scope less their own discounts. Its discount is computed from it.
    goods: Won,
    discount: Won,
    /// The fees of the shipments within the scope.
    shipping_fee: Won,
    items: Vec<OrderLine>,
}

#[derive(Debug)]
struct Coupon {
    state: CouponState,
    order: Option<OrderId>,
    terms: Terms,
    expires_at: Timestamp,
    reissues: u64,
}

impl Campaigns {
    pub(crate) fn add_campaign(&mut self, campaign: Campaign, is_swept: bool, selection: &Selection) {
        if let Some(books) = self.of(&campaign.coupon_id, selection) {
            books.campaign = Some(Described { campaign: Box::new(campaign), is_swept });
        }
    }

    pub(crate) fn add_row(&mut self, row: CampaignRow, selection: &Selection) {
        if let Some(books) = self.of(&row.coupon_id, selection) {
            books.rows.push(row);
        }
    }

    pub(crate) fn add_counter(&mut self, coupon: &CouponId, shard: u16, counter: Counter, selection: &Selection) {
        if let Some(books) = self.of(coupon, selection) {
            books.counters.entry(shard).or_default().counter = Some(counter);
        }
    }

    pub(crate) fn add_budget(&mut self, coupon: &CouponId, shard: u16, budget: BudgetShard, selection: &Selection) {
        if let Some(books) = self.of(coupon, selection) {
            books.budget.insert(shard, budget.left);
        }
    }

    pub(crate) fn add_claim(
        &mut self,
        coupon: CouponId,
        (shard, ticket): (u16, i64),
        claim: ClaimRecord,
        selection: &Selection,
    ) {
        if let Some(books) = self.of(&coupon, selection) {
            let tickets = books.counters.entry(shard).or_default();
            let (low, high) = tickets.range.unwrap_or((ticket, ticket));
            tickets.range = Some((low.min(ticket), high.max(ticket)));
            let count = if claim.user_id.is_some() { &mut tickets.claimed } else { &mut tickets.void };
            *count += 1;
        }
        if let Some(user) = claim.user_id.filter(|user| selection.has(relation::holder(&coupon, user))) {
            self.holders.entry((coupon, user)).or_default().claims.push((shard, ticket));
        }
    }

    pub(crate) fn add_issued(&mut self, issued: IssuedCoupon, selection: &Selection) {
        let IssuedCoupon { coupon_id, user_id, state, order_id: order, terms, expires_at, reissues, .. } = issued;
        // The coupon needs its campaign.
        self.of(&coupon_id, selection);
        if selection.has(relation::holder(&coupon_id, &user_id)) {
            self.holders.entry((coupon_id, user_id)).or_default().coupon =
                Some(Coupon { state, order, terms, expires_at, reissues });
        }
    }

    pub(crate) fn add_replaced(&mut self, replaced: IssuedCoupon, selection: &Selection) {
        let IssuedCoupon { coupon_id, user_id, state, .. } = replaced;
        if selection.has(relation::holder(&coupon_id, &user_id)) {
            let holder = self.holders.entry((coupon_id, user_id)).or_default();
            // Only revoked coupons may be replaced. Any other is not counted, so the check of the number finds it.
            holder.replaced += u64::from(state == CouponState::Revoked);
        }
    }

    pub(crate) fn add_order(&mut self, order: &Order, selection: &Selection) {
        let coupon = order.coupon_id.as_ref().filter(|it| selection.has(relation::holder(it, &order.user_id)));
        if let Some(coupon) = coupon {
            let scoped = || order.items.iter().filter(|line| !line.outside_scope);
            let shipments = order.shipments();
            let is_scoped = |position: usize| {
                scoped().any(|line| shipment_of(&shipments, line.seller_id.as_ref()) == Some(position))
            };
            let fees = shipments.iter().enumerate().filter(|(position, _)| is_scoped(*position));
            let used = CouponUse {
                is_live: !order.status.is_void(),
                // Amounts that do not fit are a finding of the order's own check.
                goods: scoped()
                    .map(OrderLine::amount)
                    .collect::<Option<Vec<_>>>()
                    .and_then(Won::checked_sum)
                    .unwrap_or_default(),
                discount: order.amounts.coupon_discount,
                shipping_fee: Won::checked_sum(fees.map(|(_, shipment)| shipment.fee)).unwrap_or_default(),
                items: order.items.clone(),
            };
            let holder = self.holders.entry((coupon.clone(), order.user_id.clone())).or_default();
            holder.orders.push((order.order_id.clone(), used));
        }
    }

    fn of(&mut self, coupon: &CouponId, selection: &Selection) -> Option<&mut Books> {
        selection.has(relation::campaign(coupon)).then(|| self.books.entry(coupon.clone()).or_default())
    }

    /// Drops the relations that are not selected.
    pub(crate) fn narrow(&mut self, selection: &Selection) {
        self.books.retain(|coupon, _| selection.has(relation::campaign(coupon)));
        self.holders.retain(|(coupon, user), _| selection.has(relation::holder(coupon, user)));
    }

    /// The memory in use, about, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.books.len() * 600 + self.holders.len() * 620
    }

    pub(crate) fn finish(self, now: Timestamp, findings: &mut Findings, figures: &mut Figures) {
        for (id, books) in self.books {
            figures.tickets_orphaned += books.counters.values().map(Tickets::orphaned).sum::<i128>();
            let (keys, relation) = (books.keys(&id), Relation::Campaign(id.clone()));
            books.check(&mut findings.between(Invariant::Coupons, Subject::Coupon(id), relation).with(keys));
        }
        for ((id, user), holder) in self.holders {
            let (keys, relation) = (holder.keys(&id), Relation::Holder(id.clone(), user.clone()));
            for (order, used) in &holder.orders {
                let subject = Subject::Order(order.clone());
                let mut checks = findings.between(Invariant::Coupons, subject, relation.clone()).with(keys.clone());
                check_order(order, used, &id, holder.coupon.as_ref(), &mut checks);
            }
            if holder.is_there() {
                let subject = Subject::UserCoupon(user, id);
                holder.check(now, &mut findings.between(Invariant::Coupons, subject, relation).with(keys));
            }
        }
    }
}

impl Books {
    /// The counters, and the claim records at both ends of their tickets.
    fn keys(&self, id: &CouponId) -> Vec<Key> {
        let of_counter = |(number, tickets): (&u16, &Tickets)| {
            let ends = tickets.range.into_iter().flat_map(|(low, high)| [low, high]);
            let claims: Vec<Key> = ends.map(|ticket| keys::ticket_claim(id, *number, ticket)).collect();
            [keys::counter(id, *number)].into_iter().chain(claims)
        };
        let rows = self.rows.iter().map(|row| keys::campaign_row(&row.coupon_id, row.issue_until));
        let budget = self.budget.keys().map(|shard| keys::budget(id, *shard));
        self.counters.iter().flat_map(of_counter).chain(rows).chain(budget).collect()
    }

    fn check(&self, checks: &mut Checks<'_>) {
        for (number, tickets) in &self.counters {
            tickets.check(*number, checks);
        }
        let Some(campaign) = &self.campaign else {
            checks.violated("campaign of a counter, ticket or coupon", "one", "none");
            return;
        };
        let Described { campaign, is_swept } = campaign;
        checks.equal("counters", usize::from(campaign.counters()), self.counters.len());
        if campaign.growth.counters_pinned {
            checks.equal("added counters, where an admin set their number", 0, campaign.growth.added_counters);
        }
        let counters = || self.counters.iter().filter_map(|(number, tickets)| Some((*number, tickets.counter?)));
        if !is_swept {
            let orphaned: i128 = self.counters.values().map(Tickets::orphaned).sum();
            checks.equal("orphaned tickets of a campaign that no sweep comes by", 0, orphaned);
            let behind = counters().filter(|(_, counter)| counter.version < campaign.version).count();
            checks.equal("counters behind a campaign that no sweep comes by", 0, behind);
        }
        let (mut limit, mut total) = (0_i128, 0_i128);
        for (number, counter) in counters() {
            limit += i128::from(counter.limit);
            total += i128::from(counter.part_in(campaign, number));
            checks.at_most(format_args!("counter {number}: version"), campaign.version, counter.version);
            if (campaign.counter_shards..campaign.counters()).contains(&number) {
                checks.equal(format_args!("counter {number}: part, as of an added one"), Some(0), counter.part);
            }
            if counter.version > 0 && counter.version == campaign.version {
                checks.equal(format_args!("counter {number}: part"), Some(campaign.part_of(number)), counter.part);
                let is_stopped = !campaign.status.is_active();
                checks.equal(format_args!("counter {number}: stopped"), is_stopped, counter.stopped);
                let until = Some(campaign.issue_until);
                checks.equal(format_args!("counter {number}: end of the issue"), until, counter.issue_until);
            }
        }
        if counters().filter(|(number, _)| *number < campaign.counter_shards).count() < campaign.counter_shards.into() {
            // Its part is missing with it.
            total = i128::from(campaign.total_quantity);
        }
        let void: i128 = self.counters.values().map(|tickets| i128::from(tickets.void)).sum();
        checks.equal("limit, as the total and one for each void slot", total + void, limit);
        self.check_rows(campaign, checks);
        self.check_budget(campaign, checks);
    }

    fn check_budget(&self, campaign: &Campaign, checks: &mut Checks<'_>) {
        checks.equal("shards of the budget", campaign.budget_parts().len(), self.budget.len());
        for (number, left) in &self.budget {
            checks.not_negative(format_args!("budget shard {number}: won left"), left.get());
        }
    }

    /// An ACTIVE campaign has one row in the public list, as the campaign is described. Any other has none.
    fn check_rows(&self, campaign: &Campaign, checks: &mut Checks<'_>) {
        let is_listed = campaign.has_row && campaign.status.is_active();
        checks.equal("rows in the public list", usize::from(is_listed), self.rows.len());
        for row in self.rows.iter().filter(|_| is_listed) {
            let described = CampaignRow { sold_out: row.sold_out, ..CampaignRow::new(campaign) };
            if *row != described {
                checks.violated("row in the public list", "that of the campaign", "another");
            }
        }
    }
}

impl Tickets {
    /// Allocated tickets without a claim record.
    fn orphaned(&self) -> i128 {
        let allocated = self.counter.map_or(0, |counter| i128::from(counter.next));
        allocated - i128::from(self.claimed) - i128::from(self.void)
    }

    fn check(&self, number: u16, checks: &mut Checks<'_>) {
        let Some(counter) = self.counter else {
            checks.violated(format_args!("counter {number}"), "one", "none");
            return;
        };
        checks.not_negative(format_args!("counter {number}: next ticket"), counter.next);
        checks.at_most(format_args!("counter {number}: next ticket"), counter.limit, counter.next);
        checks.at_most(format_args!("counter {number}: swept to"), counter.next, counter.swept.to);
        checks.at_most(format_args!("counter {number}: marked as expired to"), counter.next, counter.expired_to);
        checks.at_most(format_args!("counter {number}: seen by the sweep"), counter.next, counter.swept.seen);
        let claims = self.claimed.saturating_add(self.void);
        checks.at_most(format_args!("counter {number}: tickets swept"), claims, counter.swept.to);
        checks.at_most(format_args!("counter {number}: slots"), counter.limit, claims);
        if let Some((lowest, highest)) = self.range {
            checks.not_negative(format_args!("counter {number}: ticket of a claim record"), lowest);
            let last_allocated = counter.next.saturating_sub(1);
            checks.at_most(format_args!("counter {number}: ticket of a claim record"), last_allocated, highest);
        }
    }
}

impl Holder {
    /// Whether there is more of it than orders that name a coupon.
    fn is_there(&self) -> bool {
        !self.claims.is_empty() || self.coupon.is_some() || self.replaced > 0
    }

    /// The claim records and the orders.
    fn keys(&self, id: &CouponId) -> Vec<Key> {
        let claims = self.claims.iter().map(|(shard, ticket)| keys::ticket_claim(id, *shard, *ticket));
        claims.chain(self.orders.iter().map(|(order, _)| keys::order(order))).collect()
    }

    fn check(&self, now: Timestamp, checks: &mut Checks<'_>) {
        let claims = u64::try_from(self.claims.len()).unwrap_or(u64::MAX);
        checks.equal("claimed slots", self.replaced.saturating_add(1), claims);
        let Some(coupon) = &self.coupon else {
            checks.violated("coupon for the claimed slot", "one", "none");
            return;
        };
        checks.equal("revoked coupons that it replaces", coupon.reissues, self.replaced);
        if coupon.state == CouponState::Expired && now < coupon.expires_at {
            checks.violated("state of a valid coupon", "another", "EXPIRED");
        }
        let order_id = match (coupon.state, &coupon.order) {
            (CouponState::Used, Some(order_id)) => order_id,
            (CouponState::Used, None) => {
                checks.violated("order that a used coupon names", "one", "none");
                return;
            }
            (_, Some(order_id)) => {
                checks.violated("order that an unused coupon names", "none", order_id);
                return;
            }
            (_, None) => return,
        };
        match self.orders.iter().find(|(order, _)| order == order_id) {
            None => checks.violated("order that a used coupon names", format_args!("{order_id}, naming it"), "none"),
            Some((_, used)) if !used.is_live => {
                checks.violated("order that a used coupon names", format_args!("{order_id}, live"), "an ended one");
            }
            Some(_) => {}
        }
    }
}

/// A live order with a coupon, paid or waiting, is the order that the user's coupon was used for. Every order has the
/// discount that the coupon's terms give.
fn check_order(id: &OrderId, used: &CouponUse, named: &CouponId, coupon: Option<&Coupon>, checks: &mut Checks<'_>) {
    let Some(coupon) = coupon else {
        checks.violated("coupon of its user", named, "none");
        return;
    };
    if used.is_live {
        checks.equal("state of its coupon", CouponState::Used, coupon.state);
        let named = coupon.order.as_ref().map(OrderId::as_str);
        checks.equal("order that its coupon names", Some(id.as_str()), named);
    }
    let Some((discount, ships_free)) = taken_off(&coupon.terms, used.goods) else {
        checks.violated("coupon", "one that goes with such an order", "one that does not");
        return;
    };
    checks.equal("coupon discount by its terms", discount.get(), used.discount.get());
    if ships_free {
        checks.equal("shipping fee with a coupon for it", 0, used.shipping_fee.get());
    }
    for (line, number) in used.items.iter().zip(1..) {
        let covered = coupon
            .terms
            .scope
            .as_ref()
            .map_or(Some(true), |scope| scope.covers_line(&line.product_id, line.seller_id.as_ref()));
        if let Some(covered) = covered {
            checks.equal(format_args!("line {number}: within the scope of its coupon"), covered, !line.outside_scope);
        }
    }
}

/// The discount that a coupon gives on goods of this price, and whether shipping becomes free.
fn taken_off(terms: &Terms, goods: Won) -> Option<(Won, bool)> {
    let goods =
        PricedLine { unit_price: goods, unit_discount: Won::ZERO, quantity: 1.try_into().ok()?, outside_scope: false };
    // The shipping fee of the time is not known. Any fee above zero shows whether the coupon removes it.
    let some_fee = ShippingPolicy { fee: Won::new(1), free_from: Won::new(i64::MAX) };
    match pricing::quote(&[goods], Some(terms), some_fee) {
        Ok(quote) => Some((quote.amounts.coupon_discount, quote.amounts.shipping_fee.is_zero())),
        // Orders of the first stage could use up a coupon for nothing.
        Err(NoQuote::Coupon(CouponProblem::NothingToDiscount)) => Some((Won::ZERO, false)),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        domain::{
            coupon::{CampaignStatus, Discount},
            order::{Actor, HistoryEvent, Order},
        },
        store::keys,
    };

    use super::*;
    use crate::fixture::{LONG_AGO, SOON, Shop, at, cancelled, coupon, draft, line, offer, order, user};

    fn change_counter(shop: &mut Shop, change: impl FnOnce(&mut Counter)) {
        shop.change(keys::counter(&coupon("welcome"), 0), change);
    }

    fn change_coupon(shop: &mut Shop, holder: &str, change: impl FnOnce(&mut IssuedCoupon)) {
        shop.change(keys::user_coupon(&user(holder), &coupon("welcome")), change);
    }

    fn put_claim(shop: &mut Shop, ticket: i64, holder: Option<&str>) {
        shop.put(keys::ticket_claim(&coupon("welcome"), 0, ticket), ClaimRecord { user_id: holder.map(user) });
    }

    /// The campaign has a budget of 5,000 won, of which an order has 1,000.
    fn with_budget(left: [i64; 2]) -> Shop {
        let mut shop = Shop::healthy();
        let budget = |campaign: &mut Campaign| {
            (campaign.max_total_discount, campaign.budget_shards) = (Some(Won::new(5_000)), Some(2));
        };
        shop.change(keys::campaign(&coupon("welcome")), budget);
        for (left, shard) in left.into_iter().zip(0..) {
            shop.put(keys::budget(&coupon("welcome"), shard), BudgetShard { left: Won::new(left) });
        }
        shop.change_order("o1", |order| order.budget_shards = Some(2));
        shop
    }

    #[test]
    fn what_is_left_of_a_budget_and_what_orders_have_of_it_is_the_budget() {
        assert_eq!(with_budget([3_500, 500]).violations(), [] as [&str; 0]);
        let found = |left| with_budget(left).violations();
        let sum = |sum| format!("{WELCOME}: budget, as won left and won spent: expected 5000, found {sum}");
        assert_eq!(found([3_500, 501]), [sum(5_001)]);
        assert_eq!(
            found([4_500, -500]),
            [format!("{WELCOME}: budget shard 1: won left: expected at least 0, found -500")]
        );
        let mut shop = with_budget([3_500, 500]);
        shop.remove(keys::budget(&coupon("welcome"), 1));
        assert_eq!(shop.violations(), [sum(4_500), format!("{WELCOME}: shards of the budget: expected 2, found 1")]);
    }

    const WELCOME: &str = "[3 coupons] coupon welcome";

    #[test]
    fn the_limit_is_the_total_and_one_for_each_void_slot() {
        let mut shop = Shop::healthy();
        change_counter(&mut shop, |counter| counter.limit = 6);
        assert_eq!(
            shop.violations(),
            [format!("{WELCOME}: limit, as the total and one for each void slot: expected 5, found 6")]
        );
    }

    #[test]
    fn added_coupons_are_in_the_limits_of_the_counters_that_have_them() {
        let mut shop = Shop::healthy();
        let add = |campaign: &mut Campaign| {
            (campaign.first_quantity, campaign.total_quantity, campaign.version) = (Some(4), 6, 1);
        };
        shop.change(keys::campaign(&coupon("welcome")), add);
        // The change has not come to the counter yet.
        assert_eq!(shop.violations(), [] as [&str; 0]);
        let bound = |counter: &mut Counter| {
            (counter.version, counter.part, counter.issue_until) = (1, Some(6), Some(at(crate::fixture::NOW)));
        };
        change_counter(&mut shop, bound);
        assert_eq!(
            shop.violations(),
            [format!("{WELCOME}: limit, as the total and one for each void slot: expected 7, found 5")]
        );
        change_counter(&mut shop, |counter| counter.limit = 7);
        assert_eq!(shop.violations(), [] as [&str; 0]);
        change_counter(&mut shop, |counter| (counter.part, counter.limit) = (Some(5), 6));
        assert_eq!(shop.violations(), [format!("{WELCOME}: counter 0: part: expected Some(6), found Some(5)")]);
    }

    #[test]
    fn a_paused_campaign_has_stopped_its_counters_and_no_row() {
        let mut shop = Shop::healthy();
        let pause = |campaign: &mut Campaign| (campaign.status, campaign.version) = (CampaignStatus::Paused, 1);
        shop.change(keys::campaign(&coupon("welcome")), pause);
        change_counter(&mut shop, |counter| {
            (counter.version, counter.part, counter.issue_until) = (1, Some(4), Some(at(crate::fixture::NOW)));
        });
        let row = keys::campaign_row(&coupon("welcome"), at(crate::fixture::NOW));
        assert_eq!(
            shop.violations(),
            [
                format!("{WELCOME}: counter 0: stopped: expected true, found false"),
                format!("{WELCOME}: rows in the public list: expected 0, found 1"),
            ]
        );
        change_counter(&mut shop, |counter| counter.stopped = true);
        shop.remove(row);
        assert_eq!(shop.violations(), [] as [&str; 0]);
    }

    #[test]
    fn an_active_campaign_has_the_row_that_describes_it() {
        let mut shop = Shop::healthy();
        let row = keys::campaign_row(&coupon("welcome"), at(crate::fixture::NOW));
        shop.change(row.clone(), |row: &mut CampaignRow| row.sold_out = true);
        assert_eq!(shop.violations(), [] as [&str; 0]);
        shop.change(row.clone(), |row: &mut CampaignRow| row.name.push('!'));
        let other = "row in the public list: expected that of the campaign, found another";
        assert_eq!(shop.violations(), [format!("{WELCOME}: {other}")]);
        shop.remove(row);
        assert_eq!(shop.violations(), [format!("{WELCOME}: rows in the public list: expected 1, found 0")]);
        shop.change(keys::campaign(&coupon("welcome")), |campaign: &mut Campaign| campaign.has_row = false);
        assert_eq!(shop.violations(), [] as [&str; 0]);
    }

    #[test]
    fn no_ticket_is_drawn_beyond_the_limit() {
        let mut shop = Shop::healthy();
        change_counter(&mut shop, |counter| counter.next = 6);
        assert_eq!(shop.violations(), [format!("{WELCOME}: counter 0: next ticket: expected at most 5, found 6")]);
        change_counter(&mut shop, |counter| counter.next = -1);
        assert!(
            shop.violations().contains(&format!("{WELCOME}: counter 0: next ticket: expected at least 0, found -1"))
        );
    }

    #[test]
    fn no_slot_is_of_a_ticket_that_was_not_drawn() {
        let mut shop = Shop::healthy();
        change_counter(&mut shop, |counter| counter.next = 2);
        assert_eq!(
            shop.violations(),
            [format!("{WELCOME}: counter 0: ticket of a claim record: expected at most 1, found 3")]
        );
        change_counter(&mut shop, |counter| counter.next = 4);
        shop.remove(keys::ticket_claim(&coupon("welcome"), 0, 2));
        put_claim(&mut shop, -2, Some("jun"));
        assert_eq!(
            shop.violations(),
            [format!("{WELCOME}: counter 0: ticket of a claim record: expected at least 0, found -2")]
        );
    }

    #[test]
    fn no_more_slots_than_the_limit() {
        let mut shop = Shop::healthy();
        shop.change(keys::campaign(&coupon("welcome")), |campaign: &mut Campaign| campaign.total_quantity = 1);
        change_counter(&mut shop, |counter| (counter.next, counter.limit) = (2, 2));
        assert_eq!(
            shop.violations(),
            [
                format!("{WELCOME}: counter 0: slots: expected at most 2, found 4"),
                format!("{WELCOME}: counter 0: ticket of a claim record: expected at most 1, found 3"),
            ]
        );
    }

    #[test]
    fn a_campaign_has_its_counters() {
        let mut shop = Shop::healthy();
        shop.put(keys::counter(&coupon("welcome"), 1), Counter::new(0));
        assert_eq!(shop.violations(), [format!("{WELCOME}: counters: expected 1, found 2")]);
        shop.remove(keys::counter(&coupon("welcome"), 1));
        shop.remove(keys::counter(&coupon("welcome"), 0));
        assert_eq!(
            shop.violations(),
            [
                format!("{WELCOME}: counter 0: expected one, found none"),
                format!("{WELCOME}: limit, as the total and one for each void slot: expected 5, found 0"),
            ]
        );
    }

    #[test]
    fn tickets_and_coupons_are_of_a_campaign() {
        let mut shop = Shop::healthy();
        shop.remove(keys::campaign(&coupon("welcome")));
        assert_eq!(
            shop.violations(),
            [format!("{WELCOME}: campaign of a counter, ticket or coupon: expected one, found none")]
        );
    }

    #[test]
    fn burnt_tickets_are_counted_and_not_wrong() {
        let mut shop = Shop::healthy();
        shop.change(keys::campaign(&coupon("welcome")), |campaign: &mut Campaign| campaign.total_quantity = 5);
        change_counter(&mut shop, |counter| (counter.next, counter.limit) = (6, 6));
        assert_eq!(shop.report(crate::Scope::Everything).figures.tickets_orphaned, 2);
        assert_eq!(shop.violations(), [] as [&str; 0]);
    }

    #[test]
    fn burnt_tickets_are_not_forgotten() {
        let mut shop = Shop::healthy();
        shop.place(keys::campaign(&coupon("welcome")), None);
        let rule = "orphaned tickets of a campaign that no sweep comes by";
        assert_eq!(shop.violations(), [format!("{WELCOME}: {rule}: expected 0, found 1")]);
        put_claim(&mut shop, 4, None);
        change_counter(&mut shop, |counter| counter.limit += 1);
        assert_eq!(shop.violations(), [] as [&str; 0]);
    }

    #[test]
    fn nothing_is_swept_that_was_not_drawn_or_has_no_slot() {
        let mut shop = Shop::healthy();
        change_counter(&mut shop, |counter| (counter.swept.to, counter.swept.seen) = (5, 6));
        assert_eq!(
            shop.violations(),
            [
                format!("{WELCOME}: counter 0: seen by the sweep: expected at most 5, found 6"),
                format!("{WELCOME}: counter 0: tickets swept: expected at most 4, found 5"),
            ]
        );
    }

    #[test]
    fn nobody_gets_two() {
        let mut shop = Shop::healthy();
        put_claim(&mut shop, 4, Some("jun"));
        assert_eq!(shop.violations(), ["[3 coupons] coupon welcome of user jun: claimed slots: expected 1, found 2"]);
    }

    #[test]
    fn every_coupon_has_a_slot_and_every_claimed_slot_a_coupon() {
        let mut shop = Shop::healthy();
        put_claim(&mut shop, 2, Some("nari"));
        assert_eq!(
            shop.violations(),
            [
                "[3 coupons] coupon welcome of user jun: claimed slots: expected 1, found 0",
                "[3 coupons] coupon welcome of user nari: coupon for the claimed slot: expected one, found none",
            ]
        );
    }

    #[test]
    fn a_used_coupon_names_a_live_order_that_names_it() {
        let of_jun = "[3 coupons] coupon welcome of user jun: order that a used coupon names: expected";
        for (named, expected) in [
            (None, format!("{of_jun} one, found none")),
            (Some("nowhere"), format!("{of_jun} nowhere, naming it, found none")),
            // Another user's.
            (Some("o1"), format!("{of_jun} o1, naming it, found none")),
            // Without a coupon.
            (Some("o3"), format!("{of_jun} o3, naming it, found none")),
            // Not paid for.
            (Some("o2"), format!("{of_jun} o2, live, found an ended one")),
        ] {
            let mut shop = Shop::healthy();
            shop.give("jun", CouponState::Used, named);
            assert_eq!(shop.violations(), [expected]);
        }
    }

    #[test]
    fn a_paid_order_has_used_its_coupon() {
        let mut shop = Shop::healthy();
        change_coupon(&mut shop, "mina", |coupon| (coupon.state, coupon.order_id) = (CouponState::Usable, None));
        assert_eq!(
            shop.violations(),
            [
                "[3 coupons] order o1: order that its coupon names: expected Some(\"o1\"), found None",
                "[3 coupons] order o1: state of its coupon: expected Used, found Usable",
            ]
        );
        shop.remove(keys::user_coupon(&user("mina"), &coupon("welcome")));
        assert_eq!(
            shop.violations(),
            [
                "[3 coupons] coupon welcome of user mina: coupon for the claimed slot: expected one, found none",
                "[3 coupons] order o1: coupon of its user: expected welcome, found none",
            ]
        );
    }

    #[test]
    fn an_order_that_waits_holds_its_coupon() {
        let mut shop = Shop::healthy();
        shop.give("sora", CouponState::Usable, None);
        assert_eq!(
            shop.violations(),
            [
                "[3 coupons] order o4: order that its coupon names: expected Some(\"o4\"), found None",
                "[3 coupons] order o4: state of its coupon: expected Used, found Usable",
            ]
        );
    }

    #[test]
    fn a_coupon_that_is_not_used_names_no_order() {
        for (state, named) in [(CouponState::Usable, "o2"), (CouponState::Revoked, "o3")] {
            let mut shop = Shop::healthy();
            shop.give("jun", state, Some(named));
            let of_jun = "[3 coupons] coupon welcome of user jun";
            assert_eq!(
                shop.violations(),
                [format!("{of_jun}: order that an unused coupon names: expected none, found {named}")]
            );
        }
    }

    #[test]
    fn a_coupon_is_used_for_one_order_only() {
        let mut shop = Shop::healthy();
        let again = draft("mina", vec![line("cup", offer(5_000, 0), 1)], Some(crate::fixture::THOUSAND_OFF), LONG_AGO);
        shop.put_order(Order::paid(order("o6"), again));
        let violations = shop.violations();
        let of_coupons: Vec<_> = violations.iter().filter(|violation| violation.contains("[3 coupons]")).collect();
        assert_eq!(
            of_coupons,
            ["[3 coupons] order o6: order that its coupon names: expected Some(\"o6\"), found Some(\"o1\")"]
        );
    }

    #[test]
    fn an_order_that_has_ended_has_given_its_coupon_back() {
        let mut shop = Shop::healthy();
        let coupons = |shop: &Shop| {
            let violations = shop.violations().into_iter();
            violations.filter(|violation| violation.contains("[3 coupons]")).collect::<Vec<_>>()
        };
        let used = |holder: &str, order: &str| {
            let coupon = format!("[3 coupons] coupon welcome of user {holder}");
            format!("{coupon}: order that a used coupon names: expected {order}, live, found an ended one")
        };
        shop.change_order("o1", |order| *order = cancelled(order, 1, 2));
        assert_eq!(coupons(&shop), [] as [&str; 0]);
        shop.change_order("o1", |order| *order = cancelled(order, 2, 1));
        shop.change_order("o4", |order| {
            *order = order.end_unpaid(HistoryEvent::HoldExpired, Actor::System, at(SOON)).unwrap();
        });
        assert_eq!(coupons(&shop), [used("mina", "o1"), used("sora", "o4")]);
        shop.give("mina", CouponState::Usable, None);
        shop.give("sora", CouponState::Usable, None);
        assert_eq!(coupons(&shop), [] as [&str; 0]);
    }

    #[test]
    fn a_coupon_takes_off_what_its_terms_say() {
        let mut shop = Shop::healthy();
        change_coupon(&mut shop, "mina", |coupon| coupon.terms.discount = Discount::Fixed(Won::new(999)));
        assert_eq!(shop.violations(), ["[3 coupons] order o1: coupon discount by its terms: expected 999, found 1000"]);
        change_coupon(&mut shop, "mina", |coupon| coupon.terms.min_order_amount = Some(Won::new(23_001)));
        assert_eq!(
            shop.violations(),
            ["[3 coupons] order o1: coupon: expected one that goes with such an order, found one that does not"]
        );
        change_coupon(&mut shop, "mina", |coupon| {
            coupon.terms = Discount::FreeShipping.into();
        });
        assert_eq!(
            shop.violations(),
            [
                "[3 coupons] order o1: coupon discount by its terms: expected 0, found 1000",
                "[3 coupons] order o1: shipping fee with a coupon for it: expected 0, found 3000",
            ]
        );
    }
}
