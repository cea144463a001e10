//! `GET /products`: the catalogue, with exact stock, or with stock of up to a second ago.

use deserr::Deserr;
use shared::{
    api::{
        ApiRequest, ApiResult, FieldErrors, Limit, RecentStock, Reply, cursor::ProductsCursor, schemas,
        views::ListedProductView,
    },
    app::{
        Shop,
        products::{self, Catalogue, Recent},
    },
    domain::{Invalid, UserId, invalid::Kind, money},
};

/// The most products that can be skipped by page. A cursor goes on without end.
const MAX_SKIPPED: usize = 1_000;

/// The number of a page, from 1.
#[derive(Deserr)]
#[deserr(error = FieldErrors, try_from(String) = Page::try_from -> Invalid)]
struct Page(usize);

impl utoipa::PartialSchema for Page {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        schemas::bounded(
            "A page's number. Pages beyond the first thousand products are reached by cursor.",
            1,
            MAX_SKIPPED as i64,
        )
        .into()
    }
}

impl utoipa::ToSchema for Page {}

impl TryFrom<String> for Page {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let number = text.parse().map_err(|_| Invalid::NotA(Kind::Integer))?;
        let number = money::in_range(number, 1, MAX_SKIPPED as i64)?;
        usize::try_from(number).map(Self).map_err(|_| Invalid::NotA(Kind::Integer))
    }
}

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Query {
    /// The caller, for a local shop. The list is public.
    #[deserr(default)]
    #[expect(dead_code, reason = "known on every route, and without meaning on this one")]
    user_id: Option<UserId>,
    /// The number of a page, from 1, instead of a cursor. A page with a `nextCursor` and fewer products than `limit`
    /// was cut, because its products have many shards: it goes on by the cursor.
    #[deserr(default)]
    #[param(inline)]
    page: Option<Page>,
    /// The `nextCursor` of the part before; without it, the list begins.
    #[deserr(default)]
    #[param(inline)]
    cursor: Option<ProductsCursor>,
    /// The most entries of the answer.
    #[deserr(default)]
    #[param(inline)]
    limit: Option<Limit>,
    /// Lets the stock be up to a second old. The answer then has `asOf` beside `items`, and caches may keep it for the
    /// rest of the second.
    #[deserr(default)]
    #[param(inline)]
    stock: Option<RecentStock>,
}

/// The products on sale, in the order of their creation, by page or by cursor. Their stock is exact, unless
/// `stock=recent` is given.
///
/// # Errors
/// 400.
#[utoipa::path(
    get,
    path = "/products",
    tag = "Products",
    params(Query),
    responses((status = 200, description = "A part of the catalogue.", body = [ListedProductView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let Query { user_id: _, page, cursor, limit, stock } = request.query()?;
    let limit = limit.unwrap_or_default().get();
    if page.is_some() && cursor.is_some() {
        return Err(FieldErrors::one("page", Invalid::Excludes("cursor")).into());
    }
    let skip = page.map_or(0, |page| (page.0 - 1) * limit);
    if skip > MAX_SKIPPED {
        let deepest = MAX_SKIPPED / limit + 1;
        return Err(FieldErrors::one("page", Invalid::Range { min: 1, max: deepest as i64 }).into());
    }
    let after = cursor.map(|cursor| cursor.place_for("")).transpose()?;
    let Some(RecentStock) = stock else {
        let (items, next) = shown(products::list(shop, after, skip, limit).await?);
        return Reply::page(items, next);
    };
    let Recent { value, as_of, may_be_kept } = products::list_recent(shop, after, skip, limit).await?;
    let (items, next) = shown(value);
    Ok(Reply::page_as_of(items, next, as_of)?.kept_for_a_second(may_be_kept))
}

fn shown(Catalogue { items, next }: Catalogue) -> (Vec<ListedProductView>, Option<String>) {
    let items = items.into_iter().map(ListedProductView::from).collect();
    (items, next.map(|place| ProductsCursor::to("", place).encode()))
}
