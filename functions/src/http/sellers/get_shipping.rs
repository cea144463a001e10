//! `GET /sellers/{sellerId}/shipping`: the terms on which a seller ships.

use shared::{
    api::{ApiRequest, ApiResult, Reply, views::SellerShippingView},
    app::{Shop, seller_shipping},
    domain::UserId,
};

/// Returns the terms on which a seller ships, for any caller. A seller without terms of their own ships as the shop.
///
/// # Errors
/// 400, 401.
#[utoipa::path(
    get,
    path = "/sellers/{sellerId}/shipping",
    tag = "Sellers",
    params(("sellerId" = UserId, Path)),
    responses((status = 200, description = "The terms.", body = SellerShippingView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let seller: UserId = request.only_parameter("sellerId")?;
    request.caller()?;
    Reply::ok(SellerShippingView::from(seller_shipping::get(shop, &seller).await?))
}
