//! `GET /products/{productId}/yours`: the part of a product that a user may still order.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, both, views::YoursView},
    app::{Shop, products},
    domain::{ProductId, UserId},
};

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Query {
    /// The user; the caller by default.
    #[deserr(default)]
    user_id: Option<UserId>,
}

/// The units of a product that a user may still order by its purchase limit, its sale window, and the timed offer that
/// runs.
///
/// It promises nothing: others order at the same time.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    get,
    path = "/products/{productId}/yours",
    tag = "Products",
    params(("productId" = ProductId, Path), Query),
    responses((status = 200, description = "The part of the product that the user may still order.", body = YoursView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (product_id, query) = both(request.parameter::<ProductId>("productId"), request.query::<Query>())?;
    let user_id = request.subject(query.user_id)?;
    Reply::ok(YoursView::from(products::yours(shop, &user_id, &product_id).await?))
}
