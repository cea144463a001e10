//! `POST /claims/{claimId}/receive`: receives the units of a claim.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, parameters::IdempotencyKey, views::ClaimView},
    app::{Shop, orders, users},
    domain::{
        ClaimId, OrderItemId, Quantity,
        order::{MAX_LINES, UnitCondition},
    },
};

use crate::http::orders::units::by_line_and;

/// The most entries: each line of an order in each condition.
const MAX_ITEMS: usize = MAX_LINES as usize * UnitCondition::ALL.len();

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = ClaimReceipt, rename_all = "camelCase")]
struct Body {
    /// All units of the claim, each line once a condition.
    #[schema(min_items = 1, max_items = 150)]
    items: Vec<ReceivedItem>,
}

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewReceivedItem, rename_all = "camelCase")]
struct ReceivedItem {
    /// The line.
    item_id: OrderItemId,
    /// The number of units.
    quantity: Quantity,
    /// `SELLABLE` units go back on the shelf, `UNSELLABLE` ones are refunded and scrapped, `MISSING` ones did not come.
    condition: UnitCondition,
}

/// Receives the units of an accepted claim, by the seller of its lines or an admin. A return is refunded with it. An
/// exchange waits for the parcel of its replacement.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`, `ORDER_STATE_CONFLICT` or `LIMIT_EXCEEDED`, 422.
#[utoipa::path(
    post,
    path = "/claims/{claimId}/receive",
    tag = "Claims",
    params(("claimId" = ClaimId, Path), IdempotencyKey),
    request_body = Body,
    responses((status = 200, description = "The claim after the receipt.", body = ClaimView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (claim_id, Body { items }): (ClaimId, Body) = request.parameter_and_whole_body("claimId")?;
    let items = items.into_iter().map(|ReceivedItem { item_id, quantity, condition }| (item_id, condition, quantity));
    let receipt = by_line_and(items.collect(), MAX_ITEMS)?;
    let caller = request.caller()?;
    let key = request.key(shop, &caller.user_id);
    users::may_change(shop, caller, Some(&key)).await?;
    let (order, number) = orders::receive_claim(shop, caller, &claim_id, &receipt?, &key).await?;
    Reply::ok(ClaimView::new(&order, number)?)
}
