//! `PATCH /users/{userId}`: changes a user.

use deserr::Deserr;
use shared::{
    api::{ApiRequest, ApiResult, FieldErrors, Reply, bodies::SellerBody, both, views::UserView},
    app::{
        Role, Shop,
        users::{self, UserChange},
    },
    domain::{
        Invalid, Refusal, UserId,
        text::{Email, Line, Name, Phone},
        user::{UserKind, UserStatus},
    },
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = UserChange, rename_all = "camelCase", min_properties = 1)]
struct Body {
    /// Another name.
    #[deserr(default)]
    name: Option<Name>,
    /// Another e-mail address.
    #[deserr(default)]
    email: Option<Email>,
    /// Another telephone number.
    #[deserr(default)]
    phone: Option<Phone>,
    /// Another postal address.
    #[deserr(default)]
    address: Option<Line>,
    /// Another kind. By admins only.
    #[deserr(default)]
    kind: Option<UserKind>,
    /// Another business. By admins only.
    #[deserr(default)]
    seller: Option<SellerBody>,
    /// Another status. By admins only.
    #[deserr(default)]
    status: Option<UserStatus>,
}

impl Body {
    fn needs_admin(&self) -> bool {
        self.kind.is_some() || self.seller.is_some() || self.status.is_some()
    }

    fn is_empty(&self) -> bool {
        let contact = [self.name.is_some(), self.email.is_some(), self.phone.is_some(), self.address.is_some()];
        !self.needs_admin() && !contact.contains(&true)
    }
}

/// Changes contact data (the user's own, or anyone's by an admin), and kind, business and status (by an admin).
///
/// # Errors
/// 400, 401, 403, 404.
#[utoipa::path(
    patch,
    path = "/users/{userId}",
    tag = "Users",
    params(("userId" = UserId, Path)),
    request_body = Body,
    responses((status = 200, description = "The user, changed.", body = UserView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let (user_id, body) = both(request.parameter::<UserId>("userId"), request.body::<Body>()?)?;
    if body.is_empty() {
        return Err(FieldErrors::one("body", Invalid::Empty).into());
    }
    let caller = request.caller_for(&user_id)?;
    if body.needs_admin() && caller.role != Role::Admin {
        return Err(Refusal::Forbidden.into());
    }
    let change = UserChange {
        name: body.name.map(Name::into_string),
        email: body.email.map(Email::into_string),
        phone: body.phone.map(Phone::into_string),
        address: body.address.map(Line::into_string),
        kind: body.kind,
        seller: body.seller.map(Into::into),
        status: body.status,
    };
    Reply::ok(UserView::from(users::update(shop, &user_id, &change).await?))
}
