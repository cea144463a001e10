//! `POST /coupons/revoke`: an admin takes a usable coupon back.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, views::IssuedCouponView},
    app::{Role, Shop, coupons},
    domain::{CouponId, UserId},
};

#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
struct Body {
    user_id: UserId,
    coupon_id: CouponId,
}

/// Makes a usable coupon REVOKED. Repeating it changes nothing, so it needs no idempotency key.
///
/// # Errors
/// 400, 401, 403, 404, 409 `COUPON_NOT_USABLE`.
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let body: Body = request.only_body()?;
    request.caller_as(&[Role::Admin])?;
    let revoked = coupons::revoke(shop, &body.user_id, &body.coupon_id).await?;
    Reply::ok(IssuedCouponView::at(shop.clock.now(), revoked))
}
