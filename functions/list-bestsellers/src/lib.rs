//! `GET /products/best-seller` and `GET /products/top`: the five products sold most in three days.

use shared::{
    api::{ApiRequest, ApiResult, Reply, views::BestsellerView},
    app::{Shop, bestsellers},
    domain::Invalid,
};

/// The only stretch of time there is.
struct Range;

impl TryFrom<String> for Range {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        if text == "3days" { Ok(Self) } else { Err(Invalid::OneOf(vec!["3days"])) }
    }
}

/// The bestsellers of the last three Seoul days, today included.
///
/// # Errors
/// 400.
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    request.query::<Range>("range")?;
    Reply::page(BestsellerView::ranked(bestsellers::top(shop).await?), None)
}
