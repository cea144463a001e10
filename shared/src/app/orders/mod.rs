//! Orders: placing, looking up, and their life from payment to return.

mod authorized;
mod change;
mod external;
mod holds;
mod life;
mod payments;
mod place;
mod preconditions;
mod refunds;
mod reserve;
mod session;
mod source;

pub use crate::domain::order::PaymentOutcome;
pub use authorized::AuthorizedOrder;
pub use external::settle;
pub use holds::{end_hold, end_holds, expired};
pub use life::{cancel, move_line, pay};
pub use payments::{OrderPayment, PaymentPlace, payments};
pub(super) use place::quoted;
pub use place::{PlaceOrder, place};
pub(in crate::app) use refunds::plan_refunds_look;
pub use refunds::{report_overdue, retry_refund, settle_refund};
pub(in crate::app) use session::{SessionCommit, await_deposit, pay_by_session, payable_by};
pub use source::{Item, OrderSource};

use super::{Caller, Failure, Shop, readable};
use crate::{
    domain::{OrderId, Refusal, UserId, refusal::Entity},
    store::{Consistency, Key, keys, orders::OrderRecord, rows, table::Range},
};

/// Returns an order as the caller may see it: a seller sees their own lines.
///
/// # Errors
/// [`Refusal::NotFound`] if there is none, or the caller may see no part of it.
pub async fn get(shop: &Shop, caller: &Caller, id: &OrderId) -> Result<AuthorizedOrder, Failure> {
    let order = change::read(shop, id).await?.order;
    AuthorizedOrder::for_caller(caller, order, shop.clock.now())?
        .ok_or_else(|| Refusal::not_found(Entity::Order, id).into())
}

/// Returns a part of a user's orders, newest first, and the position of the next part, if there is one.
///
/// # Errors
/// [`Refusal::NotFound`] if the user is unknown.
pub async fn list(
    shop: &Shop,
    caller: &Caller,
    user: &UserId,
    after: Option<String>,
    limit: usize,
) -> Result<(Vec<AuthorizedOrder>, Option<String>), Failure> {
    let place = after.and_then(|sk| Some((keys::order(&keys::id_at(&sk)?), sk)));
    let range = Range::by_time(keys::orders_of(user)).newest_first().after_indexed(place);
    let page = shop.table.query::<rows::ByTime>(range, limit).await?;
    if page.records.is_empty() {
        super::balance::get(shop, user).await?;
    }
    let next = page.records.last().filter(|_| page.more).map(|row| row.position.clone());
    let ids =
        page.records.iter().map(|row| row.id::<OrderId>().ok_or(Failure::Internal("an index key ends with an id")));
    let wanted: Vec<Key> = ids.map(|id| id.map(|id| keys::order(&id))).collect::<Result<_, _>>()?;
    let found = shop.table.get_all(&wanted, Consistency::Strong, &mut shop.backoff()).await?;
    let mut orders = Vec::new();
    for key in &wanted {
        if let Some(record) = readable(key, found.get::<OrderRecord>(key).map_err(Failure::from))?.flatten() {
            orders.extend(AuthorizedOrder::for_caller(caller, record.order, shop.clock.now())?);
        }
    }
    Ok((orders, next))
}
