//! `GET /orders/{orderId}/payments`: the payments of an order.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Limit, Reply, both, cursor::PaymentsCursor, views::PaymentView},
    app::{
        Shop,
        orders::{self, PaymentPlace},
    },
    domain::{OrderId, UserId},
};

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Query {
    /// The caller, for a local shop and only without the header `x-user-id`.
    #[deserr(default)]
    #[expect(dead_code, reason = "the path names the order")]
    user_id: Option<UserId>,
    /// The `nextCursor` of the part before; without it, the list begins.
    #[deserr(default)]
    #[param(inline)]
    cursor: Option<PaymentsCursor>,
    /// The most entries of the answer; 100 by default, since nearly every order has fewer.
    #[deserr(default)]
    #[param(inline)]
    limit: Option<Limit>,
}

/// A part of the payments of an order, for its orderer and admins: the one from the balance, and those that the
/// external payment system has reported.
///
/// The cursor continues after the last payment shown.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    get,
    path = "/orders/{orderId}/payments",
    tag = "Orders",
    params(("orderId" = OrderId, Path), Query),
    responses((status = 200, description = "A part of the order's payments.", body = [PaymentView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (order_id, query) = both(request.parameter::<OrderId>("orderId"), request.query::<Query>())?;
    let Query { user_id: _, cursor, limit } = query;
    let after = cursor.map(|cursor| cursor.place_for(order_id.as_str())).transpose()?;
    let after = after.map(PaymentPlace::try_from).transpose();
    let after = after.map_err(|invalid| FieldErrors::one("cursor", invalid))?;
    let caller = request.caller()?;
    let (payments, next) = orders::payments(shop, caller, &order_id, after, limit.map(Limit::get)).await?;
    let next = next.map(|place| PaymentsCursor::to(order_id.as_str(), place).encode());
    Reply::page(payments.into_iter().map(PaymentView::from).collect(), next)
}
