//! `GET /orders/cart`: the cart.

use shared::{
    api::{ApiRequest, ApiResult, Reply, views::CartView},
    app::{Shop, cart},
    domain::UserId,
};

/// The cart, at today's prices; empty where nothing was put into it.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    get,
    path = "/orders/cart",
    tag = "Cart",
    params(("userId" = Option<UserId>, Query, description = "Whose cart; the caller's own unless told.")),
    responses((status = 200, description = "The cart.", body = CartView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let user_id = request.subject(request.query("userId")?)?;
    Reply::ok(CartView::from(cart::get(shop, &user_id).await?))
}
