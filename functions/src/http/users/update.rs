//! `PATCH /users/{userId}`: changes a user.

use deserr::Deserr;
use shared::{
    api::{
        ApiRequest, ApiResult, FieldErrors, NotNull, Reply,
        bodies::{AddressBody, SellerBody},
        both,
        parameters::IfMatch,
        schemas,
        views::UserView,
    },
    app::{
        Role, Shop,
        access::{self, Access},
        users::{self, UserChange},
    },
    domain::{
        Invalid, Patch, Refusal, UserId,
        text::{Email, Name, Phone},
        user::{UserKind, UserStatus},
    },
};

#[derive(Debug, Deserr, utoipa::ToSchema)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[schema(as = UserChange, rename_all = "camelCase", min_properties = 1)]
struct Body {
    /// The new name.
    #[deserr(default)]
    #[schema(value_type = Option<Name>)]
    name: NotNull<Name>,
    /// The new e-mail address, which no other user may have.
    #[deserr(default)]
    #[schema(value_type = Option<Email>)]
    email: NotNull<Email>,
    /// The new telephone number; null for none.
    #[deserr(default)]
    #[schema(required = false, schema_with = schemas::nullable::<Phone>)]
    phone: Patch<Phone>,
    /// The new postal address, an object or a text that is its first line; null for none. Orders placed before keep the one
    /// that they have.
    #[deserr(default)]
    #[schema(required = false, schema_with = schemas::nullable::<AddressBody>)]
    address: Patch<AddressBody>,
    /// The new role. By admins only.
    #[deserr(default)]
    #[schema(value_type = Option<UserKind>)]
    kind: NotNull<UserKind>,
    /// The new business; null for none, together with a new role. By admins only.
    #[deserr(default)]
    #[schema(required = false, schema_with = schemas::nullable::<SellerBody>)]
    seller: Patch<SellerBody>,
    /// The new status. By admins only. `WITHDRAWN` is refused to a user with open business or money,
    /// gives the e-mail address up and lets the personal data be erased; any other claims the address again, until then.
    #[deserr(default)]
    #[schema(value_type = Option<UserStatus>)]
    status: NotNull<UserStatus>,
}

impl Body {
    fn needs_admin(&self) -> bool {
        self.kind.is_named() || !self.seller.is_keep() || self.status.is_named()
    }

    fn is_empty(&self) -> bool {
        let contact = [self.name.is_named(), self.email.is_named(), !self.phone.is_keep(), !self.address.is_keep()];
        !self.needs_admin() && !contact.contains(&true)
    }
}

/// Changes contact data (the user's own, or anyone's by an admin), and kind, business and status (by an admin). A field
/// that is left out stays; null clears an optional one. Sellers have a business, and no other user.
///
/// # Errors
/// 400, 401, 403, 404, 409 `USER_NOT_ACTIVE`, `ALREADY_EXISTS` or `ORDER_STATE_CONFLICT`, 412.
#[utoipa::path(
    patch,
    path = "/users/{userId}",
    tag = "Users",
    params(("userId" = UserId, Path), IfMatch),
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
    users::may_change(shop, caller, None).await?;
    let change = UserChange {
        precondition: request.precondition()?,
        name: body.name.get().map(Name::into_string),
        email: body.email.get().map(Email::into_string),
        phone: body.phone.map(Phone::into_string),
        address: body.address.map(Into::into),
        kind: body.kind.get(),
        seller: body.seller.map(Into::into),
        status: body.status.get(),
        forfeits: false,
    };
    access::note(shop, caller, Access { user: &user_id, route: "PATCH /users/{userId}", order: None }).await?;
    let user = users::update(shop, caller, &user_id, &change, None).await?;
    let etag = user.etag();
    Ok(Reply::ok(UserView::from(user))?.tagged(etag))
}
