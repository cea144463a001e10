//! `POST /order-sheets`: creates an order sheet.

use deserr::Deserr;
use shared::{
    api::{
        ApiRequest, ApiResult, FieldErrors, Reply,
        bodies::{ItemBody, source},
        parameters::IdempotencyKey,
        views::OrderSheetView,
    },
    app::{Shop, sheets, users},
    domain::{CouponId, UserId},
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewOrderSheet, rename_all = "camelCase")]
struct Body {
    /// The orderer, who is the recipient.
    user_id: UserId,
    /// The items of the intended order: 1 to 50 products.
    #[deserr(default)]
    #[schema(min_items = 1)]
    items: Option<Vec<ItemBody>>,
    /// Whether to take all items of the cart. Only one sheet of a cart can be ordered: an order of the cart, by
    /// a sheet or without, invalidates all sheets created before.
    #[deserr(default)]
    from_cart: Option<bool>,
    /// The coupon to use.
    #[deserr(default)]
    coupon_id: Option<CouponId>,
}

/// Creates an order sheet: the amounts of the intended order, frozen until it expires. It holds no stock; an order of
/// it has exactly these amounts, or is refused.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`, `PRODUCT_NOT_ON_SALE`, `STOCK_NOT_ENOUGH`, `COUPON_NOT_USABLE` or
/// `LIMIT_EXCEEDED`, 422, 429.
#[utoipa::path(
    post,
    path = "/order-sheets",
    tag = "Order sheets",
    params(IdempotencyKey),
    request_body = Body,
    responses((status = 201, description = "The sheet.", body = OrderSheetView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let body: Body = request.only_body()?;
    let source = source(body.items, body.from_cart, None, body.coupon_id)?;
    let caller = request.caller_for(&body.user_id)?;
    let key = request.key(shop, &caller.user_id);
    users::may_change(shop, caller, Some(&key)).await?;
    let sheet = sheets::create(shop, caller, &body.user_id, &source, &key).await?;
    Reply::created(OrderSheetView::at(shop.clock.now(), sheet)?)
}
