//! `GET /coupons/campaigns`: the campaigns that issue coupons now.

use deserr::Deserr;
use shared::{
    api::{
        ApiRequest, ApiResult, FieldErrors, Limit, Reply, cursor::OpenCampaignsCursor, schemas, views::OpenCampaignView,
    },
    app::{Shop, coupons},
    domain::{Invalid, UserId},
};

/// The campaigns to list: those that are open. Admins have all of them at the desk.
#[derive(Deserr)]
#[deserr(error = FieldErrors, try_from(String) = Open::named -> Invalid)]
struct Open;

impl Open {
    const NAMES: [&str; 1] = ["true"];

    fn named(name: String) -> Result<Self, Invalid> {
        if name == "true" { Ok(Self) } else { Err(Invalid::OneOf(Self::NAMES.to_vec())) }
    }
}

impl utoipa::PartialSchema for Open {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        schemas::one_of(&Self::NAMES).into()
    }
}

impl utoipa::ToSchema for Open {}

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Query {
    /// The caller, for a local shop. The list is public.
    #[deserr(default)]
    #[expect(dead_code, reason = "known on every route, and without meaning on this one")]
    user_id: Option<UserId>,
    /// Open campaigns, the only ones that the public sees.
    #[param(inline)]
    #[expect(dead_code, reason = "it has one value")]
    open: Open,
    /// The `nextCursor` of the part before; without it, the list begins.
    #[deserr(default)]
    #[param(inline)]
    cursor: Option<OpenCampaignsCursor>,
    /// The most entries of the answer.
    #[deserr(default)]
    #[param(inline)]
    limit: Option<Limit>,
}

/// The campaigns that issue coupons now, those that end first at the beginning. A page with a `nextCursor` can have fewer
/// campaigns than `limit`.
///
/// # Errors
/// 400.
#[utoipa::path(
    get,
    path = "/coupons/campaigns",
    tag = "Coupons",
    params(Query),
    responses((status = 200, description = "A part of the open campaigns.", body = [OpenCampaignView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let Query { user_id: _, open: _, cursor, limit } = request.query()?;
    let after = cursor.map(|cursor| cursor.place_for("")).transpose()?;
    let part = coupons::open(shop, after, limit.unwrap_or_default().get()).await?;
    let items = part.items.into_iter().map(OpenCampaignView::from).collect();
    Reply::page(items, part.next.map(|place| OpenCampaignsCursor::to("", place).encode()))
}
