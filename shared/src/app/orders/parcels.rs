//! Parcels: units of an order are handed to a carrier, and arrive.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    authorized::{actors, sees_some},
    change::{change, change_part},
};
use crate::{
    app::{
        Caller, Failure, RequestKey, Role, Shop,
        expiry::{self, Expired, Place},
        sweeps::SweepStep,
    },
    domain::{
        ClaimId, Invalid, OrderId, Refusal,
        order::{Actor, Label, Order, OrderLine, ParcelStatus},
        refusal::Entity,
    },
    store::keys,
};

/// A parcel that is handed to a carrier.
#[derive(Debug, Clone)]
pub struct NewParcel {
    /// Units by the number of their line.
    pub contents: BTreeMap<usize, u16>,
    pub label: Label,
    /// The claim whose replacement it has.
    pub claim: Option<ClaimId>,
}

/// Ships units of an order, by the number of their line, in a parcel. Returns the order and the number of the parcel.
///
/// Run twice with one key it ships once. Without one, a second run ships as many units again, as far as they are left:
/// never more than was ordered, for the order's version is asserted.
///
/// # Errors
/// [`Refusal::NotFound`] for the order or a line; [`Refusal::Forbidden`] for a customer, and for a seller of other lines;
/// [`Refusal::LineStateConflict`], [`Refusal::UnitsNotLeft`], [`Refusal::LimitExceeded`]; with a claim
/// [`Refusal::ClaimStateConflict`]. [`Failure::Invalid`] if the
/// lines are those of several sellers.
pub async fn ship(
    shop: &Shop,
    caller: &Caller,
    id: &OrderId,
    new: &NewParcel,
    key: &RequestKey,
) -> Result<(Order, usize), Failure> {
    let NewParcel { contents, label, claim } = new;
    let shipped = change_part(shop, id, key, |order, now| {
        let mut sellers = contents.keys().map(|number| {
            let line = order.line(*number).ok_or_else(|| Refusal::not_found(Entity::OrderItem, number))?;
            ensure_ships(caller, order, line).map(|actor| (line.seller_id.as_ref(), actor))
        });
        let nothing = Failure::Internal("a parcel has items");
        let (seller, actor) = sellers.next().ok_or(nothing)??;
        for other in sellers {
            if other?.0 != seller {
                return Err(Failure::Invalid("items", Invalid::OneSeller));
            }
        }
        let after = match claim {
            None => order.ship(contents, label.clone(), actor, now)?,
            Some(claim) => {
                let missing = || Refusal::not_found(Entity::Claim, claim);
                let (of_order, number) = claim.parts().ok_or_else(missing)?;
                if of_order != *id || order.claim(number).is_none() {
                    return Err(missing().into());
                }
                order.ship_replacement(number, contents, label.clone(), actor, now)?
            }
        };
        let number = after.parcels.len();
        Ok((after, number))
    });
    let (order, number) = shipped.await?;
    // The rights of a replay have not been checked yet.
    let line = order.line_in_parcel(number).ok_or_else(|| Refusal::not_found(Entity::Parcel, number))?;
    ensure_ships(caller, &order, line)?;
    Ok((order, number))
}

/// Moves a parcel on: it is in delivery, or has arrived. Nothing happens if it is as far already.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::Forbidden`], [`Refusal::ParcelStateConflict`], [`Refusal::LimitExceeded`].
pub async fn move_parcel(
    shop: &Shop,
    caller: &Caller,
    id: &OrderId,
    number: usize,
    to: ParcelStatus,
) -> Result<Order, Failure> {
    let moved = change(shop, id, None, None, |order, now| {
        let Some(line) = order.line_in_parcel(number) else {
            return Err(match sees_some(caller, order) {
                true => Refusal::not_found(Entity::Parcel, number),
                false => Refusal::not_found(Entity::Order, id),
            });
        };
        let actor = ensure_ships(caller, order, line)?;
        order.move_parcel(number, to, actor, now)
    });
    moved.await
}

/// The role in which the caller ships a line. A caller who sees some of the order is forbidden otherwise. For all others
/// the order does not exist.
pub(super) fn ensure_ships(caller: &Caller, order: &Order, line: &OrderLine) -> Result<Actor, Refusal> {
    if caller.role == Role::Admin {
        return Ok(Actor::Admin);
    }
    match actors(caller, order, line) {
        roles if roles.contains(&Actor::Seller) => Ok(Actor::Seller),
        _ if !sees_some(caller, order) => Err(Refusal::not_found(Entity::Order, &order.order_id)),
        _ => Err(Refusal::Forbidden),
    }
}

/// Confirms the purchase of the lines of an order that were delivered long enough ago.
///
/// Idempotent, also beside a customer who confirms or returns at the same time: the order's version decides. Each change
/// of an order plans the next confirmation in its own commit, so none is forgotten.
///
/// # Errors
/// If the table cannot be reached.
pub async fn confirm(shop: &Shop, id: &OrderId) -> Result<SweepStep, Failure> {
    let window = shop.policy.confirm_after;
    let before = super::change::read(shop, id).await?.order;
    let confirmed = change(shop, id, None, None, |order, now| Ok(order.confirm_delivered(window, now))).await?;
    if confirmed.version == before.version {
        super::change::plan_confirmation(shop, &confirmed).await?;
    }
    let corrected = u64::from(confirmed.version != before.version);
    Ok(SweepStep { corrected, more: false })
}

/// A part of the orders of a bucket (below [`keys::EXPIRY_BUCKETS`]) with lines to be confirmed by an instant.
///
/// # Errors
/// If the table cannot be reached.
pub async fn to_confirm(
    shop: &Shop,
    bucket: u16,
    until: Timestamp,
    after: Option<Place>,
) -> Result<Expired<OrderId>, Failure> {
    expiry::expired(shop, keys::confirmations(bucket), until, after, keys::confirmation).await
}
