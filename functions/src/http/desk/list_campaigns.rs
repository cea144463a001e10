//! `GET /desk/campaigns`: all campaigns, for admins.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Limit, Reply, cursor::DeskCampaignsCursor, views::CampaignView},
    app::{Role, Shop, desk},
    domain::UserId,
};

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Query {
    /// The caller, for a local shop and only without the header `x-user-id`.
    #[deserr(default)]
    #[expect(dead_code, reason = "known on every route, and without meaning on this one")]
    user_id: Option<UserId>,
    /// The `nextCursor` of the part before; without it, the list begins.
    #[deserr(default)]
    #[param(inline)]
    cursor: Option<DeskCampaignsCursor>,
    /// The most entries of the answer.
    #[deserr(default)]
    #[param(inline)]
    limit: Option<Limit>,
}

/// Campaigns with the number of coupons left, in the order of their creation. A page with a `nextCursor` can have fewer
/// campaigns than `limit`.
///
/// # Errors
/// 400, 401, 403.
#[utoipa::path(
    get,
    path = "/desk/campaigns",
    tag = "Desk",
    params(Query),
    responses((status = 200, description = "A part of the campaigns.", body = [CampaignView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let Query { user_id: _, cursor, limit } = request.query()?;
    request.caller_as(&[Role::Admin])?;
    let after = cursor.map(|cursor| cursor.place_for("")).transpose()?;
    let part = desk::campaigns(shop, after, limit.unwrap_or_default().get()).await?;
    let items = part.items.into_iter().map(CampaignView::from).collect();
    Reply::page(items, part.next.map(|place| DeskCampaignsCursor::to("", place).encode()))
}
