//! Orders as a caller is authorized to see and change them.

use jiff::Timestamp;

use crate::{
    app::{Caller, Role},
    domain::{
        Won,
        order::{
            Actor, Claim, ClaimRefund, HistoryEntry, InconsistentAmounts, LineStatus, Order, OrderAction, OrderLine,
            Parcel,
        },
        pricing::Amounts,
        shipping::{Shipment, shipment_of},
    },
    store::StoreError,
};

/// An order as a caller may see it. A seller sees their own lines, once the order is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizedOrder {
    /// The order; for a seller, with the amounts of their lines alone.
    pub order: Order,
    /// The numbers of the lines that the caller may see, from 1.
    pub lines: Vec<usize>,
    /// The money of each claim, by all of the order: a seller's part of the amounts does not decide it.
    claim_refunds: Vec<Option<ClaimRefund>>,
    caller: Caller,
    now: Timestamp,
}

impl AuthorizedOrder {
    /// The part of an order that a caller may see, if there is one.
    ///
    /// # Errors
    /// If the order is damaged.
    pub fn for_caller(caller: &Caller, order: Order, now: Timestamp) -> Result<Option<Self>, StoreError> {
        let claim_refunds = (1..=order.claims.len()).map(|number| order.claim_refund(number)).collect();
        if caller.may_act_for(&order.user_id) {
            let lines = (1..=order.items.len()).collect();
            return Ok(Some(Self { order, lines, claim_refunds, caller: caller.clone(), now }));
        }
        let sold = order.items.iter().zip(1..).filter(|(line, _)| caller.sells(&order, line));
        let lines: Vec<usize> = sold.map(|(_, number)| number).collect();
        if lines.is_empty() {
            return Ok(None);
        }
        let order = with_amounts_of(caller, &lines, order).ok_or(InconsistentAmounts)?;
        Ok(Some(Self { order, lines, claim_refunds, caller: caller.clone(), now }))
    }

    /// The money of the claim with this number; nothing if there is none, or the order is damaged.
    pub fn claim_refund(&self, number: usize) -> Option<ClaimRefund> {
        *self.claim_refunds.get(number.checked_sub(1)?)?
    }

    /// Whether the caller sees all of the order, its money included, and not just the lines of a seller.
    pub fn is_whole(&self) -> bool {
        self.caller.may_act_for(&self.order.user_id)
    }

    /// The roles in which the caller may act on a line.
    pub fn actors(&self, line: &OrderLine) -> Vec<Actor> {
        actors(&self.caller, &self.order, line)
    }

    /// The actions that the caller can take on the order as a whole now.
    pub fn allowed_actions(&self) -> Vec<OrderAction> {
        self.order.allowed_actions(on_the_whole(&self.caller, &self.order), self.now)
    }

    /// The states that the caller can move the line with this number to now.
    pub fn next_statuses(&self, number: usize) -> Vec<LineStatus> {
        let actors = self.order.line(number).map(|line| self.actors(line)).unwrap_or_default();
        self.order.next_statuses(number, &actors)
    }

    /// The shipments that the caller may see: a seller those that their lines alone can be in.
    pub fn shipments(&self) -> Vec<Shipment> {
        let all = self.order.shipments();
        if self.is_whole() { all } else { all.into_iter().filter(|shipment| is_own(&self.caller, shipment)).collect() }
    }

    /// Each line's part of the fee of its shipment. A seller sees none of a shipment with lines of others.
    ///
    /// # Errors
    /// If the order is damaged.
    pub fn shipping_shares(&self) -> Result<Vec<Won>, StoreError> {
        let (shares, shipments) = (self.order.shipping_shares().ok_or(InconsistentAmounts)?, self.order.shipments());
        let lines = self.order.items.iter().zip(shares);
        let shown = lines.map(|(line, share)| {
            let shipment = shipment_of(&shipments, line.seller_id.as_ref()).and_then(|at| shipments.get(at));
            let is_shown = self.is_whole() || shipment.is_some_and(|shipment| is_own(&self.caller, shipment));
            if is_shown { share } else { Won::ZERO }
        });
        Ok(shown.collect())
    }

    /// The parcels that the caller may see, with their numbers. One has lines of one seller only.
    pub fn parcels(&self) -> impl Iterator<Item = (usize, &Parcel)> {
        let is_theirs = |parcel: &Parcel| parcel.items.iter().any(|item| self.lines.contains(&item.line));
        (1..).zip(&self.order.parcels).filter(move |(_, parcel)| is_theirs(parcel))
    }

    /// The claims that the caller may see, with their numbers. One has lines of one seller only.
    pub fn claims(&self) -> impl Iterator<Item = (usize, &Claim)> {
        let is_theirs = |claim: &Claim| claim.items.iter().any(|item| self.lines.contains(&item.line));
        (1..).zip(&self.order.claims).filter(move |(_, claim)| is_theirs(claim))
    }

    /// Whether the caller may know of an entry: not of the claims of other sellers' lines.
    pub fn sees(&self, entry: &HistoryEntry) -> bool {
        entry.claim.is_none_or(|number| self.claims().any(|(theirs, _)| theirs == number))
    }

    /// The reason given with an entry, if it concerns the caller. A seller reads the reasons for their own lines only,
    /// not the reason of a customer for the whole order.
    pub fn reason<'h>(&self, entry: &'h HistoryEntry) -> Option<&'h str> {
        let is_theirs = !entry.lines.is_empty() && entry.lines.iter().all(|step| self.lines.contains(&step.number));
        let concerned = is_theirs || self.caller.may_act_for(&self.order.user_id);
        entry.reason.as_deref().filter(|_| concerned)
    }
}

impl Caller {
    /// Whether a line is theirs to ship. An order that was never paid concerns no seller.
    fn sells(&self, order: &Order, line: &OrderLine) -> bool {
        self.role == Role::Seller && order.paid_at.is_some() && line.seller_id.as_ref() == Some(&self.user_id)
    }
}

/// The roles in which a caller may act on a line: a seller who orders their own product has two.
pub(super) fn actors(caller: &Caller, order: &Order, line: &OrderLine) -> Vec<Actor> {
    if caller.role == Role::Admin {
        return vec![Actor::Admin];
    }
    let (buys, sells) = (caller.user_id == order.user_id, caller.sells(order, line));
    let roles = [(Actor::Customer, buys), (Actor::Seller, sells)];
    roles.into_iter().filter_map(|(actor, is_one)| is_one.then_some(actor)).collect()
}

/// Whether a caller has a role in some line of an order.
pub(super) fn sees_some(caller: &Caller, order: &Order) -> bool {
    order.items.iter().any(|line| !actors(caller, order, line).is_empty())
}

/// The role in which a caller acts on an order as a whole.
pub(super) fn on_the_whole(caller: &Caller, order: &Order) -> Actor {
    match caller.role {
        Role::Admin => Actor::Admin,
        _ if caller.user_id == order.user_id => Actor::Customer,
        Role::Seller | Role::Customer => Actor::Seller,
    }
}

fn is_own(caller: &Caller, shipment: &Shipment) -> bool {
    shipment.seller_id.as_ref() == Some(&caller.user_id)
}

/// The order with the amounts of some of its lines alone. A seller sees neither the amounts of other lines and the
/// coupon, nor a fee but that of a shipment of their own. None if the amounts of a line are inconsistent.
fn with_amounts_of(caller: &Caller, lines: &[usize], order: Order) -> Option<Order> {
    let visible: Vec<&OrderLine> = lines.iter().filter_map(|number| order.line(*number)).collect();
    let sum = |amount: fn(&OrderLine) -> Option<Won>| {
        visible.iter().try_fold(Won::ZERO, |sum, line| sum.checked_add(amount(line)?))
    };
    let goods_total = sum(|line| line.unit_price.checked_mul(line.quantity))?;
    let goods_discount = sum(|line| line.unit_discount.checked_mul(line.quantity))?;
    let coupon_discount = sum(|line| Some(line.coupon_share))?;
    let own = order.shipments().into_iter().filter(|shipment| is_own(caller, shipment));
    let shipping_fee = Won::checked_sum(own.map(|shipment| shipment.fee))?;
    let payable = sum(|line| line.amount()?.checked_sub(line.coupon_share))?.checked_add(shipping_fee)?;
    let is_all_gone = visible.iter().all(|line| line.live_units() == 0);
    let fee_back = if is_all_gone { shipping_fee } else { Won::ZERO };
    let is_paid = order.paid_at.is_some();
    let (paid, refunded) =
        if is_paid { (payable, sum(OrderLine::refundable)?.checked_add(fee_back)?) } else { (Won::ZERO, Won::ZERO) };
    let amounts = Amounts { goods_total, goods_discount, coupon_discount, shipping_fee, payable };
    Some(Order { amounts, coupon_id: None, paid, refunded, ..order })
}
