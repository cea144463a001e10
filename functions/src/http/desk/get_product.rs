//! `GET /desk/products/{productId}`: a product of any sale status, for its seller and admins.

use shared::{
    api::{ApiRequest, ApiResult, Reply, views::DeskProductView},
    app::{Role, Shop, products},
    domain::ProductId,
};

/// A product of any sale status, for its seller and admins.
///
/// It shows also what only they may see, such as the shards of its stock.
///
/// # Errors
/// 400, 401, 403, 404 (also another seller's).
#[utoipa::path(
    get,
    path = "/desk/products/{productId}",
    tag = "Desk",
    params(("productId" = ProductId, Path)),
    responses((status = 200, description = "The product.", body = DeskProductView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let product_id: ProductId = request.only_parameter("productId")?;
    let caller = request.caller_as(&[Role::Seller, Role::Admin])?;
    let stocked = products::get_owned(shop, caller, &product_id).await?;
    let etag = stocked.product.etag();
    Ok(Reply::ok(DeskProductView::from(stocked))?.tagged(etag))
}
