//! `POST /users`: a user joins.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, bodies::SellerBody, parameters::IdempotencyKey, views::UserView},
    app::{
        Role, Shop,
        users::{self, NewUser},
    },
    domain::{
        Refusal, UserId,
        text::{Email, Line, Name, Phone},
        user::UserKind,
    },
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = NewUser, rename_all = "camelCase")]
struct Body {
    /// The id to have; without it, one is made, or it is that of the token.
    #[deserr(default)]
    user_id: Option<UserId>,
    /// Their name.
    name: Name,
    /// Their e-mail address.
    email: Email,
    /// Their telephone number.
    #[deserr(default)]
    phone: Option<Phone>,
    /// Their postal address.
    #[deserr(default)]
    address: Option<Line>,
    /// What they are to the shop; `CUSTOMER` unless told. By admins only.
    #[deserr(default)]
    kind: Option<UserKind>,
    /// Their business, if they are a seller. By admins only.
    #[deserr(default)]
    seller: Option<SellerBody>,
}

/// Adds a user. A customer joins as themselves, under the id that their token names; an admin adds anyone. Under the
/// local runner, who says nothing of themselves may choose an id or get one.
///
/// # Errors
/// 400, 401, 403 (a kind or business given by who is no admin, another's id), 409 `ALREADY_EXISTS`, 422.
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
    let (user_id, is_admin) = match request.known() {
        Some(caller) if caller.role == Role::Admin => (body.user_id, true),
        Some(caller) => (Some(body.user_id.unwrap_or_else(|| caller.user_id.clone())), false),
        None => (body.user_id, false),
    };
    if let Some(user_id) = &user_id {
        request.caller_for(user_id)?;
    } else if !is_admin {
        request.allow_unnamed()?;
    }
    if !is_admin && (body.seller.is_some() || body.kind.is_some_and(|kind| kind != UserKind::Customer)) {
        return Err(Refusal::Forbidden.into());
    }
    let key = match request.known().map(|caller| &caller.user_id).or(user_id.as_ref()) {
        Some(caller) => request.key(shop, caller),
        None => request.key_of_nobody(shop),
    };
    let new = NewUser {
        user_id,
        name: body.name.into_string(),
        email: body.email.into_string(),
        phone: body.phone.map(Phone::into_string),
        address: body.address.map(Line::into_string),
        kind: body.kind.unwrap_or(if body.seller.is_some() { UserKind::Seller } else { UserKind::Customer }),
        seller: body.seller.map(Into::into),
    };
    Reply::created(UserView::from(users::create(shop, new, &key).await?))
}
