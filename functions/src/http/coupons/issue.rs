//! `POST /coupons/issue`: issues a coupon, first come, first served.

use deserr::Deserr;
use shared::{
    api::{
        ApiRequest, ApiResult, FieldErrors, Reply, both,
        parameters::{DropTicketHeader, IdempotencyKey},
        views::IssuedCouponView,
    },
    app::{Shop, coupons, users},
    domain::{CouponId, UserId},
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = CouponIssue, rename_all = "camelCase")]
struct Body {
    /// The user to receive the coupon.
    user_id: UserId,
    /// The campaign.
    coupon_id: CouponId,
}

/// Issues a coupon of the campaign to the user. A 201 means that it is durably theirs.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`, `COUPON_ALREADY_ISSUED`, `COUPON_NOT_ISSUABLE` or `COUPON_SOLD_OUT`,
/// 422, 429.
#[utoipa::path(
    post,
    path = "/coupons/issue",
    tag = "Coupons",
    params(IdempotencyKey, DropTicketHeader),
    request_body = Body,
    responses((status = 201, description = "The coupon, theirs for good.", body = IssuedCouponView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (body, ticket) = both(request.body::<Body>()?, request.drop_ticket())?;
    let caller = request.caller_for(&body.user_id)?;
    let key = request.key(shop, &caller.user_id);
    users::may_change(shop, caller, Some(&key)).await?;
    let issued = coupons::issue(shop, caller, &body.user_id, &body.coupon_id, ticket.as_ref(), &key).await?;
    Reply::created(IssuedCouponView::at(shop.clock.now(), issued))
}
