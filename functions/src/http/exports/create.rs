//! `POST /exports`: begins an export.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, parameters::IdempotencyKey, views::StartedExportView},
    app::{
        OutcomeRecord, Shop, access,
        exports::{self, NewExport},
        users,
    },
    domain::{Invalid, UserId, export::ExportKind, time::Instant},
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewExport, rename_all = "camelCase")]
struct Body {
    /// The user with the data of `MINE`, the caller by default.
    #[deserr(default)]
    user_id: Option<UserId>,
    /// The rows: `ORDERS` (lines of orders), `LEDGER` (entries of all ledgers), `PRODUCTS`, or `MINE` (everything that the
    /// shop knows about a user).
    of: ExportKind,
    /// Rows created at this instant or later.
    #[schema(value_type = String, format = DateTime)]
    from: Instant,
    /// Rows created before this instant, and before the export.
    #[schema(value_type = String, format = DateTime)]
    to: Instant,
}

/// Begins an export: a file that is built behind the request. Customers get `MINE`; sellers also `ORDERS` and `PRODUCTS` of
/// their own; admins everything. A user has at most three running exports.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`, 422, 429.
#[utoipa::path(
    post,
    path = "/exports",
    tag = "Exports",
    params(IdempotencyKey),
    request_body = Body,
    responses((status = 202, description = "The export that was begun.", body = StartedExportView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let Body { user_id, of, from, to } = request.only_body()?;
    if to < from {
        return Err(FieldErrors::one("to", Invalid::NotBefore("from")).into());
    }
    let user_id = request.subject(user_id)?;
    let caller = request.caller_for(&user_id)?;
    if !of.is_personal() && user_id != caller.user_id {
        return Err(FieldErrors::one("userId", Invalid::OnlyWith("of: MINE")).into());
    }
    let key = request.key(shop, &caller.user_id).with_outcome_in(OutcomeRecord::Export);
    users::may_change(shop, caller, Some(&key)).await?;
    let wanted = NewExport { of, user_id, from: from.timestamp(), to: to.timestamp() };
    let export = exports::create(shop, caller, &wanted, &key).await?;
    access::note_export(shop, caller, &export, "POST /exports").await?;
    Reply::accepted(StartedExportView { export_id: export.export_id })
}
