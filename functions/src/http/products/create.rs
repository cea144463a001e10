//! `POST /products`: a seller or admin adds a product.

use deserr::Deserr;
use shared::{
    api::{
        ApiRequest, ApiResult, FieldErrors, Reply,
        bodies::{PurchaseLimitBody, TimedOfferBody, timed_offers},
        parameters::IdempotencyKey,
        views::ProductView,
    },
    app::{
        Role, Shop,
        products::{self, NewProduct},
        users,
    },
    domain::{
        ProductId, Refusal, UserId, Won,
        inventory::{ShardCount, Units},
        money::Price,
        product::{InitialStatus, SaleWindow},
        text::{Category, Description, Name},
        time::Instant,
    },
};

use crate::http::new_id::NewId;

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewProduct, rename_all = "camelCase")]
struct Body {
    /// The id to use; without it, one is made.
    #[deserr(default)]
    #[schema(value_type = Option<ProductId>)]
    product_id: Option<NewId<ProductId>>,
    /// Its name.
    name: Name,
    /// Its description.
    #[deserr(default)]
    description: Option<Description>,
    /// The kind of goods.
    #[deserr(default)]
    category: Option<Category>,
    /// The price of a unit.
    price: Price,
    /// The discount on each unit; by default none.
    #[deserr(default)]
    discount: Option<Price>,
    /// Whether it is on sale at once (the default) or hidden for now.
    #[deserr(default)]
    status: Option<InitialStatus>,
    /// Units in stock.
    stock: Units,
    /// The seller. By admins only; for a seller it is themselves.
    #[deserr(default)]
    seller_id: Option<UserId>,
    /// The number of shards over which to spread the stock, which then stays. Without it the number follows the demand. By
    /// admins only.
    #[deserr(default)]
    stock_shards: Option<ShardCount>,
    /// Whether the product is in flash mode, which then stays: orders reserve its units ahead of their commit, for products
    /// that a whole country wants at once. Without it the mode follows the demand, where the shop allows it. By admins only.
    #[deserr(default)]
    flash: Option<bool>,
    /// Whether it is sent to its buyer, so that an order of it needs an address; by default it is.
    #[deserr(default)]
    needs_shipping: Option<bool>,
    /// The most units of it that a user may order; without it, there is no limit.
    #[deserr(default)]
    limit: Option<PurchaseLimitBody>,
    /// The instant from which it can be ordered; by default at once. It is listed before.
    #[deserr(default)]
    sale_from: Option<Instant>,
    /// The instant from which it can be ordered no longer: after `saleFrom`; by default none.
    #[deserr(default)]
    sale_until: Option<Instant>,
    /// Its timed offers, up to 10; no two may overlap.
    #[deserr(default)]
    #[schema(max_items = 10)]
    offers: Option<Vec<TimedOfferBody>>,
}

/// Adds a product, on sale at once or hidden for now. A seller adds it as their own; an admin for any seller or the
/// shop itself.
///
/// # Errors
/// 400, 401, 403, 404 (no such seller), 409 `USER_NOT_ACTIVE` or `ALREADY_EXISTS`, 422.
#[utoipa::path(
    post,
    path = "/products",
    tag = "Products",
    params(IdempotencyKey),
    request_body = Body,
    responses((status = 201, description = "The product.", body = ProductView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let body: Body = request.only_body()?;
    let offers = timed_offers(body.offers.as_deref().unwrap_or_default())?;
    let caller = request.caller_as(&[Role::Seller, Role::Admin])?;
    let sets_shards = body.stock_shards.is_some() || body.flash.is_some();
    if sets_shards && caller.role != Role::Admin {
        return Err(Refusal::Forbidden.into());
    }
    let seller_id = match (caller.role, body.seller_id) {
        (Role::Admin, seller_id) => seller_id,
        (_, Some(other)) if other != caller.user_id => return Err(Refusal::Forbidden.into()),
        _ => Some(caller.user_id.clone()),
    };
    let new = NewProduct {
        product_id: body.product_id.map(NewId::into_id),
        name: body.name.into_string(),
        description: body.description.map(Description::into_string),
        category: body.category.map(Category::into_string),
        seller_id,
        price: body.price.won(),
        discount: body.discount.map_or(Won::ZERO, Price::won),
        status: body.status.unwrap_or_default(),
        stock: body.stock.get(),
        stock_shards: body.stock_shards.map(ShardCount::get),
        flash: body.flash,
        needs_shipping: body.needs_shipping.unwrap_or(true),
        limit: body.limit.map(Into::into),
        window: SaleWindow {
            from: body.sale_from.map(Instant::timestamp),
            until: body.sale_until.map(Instant::timestamp),
        },
        offers,
    };
    let key = request.key(shop, &caller.user_id);
    users::may_change(shop, caller, Some(&key)).await?;
    let stocked = products::create(shop, caller, new, &key).await?;
    let etag = stocked.product.etag();
    Ok(Reply::created(ProductView::from(stocked))?.tagged(etag))
}
