//! `POST /coupons/issue`: first come, first served.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, views::IssuedCouponView},
    app::{Shop, coupons},
    domain::{CouponId, UserId},
};

#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
struct Body {
    user_id: UserId,
    coupon_id: CouponId,
}

/// Gives the user a coupon of the campaign. A 201 means it is durably theirs.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`, `COUPON_ALREADY_ISSUED`, `COUPON_NOT_ISSUABLE` or `COUPON_SOLD_OUT`,
/// 422.
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let body: Body = request.only_body()?;
    let caller = request.caller_for(&body.user_id)?;
    let key = request.key(shop, &caller.user_id);
    let issued = coupons::issue(shop, &body.user_id, &body.coupon_id, &key).await?;
    Reply::created(IssuedCouponView::at(shop.clock.now(), issued))
}
