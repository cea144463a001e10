//! `GET /products/best-seller` and `GET /products/top`: the five products sold most in three days.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, views::BestsellerView},
    app::{Shop, bestsellers},
    domain::{Invalid, UserId},
};

/// The only time range there is.
#[derive(Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, try_from(String) = Range::try_from -> Invalid)]
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

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "there is one range, and the list is everybody's")]
struct Query {
    /// The caller, for a local shop and only without the header `x-user-id`.
    #[deserr(default)]
    user_id: Option<UserId>,
    /// The time range.
    #[deserr(default)]
    #[param(inline)]
    range: Option<Range>,
}

/// The bestsellers of the last three Seoul days, today included.
///
/// Units sold decide the rank, less cancelled ones.
///
/// # Errors
/// 400.
#[utoipa::path(
    get,
    path = "/products/best-seller",
    tag = "Products",
    params(Query),
    responses((status = 200, description = "The bestsellers, best first; five at most.", body = [BestsellerView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    request.query::<Query>()?;
    Reply::page(BestsellerView::ranked(bestsellers::top(shop).await?), None)
}
