//! `GET /payments`: a user's payment sessions, newest first.

use deserr::Deserr;

use super::answer::views;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Limit, Reply, cursor::SessionsCursor, views::SessionView},
    app::{Shop, payments},
    domain::UserId,
};

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Query {
    /// The user who pays; the caller by default.
    #[deserr(default)]
    user_id: Option<UserId>,
    /// The `nextCursor` of the part before; without it, the list begins.
    #[deserr(default)]
    #[param(inline)]
    cursor: Option<SessionsCursor>,
    /// The most entries of the answer.
    #[deserr(default)]
    #[param(inline)]
    limit: Option<Limit>,
}

/// A part of the user's payment sessions.
///
/// The newest session comes first.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    get,
    path = "/payments",
    tag = "Payments",
    params(Query),
    responses((status = 200, description = "A part of the sessions, newest first.", body = [SessionView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let Query { user_id, cursor, limit } = request.query()?;
    let user_id = request.subject(user_id)?;
    let after = cursor.map(|cursor| cursor.place_for(user_id.as_str())).transpose()?;
    let (sessions, next) = payments::list(shop, &user_id, after, limit.unwrap_or_default().get()).await?;
    Reply::page(views(shop, request, sessions)?, next.map(|place| SessionsCursor::to(user_id.as_str(), place).encode()))
}
