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

#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
struct Body {
    #[deserr(default)]
    name: Option<Name>,
    #[deserr(default)]
    email: Option<Email>,
    #[deserr(default)]
    phone: Option<Phone>,
    #[deserr(default)]
    address: Option<Line>,
    #[deserr(default)]
    kind: Option<UserKind>,
    #[deserr(default)]
    seller: Option<SellerBody>,
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
