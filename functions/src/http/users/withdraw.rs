//! `POST /users/{userId}/withdraw`: a user leaves.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, parameters::IdempotencyKey, views::UserView},
    app::{
        Shop,
        access::{self, Access},
        users,
    },
    domain::UserId,
};

#[derive(Debug, Default, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewUserWithdrawal, rename_all = "camelCase")]
struct Body {
    /// Whether the user gives up the balance. Without it, the balance must be 0.
    #[deserr(default)]
    forfeit: Option<bool>,
}

/// Withdraws a user, themselves or by an admin. Their personal data is erased some time later; locally it is at once. A
/// user with open orders, payments or refunds, or with money, cannot withdraw: `details` of the 409 has the numbers.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE` or `ORDER_STATE_CONFLICT`, 422.
#[utoipa::path(
    post,
    path = "/users/{userId}/withdraw",
    tag = "Users",
    params(("userId" = UserId, Path), IdempotencyKey),
    request_body = Option<Body>,
    responses((status = 200, description = "The user, withdrawn.", body = UserView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (user_id, Body { forfeit }) = request.parameter_and_body::<UserId, Body>("userId")?;
    let caller = request.caller_for(&user_id)?;
    let key = request.key(shop, &caller.user_id);
    if caller.user_id != user_id {
        users::may_change(shop, caller, Some(&key)).await?;
    }
    access::note(shop, caller, Access { user: &user_id, route: "POST /users/{userId}/withdraw", order: None }).await?;
    let user = users::withdraw(shop, caller, &user_id, forfeit.unwrap_or_default(), &key).await?;
    let etag = user.etag();
    Ok(Reply::ok(UserView::from(user))?.tagged(etag))
}
