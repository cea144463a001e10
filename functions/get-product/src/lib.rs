//! `GET /products/{productId}`: a product, with exact stock.

use shared::{
    api::{ApiRequest, ApiResult, Reply, views::ProductView},
    app::{Shop, products},
    domain::ProductId,
};

/// A product, unless it is hidden.
///
/// # Errors
/// 400, 404.
#[utoipa::path(
    get,
    path = "/products/{productId}",
    tag = "Products",
    params(("productId" = ProductId, Path)),
    responses((status = 200, description = "The product.", body = ProductView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let product_id: ProductId = request.only_parameter("productId")?;
    let stocked = products::get(shop, &product_id).await?;
    let etag = stocked.product.etag();
    Ok(Reply::ok(ProductView::from(stocked))?.tagged(etag))
}
