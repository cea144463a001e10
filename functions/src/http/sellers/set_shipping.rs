//! `PUT /sellers/{sellerId}/shipping`: sets the terms on which a seller ships.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, views::SellerShippingView},
    app::{Role, Shop, seller_shipping, users},
    domain::{UserId, money::Price, shipping::ShippingTerms},
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewSellerShipping, rename_all = "camelCase")]
struct Body {
    /// The fee of a shipment.
    fee: Price,
    /// Goods, less their own discounts, of this much or more ship free.
    free_from: Price,
    /// The fee of a customer who returns goods after a change of mind.
    return_fee: Price,
}

/// Sets the terms on which a seller ships, by that seller or an admin. From then on their lines are a shipment of their
/// own. Orders of any instant before the answer have the former terms, all later ones these.
///
/// # Errors
/// 400, 401, 403, 404 (no such seller), 409 `USER_NOT_ACTIVE`.
#[utoipa::path(
    put,
    path = "/sellers/{sellerId}/shipping",
    tag = "Sellers",
    params(("sellerId" = UserId, Path)),
    request_body = Body,
    responses((status = 200, description = "The terms, in force.", body = SellerShippingView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (seller, Body { fee, free_from, return_fee }): (UserId, Body) = request.parameter_and_whole_body("sellerId")?;
    let caller = request.caller_as(&[Role::Seller, Role::Admin])?;
    users::may_change(shop, caller, None).await?;
    let terms = ShippingTerms { fee: fee.won(), free_from: free_from.won(), return_fee: return_fee.won() };
    Reply::ok(SellerShippingView::from(seller_shipping::set(shop, caller, &seller, terms).await?))
}
