//! `POST /orders/cart`: adds units of a product to the cart.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, parameters::IdempotencyKey, views::CartView},
    app::{Shop, cart, users},
    domain::{ProductId, Quantity, UserId},
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewCartItem, rename_all = "camelCase")]
struct Body {
    /// The owner of the cart; the caller by default.
    #[deserr(default)]
    user_id: Option<UserId>,
    /// The product.
    product_id: ProductId,
    /// The number of units to add.
    quantity: Quantity,
}

/// Adds units of a product to the cart. A cart has at most 50 products, and 999 units of each.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`, `PRODUCT_NOT_ON_SALE` or `LIMIT_EXCEEDED`, 422.
#[utoipa::path(
    post,
    path = "/orders/cart",
    tag = "Cart",
    params(IdempotencyKey),
    request_body = Body,
    responses((status = 200, description = "The cart, at today's prices.", body = CartView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let body: Body = request.only_body()?;
    let user_id = request.subject(body.user_id)?;
    let caller = request.caller_for(&user_id)?;
    let key = request.key(shop, &caller.user_id);
    users::may_change(shop, caller, Some(&key)).await?;
    let cart = cart::add(shop, &user_id, &body.product_id, body.quantity, &key).await?;
    Reply::ok(CartView::from(cart))
}
