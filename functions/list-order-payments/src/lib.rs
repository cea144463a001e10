//! `GET /orders/{orderId}/payments`: how an order was paid.

use shared::{
    api::{ApiRequest, ApiResult, Cursor, FieldErrors, Limit, Reply, both, schemas, views::PaymentView},
    app::{
        Bounds, Shop,
        orders::{self, PaymentPlace},
    },
    domain::{Invalid, OrderId},
};

/// How many payments to give. All of nearly every order are few.
struct Payments(usize);

impl utoipa::PartialSchema for Payments {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        let schema = schemas::bounded("How many payments to give.", Limit::MIN, Limit::MAX);
        schema.default(Some(Bounds::PRODUCTION.payments_listed.into())).into()
    }
}

impl utoipa::ToSchema for Payments {}

impl TryFrom<String> for Payments {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Limit::try_from(text).map(|limit| Self(limit.get()))
    }
}

/// The payments of an order, to who ordered and to admins: the one from the balance, or those that the external payment
/// system has told of.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    get,
    path = "/orders/{orderId}/payments",
    tag = "Orders",
    params(
        ("orderId" = OrderId, Path),
        ("cursor" = inline(Option<Cursor>), Query, description = "The `nextCursor` of the part before; without it, the list's beginning."),
        ("limit" = inline(Option<Payments>), Query, description = "How many payments to give."),
    ),
    responses((status = 200, description = "A part of the payments of the order.", body = [PaymentView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let page = both(request.query::<Cursor>("cursor"), request.query::<Payments>("limit"));
    let (order_id, (cursor, limit)) = both(request.parameter::<OrderId>("orderId"), page)?;
    let after = cursor.map(|cursor| PaymentPlace::try_from(cursor.place())).transpose();
    let after = after.map_err(|invalid| FieldErrors::one("cursor", invalid))?;
    let caller = request.caller()?;
    let limit = limit.map(|Payments(limit)| limit);
    let (payments, next) = orders::payments(shop, caller, &order_id, after, limit).await?;
    Reply::page(payments.into_iter().map(PaymentView::from).collect(), next.map(Cursor::to))
}
