//! `GET /orders/cart`: the cart.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, views::CartView},
    app::{Shop, cart},
    domain::UserId,
};

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Query {
    /// The owner of the cart; the caller by default.
    #[deserr(default)]
    user_id: Option<UserId>,
}

/// The cart, at current prices; empty if nothing was added to it.
///
/// It holds no stock.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    get,
    path = "/orders/cart",
    tag = "Cart",
    params(Query),
    responses((status = 200, description = "The cart.", body = CartView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let user_id = request.subject(request.query::<Query>()?.user_id)?;
    Reply::ok(CartView::from(cart::get(shop, &user_id).await?))
}
