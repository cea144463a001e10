//! `POST /coupons/revoke`: an admin revokes a usable coupon.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, parameters::IdempotencyKey, views::IssuedCouponView},
    app::{Role, Shop, coupons, users},
    domain::{CouponId, UserId},
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = CouponRevocation, rename_all = "camelCase")]
struct Body {
    /// The user with the coupon.
    user_id: UserId,
    /// The campaign.
    coupon_id: CouponId,
}

/// Revokes the user's usable coupon of a campaign. A repetition changes nothing; without a key, it revokes a coupon
/// that was issued since.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE` or `COUPON_NOT_USABLE`, 422.
#[utoipa::path(
    post,
    path = "/coupons/revoke",
    tag = "Coupons",
    params(IdempotencyKey),
    request_body = Body,
    responses((status = 200, description = "The coupon, revoked.", body = IssuedCouponView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let body: Body = request.only_body()?;
    let caller = request.caller_as(&[Role::Admin])?;
    let key = request.key(shop, &caller.user_id);
    users::may_change(shop, caller, Some(&key)).await?;
    let revoked = coupons::revoke(shop, &body.user_id, &body.coupon_id, &key).await?;
    Reply::ok(IssuedCouponView::at(shop.clock.now(), revoked))
}
