//! `PUT /drops/{dropId}`: an admin sets the waiting line before a product or a campaign.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, views::DropView},
    app::{
        Role, Shop,
        drops::{self, DropSettings},
        users,
    },
    domain::{CouponId, DropId, Invalid, ProductId, drops::Target, time::Instant},
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewDrop, rename_all = "camelCase")]
struct Body {
    /// The product to guard. Exactly one of this and `couponId` is given; it never changes.
    #[deserr(default)]
    product_id: Option<ProductId>,
    /// The campaign to guard.
    #[deserr(default)]
    coupon_id: Option<CouponId>,
    /// The instant before which nobody is admitted. Customers can enter before.
    opens_at: Instant,
    /// Whether an order of the product, or an issue of the campaign, needs an admitted ticket. Otherwise the door is open.
    enabled: bool,
}

/// Creates a drop or changes it. A new one guards its product or campaign from the answer on. A change is known everywhere a
/// second later.
///
/// # Errors
/// 400, 401, 403, 404 (no such product or campaign), 409 `USER_NOT_ACTIVE`, or `ALREADY_EXISTS` if another drop guards it,
/// or the drop guards something else.
#[utoipa::path(
    put,
    path = "/drops/{dropId}",
    tag = "Drops",
    params(("dropId" = DropId, Path)),
    request_body = Body,
    responses((status = 200, description = "The drop.", body = DropView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (drop_id, body): (DropId, Body) = request.parameter_and_whole_body("dropId")?;
    let target = match (body.product_id, body.coupon_id) {
        (Some(product), None) => Target::ProductId(product),
        (None, Some(coupon)) => Target::CouponId(coupon),
        (Some(_), Some(_)) => return Err(FieldErrors::one("productId", Invalid::Excludes("couponId")).into()),
        (None, None) => return Err(FieldErrors::one("productId", Invalid::Required).into()),
    };
    let caller = request.caller_as(&[Role::Admin])?;
    users::may_change(shop, caller, None).await?;
    let settings = DropSettings { target, opens_at: body.opens_at.timestamp(), enabled: body.enabled };
    Reply::ok(DropView::from(drops::set(shop, &drop_id, &settings).await?))
}
