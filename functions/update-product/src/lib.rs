//! `PATCH /products/{productId}`: changes a product.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, both, views::ProductView},
    app::{
        Role, Shop,
        products::{self, ProductChange},
    },
    domain::{
        Invalid, ProductId, Refusal,
        money::Price,
        product::SaleStatus,
        stock::ShardCount,
        text::{Category, Description, Name},
    },
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = ProductChange, rename_all = "camelCase", min_properties = 1)]
struct Body {
    /// Another name.
    #[deserr(default)]
    name: Option<Name>,
    /// Another description.
    #[deserr(default)]
    description: Option<Description>,
    /// Another category.
    #[deserr(default)]
    category: Option<Category>,
    /// Another price of a unit.
    #[deserr(default)]
    price: Option<Price>,
    /// Another discount on each unit.
    #[deserr(default)]
    discount: Option<Price>,
    /// Whether it is offered.
    #[deserr(default)]
    status: Option<SaleStatus>,
    /// Over how many shards its stock is spread from now on, more or fewer; it goes on selling meanwhile. By
    /// admins only.
    #[deserr(default)]
    stock_shards: Option<ShardCount>,
    /// Whether orders draw its units ahead of their commit from now on; it goes on selling meanwhile. By admins only.
    #[deserr(default)]
    flash: Option<bool>,
}

impl Body {
    fn is_empty(&self) -> bool {
        let Self { name, description, category, price, discount, status, stock_shards, flash } = self;
        let texts = name.is_none() && description.is_none() && category.is_none();
        let offer = price.is_none() && discount.is_none() && status.is_none();
        texts && offer && stock_shards.is_none() && flash.is_none()
    }
}

/// Changes a product: a seller their own, an admin any. An order gets the old price or the new one, never a mixture.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    patch,
    path = "/products/{productId}",
    tag = "Products",
    params(("productId" = ProductId, Path)),
    request_body = Body,
    responses((status = 200, description = "The product, changed.", body = ProductView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (product_id, body) = both(request.parameter::<ProductId>("productId"), request.body::<Body>()?)?;
    if body.is_empty() {
        return Err(FieldErrors::one("body", Invalid::Empty).into());
    }
    let caller = request.caller_as(&[Role::Seller, Role::Admin])?;
    let sets_shards = body.stock_shards.is_some() || body.flash.is_some();
    if sets_shards && caller.role != Role::Admin {
        return Err(Refusal::Forbidden.into());
    }
    let change = ProductChange {
        name: body.name.map(Name::into_string),
        description: body.description.map(Description::into_string),
        category: body.category.map(Category::into_string),
        price: body.price.map(Price::won),
        discount: body.discount.map(Price::won),
        status: body.status,
        stock_shards: body.stock_shards.map(ShardCount::get),
        flash: body.flash,
    };
    Reply::ok(ProductView::from(products::update(shop, caller, &product_id, &change).await?))
}
