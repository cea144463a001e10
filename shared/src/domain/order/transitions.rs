//! The table of transitions: an edge has a state, the actor that may move a line out of it, and the next state.
//!
//! Payment is not in it: pending lines move all together, by payment or by the end of the hold. An admin may do
//! everything that another actor may.
//!
//! A customer withdraws a request along one edge only: the one back to the state that the line was in before the
//! request. A free choice would let customers move parcels.

use super::{
    Actor::{self, Admin, Customer, Seller},
    LineStatus::{
        self, CancelInProgress, CancelRequested, Cancelled, Delivered, ExchangeInProgress, ExchangeRequested,
        Exchanged, InDelivery, Paid, Preparing, PurchaseConfirmed, ReturnInProgress, ReturnRequested, Returned,
        Shipped,
    },
};

/// An edge of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    pub from: LineStatus,
    /// The actor that may move the line.
    pub by: Actor,
    pub to: LineStatus,
}

pub const TRANSITIONS: &[Transition] = &[
    // Nothing has been shipped: cancelling needs no consent.
    edge(Paid, Customer, Cancelled),
    edge(Paid, Seller, Preparing),
    edge(Paid, Seller, Cancelled),
    edge(Preparing, Customer, Cancelled),
    edge(Preparing, Seller, Cancelled),
    edge(Preparing, Seller, Shipped),
    edge(Shipped, Seller, InDelivery),
    edge(Shipped, Seller, Delivered),
    edge(InDelivery, Seller, Delivered),
    // The parcel has to be called back, or it goes on its way.
    edge(Shipped, Customer, CancelRequested),
    edge(InDelivery, Customer, CancelRequested),
    edge(CancelRequested, Customer, Shipped),
    edge(CancelRequested, Customer, InDelivery),
    edge(CancelRequested, Seller, InDelivery),
    edge(CancelRequested, Seller, Delivered),
    edge(CancelRequested, Seller, CancelInProgress),
    edge(CancelInProgress, Seller, Delivered),
    edge(CancelInProgress, Seller, Cancelled),
    edge(Delivered, Customer, PurchaseConfirmed),
    edge(Delivered, Customer, ReturnRequested),
    edge(ReturnRequested, Customer, Delivered),
    edge(ReturnRequested, Customer, Exchanged),
    edge(ReturnRequested, Seller, Delivered),
    edge(ReturnRequested, Seller, ReturnInProgress),
    edge(ReturnInProgress, Seller, Delivered),
    edge(ReturnInProgress, Seller, Returned),
    edge(Delivered, Customer, ExchangeRequested),
    edge(ExchangeRequested, Customer, Delivered),
    edge(ExchangeRequested, Customer, Exchanged),
    edge(ExchangeRequested, Seller, Delivered),
    edge(ExchangeRequested, Seller, ExchangeInProgress),
    edge(ExchangeInProgress, Seller, Delivered),
    edge(ExchangeInProgress, Seller, Exchanged),
    // A line after its exchange is as good as one delivered first.
    edge(Exchanged, Customer, PurchaseConfirmed),
    edge(Exchanged, Customer, ReturnRequested),
    edge(Exchanged, Customer, ExchangeRequested),
];

const fn edge(from: LineStatus, by: Actor, to: LineStatus) -> Transition {
    Transition { from, by, to }
}

impl Transition {
    fn is_for(&self, actor: Actor) -> bool {
        actor == Admin || self.by == actor
    }

    /// Whether a customer withdraws a request along this edge.
    pub fn is_withdrawal(&self) -> bool {
        self.by == Customer && matches!(self.from, CancelRequested | ReturnRequested | ExchangeRequested)
    }
}

/// The states that `actor` may move a line to, given its state and the state `before`.
pub fn allowed_next(from: LineStatus, before: Option<LineStatus>, actor: Actor) -> Vec<LineStatus> {
    allowed_next_as(from, before, &[actor])
}

/// The same for a caller with the roles of all `actors`.
pub fn allowed_next_as(from: LineStatus, before: Option<LineStatus>, actors: &[Actor]) -> Vec<LineStatus> {
    let leads_back = |edge: &Transition| !edge.is_withdrawal() || Some(edge.to) == before;
    let leaving = |actor: Actor| {
        TRANSITIONS.iter().filter(move |edge| edge.from == from && edge.is_for(actor) && leads_back(edge))
    };
    let mut next: Vec<LineStatus> = Vec::new();
    for edge in actors.iter().flat_map(|actor| leaving(*actor)) {
        if !next.contains(&edge.to) {
            next.push(edge.to);
        }
    }
    next
}

/// Whether there is any state from which `actor` may move a line to this one. A withdrawal of a request counts only for
/// a request in the state `from`.
pub fn may_ever_move_to(from: LineStatus, to: LineStatus, actor: Actor) -> bool {
    let counts = |edge: &Transition| !edge.is_withdrawal() || edge.from == from;
    TRANSITIONS.iter().any(|edge| edge.to == to && edge.is_for(actor) && counts(edge))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_asks_and_a_seller_acts() {
        assert_eq!(allowed_next(Preparing, None, Customer), [Cancelled]);
        assert_eq!(allowed_next(Preparing, None, Seller), [Cancelled, Shipped]);
        assert_eq!(allowed_next(Delivered, None, Customer), [PurchaseConfirmed, ReturnRequested, ExchangeRequested]);
        assert_eq!(allowed_next(Delivered, None, Seller), []);
        assert!(!may_ever_move_to(Preparing, Shipped, Customer));
        assert!(may_ever_move_to(CancelRequested, Shipped, Customer));
        assert!(!may_ever_move_to(Delivered, Returned, Customer));
        assert!(!may_ever_move_to(Delivered, ReturnRequested, Seller));
    }

    #[test]
    fn an_admin_may_do_what_anyone_may() {
        for edge in TRANSITIONS {
            assert!(allowed_next(edge.from, Some(edge.to), Admin).contains(&edge.to), "{edge:?}");
        }
    }

    #[test]
    fn some_states_are_final_and_none_is_a_dead_end_by_accident() {
        let is_left = |status: LineStatus| TRANSITIONS.iter().any(|edge| edge.from == status);
        let is_reached = |status: LineStatus| TRANSITIONS.iter().any(|edge| edge.to == status);
        for status in LineStatus::ALL {
            let is_final = matches!(status, Cancelled | Returned | PurchaseConfirmed | LineStatus::PendingPayment);
            assert_eq!(is_left(*status), !is_final, "{status:?}");
            let begins_with_payment = matches!(status, Paid | LineStatus::PendingPayment);
            assert_eq!(is_reached(*status), !begins_with_payment, "{status:?}");
        }
    }

    #[test]
    fn no_edge_is_there_twice_or_leads_back_to_itself() {
        for (index, edge) in TRANSITIONS.iter().enumerate() {
            assert_ne!(edge.from, edge.to, "{edge:?}");
            assert!(!TRANSITIONS[..index].contains(edge), "{edge:?}");
        }
    }
}
