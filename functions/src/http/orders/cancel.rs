//! `POST /orders/{orderId}/cancel`: cancels an order, whole or in part.

use std::collections::BTreeMap;

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, NotNull, Reply, parameters::IdempotencyKey, views::OrderView},
    app::{Shop, orders, users},
    domain::{
        Invalid, OrderId, OrderItemId, Quantity, Refusal,
        order::{Cancellation, MAX_LINES},
        refusal::Entity,
        text::Line,
    },
};

/// The most entries in a partial cancellation: as many as an order has lines.
const MAX_ITEMS: usize = MAX_LINES as usize;

#[derive(Debug, Default, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewCancellation, rename_all = "camelCase")]
struct Body {
    /// The units to cancel, each line once; without it, everything left of the order. Null is refused: a client that
    /// lost its list must not cancel everything.
    #[deserr(default)]
    #[schema(value_type = Option<Vec<Item>>, min_items = 1, max_items = 50)]
    items: NotNull<Vec<Item>>,
    /// The reason; kept in the order's history.
    #[deserr(default)]
    reason: Option<Line>,
}

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = CancelledItem, rename_all = "camelCase")]
struct Item {
    /// The line.
    item_id: OrderItemId,
    /// The number of units to cancel.
    quantity: Quantity,
}

/// Cancels an order, everything left of it or a part, before it is shipped. The money is refunded to the balance, or by
/// the payment system that it came from; units return to the stock, and the coupon to its owner once nothing is left. A
/// pending order is only cancelled as a whole.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`, `ORDER_STATE_CONFLICT` or `LIMIT_EXCEEDED`, 422.
#[utoipa::path(
    post,
    path = "/orders/{orderId}/cancel",
    tag = "Orders",
    params(("orderId" = OrderId, Path), IdempotencyKey),
    request_body = Option<Body>,
    responses((status = 200, description = "The order, as much of it cancelled.", body = OrderView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (order_id, Body { items, reason }) = request.parameter_and_body("orderId")?;
    let what = cancellation(items.get())?;
    let caller = request.caller()?;
    let key = request.key(shop, &caller.user_id);
    users::may_change(shop, caller, Some(&key)).await?;
    let reason = reason.map(Line::into_string);
    let order = orders::cancel(shop, caller, &order_id, &what?, reason.as_deref(), &key).await?;
    Ok(Reply::ok(OrderView::try_from(order)?)?.about_order(order_id))
}

/// Returns the cancellation, if the fields are right. An unknown line is a refusal, not a wrong field.
fn cancellation(items: Option<Vec<Item>>) -> Result<Result<Cancellation, Refusal>, FieldErrors> {
    let Some(items) = items else {
        return Ok(Ok(Cancellation::Whole));
    };
    let mut errors = FieldErrors::default();
    if !(1..=MAX_ITEMS).contains(&items.len()) {
        errors.push("items", Invalid::Count { min: 1, max: MAX_ITEMS });
    }
    let mut units: BTreeMap<usize, u16> = BTreeMap::new();
    let mut unknown = None;
    for (index, Item { item_id, quantity }) in items.into_iter().enumerate() {
        match item_id.number() {
            None => unknown = unknown.or(Some(item_id)),
            Some(number) if units.insert(number, quantity.get()).is_some() => {
                errors.push(format!("items[{index}].itemId"), Invalid::Repeated);
            }
            Some(_) => {}
        }
    }
    errors.check()?;
    Ok(match unknown {
        Some(item_id) => Err(Refusal::not_found(Entity::OrderItem, item_id)),
        None => Ok(Cancellation::Units(units)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(quantities: &[(&str, i64)]) -> Option<Vec<Item>> {
        let item = |&(item_id, quantity): &(&str, i64)| Item {
            item_id: OrderItemId::try_from(item_id.to_owned()).unwrap(),
            quantity: Quantity::try_from(quantity).unwrap(),
        };
        Some(quantities.iter().map(item).collect())
    }

    #[test]
    fn each_line_is_named_once() {
        let part = cancellation(items(&[("1", 2), ("3", 1)])).unwrap().unwrap();
        assert_eq!(part, Cancellation::Units(BTreeMap::from([(1, 2), (3, 1)])));
        assert!(cancellation(items(&[("1", 2), ("1", 1)])).is_err());
        assert!(cancellation(items(&[])).is_err());
        assert!(matches!(cancellation(items(&[("first", 1)])), Ok(Err(Refusal::NotFound { .. }))));
        assert_eq!(cancellation(None).unwrap().unwrap(), Cancellation::Whole);
    }
}
