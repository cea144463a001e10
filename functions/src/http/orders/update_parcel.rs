//! `PATCH /orders/{orderId}/parcels/{parcelId}`: moves a parcel on.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, both, views::ParcelView},
    app::{Shop, orders, users},
    domain::{OrderId, ParcelId, Refusal, order::ParcelStatus, refusal::Entity},
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = ParcelChange, rename_all = "camelCase")]
struct Body {
    /// The state to move the parcel to: `IN_DELIVERY` or `DELIVERED`.
    status: ParcelStatus,
}

/// Moves a parcel on, by its seller or an admin: it is in delivery, or has arrived. Its lines follow. The state that it is
/// in already changes nothing; an earlier one is refused with a 409 that lists the states allowed.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`, `ORDER_STATE_CONFLICT` or `LIMIT_EXCEEDED`.
#[utoipa::path(
    patch,
    path = "/orders/{orderId}/parcels/{parcelId}",
    tag = "Orders",
    params(("orderId" = OrderId, Path), ("parcelId" = String, Path)),
    request_body = Body,
    responses((status = 200, description = "The parcel in its new state.", body = ParcelView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let ids = both(request.parameter::<OrderId>("orderId"), request.parameter::<ParcelId>("parcelId"));
    let ((order_id, parcel_id), Body { status }) = both(ids, request.body::<Body>()?)?;
    let caller = request.caller()?;
    users::may_change(shop, caller, None).await?;
    let missing = || Refusal::not_found(Entity::Parcel, &parcel_id);
    let number = parcel_id.number().ok_or_else(missing)?;
    let order = orders::move_parcel(shop, caller, &order_id, number, status).await?;
    let parcel = order.parcel(number).ok_or_else(missing)?;
    Ok(Reply::ok(ParcelView::new(&order, number, parcel))?.about_order(order_id))
}
