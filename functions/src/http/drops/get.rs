//! `GET /drops/{dropId}`: the waiting line before a product or a campaign.

use shared::{
    api::{ApiRequest, ApiResult, Reply, views::DropView},
    app::{Shop, drops},
    domain::DropId,
};

/// A drop: what it guards, and its opening.
///
/// The numbers of those who wait and of those inside are at most a second old.
///
/// # Errors
/// 400, 401, 404.
#[utoipa::path(
    get,
    path = "/drops/{dropId}",
    tag = "Drops",
    params(("dropId" = DropId, Path)),
    responses((status = 200, description = "The drop.", body = DropView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let drop_id: DropId = request.only_parameter("dropId")?;
    Reply::ok(DropView::from(drops::get(shop, &drop_id).await?))
}
