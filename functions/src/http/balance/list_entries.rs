//! `GET /balance/{userId}/entries`: a user's ledger, newest first.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Limit, Reply, both, cursor::EntriesCursor, views::EntryView},
    app::{
        Shop,
        access::{self, Access},
        balance,
    },
    domain::{Invalid, UserId},
};

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Query {
    /// The caller, for a local shop and only without the header `x-user-id`.
    #[deserr(default)]
    #[expect(dead_code, reason = "the path names the user")]
    user_id: Option<UserId>,
    /// The `nextCursor` of the part before; without it, the list begins.
    #[deserr(default)]
    #[param(inline)]
    cursor: Option<EntriesCursor>,
    /// The most entries of the answer.
    #[deserr(default)]
    #[param(inline)]
    limit: Option<Limit>,
}

/// A part of the ledger: every charge, payment and refund.
///
/// The newest entry comes first.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    get,
    path = "/balance/{userId}/entries",
    tag = "Balance",
    params(("userId" = UserId, Path), Query),
    responses((status = 200, description = "A part of the ledger.", body = [EntryView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (user_id, query) = both(request.parameter::<UserId>("userId"), request.query::<Query>())?;
    let Query { user_id: _, cursor, limit } = query;
    let caller = request.caller_for(&user_id)?;
    let before = cursor.map(|cursor| cursor.place_for(user_id.as_str())).transpose()?;
    let before = before.map(|place| place.parse()).transpose();
    let before = before.map_err(|_| FieldErrors::one("cursor", Invalid::Cursor))?;

    let (entries, more) = balance::entries(shop, &user_id, before, limit.unwrap_or_default().get()).await?;
    access::note(shop, caller, Access { user: &user_id, route: "GET /balance/{userId}/entries", order: None }).await?;
    let last = entries.last().filter(|_| more).map(|last| last.entry.sequence);
    let next = last.map(|sequence| EntriesCursor::to(user_id.as_str(), sequence).encode());
    Reply::page(entries.into_iter().map(EntryView::from).collect(), next)
}
