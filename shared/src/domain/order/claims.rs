//! The claims of an order: returns and exchanges of some of its units.
//!
//! A claim lives in its order, so one commit has all of its money, stock and history. Its units are taken out of named
//! parcels while it is open: so a unit is in one open claim at most, and each keeps the window of its own delivery.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Actor, HistoryEntry, HistoryEvent, Label, LineStatus, Order, OrderLine, Parcel, ParcelItem};
use crate::domain::{
    ClaimId, Refusal, Won,
    claim::{ClaimReason, ClaimRefund, ClaimType, PaidBy, UnitCondition},
    refusal::Entity,
    states::{ClaimAction, ClaimStatus, ParcelStatus},
    text::Text,
    time::end_of_window,
};

/// The customer's own words about a claim.
pub type ClaimText = Text<500, true>;

/// The settings of claims. A claim keeps the return fee that it was asked for with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimPolicy {
    /// The window for a change of mind, from delivery on.
    pub change_of_mind: SignedDuration,
    /// The window for every other reason.
    pub defect: SignedDuration,
    /// The fee that a customer pays for a change of mind, once a claim: that of the seller.
    pub return_fee: Won,
}

impl ClaimPolicy {
    pub const DEFAULT: Self = Self {
        change_of_mind: SignedDuration::from_hours(7 * 24),
        defect: SignedDuration::from_hours(90 * 24),
        return_fee: Won::new(3_000),
    };

    fn window(&self, reason: ClaimReason) -> SignedDuration {
        match reason {
            ClaimReason::ChangeOfMind => self.change_of_mind,
            ClaimReason::Defect | ClaimReason::WrongItem | ClaimReason::Damaged | ClaimReason::NotDelivered => {
                self.defect
            }
        }
    }
}

/// A claim of an order. Its number is its position, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    #[serde(rename = "type")]
    pub kind: ClaimType,
    /// The units, each line once.
    pub items: Vec<ClaimItem>,
    pub reason: ClaimReason,
    pub status: ClaimStatus,
    /// The return fee that the customer agreed to.
    #[serde(default, skip_serializing_if = "Won::is_zero")]
    pub fee: Won,
    /// The parcels that its units are in, while it is open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<ClaimedUnits>,
    /// The lines whose state shows it, while it is open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<CoveredLine>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub received: Vec<ReceivedUnits>,
    /// The money that a completed return brought back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<ClaimRefund>,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub updated_at: Timestamp,
}

/// Units of a line in a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimItem {
    /// The number of the line, from 1.
    pub line: usize,
    pub units: u16,
}

/// Units of an open claim in a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimedUnits {
    pub line: usize,
    /// The number of the parcel, from 1.
    pub parcel: usize,
    pub units: u16,
}

/// A line all of whose live units are in one claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CoveredLine {
    pub line: usize,
    /// The state that it has without the claim.
    pub before: LineStatus,
}

/// Units of a claim as its receiver found them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceivedUnits {
    pub line: usize,
    pub condition: UnitCondition,
    pub units: u16,
}

/// A claim that a customer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewClaim {
    pub kind: ClaimType,
    /// Units by the number of their line.
    pub items: BTreeMap<usize, u16>,
    pub reason: ClaimReason,
    pub text: Option<String>,
}

/// The received units of a claim, by line and condition.
pub type Receipt = BTreeMap<(usize, UnitCondition), u16>;

impl NewClaim {
    /// The fee that it costs by a policy.
    fn fee(&self, return_fee: Won) -> Won {
        match (self.kind, self.reason) {
            (ClaimType::Return, ClaimReason::ChangeOfMind) => return_fee,
            _ => Won::ZERO,
        }
    }
}

impl Claim {
    pub fn paid_by(&self) -> PaidBy {
        match self.reason {
            ClaimReason::ChangeOfMind => PaidBy::Customer,
            ClaimReason::Defect | ClaimReason::WrongItem | ClaimReason::Damaged | ClaimReason::NotDelivered => {
                PaidBy::Seller
            }
        }
    }

    /// Whether its outcome is still to come.
    pub fn is_open(&self) -> bool {
        matches!(self.status, ClaimStatus::Requested | ClaimStatus::Accepted | ClaimStatus::Received)
    }

    /// The actions that are possible in its state, whoever takes them.
    pub fn allowed(&self) -> Vec<ClaimAction> {
        match self.status {
            ClaimStatus::Requested => vec![ClaimAction::Decide, ClaimAction::Withdraw],
            ClaimStatus::Accepted => vec![ClaimAction::Receive, ClaimAction::Withdraw],
            ClaimStatus::Received => vec![ClaimAction::Ship],
            ClaimStatus::Refused | ClaimStatus::Withdrawn | ClaimStatus::Completed => Vec::new(),
        }
    }

    /// The units of a line that it has in parcels while it is open.
    fn units_of(&self, line: usize) -> u16 {
        self.units.iter().filter(|units| units.line == line).fold(0, |sum, units| sum.saturating_add(units.units))
    }

    /// The units of a line that it asks for.
    fn asked(&self, line: usize) -> u16 {
        self.items.iter().filter(|item| item.line == line).fold(0, |sum, item| sum.saturating_add(item.units))
    }

    /// The units of a line that were received in one of these conditions.
    fn received_as(&self, line: usize, conditions: &[UnitCondition]) -> u16 {
        let found = self.received.iter().filter(|part| part.line == line && conditions.contains(&part.condition));
        found.fold(0, |sum, part| sum.saturating_add(part.units))
    }

    /// The units of a line that came back.
    fn came_back(&self, line: usize) -> u16 {
        self.received_as(line, &[UnitCondition::Sellable, UnitCondition::Unsellable])
    }

    /// The units of a line that are held for its exchange: from acceptance on, until the originals come back.
    fn held(&self, line: usize) -> u16 {
        if self.kind == ClaimType::Exchange && self.status == ClaimStatus::Accepted { self.asked(line) } else { 0 }
    }

    /// Ends it. Returns the lines that it covered.
    fn close(&mut self, status: ClaimStatus) -> Vec<CoveredLine> {
        self.status = status;
        self.units.clear();
        std::mem::take(&mut self.covers)
    }

    /// The state of a line that shows it.
    fn shown_as(&self) -> LineStatus {
        match (self.kind, self.status) {
            (ClaimType::Return, ClaimStatus::Requested) => LineStatus::ReturnRequested,
            (ClaimType::Return, _) => LineStatus::ReturnInProgress,
            (ClaimType::Exchange, ClaimStatus::Requested) => LineStatus::ExchangeRequested,
            (ClaimType::Exchange, _) => LineStatus::ExchangeInProgress,
        }
    }
}

impl ClaimRefund {
    /// The refund that the change of an order brings, less a fee of at most that.
    fn between(before: &Order, after: &Order, fee: Won) -> Option<Self> {
        let mut goods = Won::ZERO;
        for (before, after) in before.items.iter().zip(&after.items) {
            let gone = after.cancelled_quantity.saturating_sub(before.cancelled_quantity);
            let cost = before.unit_price.checked_sub(before.unit_discount)?.get();
            goods = goods.checked_add(Won::new(cost.checked_mul(i64::from(gone))?))?;
        }
        let shipping = after.shipping_due()?.checked_sub(before.shipping_due()?)?;
        let gross = after.paid_for_gone()?.checked_sub(before.paid_for_gone()?)?;
        let coupon = goods.checked_add(shipping)?.checked_sub(gross)?;
        let left = gross.checked_add(before.withheld()?)?.checked_sub(after.benefits_lost()?)?.max(Won::ZERO);
        let (benefits, return_fee) = (gross.checked_sub(left)?, fee.min(left));
        Some(Self { goods, coupon, shipping, benefits, return_fee, total: left.checked_sub(return_fee)? })
    }
}

impl Order {
    /// The claim with this number, from 1.
    pub fn claim(&self, number: usize) -> Option<&Claim> {
        self.claims.get(number.checked_sub(1)?)
    }

    fn claim_mut(&mut self, number: usize) -> Option<&mut Claim> {
        self.claims.get_mut(number.checked_sub(1)?)
    }

    /// A line in the claim with this number. All of them are of one seller.
    pub fn line_in_claim(&self, number: usize) -> Option<&OrderLine> {
        self.line(self.claim(number)?.items.first()?.line)
    }

    /// The id of the claim with this number.
    pub fn claim_id(&self, number: usize) -> Option<ClaimId> {
        ClaimId::from_order(&self.order_id, number)
    }

    /// The customer's words about a claim: the reason of its first entry in the history.
    pub fn claim_text(&self, number: usize) -> Option<&str> {
        let is_first =
            |entry: &&HistoryEntry| entry.claim == Some(number) && entry.event == HistoryEvent::ClaimRequested;
        self.history.iter().find(is_first)?.reason.as_deref()
    }

    fn open_claims(&self) -> impl Iterator<Item = &Claim> {
        self.claims.iter().filter(|claim| claim.is_open())
    }

    /// Whether some unit of a line is in an open claim.
    pub fn is_claimed(&self, line: usize) -> bool {
        self.open_claims().any(|claim| claim.units.iter().any(|units| units.line == line))
    }

    /// The units of a line in a parcel that are in open claims.
    fn claimed_in(&self, parcel: usize, line: usize) -> u16 {
        let units = self.open_claims().flat_map(|claim| &claim.units);
        let there = units.filter(|units| units.parcel == parcel && units.line == line);
        there.fold(0, |sum, units| sum.saturating_add(units.units))
    }

    /// The units of a line that are off the shelf and yet no one's: held for exchanges.
    pub fn held_for_exchanges(&self, line: usize) -> u16 {
        self.claims.iter().fold(0, |sum, claim| sum.saturating_add(claim.held(line)))
    }

    /// The units of a line that are not on the shelf: live, scrapped or held for exchanges.
    pub fn off_shelf(&self, number: usize) -> i64 {
        let Some(line) = self.line(number) else { return 0 };
        [line.live_units().into(), line.scrapped.into(), self.held_for_exchanges(number).into()]
            .into_iter()
            .fold(0, i64::saturating_add)
    }

    /// The units of each line that an entry of the history scrapped, or took off the shelf for an exchange; below zero
    /// if they went back.
    pub fn taken_by(&self, entry: &HistoryEntry) -> Vec<(usize, i64)> {
        let Some(claim) = entry.claim.and_then(|number| self.claim(number)) else { return Vec::new() };
        let is_exchange = claim.kind == ClaimType::Exchange;
        let was_accepted = || {
            let accepted = |other: &HistoryEntry| other.event == HistoryEvent::ClaimAccepted;
            self.history.iter().any(|other| other.claim == entry.claim && accepted(other))
        };
        let units = |item: &ClaimItem| {
            let asked = i64::from(item.units);
            let scrapped = i64::from(claim.received_as(item.line, &[UnitCondition::Unsellable]));
            match (entry.event, is_exchange) {
                (HistoryEvent::ClaimAccepted, true) => asked,
                (HistoryEvent::ClaimAccepted, false) if claim.reason == ClaimReason::NotDelivered => asked,
                (HistoryEvent::ClaimReceived, true) => scrapped.saturating_sub(asked),
                (HistoryEvent::ClaimReceived, false) => scrapped,
                (HistoryEvent::ClaimWithdrawn, true) if was_accepted() => 0_i64.saturating_sub(asked),
                _ => 0,
            }
        };
        claim.items.iter().map(|item| (item.line, units(item))).filter(|(_, units)| *units != 0).collect()
    }

    /// The return fees that were kept.
    pub fn fees_kept(&self) -> Option<Won> {
        Won::checked_sum(self.claims.iter().filter_map(|claim| claim.refund).map(|refund| refund.return_fee))
    }

    /// The units of a line that can be claimed for a reason, by parcel, in the order in which they are taken: those
    /// whose window ends first; for units that never arrived, the least advanced.
    fn claimable(&self, number: usize, reason: ClaimReason, policy: &ClaimPolicy, now: Timestamp) -> Vec<(usize, u16)> {
        let takes_claims = |status: LineStatus| match status {
            LineStatus::PurchaseConfirmed => reason != ClaimReason::ChangeOfMind,
            status => status.is_on_its_way() || status == LineStatus::Exchanged,
        };
        if !self.line(number).is_some_and(|line| takes_claims(line.status)) {
            return Vec::new();
        }
        // A parcel without an instant was delivered before the shop recorded it: the customer has the benefit.
        let is_open =
            |parcel: &Parcel| parcel.delivered_at.is_none_or(|at| now < end_of_window(at, policy.window(reason)));
        let is_there =
            |parcel: &Parcel| reason == ClaimReason::NotDelivered || parcel.status == ParcelStatus::Delivered;
        let mut units: Vec<(&Parcel, usize, u16)> = Vec::new();
        for (parcel, place) in self.parcels.iter().zip(1..).filter(|(parcel, _)| is_there(parcel) && is_open(parcel)) {
            let live = parcel.live_units_of(number);
            let free = live.saturating_sub(self.claimed_in(place, number));
            if free > 0 {
                units.push((parcel, place, free));
            }
        }
        match reason {
            ClaimReason::NotDelivered => units.sort_by_key(|(parcel, place, _)| (parcel.status, *place)),
            _ => units.sort_by_key(|(parcel, place, _)| (parcel.delivered_at, *place)),
        }
        units.into_iter().map(|(_, place, free)| (place, free)).collect()
    }

    /// The order with a new claim, whose number is the last.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a line; [`Refusal::UnitsNotClaimable`].
    pub fn request_claim(
        &self,
        new: &NewClaim,
        policy: &ClaimPolicy,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let mut claimed = Vec::new();
        for (&line, &requested) in &new.items {
            let status = self.line(line).ok_or_else(|| Refusal::not_found(Entity::OrderItem, line))?.status;
            let sum = |units: &[(usize, u16)]| units.iter().fold(0_u16, |sum, (_, free)| sum.saturating_add(*free));
            let free = self.claimable(line, new.reason, policy, now);
            let available = sum(&free);
            if requested > available {
                let is_possible = |reason: &ClaimReason| {
                    let fits = *reason != ClaimReason::NotDelivered || new.kind == ClaimType::Return;
                    fits && sum(&self.claimable(line, *reason, policy, now)) >= requested
                };
                let allowed = ClaimReason::ALL.iter().copied().filter(is_possible).collect();
                let (order_id, item_id) = (self.order_id.clone(), line.to_string());
                return Err(Refusal::UnitsNotClaimable { order_id, item_id, status, requested, available, allowed });
            }
            let mut missing = requested;
            for (parcel, free) in free {
                let units = free.min(missing);
                missing = missing.saturating_sub(units);
                if units > 0 {
                    claimed.push(ClaimedUnits { line, parcel, units });
                }
            }
        }
        let mut after = self.clone();
        after.claims.push(Claim {
            kind: new.kind,
            items: new.items.iter().map(|(&line, &units)| ClaimItem { line, units }).collect(),
            reason: new.reason,
            status: ClaimStatus::Requested,
            fee: new.fee(policy.return_fee),
            units: claimed,
            covers: Vec::new(),
            received: Vec::new(),
            refund: None,
            created_at: now,
            updated_at: now,
        });
        let number = after.claims.len();
        let after = self.claim_changed_to(after, number, HistoryEvent::ClaimRequested, actor, now);
        Ok(after.because(new.text.clone()))
    }

    /// The refund of a claim: of a completed one as it was, of an open return as it would be now if all its units came
    /// back.
    pub fn claim_refund(&self, number: usize) -> Option<ClaimRefund> {
        let claim = self.claim(number)?;
        match (claim.kind, &claim.refund) {
            (_, Some(refund)) => Some(*refund),
            (ClaimType::Return, None) if claim.is_open() => {
                let mut after = self.clone();
                for ClaimedUnits { line, units, .. } in &claim.units {
                    after.cancel_claimed(*line, *units);
                }
                ClaimRefund::between(self, &after, claim.fee)
            }
            _ => Some(ClaimRefund::default()),
        }
    }

    /// Accepts or refuses a claim. An accepted exchange holds its replacement. Units that never arrived are paid at once.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::ClaimStateConflict`] if it was decided or withdrawn.
    pub fn decide_claim(
        &self,
        number: usize,
        accept: bool,
        reason: Option<String>,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let claim = self.claim_in(number, ClaimAction::Decide)?;
        let mut after = self.clone();
        let event = if accept { HistoryEvent::ClaimAccepted } else { HistoryEvent::ClaimRefused };
        if !accept {
            after.end_claim(number, ClaimStatus::Refused);
        } else if claim.reason == ClaimReason::NotDelivered {
            let lost = claim.items.iter().map(|item| ((item.line, UnitCondition::Unsellable), item.units)).collect();
            after.complete_return(self, number, &lost);
        } else if let Some(claim) = after.claim_mut(number) {
            claim.status = ClaimStatus::Accepted;
        }
        Ok(self.claim_changed_to(after, number, event, actor, now).because(reason))
    }

    /// Withdraws a claim before its units come back.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::ClaimStateConflict`].
    pub fn withdraw_claim(&self, number: usize, actor: Actor, now: Timestamp) -> Result<Self, Refusal> {
        self.claim_in(number, ClaimAction::Withdraw)?;
        let mut after = self.clone();
        after.end_claim(number, ClaimStatus::Withdrawn);
        Ok(self.claim_changed_to(after, number, HistoryEvent::ClaimWithdrawn, actor, now))
    }

    /// Receives the units of a claim. A return is complete with it; an exchange waits for the replacement's parcel.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for the claim, or a line that it lacks; [`Refusal::ClaimStateConflict`];
    /// [`Refusal::UnitsNotAccounted`] unless each of its units is there once.
    pub fn receive_claim(
        &self,
        number: usize,
        receipt: &Receipt,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let claim = self.claim_in(number, ClaimAction::Receive)?;
        if let Some((line, _)) = receipt.keys().find(|(line, _)| claim.asked(*line) == 0) {
            return Err(Refusal::not_found(Entity::OrderItem, line));
        }
        for ClaimItem { line, units } in &claim.items {
            let named = receipt.iter().filter(|((of_line, _), _)| of_line == line).map(|(_, units)| u32::from(*units));
            let named: u32 = named.fold(0, u32::saturating_add);
            if named != u32::from(*units) {
                let (order_id, item_id) = (self.order_id.clone(), line.to_string());
                return Err(Refusal::UnitsNotAccounted { order_id, item_id, claimed: *units, named });
            }
        }
        let mut after = self.clone();
        match claim.kind {
            ClaimType::Return => after.complete_return(self, number, receipt),
            ClaimType::Exchange => after.receive_exchange(number, receipt),
        }
        Ok(self.claim_changed_to(after, number, HistoryEvent::ClaimReceived, actor, now))
    }

    /// Ships units of the replacement of an exchange in a parcel. The exchange is complete with its last unit.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for the claim, or a line that it lacks; [`Refusal::ClaimStateConflict`] if it does not wait
    /// for its replacement; [`Refusal::UnitsNotLeft`].
    pub fn ship_replacement(
        &self,
        number: usize,
        contents: &BTreeMap<usize, u16>,
        label: Label,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let claim = self.claim_in(number, ClaimAction::Ship)?;
        let mut items = Vec::new();
        for (&line, &units) in contents {
            if claim.asked(line) == 0 {
                return Err(Refusal::not_found(Entity::OrderItem, line));
            }
            let available = self.replacement_left(number, line);
            if units > available {
                return Err(self.units_not_left(line, units, available));
            }
            items.push(ParcelItem { line, units, gone: 0 });
        }
        let mut after = self.clone();
        after.parcels.push(Parcel::from_claim(number, items, label, now));
        let parcel = after.parcels.len();
        if claim.items.iter().all(|item| after.replacement_left(number, item.line) == 0) {
            after.complete_exchange(number);
        }
        let named = contents.keys().copied();
        let mut after = self.changed_to(after, HistoryEvent::ParcelShipped, actor, named, now).about_parcel(parcel);
        after.note_claim(number, now);
        Ok(after)
    }

    /// Units of a line that an exchange is still to ship.
    pub fn replacement_left(&self, number: usize, line: usize) -> u16 {
        let Some(claim) = self.claim(number).filter(|claim| claim.kind == ClaimType::Exchange) else { return 0 };
        let parcels = self.parcels.iter().filter(|parcel| parcel.claim == Some(number));
        let items = parcels.flat_map(|parcel| &parcel.items).filter(|item| item.line == line);
        let shipped = items.fold(0_u16, |sum, item| sum.saturating_add(item.units));
        claim.came_back(line).saturating_sub(shipped)
    }

    fn claim_in(&self, number: usize, action: ClaimAction) -> Result<&Claim, Refusal> {
        let claim = self.claim(number).ok_or_else(|| Refusal::not_found(Entity::Claim, number))?;
        let needs_receipt = claim.reason != ClaimReason::NotDelivered || action != ClaimAction::Receive;
        if claim.allowed().contains(&action) && needs_receipt {
            return Ok(claim);
        }
        let claim_id = self.claim_id(number).ok_or_else(|| Refusal::not_found(Entity::Claim, number))?;
        Err(Refusal::ClaimStateConflict { claim_id, status: claim.status, allowed: claim.allowed() })
    }

    fn claim_changed_to(&self, after: Self, number: usize, event: HistoryEvent, actor: Actor, now: Timestamp) -> Self {
        let lines: Vec<usize> =
            after.claim(number).map(|claim| claim.items.iter().map(|item| item.line).collect()).unwrap_or_default();
        let mut after = self.changed_to(after, event, actor, lines.into_iter(), now);
        after.note_claim(number, now);
        after
    }

    /// Names a claim in the last entry.
    fn note_claim(&mut self, number: usize, now: Timestamp) {
        if let Some(entry) = self.history.last_mut() {
            entry.claim = Some(number);
        }
        if let Some(claim) = self.claim_mut(number) {
            claim.updated_at = now;
        }
    }

    /// Takes units of a claim from a line.
    fn cancel_claimed(&mut self, number: usize, units: u16) {
        if let Some(line) = self.line_mut(number) {
            line.cancelled_quantity = line.cancelled_quantity.saturating_add(units);
        }
    }

    fn scrap(&mut self, number: usize, units: u16) {
        if let Some(line) = self.line_mut(number) {
            line.scrapped = line.scrapped.saturating_add(units.into());
        }
    }

    fn note_receipt(&mut self, number: usize, receipt: &Receipt) {
        let received = receipt.iter().map(|(&(line, condition), &units)| ReceivedUnits { line, condition, units });
        if let Some(claim) = self.claim_mut(number) {
            claim.received = received.filter(|part| part.units > 0).collect();
        }
    }

    /// Ends a return with its receipt: units that came back are gone, and paid back.
    fn complete_return(&mut self, before: &Self, number: usize, receipt: &Receipt) {
        self.note_receipt(number, receipt);
        let Some(claim) = self.claim(number).cloned() else { return };
        for ClaimItem { line, .. } in &claim.items {
            let mut gone = claim.came_back(*line);
            self.scrap(*line, claim.received_as(*line, &[UnitCondition::Unsellable]));
            self.cancel_claimed(*line, gone);
            for claimed in claim.units.iter().filter(|units| units.line == *line) {
                let units = claimed.units.min(gone);
                gone = gone.saturating_sub(units);
                if let Some(parcel) = self.parcel_mut(claimed.parcel) {
                    parcel.take_out(*line, units);
                }
            }
        }
        let refund = ClaimRefund::between(before, self, claim.fee).unwrap_or_default();
        self.end_claim(number, ClaimStatus::Completed);
        if let Some(claim) = self.claim_mut(number) {
            claim.refund = Some(refund);
        }
        for ClaimItem { line, .. } in &claim.items {
            self.follow_parcels(before, *line);
            if let Some(line) = self.line_mut(*line).filter(|line| line.live_units() == 0) {
                line.status = LineStatus::Returned;
            }
        }
    }

    /// Takes in the originals of an exchange. The replacement of those that did not come is released.
    fn receive_exchange(&mut self, number: usize, receipt: &Receipt) {
        self.note_receipt(number, receipt);
        let Some(claim) = self.claim(number).cloned() else { return };
        let is_nothing = claim.items.iter().all(|item| claim.came_back(item.line) == 0);
        let mut restored = Vec::new();
        for ClaimItem { line, .. } in &claim.items {
            self.scrap(*line, claim.received_as(*line, &[UnitCondition::Unsellable]));
            let mut missing = claim.received_as(*line, &[UnitCondition::Missing]);
            restored.extend(claim.covers.iter().filter(|covered| covered.line == *line && missing > 0).copied());
            let Some(claim) = self.claim_mut(number) else { return };
            claim.covers.retain(|covered| covered.line != *line || missing == 0);
            for claimed in claim.units.iter_mut().rev().filter(|units| units.line == *line) {
                let units = claimed.units.min(missing);
                missing = missing.saturating_sub(units);
                claimed.units = claimed.units.saturating_sub(units);
            }
            claim.units.retain(|units| units.units > 0);
        }
        restored.into_iter().for_each(|covered| self.restore(covered));
        if is_nothing {
            self.end_claim(number, ClaimStatus::Completed);
        } else if let Some(claim) = self.claim_mut(number) {
            claim.status = ClaimStatus::Received;
        }
    }

    /// Ends an exchange whose replacement is on its way.
    fn complete_exchange(&mut self, number: usize) {
        let covers = self.claim_mut(number).map(|claim| claim.close(ClaimStatus::Completed));
        for CoveredLine { line, .. } in covers.unwrap_or_default() {
            if let Some(line) = self.line_mut(line) {
                line.status = LineStatus::Exchanged;
            }
        }
    }

    /// Ends a claim; its lines are again in the state that they have without it.
    fn end_claim(&mut self, number: usize, status: ClaimStatus) {
        let covers = self.claim_mut(number).map(|claim| claim.close(status)).unwrap_or_default();
        covers.into_iter().for_each(|covered| self.restore(covered));
    }

    fn restore(&mut self, CoveredLine { line, before }: CoveredLine) {
        // Its parcels may have moved meanwhile.
        let by_parcels = self.status_by_parcels(line).filter(|_| before.is_on_its_way());
        if let Some(line) = self.line_mut(line) {
            line.status = by_parcels.unwrap_or(before);
        }
    }

    /// Shows each open claim as the state of the lines all of whose live units it has.
    pub(super) fn show_claims(&mut self) {
        for claim in self.claims.iter_mut().filter(|claim| claim.is_open()) {
            let shown = claim.shown_as();
            for (line, number) in self.items.iter_mut().zip(1..) {
                let units = claim.units_of(number);
                let is_covered = claim.covers.iter().any(|covered| covered.line == number);
                let can_be = line.status.is_on_its_way()
                    || matches!(line.status, LineStatus::PurchaseConfirmed | LineStatus::Exchanged);
                if is_covered {
                    line.status = shown;
                } else if units > 0 && units == line.live_units() && can_be {
                    claim.covers.push(CoveredLine { line: number, before: line.status });
                    line.status = shown;
                }
            }
        }
    }

    /// The state of a line without the claim that covers it.
    pub(super) fn status_without_claim(&self, number: usize) -> Option<LineStatus> {
        let covers = self.open_claims().flat_map(|claim| &claim.covers);
        let covered = covers.filter(|covered| covered.line == number).map(|covered| covered.before).last();
        covered.or_else(|| self.line(number).map(|line| line.status))
    }

    /// Units of a line that came back by claims.
    pub(super) fn returned_by_claims(&self, number: usize) -> u16 {
        let returns = self.claims.iter().filter(|claim| claim.refund.is_some());
        returns.fold(0, |sum, claim| sum.saturating_add(claim.came_back(number)))
    }
}

#[cfg(test)]
mod tests;
