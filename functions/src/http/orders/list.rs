//! `GET /orders`: a user's orders, newest first.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Limit, Reply, cursor::OrdersCursor, views::OrderView},
    app::{Shop, orders},
    domain::UserId,
};

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Query {
    /// The user with the orders; the caller by default.
    #[deserr(default)]
    user_id: Option<UserId>,
    /// The `nextCursor` of the part before; without it, the list begins.
    #[deserr(default)]
    #[param(inline)]
    cursor: Option<OrdersCursor>,
    /// The most entries of the answer.
    #[deserr(default)]
    #[param(inline)]
    limit: Option<Limit>,
}

/// A part of the user's orders.
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
    let Query { user_id, cursor, limit } = request.query()?;
    let user_id = request.subject(user_id)?;
    let after = cursor.map(|cursor| cursor.place_for(user_id.as_str())).transpose()?;

    let limit = limit.unwrap_or_default().get();
    let (orders, next) = orders::list(shop, request.caller_for(&user_id)?, &user_id, after, limit).await?;
    let items = orders.into_iter().map(OrderView::try_from).collect::<Result<_, _>>()?;
    Reply::page(items, next.map(|place| OrdersCursor::to(user_id.as_str(), place).encode()))
}
