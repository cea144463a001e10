//! `GET /desk/audit-log`: the accesses of admins and sellers to the personal data of a user, for admins.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Limit, Reply, cursor::AccessesCursor, views::AccessView},
    app::{Role, Shop, access},
    domain::UserId,
};

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Query {
    /// The user with the data; the caller by default.
    #[deserr(default)]
    user_id: Option<UserId>,
    /// The `nextCursor` of the part before; without it, the list begins.
    #[deserr(default)]
    #[param(inline)]
    cursor: Option<AccessesCursor>,
    /// The most entries of the answer.
    #[deserr(default)]
    #[param(inline)]
    limit: Option<Limit>,
}

/// Who read or changed the personal data of a user, newest first: admins and sellers, not the users themselves.
///
/// For admins.
///
/// # Errors
/// 400, 401, 403.
#[utoipa::path(
    get,
    path = "/desk/audit-log",
    tag = "Desk",
    params(Query),
    responses((status = 200, description = "A part of the accesses.", body = [AccessView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let Query { user_id, cursor, limit } = request.query()?;
    request.caller_as(&[Role::Admin])?;
    let user_id = request.subject(user_id)?;
    let before = cursor.map(|cursor| cursor.place_for(user_id.as_str())).transpose()?;
    let (accesses, next) = access::list(shop, &user_id, before, limit.unwrap_or_default().get()).await?;
    let next = next.map(|place| AccessesCursor::to(user_id.as_str(), place).encode());
    Reply::page(accesses.into_iter().map(AccessView::from).collect(), next)
}
