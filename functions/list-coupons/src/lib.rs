//! `GET /coupons`: the coupons that a user has.

use shared::{
    api::{
        ApiRequest, ApiResult, Cursor, Limit, Reply, both, parameters::PageParameters, schemas, views::IssuedCouponView,
    },
    app::{
        Shop,
        coupons::{self, CouponPlace},
    },
    domain::{
        Invalid, UserId,
        coupon::CouponStatus::{self, Expired, Revoked, Usable, Used},
    },
};

/// Which coupons to list.
struct Statuses(&'static [CouponStatus]);

impl Statuses {
    const NAMES: [&str; 5] = ["USABLE", "USED", "EXPIRED", "REVOKED", "ALL"];
}

impl utoipa::PartialSchema for Statuses {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        schemas::one_of(&Self::NAMES).default(Some("USABLE".into())).into()
    }
}

impl utoipa::ToSchema for Statuses {}

impl TryFrom<String> for Statuses {
    type Error = Invalid;

    fn try_from(name: String) -> Result<Self, Invalid> {
        Ok(Self(match name.as_str() {
            "USABLE" => &[Usable],
            "USED" => &[Used],
            "EXPIRED" => &[Expired],
            "REVOKED" => &[Revoked],
            "ALL" => &[Usable, Used, Expired, Revoked],
            _ => return Err(Invalid::OneOf(Self::NAMES.to_vec())),
        }))
    }
}

/// The user's coupons with a status, USABLE unless told.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    get,
    path = "/coupons",
    tag = "Coupons",
    params(
        ("userId" = Option<UserId>, Query, description = "Whose coupons; the caller's own unless told."),
        ("status" = inline(Option<Statuses>), Query, description = "Which coupons."),
        PageParameters,
    ),
    responses((status = 200, description = "A part of the coupons.", body = [IssuedCouponView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let asked = both(request.query::<UserId>("userId"), request.query::<Statuses>("status"));
    let page = both(request.query::<Cursor>("cursor"), request.query::<Limit>("limit"));
    let ((user_id, statuses), (cursor, limit)) = both(asked, page)?;
    let after = cursor.map(|cursor| CouponPlace::try_from(cursor.place())).transpose();
    let after = after.map_err(|_| shared::api::FieldErrors::one("cursor", Invalid::Cursor))?;
    let user_id = request.subject(user_id)?;

    let statuses = statuses.map_or(&[Usable][..], |statuses| statuses.0);
    let limit = limit.unwrap_or_default().get();
    let (issued, next) = coupons::list(shop, &user_id, statuses, after, limit).await?;
    let now = shop.clock.now();
    let items = issued.into_iter().map(|coupon| IssuedCouponView::at(now, coupon)).collect();
    Reply::page(items, next.map(|place| Cursor::to(place.as_str())))
}
