//! `GET /products`: the catalogue, with exact stock.

use shared::{
    api::{
        ApiRequest, ApiResult, Cursor, FieldErrors, Limit, Reply, both, parameters::PageParameters, schemas,
        views::ListedProductView,
    },
    app::{Shop, products},
    domain::{Invalid, invalid::Kind, money},
};

/// How many products can be skipped by page. A cursor goes on without end.
const MAX_SKIPPED: usize = 1_000;

/// A page's number, from 1.
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

/// The products on sale, in the order they were created, by page or by cursor.
///
/// # Errors
/// 400.
#[utoipa::path(
    get,
    path = "/products",
    tag = "Products",
    params(
        ("page" = inline(Option<Page>), Query, description = "The number of a page, from 1, instead of a cursor."),
        PageParameters,
    ),
    responses((status = 200, description = "A part of the catalogue.", body = [ListedProductView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let page = both(request.query::<Page>("page"), request.query::<Cursor>("cursor"));
    let ((page, cursor), limit) = both(page, request.query::<Limit>("limit"))?;
    let limit = limit.unwrap_or_default().get();
    if page.is_some() && cursor.is_some() {
        return Err(FieldErrors::one("page", Invalid::Excludes("cursor")).into());
    }
    let skip = page.map_or(0, |page| (page.0 - 1) * limit);
    if skip > MAX_SKIPPED {
        let deepest = MAX_SKIPPED / limit + 1;
        return Err(FieldErrors::one("page", Invalid::Range { min: 1, max: deepest as i64 }).into());
    }
    let catalogue = products::list(shop, cursor.map(Cursor::place), skip, limit).await?;
    let items = catalogue.items.into_iter().map(ListedProductView::from).collect();
    Reply::page(items, catalogue.next.map(Cursor::to))
}
