//! The history of an order.
//!
//! An order stores entries ([`HistoryEntry`]); the changes that they made ([`Change`]) are replayed from them. A commit
//! that moves many lines is one entry.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{LineState, LineStatus, Order, OrderStatus, RefundStep};
use crate::domain::{PaymentId, Won, is_zero};

/// The party that made a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Actor {
    Customer,
    Seller,
    Admin,
    /// The shop by itself.
    System,
}

/// One change of an order: one commit, one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    pub event: HistoryEvent,
    pub actor: Actor,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
    /// The lines that moved; an empty list stands for all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<LineStep>,
    #[serde(default, skip_serializing_if = "Won::is_zero")]
    pub refund: Won,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A payment that has to be returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returned: Option<Returned>,
    /// The refund that the entry is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_step: Option<RefundStep>,
    /// The number of the parcel that the entry is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parcel: Option<usize>,
    /// The number of the claim that the entry is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<usize>,
}

impl HistoryEntry {
    /// An entry about the order as a whole.
    pub fn new(event: HistoryEvent, actor: Actor, at: Timestamp) -> Self {
        Self {
            event,
            actor,
            at,
            lines: Vec::new(),
            refund: Won::ZERO,
            reason: None,
            returned: None,
            refund_step: None,
            parcel: None,
            claim: None,
        }
    }

    /// Its size in the order's item, in units of some 40 bytes.
    pub(super) fn weight(&self) -> usize {
        const ITSELF: usize = 4;
        const REASON_BYTES: usize = 40;
        const PARCEL: usize = 6;
        const CLAIM: usize = 8;
        let reason = self.reason.as_ref().map_or(0, |reason| reason.len().div_ceil(REASON_BYTES));
        // A new parcel is stored beside its entry: its label, and its items.
        let parcel = match self.event {
            HistoryEvent::ParcelShipped => PARCEL.saturating_add(self.lines.len()),
            // A claim has its units by line, and while it is open by parcel; its receipt has up to three conditions a line.
            HistoryEvent::ClaimRequested => CLAIM.saturating_add(self.lines.len().saturating_mul(2)),
            HistoryEvent::ClaimReceived => self.lines.len().saturating_mul(4),
            _ => 0,
        };
        ITSELF.saturating_add(self.lines.len()).saturating_add(reason).saturating_add(parcel)
    }
}

/// The change of one line in an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LineStep {
    /// The line's number, from 1.
    pub number: usize,
    /// Its state after the change: unchanged if only some of its units were cancelled.
    pub to: LineStatus,
    /// Units cancelled or returned with it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub units: u16,
}

/// A payment of the external system that the order does not need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Returned {
    pub payment_id: PaymentId,
    pub amount: Won,
}

/// The kind of a change of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HistoryEvent {
    /// It was created, its units and its coupon held, and is pending.
    Placed,
    /// It was paid; its lines went through PAID to PREPARING.
    Paid,
    /// It was created, and the balance was too low to pay it.
    PaymentFailed,
    /// The external payment system could not collect the money: the order ended unpaid.
    PaymentDeclined,
    /// The payment did not arrive in time: the order ended unpaid.
    HoldExpired,
    /// All of it or a part was cancelled.
    Cancelled,
    /// A line moved to another state.
    LineMoved,
    /// Units were handed to a carrier in a parcel.
    ParcelShipped,
    /// A parcel moved on.
    ParcelMoved,
    /// The customer claimed units: a return or an exchange.
    ClaimRequested,
    /// The claim was accepted.
    ClaimAccepted,
    /// The claim was refused.
    ClaimRefused,
    /// The customer withdrew the claim.
    ClaimWithdrawn,
    /// The units of the claim came back, or did not.
    ClaimReceived,
    /// It is shipped to another address from now on.
    AddressChanged,
    /// The external payment system sent money that the order does not need; it is asked to return it.
    PaymentReturned,
    /// The customer is to transfer the money to an account of the provider; the hold lasts until then.
    DepositRequested,
    /// Money is back where it came from.
    RefundSucceeded,
    /// Money could not be sent back to where it came from.
    RefundFailed,
    /// An admin sends a failed refund again.
    RefundRetried,
    /// A refund has had no result for too long.
    RefundOverdue,
}

impl HistoryEvent {
    /// Whether it is a step of a claim.
    pub fn is_of_claim(self) -> bool {
        matches!(
            self,
            Self::ClaimRequested
                | Self::ClaimAccepted
                | Self::ClaimRefused
                | Self::ClaimWithdrawn
                | Self::ClaimReceived
        )
    }

    /// Whether it is worth an entry of its own although no state changes by it.
    fn changes_no_state(self) -> bool {
        match self {
            Self::AddressChanged
            | Self::PaymentReturned
            | Self::DepositRequested
            | Self::RefundSucceeded
            | Self::RefundFailed
            | Self::RefundRetried
            | Self::RefundOverdue => true,
            Self::Placed
            | Self::Paid
            | Self::PaymentFailed
            | Self::PaymentDeclined
            | Self::HoldExpired
            | Self::Cancelled
            | Self::LineMoved
            | Self::ParcelShipped
            | Self::ParcelMoved
            | Self::ClaimRequested
            | Self::ClaimAccepted
            | Self::ClaimRefused
            | Self::ClaimWithdrawn
            | Self::ClaimReceived => false,
        }
    }
}

/// A step of the order or of one of its lines from one state to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The order as a whole.
    Order {
        /// The state before; none if it is the first.
        from: Option<OrderStatus>,
        to: OrderStatus,
    },
    /// One line.
    Line {
        /// Its number, from 1.
        number: usize,
        /// The state before; none if it is the first.
        from: Option<LineStatus>,
        /// The state after: the same if only some of its units were cancelled.
        to: LineStatus,
        /// Units cancelled or returned with it.
        units: u16,
    },
}

/// A step with its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<'o> {
    /// Stable and unique in the order, for every reader. It has the number of the entry (a history only grows). A step
    /// of a line adds the number of the line, and its own number unless it is the first.
    pub id: String,
    /// The entry that it is a part of.
    pub entry: &'o HistoryEntry,
    /// The number of the entry, from 1.
    pub entry_number: usize,
    pub actor: Actor,
    pub change: Change,
}

impl Order {
    /// All steps of the order and its lines, oldest first.
    pub fn steps(&self) -> Vec<Step<'_>> {
        let mut replay = Replay { lines: vec![None; self.items.len()], status: None, paid: false, failed: false };
        let mut steps = Vec::new();
        for (entry, place) in self.history.iter().zip(1_usize..) {
            let mut of_line: HashMap<usize, usize> = HashMap::new();
            for (entry, actor, change) in replay.follow(entry) {
                let id = match change {
                    Change::Order { .. } => place.to_string(),
                    Change::Line { number, .. } => {
                        let count = of_line.entry(number).or_default();
                        *count = count.saturating_add(1);
                        if *count == 1 { format!("{place}-{number}") } else { format!("{place}-{number}-{count}") }
                    }
                };
                steps.push(Step { id, entry, entry_number: place, actor, change });
            }
        }
        steps
    }

    /// All changes of the order and its lines, oldest first, with the actor and the entry.
    pub fn changes(&self) -> Vec<(&HistoryEntry, Actor, Change)> {
        self.steps().into_iter().map(|Step { entry, actor, change, .. }| (entry, actor, change)).collect()
    }

    /// The state of a line before its present one.
    pub fn status_before(&self, number: usize) -> Option<LineStatus> {
        let of_line = |change: Change| match change {
            Change::Line { number: moved, from, to, .. } if moved == number && from != Some(to) => Some(from),
            Change::Line { .. } | Change::Order { .. } => None,
        };
        self.changes().into_iter().rev().find_map(|(_, _, change)| of_line(change)).flatten()
    }
}

/// Replays the history of an order.
struct Replay {
    lines: Vec<Option<LineState>>,
    status: Option<OrderStatus>,
    paid: bool,
    failed: bool,
}

impl Replay {
    fn follow<'h>(&mut self, entry: &'h HistoryEntry) -> Vec<(&'h HistoryEntry, Actor, Change)> {
        let mut steps: Vec<(Actor, Change)> = Vec::new();
        match entry.event {
            HistoryEvent::Placed => self.move_all(LineStatus::PendingPayment, entry.actor, &mut steps),
            HistoryEvent::PaymentFailed => {
                self.failed = true;
                self.move_all(LineStatus::Cancelled, entry.actor, &mut steps);
            }
            HistoryEvent::Paid => {
                self.paid = true;
                self.move_all(LineStatus::Paid, entry.actor, &mut steps);
                // Automatic steps are the shop's.
                self.move_all(LineStatus::Preparing, Actor::System, &mut steps);
            }
            HistoryEvent::PaymentDeclined | HistoryEvent::HoldExpired => {
                self.move_all(LineStatus::Cancelled, entry.actor, &mut steps);
            }
            HistoryEvent::Cancelled if entry.lines.is_empty() => {
                self.move_all(LineStatus::Cancelled, entry.actor, &mut steps);
            }
            HistoryEvent::Cancelled
            | HistoryEvent::LineMoved
            | HistoryEvent::ParcelShipped
            | HistoryEvent::ParcelMoved
            | HistoryEvent::ClaimRequested
            | HistoryEvent::ClaimAccepted
            | HistoryEvent::ClaimRefused
            | HistoryEvent::ClaimWithdrawn
            | HistoryEvent::ClaimReceived => {
                let is_of_claim = entry.event.is_of_claim();
                let moved = entry.lines.iter().filter_map(|step| self.move_line(*step, is_of_claim));
                steps.extend(moved.map(|change| (entry.actor, change)));
            }
            event => debug_assert!(event.changes_no_state()),
        }
        let to = OrderStatus::derive(self.lines.iter().flatten().copied(), self.paid, self.failed);
        let from = self.status.replace(to);
        let order = Change::Order { from, to };
        let is_recorded = from != Some(to) || entry.event.changes_no_state();
        let order = is_recorded.then_some((entry.actor, order));
        order.into_iter().chain(steps).map(|(actor, change)| (entry, actor, change)).collect()
    }

    fn move_all(&mut self, to: LineStatus, actor: Actor, steps: &mut Vec<(Actor, Change)>) {
        for (line, number) in self.lines.iter_mut().zip(1..) {
            let from = line.map(|line| line.status);
            let (cancelled, returned) = line.map_or((0, 0), |line| (line.cancelled, line.returned));
            *line = Some(LineState { status: to, cancelled, returned });
            steps.push((actor, Change::Line { number, from, to, units: 0 }));
        }
    }

    /// Nothing for a line that the order does not have.
    fn move_line(&mut self, LineStep { number, to, units }: LineStep, is_of_claim: bool) -> Option<Change> {
        let line = self.lines.get_mut(number.checked_sub(1)?)?;
        let from = line.map(|line| line.status);
        let cancelled = line.map_or(0, |line| line.cancelled).saturating_add(units);
        let returned = line.map_or(0, |line| line.returned).saturating_add(if is_of_claim { units } else { 0 });
        *line = Some(LineState { status: to, cancelled, returned });
        Some(Change::Line { number, from, to, units })
    }
}
