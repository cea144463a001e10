//! `POST /products/{productId}/restock`: adds units to the stock, or takes some away.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, both, parameters::IdempotencyKey, views::ProductView},
    app::{Role, Shop, products, users},
    domain::{ProductId, inventory::UnitsChange},
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = Restock, rename_all = "camelCase")]
struct Body {
    /// The number of units.
    quantity: UnitsChange,
}

/// Adds `quantity` units, or takes some away if it is negative; the stock never falls below zero.
///
/// For the product's seller and admins.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`, `STOCK_NOT_ENOUGH` or `LIMIT_EXCEEDED`, 422.
#[utoipa::path(
    post,
    path = "/products/{productId}/restock",
    tag = "Products",
    params(("productId" = ProductId, Path), IdempotencyKey),
    request_body = Body,
    responses((status = 200, description = "The product, with its new stock.", body = ProductView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (product_id, body) = both(request.parameter::<ProductId>("productId"), request.body::<Body>()?)?;
    let caller = request.caller_as(&[Role::Seller, Role::Admin])?;
    let key = request.key(shop, &caller.user_id);
    users::may_change(shop, caller, Some(&key)).await?;
    let stocked = products::restock(shop, caller, &product_id, body.quantity.get(), &key).await?;
    let etag = stocked.product.etag();
    Ok(Reply::ok(ProductView::from(stocked))?.tagged(etag))
}
