//! Invariant 4: the amounts of an order add up, and its payments and refunds agree with its state. Its state follows
//! from its lines, and its history replays to the present state.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use jiff::{SignedDuration, Timestamp};
use shared::domain::{
    OrderId, PaymentId, UserId, Won,
    coupon::Discount,
    order::{
        Change, HistoryEvent, LineStatus, Order, OrderLine, OrderStatus, ParcelStatus, PaymentMethod, ReceivedUnits,
        Refund, TRANSITIONS, UnitCondition,
    },
    pricing::{self, Amounts, PricedLine, ShippingPolicy},
    shipping::shipment_of,
};

use crate::{
    findings::{Checks, Findings},
    holds,
    relation::{self, Relation, Selection},
    report::{Figures, Invariant, Subject},
};

/// The fields of all orders that the other books compare with.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    known: BTreeMap<OrderId, Known>,
    /// The ends of the holds of pending orders.
    holds: BTreeMap<OrderId, Timestamp>,
    /// Orders with delivered lines that are to be confirmed.
    to_confirm: BTreeSet<OrderId>,
    /// Orders with a planned confirmation.
    planned: BTreeSet<OrderId>,
    /// Orders with claims. A claim leaves a void plan to the sweep.
    claimed: BTreeSet<OrderId>,
}

/// The fields of an order that the other books compare with.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) user: UserId,
    pub(crate) payment: PaymentMethod,
    /// The payment that paid the order, as the order names it.
    pub(crate) payment_id: Option<PaymentId>,
    /// The payments that the order returned.
    pub(crate) returned: BTreeMap<PaymentId, Won>,
    pub(crate) is_paid: bool,
    /// The part that is paid from outside.
    pub(crate) external: Won,
    /// The part that an external payment left to the balance.
    pub(crate) balance_amount: Won,
    pub(crate) paid: Won,
    /// All that went back to the balance.
    pub(crate) returned_to_balance: Won,
}

impl Orders {
    pub(crate) fn add(&mut self, order: Order, selection: &Selection) {
        if !selection.has(relation::order(&order.order_id)) {
            return;
        }
        if let Some(end) = order.hold_expires_at {
            self.holds.insert(order.order_id.clone(), end);
        }
        if order.next_confirmation(SignedDuration::ZERO).is_some() {
            self.to_confirm.insert(order.order_id.clone());
        }
        if !order.claims.is_empty() {
            self.claimed.insert(order.order_id.clone());
        }
        let (external, returned_to_balance) = (order.external_amount(), order.returned_to_balance());
        let returned = order.history.into_iter().filter_map(|entry| entry.returned);
        let known = Known {
            user: order.user_id,
            payment: order.payment,
            payment_id: order.payment_id,
            returned: returned.map(|returned| (returned.payment_id, returned.amount)).collect(),
            is_paid: order.paid_at.is_some(),
            external,
            balance_amount: order.balance_amount,
            paid: order.paid,
            returned_to_balance,
        };
        self.known.insert(order.order_id, known);
    }

    pub(crate) fn add_confirmation(&mut self, order: OrderId, selection: &Selection) {
        if selection.has(relation::order(&order)) {
            self.planned.insert(order);
        }
    }

    pub(crate) fn has(&self, order: &OrderId) -> bool {
        self.known.contains_key(order)
    }

    pub(crate) fn user_of(&self, order: &OrderId) -> Option<&UserId> {
        self.known.get(order).map(|known| &known.user)
    }

    pub(crate) fn iter(&self) -> btree_map::Iter<'_, OrderId, Known> {
        self.known.iter()
    }

    /// Drops the relations that are not selected.
    pub(crate) fn narrow(&mut self, selection: &Selection) {
        self.known.retain(|order, _| selection.has(relation::order(order)));
        self.holds.retain(|order, _| selection.has(relation::order(order)));
        self.to_confirm.retain(|order| selection.has(relation::order(order)));
        self.planned.retain(|order| selection.has(relation::order(order)));
        self.claimed.retain(|order| selection.has(relation::order(order)));
    }

    /// The memory in use, about, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.known.len() * 330
            + (self.holds.len() + self.to_confirm.len() + self.planned.len() + self.claimed.len()) * 100
    }

    pub(crate) fn finish(self, now: Timestamp, findings: &mut Findings) {
        let is_void = |id: &&OrderId| self.planned.contains(*id) && self.claimed.contains(*id);
        for id in self.to_confirm.symmetric_difference(&self.planned).filter(|id| !is_void(id)) {
            let mut checks =
                findings.between(Invariant::Holds, Subject::Order(id.clone()), Relation::Order(id.clone()));
            let is_to_be = self.to_confirm.contains(id);
            checks.equal("has a planned confirmation, as one with delivered lines", is_to_be, !is_to_be);
        }
        for (id, end) in self.holds {
            let relation = Relation::Order(id.clone());
            holds::check_end(end, now, &mut findings.between(Invariant::Holds, Subject::Order(id), relation));
        }
    }
}

/// Adds an order to the figures.
pub(crate) fn count(order: &Order, figures: &mut Figures) {
    figures.orders += 1;
    figures.orders_waiting += u64::from(order.status == OrderStatus::PendingPayment);
    figures.orders_paid += u64::from(order.paid_at.is_some());
    figures.paid_won += i128::from(order.paid.get());
    figures.refunded_won += i128::from(order.refunded.get());
}

/// Checks an order by itself.
pub(crate) fn check(order: &Order, findings: &mut Findings) {
    let mut checks = findings.about(Invariant::Orders, Subject::Order(order.order_id.clone()));
    check_lines(order, &mut checks);
    check_amounts(order, &mut checks);
    check_payment(order, &mut checks);
    check_history(order, &mut checks);
    check_returns(order, &mut checks);
    check_refunds(order, &mut checks);
    check_parcels(order, &mut checks);
    check_claims(order, &mut checks);
}

fn check_lines(order: &Order, checks: &mut Checks<'_>) {
    if order.items.is_empty() {
        checks.violated("lines", "some", "none");
    }
    for (line, number) in order.items.iter().zip(1..) {
        checks.not_negative(format_args!("line {number}: unit price"), line.unit_price.get());
        checks.not_negative(format_args!("line {number}: unit discount"), line.unit_discount.get());
        checks.at_most(format_args!("line {number}: unit discount"), line.unit_price, line.unit_discount);
        let ordered = line.quantity.get();
        checks.at_most(format_args!("line {number}: cancelled quantity"), ordered, line.cancelled_quantity);
        let all_cancelled = line.cancelled_quantity == ordered;
        checks.equal(
            format_args!("line {number}: gone, as all its units are"),
            all_cancelled,
            line.status.is_terminal(),
        );
    }
}

/// Computes the amounts anew. Only the discount of a coupon counts, so a fixed coupon of that value stands for it.
fn check_amounts(order: &Order, checks: &mut Checks<'_>) {
    let Amounts { coupon_discount, shipping_fee, .. } = order.amounts;
    checks.not_negative("coupon discount", coupon_discount.get());
    checks.not_negative("shipping fee", shipping_fee.get());
    if order.coupon_id.is_none() {
        checks.equal("discount without a coupon", 0, coupon_discount.get());
    }
    let lines: Vec<PricedLine> = order.items.iter().map(OrderLine::priced).collect();
    let coupon = Discount::Fixed(coupon_discount).into();
    let coupon = (!coupon_discount.is_zero()).then_some(&coupon);
    let as_charged = ShippingPolicy { fee: shipping_fee, free_from: Won::new(i64::MAX) };
    let Ok(quote) = pricing::quote(&lines, coupon, as_charged) else {
        checks.violated("amounts", "some that can be reckoned with", "too much");
        return;
    };
    for ((name, expected), (_, found)) in named(&quote.amounts).into_iter().zip(named(&order.amounts)) {
        checks.equal(name, expected, found);
    }
    let shipments = order.shipments();
    let fees: i128 = shipments.iter().map(|shipment| i128::from(shipment.fee.get())).sum();
    checks.equal("shipping fee as the sum of those of the shipments", fees, i128::from(shipping_fee.get()));
    for (shipment, number) in shipments.iter().zip(1..) {
        checks.not_negative(format_args!("shipment {number}: fee"), shipment.fee.get());
    }
    if order.items.iter().any(|line| shipment_of(&shipments, line.seller_id.as_ref()).is_none()) {
        checks.violated("shipments", "one for each line", "none for some");
    }
    for ((line, share), number) in order.items.iter().zip(&quote.coupon_shares).zip(1..) {
        checks.equal(format_args!("line {number}: coupon share"), share.get(), line.coupon_share.get());
    }
}

/// The amounts with their names in findings.
fn named(amounts: &Amounts) -> [(&'static str, i64); 5] {
    let Amounts { goods_total, goods_discount, coupon_discount, shipping_fee, payable } = amounts;
    [
        ("goods total", goods_total.get()),
        ("goods discount", goods_discount.get()),
        ("coupon discount", coupon_discount.get()),
        ("shipping fee", shipping_fee.get()),
        ("payable", payable.get()),
    ]
}

fn check_payment(order: &Order, checks: &mut Checks<'_>) {
    let is_paid = order.paid_at.is_some();
    let due = if is_paid { order.amounts.payable } else { Won::ZERO };
    checks.equal("paid", due.get(), order.paid.get());
    checks.not_negative("refunded", order.refunded.get());
    checks.at_most("refunded", order.paid, order.refunded);
    if order.status == OrderStatus::FullyRefunded {
        let kept = order.fees_kept().unwrap_or_default();
        checks.equal("refunded", order.paid.get() - kept.get(), order.refunded.get());
    }
    // A refund that cannot be computed means amounts that do not add up, which is reported already.
    let lost = order.benefits_lost().unwrap_or_default();
    if let Some(due) = if is_paid { order.refund_due() } else { Some(Won::ZERO) } {
        if lost.is_zero() {
            checks.equal("refunded, as due for what was cancelled", due.get(), order.refunded.get());
        } else if let Some(withheld) = order.withheld() {
            checks.not_negative("withheld for benefits lost", withheld.get());
            checks.at_most("withheld for benefits lost", lost, withheld);
        }
    }
    checks.equal("status", order.derive_status(), order.status);
    let is_pending = order.status == OrderStatus::PendingPayment;
    checks.equal("has a hold that ends", is_pending, order.hold_expires_at.is_some());
    let is_paid_outside = is_paid && order.payment == PaymentMethod::External;
    checks.equal("names the payment that paid it", is_paid_outside, order.payment_id.is_some());
}

fn check_history(order: &Order, checks: &mut Checks<'_>) {
    let happenings = u64::try_from(order.history.len()).unwrap_or(u64::MAX);
    checks.equal("version as the number of happenings", happenings, order.version);

    let mut status: Option<OrderStatus> = None;
    let mut lines: BTreeMap<usize, (LineStatus, u64)> = BTreeMap::new();
    for (entry, _, change) in order.changes() {
        match change {
            Change::Order { to, .. } => status = Some(to),
            Change::Line { number, from, to, units } => {
                let (status, cancelled) = lines.entry(number).or_insert((to, 0));
                *status = to;
                *cancelled += u64::from(units);
                let event = entry.event;
                if !is_step(event, from, to, units) {
                    let step = format_args!("{from:?} to {to:?}");
                    checks.violated(format_args!("history: line {number}, {event:?}"), "a step of the table", step);
                }
            }
        }
    }
    checks.equal("status as the history has it", status, Some(order.status));
    for (line, number) in order.items.iter().zip(1..) {
        let replayed = lines.remove(&number);
        let (status, cancelled) = (replayed.map(|(status, _)| status), replayed.map_or(0, |(_, cancelled)| cancelled));
        checks.equal(format_args!("line {number}: status as the history has it"), status, Some(line.status));
        // An order that ends unpaid loses all its units, and its history counts none.
        let ended_unpaid = order.paid_at.is_none() && line.status.is_terminal();
        let found = if ended_unpaid { 0 } else { u64::from(line.cancelled_quantity) };
        checks.equal(format_args!("line {number}: units cancelled as the history has it"), cancelled, found);
    }
    let refunded: i128 = order.history.iter().map(|entry| i128::from(entry.refund.get())).sum();
    checks.equal("refunded as the history has it", refunded, i128::from(order.refunded.get()));
}

/// Each returned payment is named in the history once.
fn check_returns(order: &Order, checks: &mut Checks<'_>) {
    let mut refunded_payments = BTreeSet::new();
    for entry in &order.history {
        let (event, returned) = (entry.event, entry.returned.as_ref());
        let is_return = event == HistoryEvent::PaymentReturned;
        checks.equal(format_args!("history: {event:?} names a payment"), is_return, returned.is_some());
        if let Some(payment) =
            returned.map(|returned| &returned.payment_id).filter(|payment| !refunded_payments.insert(*payment))
        {
            checks.violated(format_args!("history: return of payment {payment}"), "once", "more than once");
        }
    }
}

/// Each step of a refund is about one that there is, and an open one is in the sweep's list.
fn check_refunds(order: &Order, checks: &mut Checks<'_>) {
    let refunds = order.refunds();
    for step in order.history.iter().filter_map(|entry| entry.refund_step.as_ref()) {
        if refunds.iter().all(|refund| refund.refund_id != step.refund_id) {
            checks.violated("history: refund", "one of the order", &step.refund_id);
        }
    }
    let is_planned = order.refunds_look_at.is_some();
    let session = order.session_id();
    let is_ours = |refund: &Refund| refund.is_open() && refund.payment_id == session;
    // Refunds by the external payment system had no results in the first stage, and were not waited for.
    if is_planned || refunds.iter().any(is_ours) {
        let is_open = order.next_refund_look(SignedDuration::ZERO).is_some();
        checks.equal("is to be looked at, as one with an open refund", is_open, is_planned);
    }
    checks.not_negative("part that the balance pays", order.balance_amount.get());
    checks.at_most("part that the balance pays", order.amounts.payable, order.balance_amount);
    if order.payment == PaymentMethod::Balance {
        checks.equal("part that the balance pays of an order of the balance", 0, order.balance_amount.get());
    }
}

/// Whether a line can have gone from one state to the other.
fn is_step(event: HistoryEvent, from: Option<LineStatus>, to: LineStatus, units: u16) -> bool {
    use LineStatus::{
        CancelInProgress, CancelRequested, Cancelled, ExchangeInProgress, ExchangeRequested, Exchanged, Paid,
        PendingPayment, Preparing, ReturnInProgress, ReturnRequested, Returned,
    };

    let is_of_parcel = matches!(event, HistoryEvent::ParcelShipped | HistoryEvent::ParcelMoved);
    let is_of_claims = |status| {
        matches!(
            status,
            ReturnRequested | ReturnInProgress | Returned | ExchangeRequested | ExchangeInProgress | Exchanged
        )
    };
    let is_of_claim = event.is_of_claim() || event == HistoryEvent::ParcelShipped;
    // A line marked by hand takes others of its parcel along, and a cancellation leaves what is on its way.
    let follows_parcels =
        is_of_parcel || is_of_claim || matches!(event, HistoryEvent::LineMoved | HistoryEvent::Cancelled);
    match (from, to) {
        // An order that the balance was too low for begins in its last state.
        (None, PendingPayment | Paid | Cancelled) => true,
        (Some(PendingPayment), Paid | Cancelled) | (Some(Paid), Preparing) => true,
        // Some of its units were cancelled or shipped.
        (Some(from), to) if from == to => units > 0 || is_of_parcel || event.is_of_claim(),
        // A claim of all live units is the state of its line, and at its end the line is back in its own.
        (Some(from), to) if is_of_claim && (is_of_claims(from) || is_of_claims(to)) => true,
        (Some(_), ReturnRequested | ExchangeRequested | ReturnInProgress | ExchangeInProgress)
            if event == HistoryEvent::Cancelled && units > 0 =>
        {
            true
        }
        // A line follows its parcels.
        (Some(from), to)
            if follows_parcels
                && to.is_on_its_way()
                && (from.is_on_its_way() || matches!(from, CancelRequested | CancelInProgress)) =>
        {
            true
        }
        (Some(from), to) => TRANSITIONS.iter().any(|edge| (edge.from, edge.to) == (from, to)),
        (None, _) => false,
    }
}

/// A unit has one place: it is to be shipped, in a parcel, or gone. The state of a line on its way is that of its parcels.
fn check_parcels(order: &Order, checks: &mut Checks<'_>) {
    for (parcel, number) in order.parcels.iter().zip(1..) {
        for item in &parcel.items {
            if parcel.claim.is_some_and(|claim| order.claim(claim).is_none()) {
                checks.violated(format_args!("parcel {number}: claim"), "one of the order", "none");
            }
            let of_line = format_args!("parcel {number}: units gone of line {}", item.line);
            checks.at_most(of_line, item.units, item.gone);
            if order.line(item.line).is_none() {
                checks.violated(format_args!("parcel {number}: line {}", item.line), "one of the order", "none");
            }
        }
        let is_delivered = parcel.status == ParcelStatus::Delivered;
        if !is_delivered && parcel.delivered_at.is_some() {
            checks.violated(format_args!("parcel {number}: delivered"), false, true);
        }
    }
    for (line, number) in order.items.iter().zip(1..) {
        let (shipped, returned) = (order.shipped_units(number), order.returned_units(number));
        let taken =
            u32::from(shipped).saturating_add(u32::from(line.cancelled_quantity)).saturating_sub(returned.into());
        let ordered = u32::from(line.quantity.get());
        checks.at_most(format_args!("line {number}: units in parcels or cancelled before"), ordered, taken);
        checks.at_most(format_args!("line {number}: units returned"), line.cancelled_quantity, returned);
        if order.paid_at.is_some() && line.status.is_on_its_way() {
            let by_parcels = order.status_by_parcels(number);
            checks.equal(format_args!("line {number}: status by its parcels"), by_parcels, Some(line.status));
        }
    }
}

/// A unit is in one open claim at most, a claim is shown as the state of a line only if it has all of its live units, and
/// its refund adds up. A replacement is no more than what came back.
fn check_claims(order: &Order, checks: &mut Checks<'_>) {
    let mut claimed: BTreeMap<(usize, usize), u32> = BTreeMap::new();
    for (claim, number) in order.claims.iter().zip(1..) {
        for item in &claim.items {
            if order.line(item.line).is_none() {
                checks.violated(format_args!("claim {number}: line {}", item.line), "one of the order", "none");
            }
            let shipped = order.parcels.iter().filter(|parcel| parcel.claim == Some(number));
            let shipped = shipped.flat_map(|parcel| &parcel.items).filter(|part| part.line == item.line);
            let shipped: u32 = shipped.map(|part| u32::from(part.units)).sum();
            let of_line = || claim.received.iter().filter(|part| part.line == item.line);
            let came_back = received_as(of_line(), |condition| condition != UnitCondition::Missing);
            checks.at_most(format_args!("claim {number}: units of its replacement"), came_back, shipped);
            let received = received_as(of_line(), |_| true);
            if !claim.received.is_empty() {
                checks.equal(format_args!("claim {number}: units received"), u32::from(item.units), received);
            }
        }
        if let Some(refund) = claim.refund {
            let total = i128::from(refund.goods.get()) - i128::from(refund.coupon.get())
                + i128::from(refund.shipping.get())
                - i128::from(refund.benefits.get())
                - i128::from(refund.return_fee.get());
            checks.equal(format_args!("claim {number}: total"), total, i128::from(refund.total.get()));
            checks.not_negative(format_args!("claim {number}: total"), refund.total.get());
            checks.at_most(format_args!("claim {number}: return fee"), claim.fee, refund.return_fee);
        }
        if !claim.is_open() {
            checks.equal(format_args!("claim {number}: units once it has ended"), 0, claim.units.len());
        }
        for units in &claim.units {
            *claimed.entry((units.parcel, units.line)).or_default() += u32::from(units.units);
        }
        for covered in &claim.covers {
            let of_line = claim.units.iter().filter(|units| units.line == covered.line);
            let units: u32 = of_line.map(|units| u32::from(units.units)).sum();
            let live = order.line(covered.line).map_or(0, |line| u32::from(line.live_units()));
            checks.equal(
                format_args!("claim {number}: units of line {}, as all that is live", covered.line),
                live,
                units,
            );
        }
    }
    for ((parcel, line), units) in claimed {
        let live = order.parcel(parcel).map_or(0, |parcel| u32::from(parcel.live_units_of(line)));
        checks.at_most(format_args!("parcel {parcel}: units of line {line} in open claims"), live, units);
    }
    let gone: u32 = (1..=order.items.len()).map(|line| u32::from(order.returned_units(line))).sum();
    let returned = order.claims.iter().filter(|claim| claim.refund.is_some()).flat_map(|claim| &claim.received);
    let came_back = received_as(returned, |condition| condition != UnitCondition::Missing);
    checks.at_most("units that came back by claims", gone, came_back);
    let received = order.claims.iter().flat_map(|claim| &claim.received);
    let scrapped = received_as(received, |condition| condition == UnitCondition::Unsellable);
    checks.equal("units scrapped, as received", scrapped, order.items.iter().map(|line| line.scrapped).sum());
}

/// The units received in these conditions.
fn received_as<'o>(parts: impl Iterator<Item = &'o ReceivedUnits>, counts: impl Fn(UnitCondition) -> bool) -> u32 {
    parts.filter(|part| counts(part.condition)).map(|part| u32::from(part.units)).sum()
}

#[cfg(test)]
mod tests {
    use shared::domain::{
        benefits::FreeShipment,
        order::{
            Actor, ClaimPolicy, ClaimReason, ClaimStatus, ClaimType, HistoryEntry, Label, NewClaim, UnitCondition,
        },
    };

    use super::*;
    use crate::fixture::{LONG_AGO, SOON, Shop, TODAY, at, cancelled, draft, line, offer, order, payment};

    /// The violations of the order alone after a change; other tests check further consequences.
    fn wrong_with(id: &str, change: impl FnOnce(&mut Order)) -> Vec<String> {
        let mut shop = Shop::healthy();
        shop.change_order(id, change);
        let prefix = format!("[4 orders] order {id}: ");
        shop.violations().iter().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect()
    }

    fn won(amount: i64) -> Won {
        Won::new(amount)
    }

    #[test]
    fn an_untouched_order_is_right() {
        for id in ["o1", "o2", "o3", "o4", "o5"] {
            assert_eq!(wrong_with(id, |_| {}), [] as [&str; 0]);
        }
    }

    /// An order with a returned, scrapped unit, and another one in an open claim.
    fn with_claims(order: &Order) -> Order {
        let units = order.unshipped_units(1);
        let label = Label { carrier: "CJ".to_owned(), tracking_number: "1".to_owned() };
        let order = order.ship(&[(1, units)].into(), label, Actor::Admin, at(SOON)).unwrap();
        let order = order.move_parcel(1, ParcelStatus::Delivered, Actor::Admin, at(SOON)).unwrap().unwrap();
        let new = |units| NewClaim {
            kind: ClaimType::Return,
            items: [(1, units)].into(),
            reason: ClaimReason::Defect,
            text: None,
        };
        let policy = ClaimPolicy::DEFAULT;
        let order = order.request_claim(&new(1), &policy, Actor::Customer, at(SOON)).unwrap();
        let order = order.decide_claim(1, true, None, Actor::Admin, at(SOON)).unwrap();
        let receipt = [((1, UnitCondition::Unsellable), 1)].into();
        let order = order.receive_claim(1, &receipt, Actor::Admin, at(SOON)).unwrap();
        order.request_claim(&new(units - 1), &policy, Actor::Customer, at(SOON)).unwrap()
    }

    /// A refund is at most as much less than due as the benefits are worth that the rest does not earn.
    #[test]
    fn no_more_is_withheld_than_was_lost() {
        let is_wrong = |withheld: i64| {
            let found = wrong_with("o1", |order| {
                *order = with_claims(order);
                let free_from = won(1_000_000);
                order.benefits.free_shipments = vec![FreeShipment { shipment: 0, fee: won(500), free_from }];
                order.refunded = won(order.refunded.get() - withheld);
            });
            found.iter().any(|found| found.starts_with("withheld for benefits lost"))
        };
        assert_eq!([-1, 0, 500, 501].map(is_wrong), [true, false, false, true]);
    }

    #[test]
    fn a_unit_is_in_one_open_claim_and_its_refund_adds_up() {
        let claimed = |change: fn(&mut Order)| {
            wrong_with("o1", |order| {
                *order = with_claims(order);
                change(order);
            })
        };
        assert_eq!(claimed(|_| {}), [] as [&str; 0]);
        let twice = claimed(|order| {
            let open = order.claims[1].clone();
            order.claims.push(open);
        });
        assert!(twice.iter().any(|found| found.contains("in open claims")), "{twice:?}");
        let total = claimed(|order| order.claims[0].refund.as_mut().unwrap().total = won(1));
        assert!(total.iter().any(|found| found.starts_with("claim 1: total")), "{total:?}");
        let fee = claimed(|order| order.claims[0].refund.as_mut().unwrap().return_fee = won(1));
        assert!(fee.iter().any(|found| found.starts_with("claim 1: return fee")), "{fee:?}");
        let scrapped = claimed(|order| order.items[0].scrapped = 0);
        assert!(scrapped.iter().any(|found| found.starts_with("units scrapped")), "{scrapped:?}");
        let shown = claimed(|order| order.claims[1].covers[0].line = 2);
        assert!(shown.iter().any(|found| found.contains("as all that is live")), "{shown:?}");
        let ended = claimed(|order| order.claims[1].status = ClaimStatus::Refused);
        assert!(ended.iter().any(|found| found.starts_with("claim 2: units once")), "{ended:?}");
    }

    #[test]
    fn totals_are_those_of_the_lines() {
        assert_eq!(
            wrong_with("o1", |order| order.amounts.goods_total = won(24_000)),
            ["goods total: expected 25000, found 24000"]
        );
        assert_eq!(
            wrong_with("o1", |order| order.amounts.goods_discount = won(2_001)),
            ["goods discount: expected 2000, found 2001"]
        );
        assert_eq!(
            wrong_with("o3", |order| order.items.clear()),
            [
                "goods total: expected 0, found 10000",
                "lines: expected some, found none",
                "payable: expected 0, found 13000",
                "refunded, as due for what was cancelled: expected 3000, found 0",
                "shipping fee: expected 0, found 3000",
                "status: expected FullyRefunded, found Paid",
                "status as the history has it: expected Some(FullyRefunded), found Some(Paid)",
            ]
        );
    }

    #[test]
    fn payable_is_goods_less_discounts_and_the_fee() {
        let dearer = |order: &mut Order| (order.amounts.payable, order.paid) = (won(25_001), won(25_001));
        assert_eq!(wrong_with("o1", dearer), ["payable: expected 25000, found 25001"]);
        let shipped_free = |order: &mut Order| order.amounts.shipping_fee = Won::ZERO;
        assert_eq!(wrong_with("o1", shipped_free), ["payable: expected 22000, found 25000"]);
    }

    #[test]
    fn the_coupon_s_shares_are_its_discount() {
        assert_eq!(
            wrong_with("o1", |order| order.items[0].coupon_share = won(784)),
            ["line 1: coupon share: expected 783, found 784"]
        );
        let discount = wrong_with("o1", |order| order.amounts.coupon_discount = won(23_001));
        assert_eq!(discount[0], "coupon discount: expected 23000, found 23001");
        assert_eq!(
            wrong_with("o1", |order| order.coupon_id = None),
            ["discount without a coupon: expected 0, found 1000"]
        );
    }

    #[test]
    fn no_amount_is_below_zero() {
        let discount = wrong_with("o3", |order| order.amounts.coupon_discount = won(-1));
        assert!(discount.contains(&"coupon discount: expected at least 0, found -1".to_owned()), "{discount:?}");
        let fee = wrong_with("o3", |order| order.amounts.shipping_fee = won(-1));
        assert!(fee.contains(&"shipping fee: expected at least 0, found -1".to_owned()), "{fee:?}");
        let price = wrong_with("o3", |order| order.items[0].unit_price = won(-1));
        assert!(price.contains(&"line 1: unit price: expected at least 0, found -1".to_owned()), "{price:?}");
        let dearer = wrong_with("o3", |order| order.items[0].unit_discount = won(-1));
        assert!(dearer.contains(&"line 1: unit discount: expected at least 0, found -1".to_owned()), "{dearer:?}");
        let cheaper = wrong_with("o3", |order| order.items[0].unit_discount = won(5_001));
        assert!(
            cheaper.contains(&"line 1: unit discount: expected at most 5000, found 5001".to_owned()),
            "{cheaper:?}"
        );
    }

    #[test]
    fn amounts_can_be_reckoned_with() {
        let beyond = wrong_with("o3", |order| order.items[0].unit_price = won(i64::MAX));
        assert_eq!(beyond, ["amounts: expected some that can be reckoned with, found too much"]);
    }

    #[test]
    fn no_more_is_cancelled_than_was_ordered() {
        let found = wrong_with("o3", |order| order.items[0].cancelled_quantity = 3);
        assert!(found.contains(&"line 1: cancelled quantity: expected at most 2, found 3".to_owned()), "{found:?}");
    }

    #[test]
    fn a_line_is_gone_just_when_all_its_units_are() {
        let gone = |found: Vec<String>| found.into_iter().find(|line| line.starts_with("line 1: gone"));
        let found = gone(wrong_with("o3", |order| order.items[0].cancelled_quantity = 2));
        assert_eq!(found.as_deref(), Some("line 1: gone, as all its units are: expected true, found false"));
        let found = gone(wrong_with("o3", |order| order.items[0].status = LineStatus::Returned));
        assert_eq!(found.as_deref(), Some("line 1: gone, as all its units are: expected false, found true"));
        assert_eq!(gone(wrong_with("o3", |order| *order = cancelled(order, 1, 1))), None);
        assert_eq!(gone(wrong_with("o3", |order| *order = cancelled(order, 1, 2))), None);
    }

    #[test]
    fn all_of_payable_is_paid_or_nothing() {
        assert_eq!(wrong_with("o1", |order| order.paid = won(24_999)), ["paid: expected 25000, found 24999"]);
        assert_eq!(wrong_with("o2", |order| order.paid = won(1)), ["paid: expected 0, found 1"]);
    }

    #[test]
    fn no_more_is_refunded_than_was_paid() {
        let too_much = wrong_with("o1", |order| order.refunded = won(25_001));
        assert!(too_much.contains(&"refunded: expected at most 25000, found 25001".to_owned()), "{too_much:?}");
        let too_little = wrong_with("o1", |order| order.refunded = won(-1));
        assert!(too_little.contains(&"refunded: expected at least 0, found -1".to_owned()), "{too_little:?}");
    }

    #[test]
    fn what_was_cancelled_is_refunded_and_nothing_else() {
        let refund = |id: &str, refunded: i64| {
            wrong_with(id, |order| {
                order.refunded = won(refunded);
                order.history.last_mut().unwrap().refund = won(refunded);
            })
        };
        let due = "refunded, as due for what was cancelled";
        assert_eq!(refund("o5", 7_000), [] as [&str; 0]);
        assert_eq!(refund("o5", 6_999), [format!("{due}: expected 7000, found 6999")]);
        assert_eq!(refund("o3", 1), [format!("{due}: expected 0, found 1")]);
        // An order that was never paid has no refund, in any state of its lines.
        let ended = |order: &mut Order| {
            *order = order.end_unpaid(HistoryEvent::HoldExpired, Actor::System, at(SOON)).unwrap();
        };
        assert_eq!(wrong_with("o4", ended), [] as [&str; 0]);
    }

    #[test]
    fn every_refund_is_in_the_history() {
        let found = wrong_with("o5", |order| order.history.last_mut().unwrap().refund = won(6_999));
        assert_eq!(found, ["refunded as the history has it: expected 6999, found 7000"]);
    }

    #[test]
    fn a_fully_refunded_order_gave_all_back() {
        let refund = |refunded: i64| {
            wrong_with("o3", |order| {
                *order = cancelled(order, 1, 2);
                order.refunded = won(refunded);
            })
        };
        assert!(refund(12_999).contains(&"refunded: expected 13000, found 12999".to_owned()));
        assert_eq!(refund(13_000), [] as [&str; 0]);
    }

    #[test]
    fn an_order_has_a_hold_just_while_it_waits() {
        assert_eq!(
            wrong_with("o4", |order| order.hold_expires_at = None),
            ["has a hold that ends: expected true, found false"]
        );
        for id in ["o1", "o2"] {
            assert_eq!(
                wrong_with(id, |order| order.hold_expires_at = Some(at(SOON))),
                ["has a hold that ends: expected false, found true"]
            );
        }
    }

    #[test]
    fn just_what_was_paid_outside_names_its_payment() {
        assert_eq!(
            wrong_with("o5", |order| order.payment_id = None),
            ["names the payment that paid it: expected true, found false"]
        );
        for id in ["o1", "o4"] {
            assert_eq!(
                wrong_with(id, |order| order.payment_id = Some(payment("p9"))),
                ["names the payment that paid it: expected false, found true"]
            );
        }
    }

    #[test]
    fn the_status_follows_from_the_lines() {
        let found = wrong_with("o1", |order| order.items[0].status = LineStatus::Cancelled);
        assert!(found.contains(&"status: expected PartiallyCancelled, found Paid".to_owned()), "{found:?}");
        let found = wrong_with("o2", |order| order.status = OrderStatus::PendingPayment);
        assert!(found.contains(&"status: expected PaymentFailed, found PendingPayment".to_owned()), "{found:?}");
        let found = wrong_with("o1", |order| (order.paid_at, order.paid) = (None, Won::ZERO));
        assert_eq!(found, ["status: expected PendingPayment, found Paid"]);
        let found = wrong_with("o4", |order| order.status = OrderStatus::Cancelled);
        assert!(found.contains(&"status: expected PendingPayment, found Cancelled".to_owned()), "{found:?}");
    }

    #[test]
    fn the_version_counts_what_happened() {
        assert_eq!(
            wrong_with("o1", |order| order.version = 2),
            ["version as the number of happenings: expected 1, found 2"]
        );
    }

    #[test]
    fn the_history_replays_to_where_the_order_is() {
        assert_eq!(
            wrong_with("o1", |order| order.items[1].status = LineStatus::Shipped),
            [
                "line 2: status as the history has it: expected Some(Preparing), found Some(Shipped)",
                "line 2: status by its parcels: expected Some(Preparing), found Some(Shipped)",
            ]
        );
        assert_eq!(
            wrong_with("o1", |order| {
                order.history.clear();
                order.version = 0;
            }),
            [
                "line 1: status as the history has it: expected None, found Some(Preparing)",
                "line 2: status as the history has it: expected None, found Some(Preparing)",
                "status as the history has it: expected None, found Some(Paid)",
            ]
        );
    }

    #[test]
    fn every_cancelled_unit_is_in_the_history() {
        let found = wrong_with("o5", |order| order.history.last_mut().unwrap().lines[0].units = 2);
        assert_eq!(found, ["line 1: units cancelled as the history has it: expected 2, found 1"]);
        let found = wrong_with("o4", |order| order.items[0].cancelled_quantity = 1);
        assert_eq!(found, ["line 1: units cancelled as the history has it: expected 0, found 1"]);
    }

    #[test]
    fn a_payment_goes_back_once() {
        let again = |order: &mut Order| {
            let returned = order.history[2].returned.clone().unwrap();
            *order = order.return_payment(returned, at(TODAY));
        };
        assert_eq!(wrong_with("o5", again), ["history: return of payment p2: expected once, found more than once"]);
        assert_eq!(
            wrong_with("o5", |order| order.history[2].returned = None),
            ["history: PaymentReturned names a payment: expected true, found false"]
        );
        assert_eq!(
            wrong_with("o5", |order| order.history[1].returned = order.history[2].returned.take()),
            [
                "history: Paid names a payment: expected false, found true",
                "history: PaymentReturned names a payment: expected true, found false",
            ]
        );
    }

    #[test]
    fn every_step_of_the_history_is_one_of_the_table() {
        let found = wrong_with("o3", |order| {
            order.history.push(HistoryEntry::new(HistoryEvent::Paid, Actor::System, at(TODAY)));
            order.version = 2;
        });
        assert_eq!(found, ["history: line 1, Paid: expected a step of the table, found Some(Preparing) to Paid"]);
    }

    #[test]
    fn an_order_with_fifty_lines_and_a_coupon_is_right() {
        let lines = (1..=50).map(|number| line("cup", offer(999 + number, number), number)).collect();
        let made = Order::paid(order("large"), draft("mina", lines, Some(crate::fixture::THOUSAND_OFF), LONG_AGO));
        let mut findings = Findings::default();
        check(&made, &mut findings);
        assert!(findings.into_found().certain.is_empty());
    }
}
