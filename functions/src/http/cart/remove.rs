//! `DELETE /orders/cart/{itemId}`: removes a product from the cart.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, both},
    app::{Shop, cart, users},
    domain::{ProductId, UserId},
};

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Query {
    /// The owner of the cart; the caller by default.
    #[deserr(default)]
    user_id: Option<UserId>,
}

/// Removes all units of a product from the cart. A repetition changes nothing, and a product that is not in the cart is
/// no error.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`.
#[utoipa::path(
    delete,
    path = "/orders/cart/{itemId}",
    tag = "Cart",
    params(
        ("itemId" = ProductId, Path, description = "The item: the product's id."),
        Query,
    ),
    responses((status = 204, description = "It is not in the cart.")),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (product_id, query) = both(request.parameter::<ProductId>("itemId"), request.query::<Query>())?;
    let user_id = request.subject(query.user_id)?;
    users::may_change(shop, request.caller_for(&user_id)?, None).await?;
    cart::remove(shop, &user_id, &product_id).await?;
    Ok(Reply::no_content())
}
