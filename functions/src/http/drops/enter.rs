//! `POST /drops/{dropId}/entries`: a customer enters the line of a drop.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, views::DropEntryView},
    app::{Shop, drops, users},
    domain::{DropId, UserId},
};

#[derive(Debug, Default, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewDropEntry, rename_all = "camelCase")]
struct Body {
    /// The customer, the caller by default.
    #[deserr(default)]
    user_id: Option<UserId>,
}

/// Enters the line of a drop, with a ticket for the caller alone. A customer has one place: entering again answers with the
/// same one until its turn has ended.
///
/// Customers are admitted in the order of arrival of each of the line's counters. Between counters the order holds up to
/// the difference of their lengths.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`.
#[utoipa::path(
    post,
    path = "/drops/{dropId}/entries",
    tag = "Drops",
    params(("dropId" = DropId, Path)),
    request_body = Option<Body>,
    responses((status = 201, description = "The place in the line.", body = DropEntryView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (drop_id, Body { user_id }): (DropId, Body) = request.parameter_and_body("dropId")?;
    let user_id = request.subject(user_id)?;
    users::may_change(shop, request.caller_for(&user_id)?, None).await?;
    Reply::created(DropEntryView::from(drops::enter(shop, &drop_id, &user_id).await?))
}
