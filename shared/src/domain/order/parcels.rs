//! The parcels of an order, and the states of its lines that follow from them.
//!
//! A unit of a line is in one parcel at most. A unit that comes back, or never arrives, stays in its parcel and counts as
//! gone, so that each unit has one place whatever happens to it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Actor, Change, HistoryEvent, LineStatus, LineStep, Order, OrderLine};
use crate::domain::{Refusal, UserId, is_zero, refusal::Entity, states::ParcelStatus, text::Text, time::end_of_window};

/// The name of a carrier.
pub type CarrierText = Text<40>;
/// The number by which a carrier tracks a parcel.
pub type TrackingText = Text<64>;

/// Units of an order that travel together. Its number is its position in the order, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parcel {
    pub status: ParcelStatus,
    pub items: Vec<ParcelItem>,
    /// The number of the claim whose replacement it has. Its units count apart from those of the lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<usize>,
    /// Its label; none for a parcel that follows from a line's state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub shipped_at: Timestamp,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub delivered_at: Option<Timestamp>,
}

/// Units of a line in a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParcelItem {
    /// The number of the line, from 1.
    pub line: usize,
    pub units: u16,
    /// Units of them that came back, or never arrived.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gone: u16,
}

/// The carrier of a parcel, and the number by which it tracks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Label {
    pub carrier: String,
    pub tracking_number: String,
}

impl ParcelItem {
    /// Units that the customer gets or has.
    fn live(self) -> u16 {
        self.units.saturating_sub(self.gone)
    }
}

impl Parcel {
    fn new(items: Vec<ParcelItem>, label: Option<Label>, now: Timestamp) -> Self {
        Self { status: ParcelStatus::Shipped, items, claim: None, label, shipped_at: now, delivered_at: None }
    }

    /// A parcel with units of the replacement of a claim.
    pub(super) fn from_claim(claim: usize, items: Vec<ParcelItem>, label: Label, now: Timestamp) -> Self {
        Self { claim: Some(claim), ..Self::new(items, Some(label), now) }
    }

    fn items_in_line(&self, number: usize) -> impl Iterator<Item = &ParcelItem> {
        self.items.iter().filter(move |item| item.line == number && self.claim.is_none())
    }

    /// Units of a line that the customer gets or has by it.
    pub fn live_units_of(&self, number: usize) -> u16 {
        self.items_in_line(number).fold(0, |sum, item| sum.saturating_add(item.live()))
    }

    /// Counts live units of a line as gone.
    pub(super) fn take_out(&mut self, number: usize, units: u16) {
        let mut left = units;
        for item in self.items.iter_mut().filter(|item| item.line == number) {
            let gone = item.live().min(left);
            left = left.saturating_sub(gone);
            item.gone = item.gone.saturating_add(gone);
        }
    }

    fn has_live_units_of(&self, number: usize) -> bool {
        self.items_in_line(number).any(|item| item.live() > 0)
    }

    /// Moves it on, never back.
    fn advance(&mut self, to: ParcelStatus, now: Timestamp) {
        if self.status < to {
            self.status = to;
            self.delivered_at = (to == ParcelStatus::Delivered).then_some(now);
        }
    }
}

impl Order {
    /// The parcel with this number, from 1.
    pub fn parcel(&self, number: usize) -> Option<&Parcel> {
        self.parcels.get(number.checked_sub(1)?)
    }

    pub(super) fn parcel_mut(&mut self, number: usize) -> Option<&mut Parcel> {
        self.parcels.get_mut(number.checked_sub(1)?)
    }

    /// The seller of the lines in a parcel; the shop itself, if there is none.
    pub fn seller_of(&self, parcel: &Parcel) -> Option<&UserId> {
        self.line(parcel.items.first()?.line)?.seller_id.as_ref()
    }

    /// A line of the parcel with this number. All of them are of one seller.
    pub fn line_in_parcel(&self, number: usize) -> Option<&OrderLine> {
        self.line(self.parcel(number)?.items.first()?.line)
    }

    fn items_of(&self, number: usize) -> impl Iterator<Item = (&Parcel, &ParcelItem)> {
        self.parcels.iter().flat_map(move |parcel| parcel.items_in_line(number).map(move |item| (parcel, item)))
    }

    /// Units of a line that were put into parcels.
    pub fn shipped_units(&self, number: usize) -> u16 {
        self.items_of(number).fold(0, |sum, (_, item)| sum.saturating_add(item.units))
    }

    /// Units of a line that arrived.
    pub fn delivered_units(&self, number: usize) -> u16 {
        let delivered = self.items_of(number).filter(|(parcel, _)| parcel.status == ParcelStatus::Delivered);
        delivered.fold(0, |sum, (_, item)| sum.saturating_add(item.units))
    }

    /// Units of a line that came back, or never arrived.
    pub fn returned_units(&self, number: usize) -> u16 {
        self.items_of(number).fold(0, |sum, (_, item)| sum.saturating_add(item.gone))
    }

    /// Units of a line that are still to be shipped.
    pub fn unshipped_units(&self, number: usize) -> u16 {
        let Some(line) = self.line(number).filter(|_| self.paid_at.is_some()) else { return 0 };
        let travelling = self.shipped_units(number).saturating_sub(self.returned_units(number));
        line.live_units().saturating_sub(travelling)
    }

    /// Whether a live unit of a line is in a parcel.
    pub(super) fn is_partly_shipped(&self, number: usize) -> bool {
        self.items_of(number).any(|(_, item)| item.live() > 0)
    }

    /// The state of a line by the least advanced of its live units: nothing for a line without one.
    pub fn status_by_parcels(&self, number: usize) -> Option<LineStatus> {
        if self.unshipped_units(number) > 0 {
            return Some(LineStatus::Preparing);
        }
        let live = self.parcels.iter().filter(|parcel| parcel.has_live_units_of(number));
        live.map(|parcel| parcel.status).min().map(LineStatus::from)
    }

    /// Ships units, by line, in a parcel.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a line, [`Refusal::LineStateConflict`], [`Refusal::UnitsNotLeft`].
    pub fn ship(
        &self,
        contents: &BTreeMap<usize, u16>,
        label: Label,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let mut items = Vec::new();
        for (&number, &units) in contents {
            let line = self.line(number).ok_or_else(|| Refusal::not_found(Entity::OrderItem, number))?;
            let available = self.unshipped_units(number);
            if available == 0 || !line.status.is_unshipped() {
                return Err(self.line_conflict(number, line.status, &[actor]));
            }
            if units > available {
                return Err(self.units_not_left(number, units, available));
            }
            items.push(ParcelItem { line: number, units, gone: 0 });
        }
        let mut after = self.clone();
        after.parcels.push(Parcel::new(items, Some(label), now));
        let parcel = after.parcels.len();
        contents.keys().for_each(|number| after.follow_parcels(self, *number));
        Ok(self
            .changed_to(after, HistoryEvent::ParcelShipped, actor, contents.keys().copied(), now)
            .about_parcel(parcel))
    }

    /// Moves a parcel on. Nothing if it is as far already.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::ParcelStateConflict`] if it is further.
    pub fn move_parcel(
        &self,
        number: usize,
        to: ParcelStatus,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Option<Self>, Refusal> {
        let parcel = self.parcel(number).ok_or_else(|| Refusal::not_found(Entity::Parcel, number))?;
        if parcel.status == to {
            return Ok(None);
        }
        if parcel.status > to {
            let allowed = ParcelStatus::ALL.iter().copied().filter(|next| *next > parcel.status).collect();
            let (order_id, parcel_id) = (self.order_id.clone(), number.to_string());
            return Err(Refusal::ParcelStateConflict { order_id, parcel_id, status: parcel.status, allowed });
        }
        let lines: Vec<usize> = parcel.items.iter().map(|item| item.line).collect();
        let mut after = self.clone();
        if let Some(parcel) = after.parcel_mut(number) {
            parcel.advance(to, now);
        }
        lines.iter().for_each(|line| after.follow_parcels(self, *line));
        let after = self.changed_to(after, HistoryEvent::ParcelMoved, actor, lines.into_iter(), now);
        Ok(Some(after.about_parcel(number)))
    }

    /// Moves the parcels of a line as its move to a state by hand implies. Parcels that it shares with other lines take
    /// those along.
    pub(super) fn imply_parcels(&mut self, before: &Self, number: usize, to: LineStatus, now: Timestamp) {
        match to {
            LineStatus::Shipped => {
                let units = before.unshipped_units(number);
                if units > 0 {
                    self.parcels.push(Parcel::new(vec![ParcelItem { line: number, units, gone: 0 }], None, now));
                }
            }
            LineStatus::InDelivery => self.advance_parcels_of(before, number, ParcelStatus::InDelivery, now),
            LineStatus::Delivered => self.advance_parcels_of(before, number, ParcelStatus::Delivered, now),
            to if to.is_terminal() => {
                let parcels = self.parcels.iter_mut().filter(|parcel| parcel.claim.is_none());
                let items = parcels.flat_map(|parcel| &mut parcel.items);
                items.filter(|item| item.line == number).for_each(|item| item.gone = item.units);
            }
            _ => {}
        }
    }

    fn advance_parcels_of(&mut self, before: &Self, number: usize, to: ParcelStatus, now: Timestamp) {
        let mut others = Vec::new();
        for parcel in self.parcels.iter_mut().filter(|parcel| parcel.has_live_units_of(number)) {
            parcel.advance(to, now);
            others.extend(parcel.items.iter().map(|item| item.line).filter(|line| *line != number));
        }
        others.into_iter().for_each(|other| self.follow_parcels(before, other));
    }

    /// Brings a line to the state of its parcels, if these have moved. A request to cancel ends where its parcels go on:
    /// one that the seller has granted ends only if they arrive.
    pub(super) fn follow_parcels(&mut self, before: &Self, number: usize) {
        let Some(to) = self.status_by_parcels(number).filter(|to| before.status_by_parcels(number) != Some(*to)) else {
            return;
        };
        let Some(line) = self.line_mut(number) else { return };
        let follows = match line.status {
            LineStatus::CancelInProgress => to == LineStatus::Delivered,
            LineStatus::CancelRequested => true,
            status => status.is_on_its_way(),
        };
        if follows {
            line.status = to;
        }
    }

    /// The instant from which a delivered line counts as confirmed; nothing while it need not be. An open claim does not
    /// change it: the shop waits with the confirmation, and the plan stays.
    fn confirms_at(&self, number: usize, window: SignedDuration) -> Option<Timestamp> {
        let line = self.line(number)?;
        if self.status_without_claim(number) != Some(LineStatus::Delivered) {
            return None;
        }
        let live = self.items_of(number).filter(|(_, item)| item.live() > 0 && line.live_units() > 0);
        let delivered = live.map(|(parcel, _)| parcel.delivered_at);
        // A parcel without an instant was delivered before the shop recorded it; the migration gives it one.
        delivered.collect::<Option<Vec<_>>>()?.into_iter().max().map(|at| end_of_window(at, window))
    }

    /// The instant at which the first delivered line is to be confirmed by the shop.
    pub fn next_confirmation(&self, window: SignedDuration) -> Option<Timestamp> {
        (1..=self.items.len()).filter_map(|number| self.confirms_at(number, window)).min()
    }

    /// The order with the lines confirmed whose customers have been silent since the delivery; nothing if there are none.
    pub fn confirm_delivered(&self, window: SignedDuration, now: Timestamp) -> Option<Self> {
        let mut after = self.clone();
        let mut confirmed = Vec::new();
        for (line, number) in after.items.iter_mut().zip(1..) {
            if self.confirms_at(number, window).is_some_and(|at| at <= now) && !self.is_claimed(number) {
                line.status = LineStatus::PurchaseConfirmed;
                confirmed.push(number);
            }
        }
        let is_any = !confirmed.is_empty();
        is_any.then(|| self.changed_to(after, HistoryEvent::LineMoved, Actor::System, confirmed.into_iter(), now))
    }

    /// The order with the instant `now` for parcels that arrived before the shop recorded it: from then on the customer
    /// has the usual time. Nothing if there are none.
    pub fn with_dated_arrivals(&self, now: Timestamp) -> Option<Self> {
        let mut after = self.clone();
        let is_undated =
            |parcel: &&mut Parcel| parcel.status == ParcelStatus::Delivered && parcel.delivered_at.is_none();
        let mut lines = Vec::new();
        for parcel in after.parcels.iter_mut().filter(is_undated) {
            parcel.delivered_at = Some(now);
            lines.extend(parcel.items.iter().map(|item| item.line));
        }
        let is_any = !lines.is_empty();
        is_any.then(|| self.changed_to(after, HistoryEvent::ParcelMoved, Actor::System, lines.into_iter(), now))
    }

    /// The order with the parcels that the history of the first stage implies: one for all units of a line that were
    /// shipped, without a label.
    #[must_use]
    pub fn with_implied_parcels(mut self) -> Self {
        let is_shipped = |line: &OrderLine| !line.status.is_unshipped() && line.status != LineStatus::PendingPayment;
        if self.paid_at.is_none() || !self.parcels.is_empty() || !self.items.iter().any(is_shipped) {
            return self;
        }
        let mut parcels: BTreeMap<usize, Parcel> = BTreeMap::new();
        let mut cancelled: BTreeMap<usize, u16> = BTreeMap::new();
        for (entry, _, change) in self.changes() {
            let Change::Line { number, to, units, .. } = change else { continue };
            let before = cancelled.entry(number).or_default();
            let ordered = self.line(number).map_or(0, |line| line.quantity.get());
            let live = ordered.saturating_sub(*before);
            *before = before.saturating_add(units);
            let is_first = !parcels.contains_key(&number);
            match (to, parcels.get_mut(&number)) {
                (LineStatus::Shipped, None) if is_first => {
                    let item = ParcelItem { line: number, units: live, gone: 0 };
                    parcels.insert(number, Parcel::new(vec![item], None, entry.at));
                }
                (LineStatus::InDelivery, Some(parcel)) => parcel.advance(ParcelStatus::InDelivery, entry.at),
                (LineStatus::Delivered, Some(parcel)) => parcel.advance(ParcelStatus::Delivered, entry.at),
                (_, Some(parcel)) if units > 0 => {
                    parcel.items.iter_mut().for_each(|item| item.gone = item.gone.saturating_add(units));
                }
                _ => {}
            }
        }
        // The instant is left to the migration, from which the customer's time to confirm begins.
        self.parcels = parcels.into_values().map(|parcel| Parcel { delivered_at: None, ..parcel }).collect();
        self
    }

    /// The steps of the lines from `before` to this order, with the lines that are named in any case.
    pub(super) fn steps_since(&self, before: &Self, named: &[usize]) -> Vec<LineStep> {
        let lines = before.items.iter().zip(&self.items).zip(1..);
        let steps = lines.filter_map(|((before, after), number)| {
            let units = after.cancelled_quantity.saturating_sub(before.cancelled_quantity);
            let is_moved = before.status != after.status || units > 0 || named.contains(&number);
            is_moved.then_some(LineStep { number, to: after.status, units })
        });
        steps.collect()
    }

    pub(super) fn about_parcel(mut self, number: usize) -> Self {
        if let Some(entry) = self.history.last_mut() {
            entry.parcel = Some(number);
        }
        self
    }
}
