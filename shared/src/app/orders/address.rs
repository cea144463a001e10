//! The address of an order: who sees it, and its change before the first parcel.

use super::{
    AuthorizedOrder,
    authorized::actors,
    change::{Attempt, Known, read},
    life::{authorize, buyer},
};
use crate::{
    app::{
        Caller, Failure, Role, Shop,
        access::{self, Access},
        addresses,
        personal::{self},
        users,
    },
    domain::{
        OrderId, Refusal,
        address::Address,
        order::{Actor, Order},
        refusal::Entity,
    },
    store::RetryKind,
};

/// Returns the address of an order, for its orderer and admins. Its sellers see it while they have something to ship, and
/// for a time after the delivery. Each look by another than the orderer is noted.
///
/// # Errors
/// [`Refusal::NotFound`] if there is none, or the caller may not see it.
pub async fn ship_to(shop: &Shop, caller: &Caller, id: &OrderId) -> Result<Address, Failure> {
    let order = read(shop, id).await?.order;
    let not_found = || Failure::from(Refusal::not_found(Entity::Order, id));
    if !caller.may_act_for(&order.user_id) && !ships(shop, caller, &order) {
        return Err(not_found());
    }
    let address = addresses::ship_to(shop, &order).await?.ok_or_else(not_found)?;
    let access = Access { user: &order.user_id, route: "GET /orders/{orderId}/ship-to", order: Some(id) };
    access::note(shop, caller, access).await?;
    Ok(address)
}

/// Whether a seller has a line of the order to ship, or one that was delivered a short time ago.
fn ships(shop: &Shop, caller: &Caller, order: &Order) -> bool {
    let now = shop.clock.now();
    caller.role == Role::Seller
        && order.items.iter().zip(1..).any(|(line, number)| {
            let is_theirs = actors(caller, order, line).contains(&Actor::Seller);
            let is_void = line.live_units() == 0;
            let is_recent =
                order.delivered_at(number).is_none_or(|at| now.duration_since(at) < shop.policy.people.address_shown);
            is_theirs && !is_void && is_recent
        })
}

/// The address for the answer to a look at an order, and a note of the look if it is by an admin.
///
/// # Errors
/// If the table cannot be reached.
pub async fn shown(shop: &Shop, caller: &Caller, order: &AuthorizedOrder) -> Result<Option<Address>, Failure> {
    if !order.is_whole() {
        return Ok(None);
    }
    let address = addresses::ship_to(shop, &order.order).await?;
    if address.is_some() {
        let (user, order) = (&order.order.user_id, Some(&order.order.order_id));
        access::note(shop, caller, Access { user, route: "GET /orders/{orderId}", order }).await?;
    }
    Ok(address)
}

/// Ships an order to another address, before its first parcel. Nothing changes if it is shipped there already.
///
/// Run twice it changes once: the second finds the address. At the same time as a parcel, the order's version decides.
/// The record of the address and the order's reference are one commit.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::Forbidden`] for a seller of a line, [`Refusal::AddressSettled`],
/// [`Refusal::LimitExceeded`] if the history of the order is full.
pub async fn change_address(
    shop: &Shop,
    caller: &Caller,
    id: &OrderId,
    address: Address,
) -> Result<(AuthorizedOrder, Option<Address>), Failure> {
    let mut backoff = shop.backoff();
    let mut seen = read(shop, id).await?;
    let actor = buyer(caller, &seen.order)?;
    let owner = users::get(shop, &seen.order.user_id).await?.profile;
    let address = address.or_of_user(&owner.name, owner.phone.as_deref());
    access::note(shop, caller, Access { user: &owner.user_id, route: "PATCH /orders/{orderId}", order: Some(id) })
        .await?;
    let mut known = Known::default();
    loop {
        let before = &seen.order;
        if !before.is_before_shipping() {
            return Err(Refusal::AddressSettled { order_id: id.clone(), status: before.status }.into());
        }
        let current = addresses::ship_to(shop, before).await?;
        if before.ship_to.is_some() && current.as_ref() == Some(&address) {
            return Ok((authorize(shop, caller, seen.order)?, current));
        }
        let Some(seal) = personal::seal_for_writing(shop, &before.user_id).await? else {
            return Err(Refusal::UserNotActive.into());
        };
        let number = addresses::new_number(shop);
        let after = before.readdressed(number, actor, shop.clock.now());
        let mut attempt = Attempt::new(shop, &seen, &after, &mut known, &mut backoff).await?;
        let create = addresses::create(shop, &seal, &after.user_id, number, &address)?;
        attempt.transaction.add(create);
        if attempt.commit(shop, &mut seen, &mut known, &mut backoff).await?.is_none() {
            return Ok((authorize(shop, caller, after)?, Some(address)));
        }
        if backoff.retry("the order changed meanwhile").await? == RetryKind::AfterBackoff {
            seen = read(shop, id).await?;
        }
    }
}
