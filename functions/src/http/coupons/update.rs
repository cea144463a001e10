//! `PATCH /coupons/{couponId}`: an admin changes a campaign.

use deserr::Deserr;
use shared::{
    api::{
        ApiRequest, ApiResult, FieldErrors, NotNull, Reply, both,
        parameters::{IdempotencyKey, IfMatch},
        schemas,
        views::CampaignView,
    },
    app::{
        Role, Shop,
        coupons::{self, CampaignChange},
        users,
    },
    domain::{
        CouponId, Invalid, Patch, Precondition,
        coupon::{AddedQuantity, CampaignStatus},
        text::Description,
        time::Instant,
    },
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = CouponCampaignChange, rename_all = "camelCase", min_properties = 1)]
struct Body {
    /// The new state. `ENDED` is final.
    #[deserr(default)]
    #[schema(value_type = Option<CampaignStatus>)]
    status: NotNull<CampaignStatus>,
    /// The new end of the issue, exclusive: after `issueFrom`, and not after `validUntil`.
    #[deserr(default)]
    #[schema(value_type = Option<Instant>)]
    issue_until: NotNull<Instant>,
    /// The number of coupons to add. More than 0 needs an `Idempotency-Key` or an entity tag in `If-Match`.
    #[deserr(default)]
    #[schema(value_type = Option<AddedQuantity>)]
    add_quantity: NotNull<AddedQuantity>,
    /// The new description; null for none.
    #[deserr(default)]
    #[schema(required = false, schema_with = schemas::nullable::<Description>)]
    description: Patch<Description>,
}

impl Body {
    fn is_empty(&self) -> bool {
        let Self { status, issue_until, add_quantity, description } = self;
        !(status.is_named() || issue_until.is_named() || add_quantity.is_named()) && description.is_keep()
    }
}

/// Changes a campaign. A campaign that is paused or ended issues nothing from the answer on; issued coupons stay usable.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE` or `ORDER_STATE_CONFLICT` once it has ended, 412, 422.
#[utoipa::path(
    patch,
    path = "/coupons/{couponId}",
    tag = "Coupons",
    params(("couponId" = CouponId, Path), IdempotencyKey, IfMatch),
    request_body = Body,
    responses((status = 200, description = "The campaign, changed.", body = CampaignView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (coupon_id, body) = both(request.parameter::<CouponId>("couponId"), request.body::<Body>()?)?;
    if body.is_empty() {
        return Err(FieldErrors::one("body", Invalid::Empty).into());
    }
    let precondition = request.precondition()?;
    let add_quantity = body.add_quantity.get().map_or(0, AddedQuantity::get);
    let is_protected = request.has_key() || matches!(precondition, Precondition::OneOf(_));
    if add_quantity > 0 && !is_protected {
        return Err(FieldErrors::one(ApiRequest::IDEMPOTENCY_KEY, Invalid::Required).into());
    }
    let caller = request.caller_as(&[Role::Admin])?;
    let key = request.key(shop, &caller.user_id);
    users::may_change(shop, caller, Some(&key)).await?;
    let change = CampaignChange {
        precondition,
        status: body.status.get(),
        issue_until: body.issue_until.get().map(Instant::timestamp),
        add_quantity,
        description: body.description.map(Description::into_string),
    };
    let remaining = coupons::update(shop, &coupon_id, &change, &key).await?;
    let etag = remaining.campaign.etag();
    Ok(Reply::ok(CampaignView::from(remaining))?.tagged(etag))
}
