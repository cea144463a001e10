//! `GET /users/{userId}`: a user.

use shared::{
    api::{ApiRequest, ApiResult, Reply, views::UserView},
    app::{
        Shop,
        access::{self, Access},
        users,
    },
    domain::UserId,
};

/// A user, for themselves and admins.
///
/// The `ETag` serves a later PATCH.
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    get,
    path = "/users/{userId}",
    tag = "Users",
    params(("userId" = UserId, Path)),
    responses((status = 200, description = "The user.", body = UserView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let user_id: UserId = request.only_parameter("userId")?;
    let caller = request.caller_for(&user_id)?;
    let user = users::get(shop, &user_id).await?;
    access::note(shop, caller, Access { user: &user_id, route: "GET /users/{userId}", order: None }).await?;
    let etag = user.etag();
    Ok(Reply::ok(UserView::from(user))?.tagged(etag))
}
