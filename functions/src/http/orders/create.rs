//! `POST /orders`: places an order in one commit.

use deserr::Deserr;
use shared::{
    api::{
        ApiRequest, ApiResult, FieldErrors, Reply,
        bodies::{ItemBody, source},
        both,
        parameters::{DropTicketHeader, IdempotencyKey},
        views::OrderView,
    },
    app::{
        OutcomeRecord, Shop, addresses,
        orders::{self, PlaceOrder},
        users,
    },
    domain::{CouponId, Invalid, OrderSheetId, UserId, money::Payable, order::PayBy},
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewOrder, rename_all = "camelCase")]
struct Body {
    /// The orderer, who is the recipient.
    user_id: UserId,
    /// The items to order: 1 to 50 products; one that is named twice is ordered once, with both quantities. Exactly one
    /// of this, `fromCart` and `orderSheetId` is given.
    #[deserr(default)]
    #[schema(min_items = 1)]
    items: Option<Vec<ItemBody>>,
    /// Whether to order all items of the cart, which leave it in the same commit.
    #[deserr(default)]
    from_cart: Option<bool>,
    /// The order sheet to order exactly, its coupon included, or not at all.
    #[deserr(default)]
    order_sheet_id: Option<OrderSheetId>,
    /// The coupon to use.
    #[deserr(default)]
    coupon_id: Option<CouponId>,
    /// The means of payment; by default the balance, at once.
    #[deserr(default)]
    payment: Option<PayBy>,
    /// The part that an external payment leaves to the balance, which pays it at once: less than the order's amount. Only
    /// with `EXTERNAL`.
    #[deserr(default)]
    balance_amount: Option<Payable>,
    /// The amount of the order, as far as the customer knows: at another amount nothing is ordered.
    #[deserr(default)]
    expected_payable: Option<Payable>,
}

/// Places an order: all of it, or nothing. It is paid from the balance at once; with `LATER` and `EXTERNAL` its units
/// and its coupon are held until `holdExpiresAt`.
///
/// # Errors
/// 400, 401, 402 `BALANCE_NOT_ENOUGH`, 403, 404, 409 `USER_NOT_ACTIVE`, `PRODUCT_NOT_ON_SALE`, `PRICE_CHANGED`,
/// `STOCK_NOT_ENOUGH`, `COUPON_NOT_USABLE`, `ADDRESS_REQUIRED`, `ORDER_STATE_CONFLICT`, `ORDER_SHEET_EXPIRED` or `LIMIT_EXCEEDED`, 422,
/// 429.
#[utoipa::path(
    post,
    path = "/orders",
    tag = "Orders",
    params(IdempotencyKey, DropTicketHeader),
    request_body = Body,
    responses((status = 201, description = "The order, paid or waiting for the money.", body = OrderView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (body, ticket) = both(request.body::<Body>()?, request.drop_ticket())?;
    let source = source(body.items, body.from_cart, body.order_sheet_id, body.coupon_id)?;
    let caller = request.caller_for(&body.user_id)?;
    let key = request.key(shop, &caller.user_id).with_outcome_in(OutcomeRecord::Order);
    users::may_change(shop, caller, Some(&key)).await?;
    let pay_by = body.payment.unwrap_or_default();
    let expected_payable = body.expected_payable.map(Payable::won);
    if body.balance_amount.is_some() && pay_by != PayBy::External {
        return Err(FieldErrors::one("balanceAmount", Invalid::OnlyWith("payment: EXTERNAL")).into());
    }
    let balance_amount = body.balance_amount.map(Payable::won).unwrap_or_default();
    let (caller, user_id) = (caller.clone(), body.user_id);
    let order = PlaceOrder { caller, user_id, source, pay_by, balance_amount, expected_payable, ticket };
    let order = orders::place(shop, &order, &key).await?;
    let address = addresses::shown(shop, &order).await;
    let order = OrderView::try_from(order)?.shipped_to(address);
    let id = order.order_id.clone();
    Ok(Reply::created(order)?.about_order(id))
}
