//! `GET /coupons`: the coupons of a user.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Limit, Reply, cursor::CouponsCursor, schemas, views::IssuedCouponView},
    app::{
        Shop,
        coupons::{self, CouponPlace},
    },
    domain::{
        Invalid, UserId,
        coupon::CouponStatus::{self, Expired, Revoked, Usable, Used},
    },
};

/// The statuses of the coupons to list.
#[derive(Deserr)]
#[deserr(error = FieldErrors, try_from(String) = Statuses::try_from -> Invalid)]
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

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Query {
    /// The owner of the coupons; the caller by default.
    #[deserr(default)]
    user_id: Option<UserId>,
    /// The status of the coupons to list.
    #[deserr(default)]
    #[param(inline)]
    status: Option<Statuses>,
    /// The `nextCursor` of the part before; without it, the list begins.
    #[deserr(default)]
    #[param(inline)]
    cursor: Option<CouponsCursor>,
    /// The most entries of the answer.
    #[deserr(default)]
    #[param(inline)]
    limit: Option<Limit>,
}

/// The user's coupons with a status, by default USABLE.
///
/// An expired coupon is no longer usable, and has a status of its own.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    get,
    path = "/coupons",
    tag = "Coupons",
    params(Query),
    responses((status = 200, description = "A part of the coupons.", body = [IssuedCouponView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let Query { user_id, status, cursor, limit } = request.query()?;
    let user_id = request.subject(user_id)?;
    let after = cursor.map(|cursor| cursor.place_for(user_id.as_str())).transpose()?;
    let after = after.map(CouponPlace::try_from).transpose();
    let after = after.map_err(|_| FieldErrors::one("cursor", Invalid::Cursor))?;

    let statuses = status.map_or(&[Usable][..], |statuses| statuses.0);
    let limit = limit.unwrap_or_default().get();
    let (issued, next) = coupons::list(shop, &user_id, statuses, after, limit).await?;
    let now = shop.clock.now();
    let items = issued.into_iter().map(|coupon| IssuedCouponView::at(now, coupon)).collect();
    Reply::page(items, next.map(|place| CouponsCursor::to(user_id.as_str(), place.as_str()).encode()))
}
