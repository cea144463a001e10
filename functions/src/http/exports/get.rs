//! `GET /exports/{exportId}`: the progress of an export, then a link to its file.

use shared::{
    api::{ApiRequest, ApiResult, Reply, views::ExportView},
    app::{Shop, access, exports},
    domain::ExportId,
};

/// An export, for its owner and admins: its progress, and once it is done a link to its file. The link ends after some
/// minutes; another look has a new one, until the file is deleted after about a day.
///
/// # Errors
/// 400, 401, 404.
#[utoipa::path(
    get,
    path = "/exports/{exportId}",
    tag = "Exports",
    params(("exportId" = ExportId, Path)),
    responses((status = 200, description = "The export.", body = ExportView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let export_id: ExportId = request.only_parameter("exportId")?;
    let caller = request.caller()?;
    let (export, link) = exports::get(shop, caller, &export_id).await?;
    if link.is_some() {
        access::note_export(shop, caller, &export, "GET /exports/{exportId}").await?;
    }
    Reply::ok(ExportView::at(shop.clock.now(), export, link))
}
