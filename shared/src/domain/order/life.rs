//! The changes of an order after its creation. Each returns the order after it; the other effects (money, units,
//! coupon) follow from the difference.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    Actor, HistoryEntry, HistoryEvent, LineStatus, Order, OrderAction, OrderLine, OrderStatus, PaymentMethod, Returned,
    transitions::{allowed_next_as, may_ever_move_to},
};
use crate::domain::{
    PaymentId, Refusal, Won, benefits::OnPartialCancel, invalid::named, refusal::Entity, shipping::shipment_of,
};

/// The weight that a history may reach by the entries of each actor. A unit of weight is some 40 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryBounds {
    /// By a customer's entries.
    pub customer: usize,
    /// By those of sellers and admins.
    pub shop: usize,
    /// By those of the system: money that has to be returned.
    pub system: usize,
}

impl HistoryBounds {
    /// The order's item stays below the 400 KB that DynamoDB accepts. Customers leave room for the shop to go on, and
    /// everyone for money that has to be returned.
    pub const PRODUCTION: Self = Self { customer: 2_000, shop: 4_000, system: 6_000 };
}

/// The longest time for which an order waits for a deposit.
pub const LONGEST_DEPOSIT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The way in which an order is to be paid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, utoipa::ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PayBy {
    /// From the balance, at once.
    #[default]
    Balance,
    /// From the balance, before the hold ends.
    Later,
    /// By the external payment system, before the hold ends.
    External,
}

named!(PayBy { "BALANCE" => Balance, "LATER" => Later, "EXTERNAL" => External });

/// The part of an order to cancel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancellation {
    /// Everything left of it.
    Whole,
    /// Units by the number of their line.
    Units(BTreeMap<usize, u16>),
}

impl Order {
    /// The actions that `actor` can take on the order as a whole at this instant.
    pub fn allowed_actions(&self, actor: Actor, now: Timestamp) -> Vec<OrderAction> {
        let is_theirs = matches!(actor, Actor::Customer | Actor::Admin);
        let can_pay = is_theirs && self.payment == PaymentMethod::Balance && self.is_payable(now);
        let can_cancel = is_theirs
            && match self.status {
                OrderStatus::PendingPayment => true,
                status if status.is_void() => false,
                _ => self.items.iter().zip(1..).all(|(line, number)| {
                    line.status.is_terminal() || line.status.is_unshipped() && !self.is_partly_shipped(number)
                }),
            };
        let actions = [(OrderAction::Pay, can_pay), (OrderAction::Cancel, can_cancel)];
        actions.into_iter().filter_map(|(action, can)| can.then_some(action)).collect()
    }

    /// Whether it is pending and its hold has not ended.
    fn is_payable(&self, now: Timestamp) -> bool {
        self.status == OrderStatus::PendingPayment && self.hold_expires_at.is_some_and(|end| now < end)
    }

    /// Whether its hold has expired.
    pub fn is_hold_expired(&self, now: Timestamp) -> bool {
        self.status == OrderStatus::PendingPayment && !self.is_payable(now)
    }

    /// Pays the pending order from the balance.
    ///
    /// # Errors
    /// [`Refusal::OrderStateConflict`] if it is not pending for such a payment, or its hold has ended.
    pub fn pay(&self, actor: Actor, now: Timestamp) -> Result<Self, Refusal> {
        if self.payment != PaymentMethod::Balance || !self.is_payable(now) {
            return Err(self.conflict(actor, now));
        }
        Ok(self.received(actor, now))
    }

    /// Whether the order waits for just this payment of the external system.
    pub fn awaits(&self, amount: Won, now: Timestamp) -> bool {
        self.payment == PaymentMethod::External && self.is_payable(now) && amount == self.external_amount()
    }

    /// The order with its hold extended until the customer's deposit is due, but by no more than [`LONGEST_DEPOSIT`].
    ///
    /// # Errors
    /// [`Refusal::OrderStateConflict`] if it does not wait for money from outside, or its hold has ended.
    pub fn wait_for_deposit(&self, due_at: Timestamp, now: Timestamp) -> Result<Self, Refusal> {
        if self.payment != PaymentMethod::External || !self.is_payable(now) || due_at <= now {
            return Err(self.conflict(Actor::System, now));
        }
        let mut order = self.clone();
        let latest = now.checked_add(LONGEST_DEPOSIT).unwrap_or(due_at);
        order.hold_expires_at = Some(due_at.min(latest));
        order.awaits_deposit = order.hold_counted;
        Ok(order.with_entry(HistoryEntry::new(HistoryEvent::DepositRequested, Actor::System, now)))
    }

    /// The order paid by the external system, with a payment that it [awaits](Self::awaits).
    pub fn settle(&self, payment: PaymentId, now: Timestamp) -> Self {
        Self { payment_id: Some(payment), ..self.received(Actor::System, now) }
    }

    fn received(&self, actor: Actor, now: Timestamp) -> Self {
        let mut order = self.clone();
        order.paid = order.amounts.payable;
        order.paid_at = Some(now);
        order.hold_expires_at = None;
        order.hold_counted = false;
        order.awaits_deposit = false;
        order.items.iter_mut().for_each(|line| line.status = LineStatus::Preparing);
        order.with_entry(HistoryEntry::new(HistoryEvent::Paid, actor, now))
    }

    /// Ends the pending order unpaid.
    ///
    /// # Errors
    /// [`Refusal::OrderStateConflict`] if it is not pending.
    pub fn end_unpaid(&self, event: HistoryEvent, actor: Actor, now: Timestamp) -> Result<Self, Refusal> {
        if self.status != OrderStatus::PendingPayment {
            return Err(self.conflict(actor, now));
        }
        let mut order = self.clone();
        order.hold_expires_at = None;
        order.hold_counted = false;
        order.awaits_deposit = false;
        order.items.iter_mut().for_each(|line| line.end_unpaid(now));
        Ok(order.with_entry(HistoryEntry::new(event, actor, now)))
    }

    /// Records that the order does not need a payment, and that its return is requested.
    pub fn return_payment(&self, returned: Returned, now: Timestamp) -> Self {
        let mut entry = HistoryEntry::new(HistoryEvent::PaymentReturned, Actor::System, now);
        entry.returned = Some(returned);
        self.clone().with_entry(entry)
    }

    /// Cancels all of the order or a part, before it is shipped.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a line, [`Refusal::OrderStateConflict`], [`Refusal::LineStateConflict`],
    /// [`Refusal::UnitsNotLeft`].
    pub fn cancel(
        &self,
        what: &Cancellation,
        actor: Actor,
        reason: Option<String>,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let units: Vec<(usize, u16)> = match what {
            Cancellation::Whole => {
                let left = self.items.iter().zip(1..).filter(|(line, _)| line.live_units() > 0);
                left.map(|(line, number)| (number, line.live_units())).collect()
            }
            Cancellation::Units(units) => units.iter().map(|(number, units)| (*number, *units)).collect(),
        };
        if let Some((number, _)) = units.iter().find(|(number, _)| self.line(*number).is_none()) {
            return Err(Refusal::not_found(Entity::OrderItem, number));
        }
        let is_whole = self.items.iter().zip(1..).all(|(line, number)| {
            let cancelled = units.iter().find(|(named, _)| *named == number).map_or(0, |(_, units)| *units);
            cancelled == line.live_units()
        });
        if self.status == OrderStatus::PendingPayment && is_whole {
            return Ok(self.end_unpaid(HistoryEvent::Cancelled, actor, now)?.because(reason));
        }
        if self.status == OrderStatus::PendingPayment || self.status.is_void() {
            return Err(self.conflict(actor, now));
        }
        let mut after = self.clone();
        for (number, units) in units {
            let Some(line) = self.line(number) else { continue };
            if !line.status.is_unshipped() || matches!(what, Cancellation::Whole) && self.is_partly_shipped(number) {
                return Err(self.line_conflict(number, line.status, &[actor]));
            }
            let available = self.unshipped_units(number);
            if units > available {
                return Err(self.units_not_left(number, units, available));
            }
            after.cancel_units(self, number, units, now);
        }
        let after = self.changed_to(after, HistoryEvent::Cancelled, actor, std::iter::empty(), now);
        Ok(after.because(reason))
    }

    /// Cancels units of a line that are in no parcel.
    fn cancel_units(&mut self, before: &Self, number: usize, units: u16, now: Timestamp) {
        let Some(line) = self.line_mut(number) else { return };
        line.return_to_quota(units, now);
        line.cancelled_quantity = line.cancelled_quantity.saturating_add(units);
        if line.live_units() == 0 {
            line.status = LineStatus::Cancelled;
        } else {
            self.follow_parcels(before, number);
        }
    }

    pub(super) fn units_not_left(&self, number: usize, requested: u16, available: u16) -> Refusal {
        Refusal::UnitsNotLeft { order_id: self.order_id.clone(), item_id: number.to_string(), requested, available }
    }

    /// Moves a line along an edge of the table of transitions, for a caller with the roles of all `actors`. Nothing if
    /// the line is in that state already.
    ///
    /// # Errors
    /// In this order: [`Refusal::NotFound`] for the line, [`Refusal::Forbidden`] if none of them may ever do that,
    /// [`Refusal::LineStateConflict`].
    pub fn move_line(
        &self,
        number: usize,
        to: LineStatus,
        actors: &[Actor],
        now: Timestamp,
    ) -> Result<Option<Self>, Refusal> {
        let line = self.line(number).ok_or_else(|| Refusal::not_found(Entity::OrderItem, number))?;
        // A withdrawn request may be withdrawn again.
        let before = self.status_before(number).filter(|_| line.status == to);
        let from = before.unwrap_or(line.status);
        if !actors.iter().any(|actor| may_ever_move_to(from, to, *actor)) {
            return Err(Refusal::Forbidden);
        }
        if line.status == to {
            return Ok(None);
        }
        let actor = actors.iter().find(|actor| self.next_statuses(number, &[**actor]).contains(&to));
        let actor = *actor.ok_or_else(|| self.line_conflict(number, line.status, actors))?;
        let event = if to == LineStatus::Cancelled { HistoryEvent::Cancelled } else { HistoryEvent::LineMoved };
        let mut after = self.clone();
        after.imply_parcels(self, number, to, now);
        if let Some(line) = after.line_mut(number) {
            line.status = to;
            if to == LineStatus::Cancelled {
                line.return_to_quota(line.live_units(), now);
            }
            if to.is_terminal() {
                line.cancelled_quantity = line.quantity.get();
            }
        }
        Ok(Some(self.changed_to(after, event, actor, std::iter::once(number), now)))
    }

    /// The order after a change of its lines and parcels, with an entry for it and the refund that is due by it. Lines
    /// are in the entry if they changed, or are `named`.
    pub(super) fn changed_to(
        &self,
        mut after: Self,
        event: HistoryEvent,
        actor: Actor,
        named: impl Iterator<Item = usize>,
        now: Timestamp,
    ) -> Self {
        after.show_claims();
        // The refund due for a stored order with inconsistent amounts is unknown: nothing is refunded.
        let due = after.refund_due().filter(|due| *due <= after.paid).unwrap_or(self.refunded);
        let refund = due.checked_sub(self.refunded).filter(|refund| *refund > Won::ZERO).unwrap_or_default();
        after.refunded = due.max(self.refunded);
        let lines = after.steps_since(self, &named.collect::<Vec<_>>());
        after.with_entry(HistoryEntry { lines, refund, ..HistoryEntry::new(event, actor, now) })
    }

    /// The order with the reason of its last entry.
    pub(super) fn because(mut self, reason: Option<String>) -> Self {
        if let Some(entry) = self.history.last_mut() {
            entry.reason = reason;
        }
        self
    }

    /// The refund due for all that was cancelled or returned so far, less the return fees that were kept and the benefits
    /// that the rest does not earn. A step may lower it where it recalculates benefits: then nothing is refunded by it.
    pub fn refund_due(&self) -> Option<Won> {
        self.paid_for_gone()?.checked_sub(self.fees_kept()?)?.checked_sub(self.benefits_lost()?)
    }

    /// The amount that was paid for all that was cancelled or returned so far: of each line its part, and with the last
    /// unit of a shipment its fee.
    pub(super) fn paid_for_gone(&self) -> Option<Won> {
        let parts = self.items.iter().map(|line| line.refundable()).collect::<Option<Vec<_>>>()?;
        Won::checked_sum(parts)?.checked_add(self.shipping_due()?)
    }

    /// The part of [`Self::paid_for_gone`] that stays with the shop for benefits lost. A refund is at least 0, so it is at
    /// most [`Self::benefits_lost`], and goes back as far as later steps lower that.
    pub fn withheld(&self) -> Option<Won> {
        self.paid_for_gone()?.checked_sub(self.fees_kept()?)?.checked_sub(self.refunded)
    }

    /// The treatment of its benefits; the first one also without conditions of them.
    pub fn on_partial_cancel(&self) -> OnPartialCancel {
        if self.benefits.is_empty() { OnPartialCancel::Keep } else { OnPartialCancel::Recalculate }
    }

    /// The benefits that the live units do not earn: the fees of shipments below their threshold, and their parts of a
    /// coupon whose minimum they miss. With no live unit nothing is lost.
    pub fn benefits_lost(&self) -> Option<Won> {
        let live: Vec<&OrderLine> = self.items.iter().filter(|line| line.live_units() > 0).collect();
        if self.benefits.is_empty() || live.is_empty() {
            return Some(Won::ZERO);
        }
        let goods = |lines: &[&OrderLine]| {
            Won::checked_sum(lines.iter().map(|line| line.live_amount()).collect::<Option<Vec<_>>>()?)
        };
        let in_scope: Vec<&OrderLine> = live.iter().filter(|line| !line.outside_scope).copied().collect();
        let is_coupon_earned = self.benefits.earn_coupon(goods(&in_scope)?);
        let shares = live.iter().map(|line| if is_coupon_earned { Some(Won::ZERO) } else { line.live_coupon_share() });
        let shipments = self.shipments();
        let position_of = |line: &OrderLine| shipment_of(&shipments, line.seller_id.as_ref());
        let scoped: Vec<Option<usize>> =
            self.items.iter().filter(|line| !line.outside_scope).map(position_of).collect();
        let fees = self.benefits.fees_due(
            |position| is_coupon_earned && scoped.contains(&Some(position)),
            |position| {
                let lines: Vec<&OrderLine> =
                    live.iter().filter(|line| position_of(line) == Some(position)).copied().collect();
                if lines.is_empty() { None } else { goods(&lines) }
            },
        );
        Won::checked_sum(shares.collect::<Option<Vec<_>>>()?)?.checked_add(fees?)
    }

    /// The shipping fees that are due back: that of a shipment with its last unit.
    pub(super) fn shipping_due(&self) -> Option<Won> {
        let shipments = self.shipments();
        let live = self.items.iter().filter(|line| line.live_units() > 0);
        let open: Vec<Option<usize>> = live.map(|line| shipment_of(&shipments, line.seller_id.as_ref())).collect();
        let gone = shipments.iter().enumerate().filter(|(position, _)| !open.contains(&Some(*position)));
        Won::checked_sum(gone.map(|(_, shipment)| shipment.fee))
    }

    /// Refuses a change of `before` that makes the history too heavy. Paying a pending order and ending it always have
    /// room: neither happens twice.
    ///
    /// # Errors
    /// [`Refusal::LimitExceeded`].
    pub fn check_history(&self, before: &Self, bounds: &HistoryBounds) -> Result<(), Refusal> {
        let Some(added) = self.history.get(before.history.len()..).and_then(<[_]>::last) else { return Ok(()) };
        let is_unbounded = matches!(added.event, HistoryEvent::PaymentReturned | HistoryEvent::AddressChanged);
        if before.status == OrderStatus::PendingPayment && !is_unbounded {
            return Ok(());
        }
        let max = match added.actor {
            Actor::Customer => bounds.customer,
            Actor::Seller | Actor::Admin => bounds.shop,
            Actor::System => bounds.system,
        };
        if self.history.iter().map(HistoryEntry::weight).sum::<usize>() <= max {
            return Ok(());
        }
        Err(Refusal::LimitExceeded { limit: "orderHistory", max: i64::try_from(max).unwrap_or(i64::MAX) })
    }

    /// The order shipped to the address record with this number.
    pub fn readdressed(&self, number: u64, actor: Actor, now: Timestamp) -> Self {
        let order = Self { ship_to: Some(number), ..self.clone() };
        order.with_entry(HistoryEntry::new(HistoryEvent::AddressChanged, actor, now))
    }

    pub(super) fn with_entry(mut self, entry: HistoryEntry) -> Self {
        self.updated_at = entry.at;
        self.version = self.version.saturating_add(1);
        self.history.push(entry);
        self.status = self.derive_status();
        self
    }

    /// The refusal of an action of `actor` in this state.
    pub fn conflict(&self, actor: Actor, now: Timestamp) -> Refusal {
        Refusal::OrderStateConflict {
            order_id: self.order_id.clone(),
            status: self.status,
            allowed: self.allowed_actions(actor, now),
        }
    }

    /// The states that a caller with the roles of all `actors` may move a line to; none for a line that does not exist.
    pub fn next_statuses(&self, number: usize, actors: &[Actor]) -> Vec<LineStatus> {
        let Some(line) = self.line(number) else { return Vec::new() };
        let mut next = allowed_next_as(line.status, self.status_before(number), actors);
        // Units on their way cannot be cancelled with the rest of their line.
        if line.status.is_unshipped() && self.is_partly_shipped(number) {
            next.retain(|to| *to != LineStatus::Cancelled);
        }
        // A claim has an end of its own. Meanwhile the line only follows its parcels.
        if self.is_claimed(number) {
            let is_move_of_parcels =
                |to: LineStatus| matches!(to, LineStatus::Shipped | LineStatus::InDelivery | LineStatus::Delivered);
            next.retain(|to| line.status.is_on_its_way() && is_move_of_parcels(*to));
        }
        next
    }

    pub(super) fn line_conflict(&self, number: usize, status: LineStatus, actors: &[Actor]) -> Refusal {
        let allowed = self.next_statuses(number, actors);
        Refusal::LineStateConflict { order_id: self.order_id.clone(), item_id: number.to_string(), status, allowed }
    }
}
