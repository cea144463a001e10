//! `GET /order-sheets/{orderSheetId}`: an order sheet.

use shared::{
    api::{ApiRequest, ApiResult, Reply, views::OrderSheetView},
    app::{Shop, sheets},
    domain::OrderSheetId,
};

/// An order sheet, for its owner and admins.
///
/// It keeps its amounts until `expiresAt`.
///
/// # Errors
/// 400, 401, 404.
#[utoipa::path(
    get,
    path = "/order-sheets/{orderSheetId}",
    tag = "Order sheets",
    params(("orderSheetId" = OrderSheetId, Path)),
    responses((status = 200, description = "The sheet.", body = OrderSheetView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let id: OrderSheetId = request.only_parameter("orderSheetId")?;
    let caller = request.caller()?;
    let sheet = sheets::get(shop, caller, &id).await?;
    Reply::ok(OrderSheetView::at(shop.clock.now(), sheet)?)
}
