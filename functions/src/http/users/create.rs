//! `POST /users`: a user joins.

use deserr::Deserr;
use shared::{
    api::{
        ApiRequest, ApiResult, FieldErrors, Reply,
        bodies::{AddressBody, SellerBody},
        parameters::IdempotencyKey,
        views::UserView,
    },
    app::{
        Role, Shop,
        users::{self, NewUser},
    },
    domain::{
        Refusal, UserId,
        text::{Email, Name, Phone},
        user::UserKind,
    },
};

use crate::http::new_id::NewId;

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewUser, rename_all = "camelCase")]
struct Body {
    /// The id to use; without it, the id in the token, or a new one.
    #[deserr(default)]
    #[schema(value_type = Option<UserId>)]
    user_id: Option<NewId<UserId>>,
    /// Their name.
    name: Name,
    /// Their e-mail address.
    email: Email,
    /// Their telephone number.
    #[deserr(default)]
    phone: Option<Phone>,
    /// Their postal address: an object, or a text that is its first line.
    #[deserr(default)]
    address: Option<AddressBody>,
    /// The role of the user; by default `CUSTOMER`, or `SELLER` with a business. By admins only.
    #[deserr(default)]
    kind: Option<UserKind>,
    /// Their business: sellers have one, and no other user. By admins only.
    #[deserr(default)]
    seller: Option<SellerBody>,
}

/// Adds a user. A customer joins as themselves, under the id in their token; an admin adds anyone. Under the local
/// runner, a caller without identity may choose an id or get one. No two users share an e-mail address in any case,
/// withdrawn ones apart: `details.field` of a 409 is `email` or `userId`.
///
/// # Errors
/// 400, 401, 403 (a kind or business without an admin, another's id), 404, 409 `USER_NOT_ACTIVE` or `ALREADY_EXISTS`,
/// 422.
#[utoipa::path(
    post,
    path = "/users",
    tag = "Users",
    params(IdempotencyKey),
    request_body = Body,
    responses((status = 201, description = "The user.", body = UserView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let body: Body = request.only_body()?;
    let kind = body.kind.unwrap_or(if body.seller.is_some() { UserKind::Seller } else { UserKind::Customer });
    kind.check_business(body.seller.is_some()).map_err(|invalid| FieldErrors::one("seller", invalid))?;
    let chosen = body.user_id.map(NewId::into_id);
    let (user_id, is_admin) = match request.known() {
        Some(caller) if caller.role == Role::Admin => (chosen, true),
        Some(caller) => (Some(chosen.unwrap_or_else(|| caller.user_id.clone())), false),
        None => (chosen, false),
    };
    if let Some(user_id) = &user_id {
        request.caller_for(user_id)?;
    } else if !is_admin {
        request.require_local_runner()?;
    }
    // The client does not choose the id of a token in the body, but it can be a reserved word as well.
    let user_id = user_id.map(NewId::new).transpose().map_err(|invalid| FieldErrors::one("userId", invalid))?;
    let user_id = user_id.map(NewId::into_id);
    if !is_admin && (body.seller.is_some() || body.kind.is_some_and(|kind| kind != UserKind::Customer)) {
        return Err(Refusal::Forbidden.into());
    }
    let key = match request.known().map(|caller| &caller.user_id).or(user_id.as_ref()) {
        Some(caller) => request.key(shop, caller),
        None => request.anonymous_key(shop),
    };
    if let Some(caller) = request.known() {
        users::may_change(shop, caller, Some(&key)).await?;
    }
    let new = NewUser {
        user_id,
        name: body.name.into_string(),
        email: body.email.into_string(),
        phone: body.phone.map(Phone::into_string),
        address: body.address.map(Into::into),
        kind,
        seller: body.seller.map(Into::into),
    };
    let user = users::create(shop, new, &key).await?;
    let etag = user.etag();
    Ok(Reply::created(UserView::from(user))?.tagged(etag))
}
