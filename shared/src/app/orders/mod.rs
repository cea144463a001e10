//! Orders: placing, looking up, and their life from payment to return.

mod address;
mod authorized;
mod change;
mod claims;
mod external;
mod holds;
mod life;
mod parcels;
mod payments;
mod place;
mod preconditions;
mod refunds;
mod reserve;
mod session;
mod source;

pub use crate::domain::order::PaymentOutcome;
pub use address::{change_address, ship_to, shown};
pub use authorized::AuthorizedOrder;
pub use claims::{create_claim, decide_claim, get_claim, preview_claim, receive_claim, withdraw_claim};
pub use external::settle;
pub use holds::{end_hold, end_holds, expired};
pub use life::{cancel, move_line, pay};
pub use parcels::{NewParcel, confirm, move_parcel, ship, to_confirm};
pub use payments::{OrderPayment, PaymentPlace, payments};
pub(super) use place::quoted;
pub use place::{PlaceOrder, place};
pub(in crate::app) use refunds::plan_refunds_look;
pub use refunds::{report_overdue, retry_refund, settle_refund};
pub(in crate::app) use session::{SessionCommit, await_deposit, pay_by_session, payable_by};
pub use source::{Item, OrderSource};

use super::{
    Caller, Failure, Shop,
    access::{self, Access},
    listed, personal,
};
use crate::{
    domain::{
        OrderId, Refusal, UserId,
        desk::Period,
        order::{HistoryEntry, Order, OrderStatus},
        refusal::Entity,
    },
    platform::is_sealed,
    store::{StoreError, keys, orders::OrderRecord},
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

/// Returns an order with the reasons in its history opened, as far as they are not erased. A look by another than the
/// orderer is noted if it shows a reason.
///
/// # Errors
/// [`Refusal::NotFound`] if there is none, or the caller may see no part of it.
pub async fn with_history(shop: &Shop, caller: &Caller, id: &OrderId) -> Result<AuthorizedOrder, Failure> {
    let shown = with_texts(shop, get(shop, caller, id).await?).await?;
    let order = &shown.order;
    if order.history.iter().any(|entry| shown.sees(entry) && shown.reason(entry).is_some()) {
        let route = "GET /orders/{orderId}/history";
        access::note(shop, caller, Access { user: &order.user_id, route, order: Some(id) }).await?;
    }
    Ok(shown)
}

/// The order with the reasons in its history opened, as far as they are not erased.
pub(super) async fn with_texts(shop: &Shop, mut authorized: AuthorizedOrder) -> Result<AuthorizedOrder, Failure> {
    open_reasons(shop, &mut authorized.order, |_| true).await?;
    Ok(authorized)
}

/// Opens the reasons of some entries of a history, as far as they are not erased.
async fn open_reasons(shop: &Shop, order: &mut Order, is_some: impl Fn(&HistoryEntry) -> bool) -> Result<(), Failure> {
    let is_closed = |entry: &HistoryEntry| is_some(entry) && entry.reason.as_deref().is_some_and(is_sealed);
    if order.history.iter().any(is_closed) {
        let seal = personal::seal_of(shop, &order.user_id).await?;
        let id = order.order_id.as_str();
        order.history.iter_mut().filter(|entry| is_closed(entry)).for_each(|it| seal.open_reason(id, &mut it.reason));
    }
    Ok(())
}

/// The orders that a list is to have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// Only those in this state.
    pub status: Option<OrderStatus>,
    /// Only those created in this period.
    pub period: Period,
}

/// Returns a part of a user's orders, newest first, and the position of the next part, if there is one. A state is a filter
/// of the part: there are fewer orders than `limit` if others have another.
///
/// # Errors
/// [`Refusal::NotFound`] if the list is empty and the user is unknown.
pub async fn list(
    shop: &Shop,
    caller: &Caller,
    user: &UserId,
    OrderFilter { status, period }: OrderFilter,
    after: Option<String>,
    limit: usize,
) -> Result<(Vec<AuthorizedOrder>, Option<String>), Failure> {
    let list = (keys::orders_of(user), |id: &OrderId| keys::order(id));
    let (records, next) = listed::newest_first::<_, OrderRecord>(shop, user, list, period, after, limit).await?;
    let is_wanted = |order: &Order| status.is_none_or(|status| order.status == status);
    let orders = records.into_iter().map(|record| record.order).filter(is_wanted);
    Ok((authorized(shop, caller, orders)?, next))
}

/// The parts of orders that the caller may see.
///
/// # Errors
/// If an order is damaged.
pub fn authorized(
    shop: &Shop,
    caller: &Caller,
    orders: impl IntoIterator<Item = Order>,
) -> Result<Vec<AuthorizedOrder>, StoreError> {
    let now = shop.clock.now();
    let orders = orders.into_iter().map(|order| AuthorizedOrder::for_caller(caller, order, now));
    orders.filter_map(Result::transpose).collect()
}
