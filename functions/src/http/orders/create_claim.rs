//! `POST /orders/{orderId}/claims`: returns or exchanges units of an order.

use deserr::Deserr;
use shared::{
    api::{
        ApiRequest, ApiResult, FieldErrors, Reply,
        parameters::IdempotencyKey,
        views::{ClaimPreviewView, ClaimView},
    },
    app::{Shop, orders, users},
    domain::{
        Invalid, OrderId, UserId,
        money::Payable,
        order::{ClaimReason, ClaimText, ClaimType, NewClaim},
    },
};

use super::units::{LineUnits, by_line};
use crate::http::flag::Flag;

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewClaim, rename_all = "camelCase")]
struct Body {
    /// The wish: the money back, or other units.
    #[deserr(rename = "type")]
    #[schema(rename = "type")]
    kind: ClaimType,
    /// The units, each line once, all of one seller.
    #[schema(min_items = 1, max_items = 50)]
    items: Vec<LineUnits>,
    /// The reason. `NOT_DELIVERED` is for returns only: nothing comes back, so nothing can be exchanged for it.
    reason: ClaimReason,
    /// The customer's own words.
    #[deserr(default)]
    text: Option<ClaimText>,
    /// The `refund.total` that the customer expects. Another one is a 409 `PRICE_CHANGED`.
    #[deserr(default)]
    expected_total: Option<Payable>,
}

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Query {
    /// The caller, for a local shop and only without the header `x-user-id`.
    #[deserr(default)]
    #[expect(dead_code, reason = "known on every route, and without meaning on this one")]
    user_id: Option<UserId>,
    /// `true` shows the claim as it would be, and changes nothing.
    #[deserr(default)]
    #[param(inline)]
    preview: Flag,
}

/// Claims delivered units of an order, by its customer or an admin for them. A change of mind can be claimed for 7 days
/// from delivery, before the purchase is confirmed, and costs the return fee. Every other reason can be claimed for 90
/// days, at the seller's cost. Units that never arrived can be claimed from their shipping on.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`, `ORDER_STATE_CONFLICT`, `PRICE_CHANGED` or `LIMIT_EXCEEDED`, 422.
#[utoipa::path(
    post,
    path = "/orders/{orderId}/claims",
    tag = "Claims",
    params(("orderId" = OrderId, Path), Query, IdempotencyKey),
    request_body = Body,
    responses(
        (status = 201, description = "The claim.", body = ClaimView),
        (status = 200, description = "The claim as it would be, for `preview=true`.", body = ClaimPreviewView),
    ),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (order_id, body, query): (OrderId, Body, Query) = request.parameter_body_and_query("orderId")?;
    let Body { kind, items, reason, text, expected_total } = body;
    if kind == ClaimType::Exchange && reason == ClaimReason::NotDelivered {
        return Err(FieldErrors::one("reason", Invalid::OnlyWith("type: RETURN")).into());
    }
    let items = by_line(items)?;
    let caller = request.caller()?;
    let new = |items| NewClaim { kind, items, reason, text: text.map(ClaimText::into_string) };
    if query.preview == Flag::True {
        let (order, number) = orders::preview_claim(shop, caller, &order_id, &new(items?)).await?;
        return Ok(Reply::ok(ClaimPreviewView::new(&order, number)?)?.about_order(order_id));
    }
    let key = request.key(shop, &caller.user_id);
    users::may_change(shop, caller, Some(&key)).await?;
    let expected = expected_total.map(Payable::won);
    let (order, number) = orders::create_claim(shop, caller, &order_id, (&new(items?), expected), &key).await?;
    Ok(Reply::created(ClaimView::new(&order, number)?)?.about_order(order_id))
}
