//! `PATCH /products/{productId}`: changes a product.

use deserr::Deserr;
use shared::{
    api::{
        ApiRequest, ApiResult, FieldErrors, NotNull, Reply,
        bodies::{PurchaseLimitBody, TimedOfferBody, timed_offers},
        both,
        parameters::IfMatch,
        schemas,
        views::ProductView,
    },
    app::{
        Role, Shop,
        products::{self, ProductChange},
        users,
    },
    domain::{
        Invalid, Patch, ProductId, Refusal,
        inventory::ShardCount,
        money::Price,
        product::SaleStatus,
        text::{Category, Description, Name},
        time::Instant,
        timed_offer::MAX_OFFERS,
    },
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = ProductChange, rename_all = "camelCase", min_properties = 1)]
struct Body {
    /// The new name.
    #[deserr(default)]
    #[schema(value_type = Option<Name>)]
    name: NotNull<Name>,
    /// The new description; null for none.
    #[deserr(default)]
    #[schema(required = false, schema_with = schemas::nullable::<Description>)]
    description: Patch<Description>,
    /// The new category; null for none.
    #[deserr(default)]
    #[schema(required = false, schema_with = schemas::nullable::<Category>)]
    category: Patch<Category>,
    /// The new price of a unit.
    #[deserr(default)]
    #[schema(value_type = Option<Price>)]
    price: NotNull<Price>,
    /// The new discount on each unit.
    #[deserr(default)]
    #[schema(value_type = Option<Price>)]
    discount: NotNull<Price>,
    /// The new sale status.
    #[deserr(default)]
    #[schema(value_type = Option<SaleStatus>)]
    status: NotNull<SaleStatus>,
    /// The new number of shards of its stock, more or fewer, which then stays; null lets it follow the demand. The product
    /// goes on selling meanwhile. By admins only.
    #[deserr(default)]
    #[schema(required = false, schema_with = schemas::automatic_or::<ShardCount>)]
    stock_shards: Patch<ShardCount>,
    /// Whether the product is in flash mode from now on, and stays so: orders reserve its units ahead of their commit. Null
    /// lets the mode follow the demand. The product goes on selling meanwhile. By admins only.
    #[deserr(default)]
    #[schema(required = false, schema_with = schemas::automatic_or_switch)]
    flash: Patch<bool>,
    /// Whether it is sent to its buyer, so that an order of it needs an address.
    #[deserr(default)]
    #[schema(value_type = Option<bool>)]
    needs_shipping: NotNull<bool>,
    /// The new purchase limit; null for none. Units ordered before count as long as a limit within the same time is set.
    #[deserr(default)]
    #[schema(required = false, schema_with = schemas::nullable::<PurchaseLimitBody>)]
    limit: Patch<PurchaseLimitBody>,
    /// The new instant from which it can be ordered; null for at once.
    #[deserr(default)]
    #[schema(required = false, schema_with = schemas::nullable::<Instant>)]
    sale_from: Patch<Instant>,
    /// The new instant from which it can be ordered no longer; null for none.
    #[deserr(default)]
    #[schema(required = false, schema_with = schemas::nullable::<Instant>)]
    sale_until: Patch<Instant>,
    /// The new timed offers, instead of all before; null for none.
    #[deserr(default)]
    #[schema(required = false, schema_with = schemas::nullable_list::<TimedOfferBody, MAX_OFFERS>)]
    offers: Patch<Vec<TimedOfferBody>>,
}

impl Body {
    fn is_empty(&self) -> bool {
        let Self {
            name,
            description,
            category,
            price,
            discount,
            status,
            stock_shards,
            flash,
            needs_shipping,
            limit,
            sale_from,
            sale_until,
            offers,
        } = self;
        let texts = name.is_named() || !description.is_keep() || !category.is_keep();
        let offer = price.is_named() || discount.is_named() || status.is_named();
        let offer = offer || !(limit.is_keep() && sale_from.is_keep() && sale_until.is_keep() && offers.is_keep());
        let scale = !stock_shards.is_keep() || !flash.is_keep();
        !(texts || offer || scale || needs_shipping.is_named())
    }
}

/// Changes a product: a seller their own, an admin any. An order gets the old price or the new one, never a mixture.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`, 412.
#[utoipa::path(
    patch,
    path = "/products/{productId}",
    tag = "Products",
    params(("productId" = ProductId, Path), IfMatch),
    request_body = Body,
    responses((status = 200, description = "The product, changed.", body = ProductView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (product_id, body) = both(request.parameter::<ProductId>("productId"), request.body::<Body>()?)?;
    if body.is_empty() {
        return Err(FieldErrors::one("body", Invalid::Empty).into());
    }
    let offers = match body.offers {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(offers) => Patch::Set(timed_offers(&offers)?),
    };
    let caller = request.caller_as(&[Role::Seller, Role::Admin])?;
    let sets_shards = !body.stock_shards.is_keep() || !body.flash.is_keep();
    if sets_shards && caller.role != Role::Admin {
        return Err(Refusal::Forbidden.into());
    }
    users::may_change(shop, caller, None).await?;
    let change = ProductChange {
        precondition: request.precondition()?,
        name: body.name.get().map(Name::into_string),
        description: body.description.map(Description::into_string),
        category: body.category.map(Category::into_string),
        price: body.price.get().map(Price::won),
        discount: body.discount.get().map(Price::won),
        status: body.status.get(),
        stock_shards: body.stock_shards.map(ShardCount::get),
        flash: body.flash,
        needs_shipping: body.needs_shipping.get(),
        limit: body.limit.map(Into::into),
        sale_from: body.sale_from.map(Instant::timestamp),
        sale_until: body.sale_until.map(Instant::timestamp),
        offers,
    };
    let stocked = products::update(shop, caller, &product_id, &change).await?;
    let etag = stocked.product.etag();
    Ok(Reply::ok(ProductView::from(stocked))?.tagged(etag))
}
