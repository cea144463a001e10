//! `GET /coupons/{couponId}`: a campaign, with the number of coupons left.

use shared::{
    api::{ApiRequest, ApiResult, Reply, views::CampaignView},
    app::{Role, Shop, coupons},
    domain::CouponId,
};

/// A campaign, for admins.
///
/// It shows how many coupons are left to issue.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    get,
    path = "/coupons/{couponId}",
    tag = "Coupons",
    params(("couponId" = CouponId, Path)),
    responses((status = 200, description = "The campaign.", body = CampaignView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let coupon_id: CouponId = request.only_parameter("couponId")?;
    request.caller_as(&[Role::Admin])?;
    let remaining = coupons::get(shop, &coupon_id).await?;
    let etag = remaining.campaign.etag();
    Ok(Reply::ok(CampaignView::from(remaining))?.tagged(etag))
}
