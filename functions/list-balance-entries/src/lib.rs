//! `GET /balance/{userId}/entries`: a user's ledger, newest first.

use shared::{
    api::{
        ApiRequest, ApiResult, Cursor, FieldErrors, Limit, Reply, both, parameters::PageParameters, views::EntryView,
    },
    app::{Shop, balance},
    domain::{Invalid, UserId},
};

/// A part of the ledger: every charge, payment and refund.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    get,
    path = "/balance/{userId}/entries",
    tag = "Balance",
    params(("userId" = UserId, Path), PageParameters),
    responses((status = 200, description = "A part of the ledger.", body = [EntryView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let page = both(request.query::<Cursor>("cursor"), request.query::<Limit>("limit"));
    let (user_id, (cursor, limit)) = both(request.parameter::<UserId>("userId"), page)?;
    let before = cursor.map(|cursor| cursor.place().parse()).transpose();
    let before = before.map_err(|_| FieldErrors::one("cursor", Invalid::Cursor))?;
    request.caller_for(&user_id)?;

    let (entries, more) = balance::entries(shop, &user_id, before, limit.unwrap_or_default().get()).await?;
    let next = entries.last().filter(|_| more).map(|entry| Cursor::to(entry.sequence));
    Reply::page(entries.into_iter().map(EntryView::from).collect(), next)
}
