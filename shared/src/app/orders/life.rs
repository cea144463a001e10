//! The changes of orders by customers, sellers and admins: pay, cancel, move a line.

use super::{
    AuthorizedOrder,
    authorized::{actors, on_the_whole, sees_some},
    change::{change, read},
};
use crate::{
    app::{Caller, Failure, RequestKey, Role, Shop, personal},
    domain::{
        OrderId, Refusal, UserId,
        order::{Actor, Cancellation, LineStatus, Order},
        refusal::Entity,
    },
};

/// Pays a pending order from the balance.
///
/// Run twice it pays once: the second run finds the order paid. If the hold ends at the same time, the order's version
/// decides which of the two happened.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::OrderStateConflict`], [`Refusal::UserNotActive`], [`Refusal::BalanceNotEnough`],
/// after which the order is still pending.
pub async fn pay(shop: &Shop, caller: &Caller, id: &OrderId, key: &RequestKey) -> Result<AuthorizedOrder, Failure> {
    let order = change(shop, id, likely_buyer(caller), Some(key), |order, now| {
        let actor = buyer(caller, order)?;
        order.pay(actor, now).map(Some)
    });
    authorize(shop, caller, order.await?)
}

/// Cancels an order, whole or in part, before it is shipped: money, units and, with the last unit, the coupon go back.
///
/// Run twice without a key it cancels twice, as far as there is something left to cancel. The refunds never exceed the
/// amount paid.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::OrderStateConflict`], [`Refusal::LineStateConflict`], [`Refusal::UnitsNotLeft`],
/// [`Refusal::LimitExceeded`].
pub async fn cancel(
    shop: &Shop,
    caller: &Caller,
    id: &OrderId,
    what: &Cancellation,
    reason: Option<&str>,
    key: &RequestKey,
) -> Result<AuthorizedOrder, Failure> {
    let reason = match (reason, likely_buyer(caller)) {
        (None, _) => None,
        (Some(_), Some(user)) => personal::seal_text(shop, user, id.as_str(), reason).await?,
        // The text is sealed with the orderer's key.
        (Some(_), None) => {
            let user = read(shop, id).await?.order.user_id;
            personal::seal_text(shop, &user, id.as_str(), reason).await?
        }
    };
    let order = change(shop, id, likely_buyer(caller), Some(key), |order, now| {
        let actor = buyer(caller, order)?;
        order.cancel(what, actor, reason.clone(), now).map(Some)
    });
    authorize(shop, caller, order.await?)
}

/// Moves a line of an order to another state. Nothing happens if it is in that state already.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::Forbidden`], [`Refusal::LineStateConflict`], [`Refusal::LimitExceeded`].
pub async fn move_line(
    shop: &Shop,
    caller: &Caller,
    id: &OrderId,
    number: usize,
    to: LineStatus,
) -> Result<AuthorizedOrder, Failure> {
    let pays_back = to == LineStatus::Cancelled;
    let order = change(shop, id, likely_buyer(caller).filter(|_| pays_back), None, |order, now| {
        let line = order.line(number).ok_or_else(|| Refusal::not_found(Entity::OrderItem, number));
        if !sees_some(caller, order) {
            return Err(Refusal::not_found(Entity::Order, id));
        }
        let actors = actors(caller, order, line?);
        if actors.is_empty() {
            return Err(Refusal::not_found(Entity::OrderItem, number));
        }
        order.move_line(number, to, &actors, now)
    });
    authorize(shop, caller, order.await?)
}

/// The role of a caller who may pay and cancel an order: the orderer, or an admin. For a seller of a line the order
/// exists, but is forbidden.
pub(super) fn buyer(caller: &Caller, order: &Order) -> Result<Actor, Refusal> {
    match on_the_whole(caller, order) {
        Actor::Seller if order.items.iter().any(|line| actors(caller, order, line).contains(&Actor::Seller)) => {
            Err(Refusal::Forbidden)
        }
        Actor::Seller => Err(Refusal::not_found(Entity::Order, &order.order_id)),
        actor => Ok(actor),
    }
}

/// The user of the account that is most likely to change with the order, which is read together with it. Only a
/// customer is known to be the orderer.
fn likely_buyer(caller: &Caller) -> Option<&UserId> {
    (caller.role == Role::Customer).then_some(&caller.user_id)
}

/// The answer to a change. The rights of a replay have not been checked yet: a caller who may no longer see the order
/// finds none.
pub(super) fn authorize(shop: &Shop, caller: &Caller, order: Order) -> Result<AuthorizedOrder, Failure> {
    let id = order.order_id.clone();
    AuthorizedOrder::for_caller(caller, order, shop.clock.now())?
        .ok_or_else(|| Refusal::not_found(Entity::Order, id).into())
}
