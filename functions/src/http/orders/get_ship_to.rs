//! `GET /orders/{orderId}/ship-to`: the address of an order.

use shared::{
    api::{ApiRequest, ApiResult, Reply},
    app::{Shop, orders},
    domain::{OrderId, address::Address},
};

/// The address that an order is shipped to, for its orderer and admins. A seller sees it from the payment on while lines
/// of theirs are to be shipped, and for 30 days after the delivery. Each look by a seller or an admin is noted in the
/// log of accesses.
///
/// # Errors
/// 400, 401, 404.
#[utoipa::path(
    get,
    path = "/orders/{orderId}/ship-to",
    tag = "Orders",
    params(("orderId" = OrderId, Path)),
    responses((status = 200, description = "The address.", body = Address)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let order_id: OrderId = request.only_parameter("orderId")?;
    let address = orders::ship_to(shop, request.caller()?, &order_id).await?;
    Ok(Reply::ok(address)?.about_order(order_id))
}
