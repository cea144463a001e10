//! `GET /products/{productId}`: a product, with exact stock, or with stock of up to a second ago.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, RecentStock, Reply, both, views::ProductView},
    app::{
        Shop,
        products::{self, Recent},
    },
    domain::{ProductId, UserId},
};

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Query {
    /// The caller, for a local shop. The product is public.
    #[deserr(default)]
    #[expect(dead_code, reason = "known on every route, and without meaning on this one")]
    user_id: Option<UserId>,
    /// Lets the stock be up to a second old. The answer then has `asOf`, and caches may keep it for the rest of the
    /// second.
    #[deserr(default)]
    #[param(inline)]
    stock: Option<RecentStock>,
}

/// A product, unless it is hidden. Its stock is exact, unless `stock=recent` is given.
///
/// # Errors
/// 400, 404.
#[utoipa::path(
    get,
    path = "/products/{productId}",
    tag = "Products",
    params(("productId" = ProductId, Path), Query),
    responses((status = 200, description = "The product.", body = ProductView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (product_id, query) = both(request.parameter::<ProductId>("productId"), request.query::<Query>())?;
    let Some(RecentStock) = query.stock else {
        let stocked = products::get(shop, &product_id).await?;
        let etag = stocked.product.etag();
        return Ok(Reply::ok(ProductView::from(stocked))?.tagged(etag));
    };
    let Recent { value: stocked, as_of, may_be_kept } = products::get_recent(shop, &product_id).await?;
    let etag = stocked.product.etag();
    let reply = Reply::ok(ProductView::from(stocked).as_of(as_of))?;
    Ok(reply.tagged(etag).kept_for_a_second(may_be_kept))
}
