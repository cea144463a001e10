//! `GET /products/best-seller` and `GET /products/top`: the five products sold most in three days.

use shared::{
    api::{ApiRequest, ApiResult, Reply, views::BestsellerView},
    app::{Shop, bestsellers},
    domain::Invalid,
};

/// The only stretch of time there is.
#[derive(utoipa::ToSchema)]
enum Range {
    #[schema(rename = "3days")]
    ThreeDays,
}

impl TryFrom<String> for Range {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        if text == "3days" { Ok(Self::ThreeDays) } else { Err(Invalid::OneOf(vec!["3days"])) }
    }
}

/// The bestsellers of the last three Seoul days, today included.
///
/// # Errors
/// 400.
#[utoipa::path(
    get,
    path = "/products/best-seller",
    tag = "Products",
    params(("range" = inline(Option<Range>), Query, description = "The stretch of time.")),
    responses((status = 200, description = "The bestsellers, best first; five at most.", body = [BestsellerView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    request.query::<Range>("range")?;
    Reply::page(BestsellerView::ranked(bestsellers::top(shop).await?), None)
}
