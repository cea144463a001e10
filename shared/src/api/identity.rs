//! Identity of the caller.
//!
//! Deployed, the API's JWT authorizer verifies a token and passes its claims on. The local runner has no authorizer:
//! debug builds take identity from headers there. Release builds do not contain the code that reads those headers.

mod groups;
#[cfg(debug_assertions)]
mod local;

use lambda_http::{Request, RequestExt, http::header, request::RequestContext};

pub use groups::RoleGroups;
#[cfg(debug_assertions)]
pub use local::LocalDoor;

use crate::{
    app::{Caller, Role},
    domain::{Refusal, UserId},
};

/// The identity of the caller before anything else of the request is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Named by the authorizer or, locally, by the headers.
    Known(Caller),
    Anonymous,
    /// Not named, under the local runner: a user id in the request may be trusted as that of a customer.
    Unverified,
}

#[derive(Debug, Clone)]
pub enum IdentitySource {
    /// The claims of the token that the API's authorizer verified.
    Claims(RoleGroups),
    /// The headers of a request that the local runner's door admits.
    #[cfg(debug_assertions)]
    Headers(LocalDoor),
}

/// The claim with the caller's id.
const SUBJECT: &str = "sub";

impl IdentitySource {
    /// Identifies the caller of a request.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] for a request that the local runner's door does not admit.
    pub fn identify(&self, request: &Request) -> Result<Identity, Refusal> {
        match self {
            Self::Claims(groups) => Ok(from_claims(request, groups).map_or(Identity::Anonymous, Identity::Known)),
            #[cfg(debug_assertions)]
            Self::Headers(door) => door.identify(request.headers()),
        }
    }
}

fn from_claims(request: &Request, groups: &RoleGroups) -> Option<Caller> {
    let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else { return None };
    let claims = &context.authorizer.as_ref()?.jwt.as_ref()?.claims;
    let user_id = UserId::try_from(claims.get(SUBJECT)?.clone()).ok()?;
    let token = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let role = claims.get(&groups.claim).map_or(Role::Customer, |text| groups.role(text, token));
    Some(Caller { user_id, role })
}
