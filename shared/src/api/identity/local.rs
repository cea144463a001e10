//! Identity under the local runner: by the headers of requests that its door admits.
//!
//! A web page of another origin can reach every port of this machine, and so can one with a host name rebound to
//! 127.0.0.1. A request is therefore admitted only with the key of the runner's gateway. If a function runs under a
//! plain `cargo lambda watch`, it must instead address this machine by name and come from no other page.

use lambda_http::http::{HeaderMap, HeaderValue, header};

use super::Identity;
use crate::{
    app::{Caller, Role},
    domain::{Refusal, UserId},
};

/// The header with which the runner's gateway vouches for a request.
const DOOR_KEY: &str = "x-jangteo-door-key";

const LOCAL_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The local runner's door: the check that admits a request before its headers are trusted.
#[derive(Debug, Clone, Default)]
pub struct LocalDoor {
    key: Option<String>,
}

impl LocalDoor {
    /// A door that admits requests with this key; without one, requests from this machine's own pages and programs.
    pub fn new(key: Option<String>) -> Self {
        Self { key }
    }

    pub(super) fn identify(&self, headers: &HeaderMap) -> Result<Identity, Refusal> {
        if self.admits(headers) { Ok(by_headers(headers)) } else { Err(Refusal::Forbidden) }
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        match &self.key {
            Some(key) => headers.get(DOOR_KEY).is_some_and(|given| given.as_bytes() == key.as_bytes()),
            None => is_from_this_machine(headers),
        }
    }
}

/// Whether each `Host` is this machine, and each `Origin` that very host. `Sec-Fetch-Site` identifies a page that sends
/// no `Origin`.
fn is_from_this_machine(headers: &HeaderMap) -> bool {
    let hosts: Vec<_> = headers.get_all(header::HOST).iter().map(HeaderValue::as_bytes).collect();
    let has_local_hosts = hosts.iter().all(|host| std::str::from_utf8(host).is_ok_and(is_local_host));
    let own_origins: Vec<_> = hosts.iter().map(|host| [b"http://", *host].concat()).collect();
    let origins: Vec<_> = headers.get_all(header::ORIGIN).iter().map(HeaderValue::as_bytes).collect();
    let is_of_other_site =
        headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none" && origins.is_empty());
    has_local_hosts && origins.iter().all(|origin| own_origins.iter().any(|own| own == origin)) && !is_of_other_site
}

fn is_local_host(host: &str) -> bool {
    LOCAL_HOSTS.iter().any(|name| {
        let Some((given, port)) = host.split_at_checked(name.len()) else { return false };
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
        given.eq_ignore_ascii_case(name) && is_port
    })
}

fn by_headers(headers: &HeaderMap) -> Identity {
    // A header that is not text, like one that is not an id, names no caller.
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let role = match text("x-user-role").map(str::to_ascii_uppercase).as_deref() {
        None | Some("CUSTOMER") => Some(Role::Customer),
        Some("SELLER") => Some(Role::Seller),
        Some("ADMIN") => Some(Role::Admin),
        Some(_) => None,
    };
    match (text("x-user-id").map(|id| UserId::try_from(id.to_owned())), role) {
        (None, _) => Identity::Unverified,
        (Some(Ok(user_id)), Some(role)) => Identity::Known(Caller { user_id, role }),
        (Some(_), _) => Identity::Anonymous,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn identify(fields: &[(&'static str, &str)]) -> Result<Identity, Refusal> {
        LocalDoor::default().identify(&headers(fields))
    }

    fn known(user_id: &str, role: Role) -> Identity {
        Identity::Known(Caller { user_id: UserId::try_from(user_id.to_owned()).unwrap(), role })
    }

    #[test]
    fn headers_name_the_caller() {
        assert_eq!(identify(&[("x-user-id", "root"), ("x-user-role", "ADMIN")]), Ok(known("root", Role::Admin)));
        assert_eq!(identify(&[("x-user-id", "mina"), ("x-user-role", "seller")]), Ok(known("mina", Role::Seller)));
        assert_eq!(identify(&[("x-user-id", "mina")]), Ok(known("mina", Role::Customer)));
        assert_eq!(identify(&[]), Ok(Identity::Unverified));
    }

    #[test]
    fn an_unknown_role_or_no_id_is_nobody() {
        assert_eq!(identify(&[("x-user-id", "mina"), ("x-user-role", "KING")]), Ok(Identity::Anonymous));
        assert_eq!(identify(&[("x-user-id", "mi na")]), Ok(Identity::Anonymous));
        let mut damaged = HeaderMap::new();
        damaged.insert("x-user-id", HeaderValue::from_bytes(b"mina\xff").unwrap());
        assert_eq!(LocalDoor::default().identify(&damaged), Ok(Identity::Anonymous));
    }

    #[test]
    fn without_a_key_only_this_machine_is_admitted() {
        for admitted in [
            &[("host", "localhost:9000")][..],
            &[("host", "127.0.0.1")],
            &[("host", "[::1]:9000")],
            &[("host", "LOCALHOST:9000"), ("origin", "http://LOCALHOST:9000")],
            &[("host", "localhost:9000"), ("sec-fetch-site", "none")],
        ] {
            assert!(identify(admitted).is_ok(), "{admitted:?}");
        }
        for refused in [
            &[("host", "evil.example:9000")][..],
            &[("host", "localhost.evil.example")],
            &[("host", "localhost:9000"), ("host", "evil.example")],
            &[("host", "localhost:9000"), ("origin", "http://evil.example")],
            &[("host", "localhost:9000"), ("origin", "http://localhost:3000")],
            &[("host", "localhost:9000"), ("origin", "null")],
            &[("host", "localhost:9000"), ("sec-fetch-site", "cross-site")],
            &[("host", "localhost:9000"), ("sec-fetch-site", "same-site")],
        ] {
            assert_eq!(identify(refused), Err(Refusal::Forbidden), "{refused:?}");
        }
    }

    #[test]
    fn with_a_key_only_the_gateway_is_admitted() {
        let door = LocalDoor::new(Some("secret".to_owned()));
        assert_eq!(door.identify(&headers(&[(DOOR_KEY, "secret")])), Ok(Identity::Unverified));
        for refused in [&[(DOOR_KEY, "guess")][..], &[("host", "localhost:9000")], &[]] {
            assert_eq!(door.identify(&headers(refused)), Err(Refusal::Forbidden), "{refused:?}");
        }
    }
}
