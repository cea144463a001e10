//! `GET /drops/{dropId}/entries`: the standing of a ticket in the line of a drop.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, both, views::DropEntryView},
    app::{Shop, drops},
    domain::{DropId, UserId, drops::DropTicket},
};

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Query {
    /// The customer; the caller by default.
    #[deserr(default)]
    user_id: Option<UserId>,
    /// The ticket of the entry.
    #[param(inline)]
    ticket: DropTicket,
}

/// The standing of the caller's ticket. It is at most a second old, and costs the shop no read within that second: ask
/// once a second or two.
///
/// # Errors
/// 400, 401, 403, 404, 429 if the ticket is of another drop or another user.
#[utoipa::path(
    get,
    path = "/drops/{dropId}/entries",
    tag = "Drops",
    params(("dropId" = DropId, Path), Query),
    responses((status = 200, description = "The place in the line.", body = DropEntryView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (drop_id, query) = both(request.parameter::<DropId>("dropId"), request.query::<Query>())?;
    let user_id = request.subject(query.user_id)?;
    Reply::ok(DropEntryView::from(drops::standing(shop, &drop_id, &user_id, &query.ticket).await?))
}
