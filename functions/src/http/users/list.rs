//! `GET /users`: users by e-mail address or telephone number, for admins.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, views::UserView},
    app::{
        Role, Shop,
        access::{self, Access},
        users::{self, Criterion},
    },
    domain::{
        Invalid, UserId,
        text::{Email, Phone},
    },
};

#[derive(Deserr, utoipa::IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Query {
    /// The caller, for a local shop and only without the header `x-user-id`.
    #[deserr(default)]
    #[expect(dead_code, reason = "known on every route, and without meaning on this one")]
    user_id: Option<UserId>,
    /// The e-mail address, in any case. Exactly one of this and `phone` is given.
    #[deserr(default)]
    #[param(inline)]
    email: Option<Email>,
    /// The telephone number, whatever is between its digits.
    #[deserr(default)]
    #[param(inline)]
    phone: Option<Phone>,
}

/// The users with an e-mail address, at most one, or with a telephone number.
///
/// For admins. Exactly one of the two is required; the audit log notes each user found.
///
/// # Errors
/// 400, 401, 403.
#[utoipa::path(
    get,
    path = "/users",
    tag = "Users",
    params(Query),
    responses((status = 200, description = "The users.", body = [UserView])),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let Query { user_id: _, email, phone } = request.query()?;
    let caller = request.caller_as(&[Role::Admin])?;
    let criterion = match (email, phone) {
        (Some(email), None) => Criterion::Email(email.into_string()),
        (None, Some(phone)) => Criterion::Phone(phone.into_string()),
        (None, None) => return Err(FieldErrors::one("email", Invalid::Required).into()),
        (Some(_), Some(_)) => return Err(FieldErrors::one("phone", Invalid::Excludes("email")).into()),
    };
    let found = users::find(shop, &criterion).await?;
    for user in &found {
        access::note(shop, caller, Access { user: &user.profile.user_id, route: "GET /users", order: None }).await?;
    }
    Reply::page(found.into_iter().map(UserView::from).collect(), None)
}
