//! `GET /orders`: a user's orders, newest first.

use shared::{
    api::{ApiRequest, ApiResult, Cursor, Limit, Reply, both, parameters::PageParameters, views::OrderView},
    app::{Shop, orders},
    domain::UserId,
};

/// A part of the user's orders.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    get,
    path = "/orders",
    tag = "Orders",
    params(
        ("userId" = Option<UserId>, Query, description = "Whose orders; the caller's own unless told."),
        PageParameters,
    ),
    responses((status = 200, description = "A part of the orders, newest first.", body = [OrderView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let page = both(request.query::<Cursor>("cursor"), request.query::<Limit>("limit"));
    let (user_id, (cursor, limit)) = both(request.query::<UserId>("userId"), page)?;
    let user_id = request.subject(user_id)?;

    let limit = limit.unwrap_or_default().get();
    let (orders, next) =
        orders::list(shop, request.caller_for(&user_id)?, &user_id, cursor.map(Cursor::place), limit).await?;
    let items = orders.into_iter().map(OrderView::from).collect();
    Reply::page(items, next.map(Cursor::to))
}
