//! `GET /orders`: a user's orders, or for admins all orders, newest first.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Limit, Reply, cursor::OrdersCursor, views::OrderView},
    app::{
        Failure, Role, Shop,
        desk::{self, DeskPart},
        orders::{self, AuthorizedOrder},
    },
    domain::{UserId, order::OrderStatus, time::Instant},
};

use crate::http::period::period;

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Query {
    /// The user with the orders; by default the caller, and for admins all users.
    #[deserr(default)]
    user_id: Option<UserId>,
    /// Only orders in this state; by default all.
    #[deserr(default)]
    #[param(inline)]
    status: Option<OrderStatus>,
    /// Only orders created at this instant or later.
    #[deserr(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Instant>,
    /// Only orders created before this instant.
    #[deserr(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Instant>,
    /// The `nextCursor` of the part before; without it, the list begins.
    #[deserr(default)]
    #[param(inline)]
    cursor: Option<OrdersCursor>,
    /// The most entries of the answer.
    #[deserr(default)]
    #[param(inline)]
    limit: Option<Limit>,
}

/// A part of a user's orders, or of all orders for an admin who names no user. A page with a `nextCursor` can have fewer
/// orders than `limit`, or none. A change takes a moment to reach the list of all orders; each order is shown as it is now.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    get,
    path = "/orders",
    tag = "Orders",
    params(Query),
    responses((status = 200, description = "A part of the orders, newest first.", body = [OrderView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let Query { user_id, status, from, to, cursor, limit } = request.query()?;
    let period = period(from, to)?;
    let limit = limit.unwrap_or_default().get();
    if user_id.is_none() && request.caller()?.role == Role::Admin {
        let after = cursor.map(|cursor| cursor.place_for("")).transpose()?;
        let DeskPart { part, as_of } = desk::orders(shop, status, period, after.as_deref(), limit).await?;
        let orders = orders::authorized(shop, request.caller()?, part.items)?;
        let next = part.next.map(|place| OrdersCursor::to("", place).encode());
        return Reply::page_as_of(views(orders)?, next, as_of);
    }
    let user_id = request.subject(user_id)?;
    let after = cursor.map(|cursor| cursor.place_for(user_id.as_str())).transpose()?;
    let filter = orders::OrderFilter { status, period };
    let (orders, next) = orders::list(shop, request.caller_for(&user_id)?, &user_id, filter, after, limit).await?;
    Reply::page(views(orders)?, next.map(|place| OrdersCursor::to(user_id.as_str(), place).encode()))
}

fn views(orders: Vec<AuthorizedOrder>) -> Result<Vec<OrderView>, Failure> {
    orders.into_iter().map(|order| OrderView::try_from(order).map_err(Failure::from)).collect()
}
