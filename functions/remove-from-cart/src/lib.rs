//! `DELETE /orders/cart/{itemId}`: takes a product out of the cart.

use shared::{
    api::{ApiRequest, ApiResult, Reply, both},
    app::{Shop, cart},
    domain::{ProductId, UserId},
};

/// Takes all units of a product out of the cart. What is not in it is out of it already: a repeat is as good as one.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    delete,
    path = "/orders/cart/{itemId}",
    tag = "Cart",
    params(
        ("itemId" = ProductId, Path, description = "The item: the product's id."),
        ("userId" = Option<UserId>, Query, description = "Whose cart; the caller's own unless told."),
    ),
    responses((status = 204, description = "It is not in the cart.")),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (product_id, asked) = both(request.parameter::<ProductId>("itemId"), request.query::<UserId>("userId"))?;
    let user_id = request.subject(asked)?;
    cart::remove(shop, &user_id, &product_id).await?;
    Ok(Reply::no_content())
}
