//! `POST /orders/{orderId}/parcels`: ships units of an order in a parcel.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, parameters::IdempotencyKey, views::ParcelView},
    app::{
        Shop,
        orders::{self, NewParcel},
        users,
    },
    domain::{
        ClaimId, OrderId, Refusal,
        order::{CarrierText, Label, TrackingText},
        refusal::Entity,
    },
};

use super::units::{LineUnits, by_line};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewParcel, rename_all = "camelCase")]
struct Body {
    /// The units in it, each line once, all of one seller.
    #[schema(min_items = 1, max_items = 50)]
    items: Vec<LineUnits>,
    /// The carrier.
    carrier: CarrierText,
    /// The number by which the carrier tracks it.
    tracking_number: TrackingText,
    /// The claim whose replacement is in it, if it is for an exchange.
    #[deserr(default)]
    claim_id: Option<ClaimId>,
}

/// Ships units of a paid order in a parcel: a seller those of their own lines, an admin any. A line can be shipped in
/// several parcels, and a parcel can have units of several lines. A line shows the state of its least advanced unit. With
/// a `claimId` it has the replacement of an exchange, which is complete once all of it is shipped.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`, `ORDER_STATE_CONFLICT` or `LIMIT_EXCEEDED`, 422.
#[utoipa::path(
    post,
    path = "/orders/{orderId}/parcels",
    tag = "Orders",
    params(("orderId" = OrderId, Path), IdempotencyKey),
    request_body = Body,
    responses((status = 201, description = "The parcel.", body = ParcelView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (order_id, body): (OrderId, Body) = request.parameter_and_whole_body("orderId")?;
    let contents = by_line(body.items)?;
    let label = Label { carrier: body.carrier.into_string(), tracking_number: body.tracking_number.into_string() };
    let caller = request.caller()?;
    let key = request.key(shop, &caller.user_id);
    users::may_change(shop, caller, Some(&key)).await?;
    let parcel = NewParcel { contents: contents?, label, claim: body.claim_id };
    let (order, number) = orders::ship(shop, caller, &order_id, &parcel, &key).await?;
    let parcel = order.parcel(number).ok_or_else(|| Refusal::not_found(Entity::Parcel, number))?;
    Ok(Reply::created(ParcelView::new(&order, number, parcel))?.about_order(order_id))
}
