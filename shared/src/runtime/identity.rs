//! Who calls.
//!
//! Deployed, the API's JWT authorizer has checked a token and hands its claims over. Locally there is no authorizer:
//! the runner says so, and then headers are believed.

use std::collections::HashMap;

use lambda_http::{Request, RequestExt, request::RequestContext};

use crate::{
    app::{Caller, Role},
    domain::UserId,
};

/// What is known of who calls, before anything of the request is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Someone whom the authorizer (or, locally, the headers) named.
    Known(Caller),
    /// Nobody.
    Anonymous,
    /// Nobody, and the runner is local: a user id in the request may be believed as a customer's.
    Claimed,
}

/// The claim that names the caller.
const SUBJECT: &str = "sub";

/// The claims that can hold the caller's groups: Cognito's, and a plain one of other providers.
const GROUPS: [&str; 2] = ["cognito:groups", "groups"];

impl Identity {
    /// Reads it from a request.
    pub fn of(request: &Request, trust_headers: bool) -> Self {
        if trust_headers {
            return Self::from_headers(request);
        }
        match request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => {
                let claims = context.authorizer.as_ref().and_then(|authorizer| authorizer.jwt.as_ref());
                claims.and_then(|jwt| from_claims(&jwt.claims)).map_or(Self::Anonymous, Self::Known)
            }
            _ => Self::Anonymous,
        }
    }

    fn from_headers(request: &Request) -> Self {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let user_id = header("x-user-id").map(|id| UserId::try_from(id.to_owned()));
        let role = header("x-user-role").map_or(Some(Role::Customer), role);
        match (user_id, role) {
            (None, _) => Self::Claimed,
            (Some(Ok(user_id)), Some(role)) => Self::Known(Caller { user_id, role }),
            (Some(_), _) => Self::Anonymous,
        }
    }
}

fn from_claims(claims: &HashMap<String, String>) -> Option<Caller> {
    let user_id = UserId::try_from(claims.get(SUBJECT)?.clone()).ok()?;
    // API Gateway writes a list claim as `[a b]`.
    let groups = GROUPS.iter().filter_map(|claim| claims.get(*claim));
    let named = |wanted: Role| {
        groups
            .clone()
            .any(|groups| groups.split(|c: char| !c.is_alphanumeric()).any(|group| role(group) == Some(wanted)))
    };
    let role = [Role::Admin, Role::Seller].into_iter().find(|wanted| named(*wanted)).unwrap_or(Role::Customer);
    Some(Caller { user_id, role })
}

fn role(name: &str) -> Option<Role> {
    match name.to_ascii_uppercase().as_str() {
        "CUSTOMER" => Some(Role::Customer),
        "SELLER" => Some(Role::Seller),
        "ADMIN" => Some(Role::Admin),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(claims: &[(&str, &str)]) -> Option<(String, Role)> {
        let claims = claims.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        from_claims(&claims).map(|caller| (caller.user_id.to_string(), caller.role))
    }

    #[test]
    fn groups_of_a_token_give_the_role() {
        assert_eq!(caller(&[("sub", "mina")]), Some(("mina".to_owned(), Role::Customer)));
        assert_eq!(caller(&[("sub", "mina"), ("cognito:groups", "[staff admin]")]).unwrap().1, Role::Admin);
        assert_eq!(caller(&[("sub", "mina"), ("groups", "seller")]).unwrap().1, Role::Seller);
        assert_eq!(caller(&[("sub", "mina"), ("groups", "[administrators]")]).unwrap().1, Role::Customer);
        assert_eq!(caller(&[("groups", "[admin]")]), None);
        assert_eq!(caller(&[("sub", "mi na")]), None);
    }

    #[test]
    fn headers_count_only_where_the_runner_is_local() {
        let request = || {
            lambda_http::http::Request::builder()
                .header("x-user-id", "root")
                .header("x-user-role", "ADMIN")
                .body(lambda_http::Body::Empty)
                .unwrap()
        };
        let admin = Caller { user_id: UserId::try_from("root".to_owned()).unwrap(), role: Role::Admin };
        assert_eq!(Identity::of(&request(), true), Identity::Known(admin));
        assert_eq!(Identity::of(&request(), false), Identity::Anonymous);
    }

    #[test]
    fn an_unknown_role_is_nobody() {
        let request = lambda_http::http::Request::builder()
            .header("x-user-id", "mina")
            .header("x-user-role", "KING")
            .body(lambda_http::Body::Empty)
            .unwrap();
        assert_eq!(Identity::of(&request, true), Identity::Anonymous);
    }
}
