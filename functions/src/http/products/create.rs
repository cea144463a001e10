//! `POST /products`: a seller or admin adds a product.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, parameters::IdempotencyKey, views::ProductView},
    app::{
        Role, Shop,
        products::{self, NewProduct},
        users,
    },
    domain::{
        ProductId, Refusal, UserId, Won,
        inventory::{ShardCount, Units},
        money::Price,
        product::InitialStatus,
        text::{Category, Description, Name},
    },
};

use crate::http::new_id::NewId;

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewProduct, rename_all = "camelCase")]
struct Body {
    /// The id to have; without it, one is made.
    #[deserr(default)]
    #[schema(value_type = Option<ProductId>)]
    product_id: Option<NewId<ProductId>>,
    /// Its name.
    name: Name,
    /// More about it.
    #[deserr(default)]
    description: Option<Description>,
    /// The kind of goods.
    #[deserr(default)]
    category: Option<Category>,
    /// The price of a unit.
    price: Price,
    /// What is taken off the price of each unit; nothing unless told.
    #[deserr(default)]
    discount: Option<Price>,
    /// Whether it is on sale at once (unless told) or hidden for now.
    #[deserr(default)]
    status: Option<InitialStatus>,
    /// Units on the shelf.
    stock: Units,
    /// Who sells it; by admins only, for a seller it is themselves.
    #[deserr(default)]
    seller_id: Option<UserId>,
    /// Over how many shards to spread the stock. By admins only.
    #[deserr(default)]
    stock_shards: Option<ShardCount>,
    /// Whether orders draw its units ahead of their commit, for what a whole country wants at once; not unless told.
    /// By admins only.
    #[deserr(default)]
    flash: Option<bool>,
}

/// Adds a product, on sale at once or hidden for now. A seller adds it as their own; an admin for any seller or the shop itself.
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
        stock_shards: body.stock_shards.unwrap_or_default().get(),
        flash: body.flash.unwrap_or_default(),
    };
    let key = request.key(shop, &caller.user_id);
    users::may_change(shop, caller, Some(&key)).await?;
    let stocked = products::create(shop, caller, new, &key).await?;
    let etag = stocked.product.etag();
    Ok(Reply::created(ProductView::from(stocked))?.tagged(etag))
}
