//! `POST /payments`: creates a payment session, for a top-up or for an order.

use deserr::Deserr;

use super::answer::view;
use shared::{
    api::{
        ApiRequest, ApiResult, FieldErrors, Reply,
        parameters::IdempotencyKey,
        views::{PurposeView, SessionView},
    },
    app::{
        OutcomeRecord, Shop,
        payments::{self, NewPayment},
        users,
    },
    domain::{OrderId, UserId, money::ChargeAmount},
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewPayment, rename_all = "camelCase")]
struct Body {
    /// The purpose of the money: to top up a balance, by the amounts of a charge, or to pay an order.
    #[schema(value_type = PurposeView)]
    purpose: Purpose,
}

#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, tag = "type", deny_unknown_fields)]
enum Purpose {
    #[deserr(rename = "TOP_UP", rename_all = camelCase)]
    TopUp { user_id: UserId, amount: ChargeAmount },
    #[deserr(rename = "ORDER", rename_all = camelCase)]
    Order { order_id: OrderId },
}

/// Creates the session in which a payment from outside is made. The customer pays on the provider's page with the data in
/// `checkout`, and the page leads back with a `paymentKey` to confirm. An order that waits for money from outside has one
/// session: a second request gets it with 200.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE` or `ORDER_STATE_CONFLICT`, 422, 429.
#[utoipa::path(
    post,
    path = "/payments",
    tag = "Payments",
    params(IdempotencyKey),
    request_body = Body,
    responses(
        (status = 201, description = "The session.", body = SessionView),
        (status = 200, description = "The session that the order has already.", body = SessionView),
    ),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let Body { purpose } = request.only_body()?;
    let (caller, wanted) = match purpose {
        Purpose::TopUp { user_id, amount } => (request.caller_for(&user_id)?, NewPayment::TopUp { user_id, amount }),
        Purpose::Order { order_id } => (request.caller()?, NewPayment::Order(order_id)),
    };
    let key = request.key(shop, &caller.user_id).with_outcome_in(OutcomeRecord::Session);
    users::may_change(shop, caller, Some(&key)).await?;
    let created = payments::create(shop, caller, &wanted, &key).await?;
    let view = view(shop, request, created.session)?;
    if created.is_new { Reply::created(view) } else { Reply::ok(view) }
}
