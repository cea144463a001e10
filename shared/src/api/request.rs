//! Requests as endpoints see them: caller, parameters, body, preconditions and idempotency key.

use std::sync::OnceLock;

use deserr::Deserr;
use lambda_http::{
    Request, RequestExt,
    http::{Method, header},
};
use serde_json::Value;

use super::{ApiError, FieldErrors, Language, NoQuery, json};
use crate::{
    api::identity::Identity,
    app::{Caller, RequestKey, Role, Shop},
    domain::{Invalid, Precondition, Refusal, UserId, characters, drops::DropTicket},
};

pub const MAX_BODY_BYTES: usize = 64 * 1024;

pub(super) const MAX_KEY_LENGTH: usize = 255;

#[derive(Debug)]
pub struct ApiRequest {
    pub(super) request: Request,
    identity: Identity,
    language: Language,
    caller: OnceLock<Caller>,
    /// The body, once it was read as JSON.
    body: OnceLock<Value>,
}

impl ApiRequest {
    /// The header that makes a request safe to repeat.
    pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

    /// The header that makes a change depend on the state that its caller has read.
    pub const IF_MATCH: &str = "If-Match";

    /// The header with the ticket of a drop.
    pub const DROP_TICKET: &str = "x-drop-ticket";

    /// A request with the identity that the runtime found.
    pub fn new(request: Request, identity: Identity) -> Self {
        let language = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let language = language.map(Language::preferred).unwrap_or_default();
        Self { request, identity, language, caller: OnceLock::new(), body: OnceLock::new() }
    }

    pub fn language(&self) -> Language {
        self.language
    }

    /// The method and path, for the log.
    pub(crate) fn line(&self) -> (&str, &str) {
        (self.request.method().as_str(), self.request.uri().path())
    }

    /// The path as received: not the URI's, in which `..` has been resolved already.
    pub fn path(&self) -> &str {
        let raw = self.request.raw_http_path();
        if raw.is_empty() { self.request.uri().path() } else { raw }
    }

    pub fn method(&self) -> &str {
        self.request.method().as_str()
    }

    /// A header, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.request.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// The caller, if an endpoint has asked for them.
    pub(crate) fn known_caller(&self) -> Option<&Caller> {
        self.caller.get()
    }

    /// Returns a parameter of the path.
    ///
    /// # Errors
    /// If it is not of the type.
    pub fn parameter<T: TryFrom<String, Error = Invalid>>(&self, name: &str) -> Result<T, FieldErrors> {
        let parameters = self.request.path_parameters();
        let text = parameters.first(name).unwrap_or_default().to_owned();
        T::try_from(text).map_err(|invalid| FieldErrors::one(name, invalid))
    }

    /// Returns a parameter of the path, for an endpoint without other input.
    ///
    /// # Errors
    /// If it is not of the type, or the query is wrong.
    pub fn only_parameter<T: TryFrom<String, Error = Invalid>>(&self, name: &str) -> Result<T, FieldErrors> {
        super::both(self.parameter(name), self.query::<NoQuery>()).map(|(parameter, _)| parameter)
    }

    /// Returns the body, for an endpoint without parameters in the query.
    ///
    /// # Errors
    /// If it is too large, not JSON, or has wrong fields, with all faults of the idempotency key, the precondition and
    /// the query.
    pub fn body<T: Deserr<FieldErrors>>(&self) -> Result<Result<T, FieldErrors>, ApiError> {
        self.body_beside(|| self.beside_body())
    }

    fn body_beside<T: Deserr<FieldErrors>>(
        &self,
        beside: impl FnOnce() -> Result<(), FieldErrors>,
    ) -> Result<Result<T, FieldErrors>, ApiError> {
        let bytes: &[u8] = self.request.body();
        if bytes.len() > MAX_BODY_BYTES {
            return Err(ApiError::TooLarge);
        }
        if !self.says_json() {
            return Err(ApiError::NotJson);
        }
        // API Gateway replaces bytes that are not UTF-8. Their meaning is lost, so the rest is refused.
        if std::str::from_utf8(bytes).is_ok_and(|text| text.contains(char::REPLACEMENT_CHARACTER)) {
            return Ok(Err(FieldErrors::one("body", Invalid::Json)));
        }
        let body = json::parse(bytes).and_then(|value| deserr::deserialize(self.body.get_or_init(|| value).clone()));
        Ok(super::both(beside(), body).map(|((), body)| body))
    }

    /// Returns a parameter of the path and a body that can be left out.
    ///
    /// # Errors
    /// As [`Self::parameter`] and [`Self::body`], with the faults of both.
    pub fn parameter_and_body<P, T>(&self, name: &str) -> Result<(P, T), ApiError>
    where
        P: TryFrom<String, Error = Invalid>,
        T: Deserr<FieldErrors> + Default,
    {
        let bytes: &[u8] = self.request.body();
        let body = if bytes.is_empty() { self.beside_body().map(|()| T::default()) } else { self.body::<T>()? };
        Ok(super::both(self.parameter(name), body)?)
    }

    /// Returns a body, and checks nothing else of the request.
    ///
    /// # Errors
    /// As [`Self::body`].
    pub fn only_body<T: Deserr<FieldErrors>>(&self) -> Result<T, ApiError> {
        Ok(self.body()??)
    }

    /// Returns a parameter of the path and a body, which are both required.
    ///
    /// # Errors
    /// As [`Self::parameter`] and [`Self::body`], with the faults of both.
    pub fn parameter_and_whole_body<P, T>(&self, name: &str) -> Result<(P, T), ApiError>
    where
        P: TryFrom<String, Error = Invalid>,
        T: Deserr<FieldErrors>,
    {
        Ok(super::both(self.parameter(name), self.body::<T>()?)?)
    }

    /// Returns a parameter of the path, a body and the parameters of the query, all of which are checked.
    ///
    /// # Errors
    /// As [`Self::parameter`], [`Self::body`] and [`Self::query`], with the faults of all.
    pub fn parameter_body_and_query<P, T, Q>(&self, name: &str) -> Result<(P, T, Q), ApiError>
    where
        P: TryFrom<String, Error = Invalid>,
        T: Deserr<FieldErrors>,
        Q: Deserr<FieldErrors>,
    {
        let body = self.body_beside(|| self.headers())?;
        let beside = super::both(self.parameter(name), self.query::<Q>());
        let ((parameter, query), body) = super::both(beside, body)?;
        Ok((parameter, body, query))
    }

    /// Returns a body of any shape, for an endpoint without other input.
    ///
    /// # Errors
    /// [`ApiError::TooLarge`], and if the query is wrong.
    pub fn raw_body(&self) -> Result<&[u8], ApiError> {
        let bytes: &[u8] = self.request.body();
        if bytes.len() > MAX_BODY_BYTES {
            return Err(ApiError::TooLarge);
        }
        self.query::<NoQuery>()?;
        Ok(bytes)
    }

    /// Checks everything that comes beside a body.
    fn beside_body(&self) -> Result<(), FieldErrors> {
        super::both(self.headers(), self.query::<NoQuery>()).map(|_| ())
    }

    /// Checks the headers that a use case depends on.
    fn headers(&self) -> Result<(), FieldErrors> {
        super::both(self.idempotency_key().map(|_| ()), self.precondition().map(|_| ())).map(|_| ())
    }

    /// Returns the state that the caller expects the thing to be in. Only a PATCH depends on it.
    ///
    /// # Errors
    /// If the header is neither `*` nor a list of entity tags.
    pub fn precondition(&self) -> Result<Precondition, FieldErrors> {
        let values: Vec<_> = self.request.headers().get_all(header::IF_MATCH).iter().collect();
        if values.is_empty() || self.request.method() != Method::PATCH {
            return Ok(Precondition::None);
        }
        let texts: Option<Vec<&str>> = values.iter().map(|value| value.to_str().ok()).collect();
        let precondition = texts.and_then(|texts| etags(&texts.join(",")));
        precondition.ok_or_else(|| FieldErrors::one(Self::IF_MATCH, Invalid::EntityTags))
    }

    /// Returns the ticket of a drop, if the request has one.
    ///
    /// # Errors
    /// If it is not one.
    pub fn drop_ticket(&self) -> Result<Option<DropTicket>, FieldErrors> {
        let Some(value) = self.request.headers().get(Self::DROP_TICKET) else {
            return Ok(None);
        };
        let ticket = value.to_str().ok().and_then(|text| DropTicket::try_from(text.to_owned()).ok());
        ticket.map(Some).ok_or_else(|| FieldErrors::one(Self::DROP_TICKET, Invalid::Ticket))
    }

    fn says_json(&self) -> bool {
        let kind = self.header(header::CONTENT_TYPE.as_str());
        let essence = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
        essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
    }

    fn idempotency_key(&self) -> Result<Option<&str>, FieldErrors> {
        let Some(value) = self.request.headers().get(Self::IDEMPOTENCY_KEY) else {
            return Ok(None);
        };
        let visible = |key: &&str| key.bytes().all(|byte| byte.is_ascii_graphic());
        let key = value.to_str().ok().filter(visible).filter(|key| (1..=MAX_KEY_LENGTH).contains(&key.len()));
        key.map(Some)
            .ok_or_else(|| FieldErrors::one(Self::IDEMPOTENCY_KEY, Invalid::Length { min: 1, max: MAX_KEY_LENGTH }))
    }

    /// Returns the caller, for a request that names no user.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`].
    pub fn caller(&self) -> Result<&Caller, Refusal> {
        self.identify(self.user_in_query().as_ref())
    }

    /// Returns the caller, for a request that names the user it is about.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`]; [`Refusal::Forbidden`] if `user` is somebody else and the caller is not an admin.
    pub fn caller_for(&self, user: &UserId) -> Result<&Caller, Refusal> {
        let caller = self.identify(Some(user))?;
        if caller.may_act_for(user) { Ok(caller) } else { Err(Refusal::Forbidden) }
    }

    /// Returns the user that the request is about: the one named, or else the caller.
    ///
    /// # Errors
    /// As [`Self::caller_for`].
    pub fn subject(&self, named: Option<UserId>) -> Result<UserId, Refusal> {
        let user = match named {
            Some(user) => user,
            None => self.caller()?.user_id.clone(),
        };
        self.caller_for(&user)?;
        Ok(user)
    }

    /// Admits an anonymous request only under the local runner.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`].
    pub fn require_local_runner(&self) -> Result<(), Refusal> {
        if self.identity == Identity::Unverified { Ok(()) } else { Err(Refusal::Unauthenticated) }
    }

    /// The caller, if they are known before anything of the request is trusted.
    pub fn known(&self) -> Option<&Caller> {
        match &self.identity {
            Identity::Known(caller) => Some(self.caller.get_or_init(|| caller.clone())),
            Identity::Anonymous | Identity::Unverified => None,
        }
    }

    /// Returns the caller, if they have one of these roles.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`] or [`Refusal::Forbidden`].
    pub fn caller_as(&self, roles: &[Role]) -> Result<&Caller, Refusal> {
        let caller = self.caller()?;
        if roles.contains(&caller.role) { Ok(caller) } else { Err(Refusal::Forbidden) }
    }

    fn identify(&self, named: Option<&UserId>) -> Result<&Caller, Refusal> {
        match (&self.identity, named) {
            (Identity::Known(caller), _) => Ok(self.caller.get_or_init(|| caller.clone())),
            (Identity::Unverified, Some(user)) => {
                let caller = Caller { user_id: user.clone(), role: Role::Customer };
                Ok(self.caller.get_or_init(|| caller))
            }
            (Identity::Unverified, None) | (Identity::Anonymous, _) => Err(Refusal::Unauthenticated),
        }
    }

    /// Whether the request has an idempotency key.
    pub fn has_key(&self) -> bool {
        matches!(self.idempotency_key(), Ok(Some(_)))
    }

    /// The idempotency key of an anonymous request.
    pub fn anonymous_key(&self, shop: &Shop) -> RequestKey {
        self.key_of(shop, "")
    }

    /// The idempotency key of the request, bound to its caller.
    pub fn key(&self, shop: &Shop, caller: &UserId) -> RequestKey {
        self.key_of(shop, caller.as_str())
    }

    fn key_of(&self, shop: &Shop, caller: &str) -> RequestKey {
        let (method, path) = self.line();
        // White space, the order of fields and the normalization of texts, which are stored in one form, do not change
        // the meaning of a request. No body means the same as an empty one.
        let payload = self.body.get().map_or_else(|| "{}".to_owned(), Value::to_string);
        let payload = characters::normalize(&payload).into_owned().into_bytes();
        match self.idempotency_key() {
            Ok(Some(key)) => RequestKey::given(caller, &format!("{method} {path}"), key, &payload),
            Ok(None) | Err(_) => RequestKey::fresh(shop, &payload),
        }
    }
}

/// Reads the value of `If-Match`: `*`, or entity tags between commas. A weak tag is parsed and ignored.
fn etags(header: &str) -> Option<Precondition> {
    if header.trim() == "*" {
        return Some(Precondition::Exists);
    }
    let (mut tags, mut rest, mut found) = (Vec::new(), header, 0_usize);
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return (found > 0).then_some(Precondition::OneOf(tags));
        }
        let (is_weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |rest| (true, rest));
        let (tag, after) = quoted.strip_prefix('"')?.split_once('"')?;
        if !tag.bytes().all(|byte| byte == b'!' || (b'#'..=b'~').contains(&byte)) {
            return None;
        }
        if !is_weak {
            tags.push(tag.to_owned());
        }
        found = found.saturating_add(1);
        rest = after.trim_start_matches([' ', '\t']);
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags_come_in_lists() {
        let tags = |list: &[&str]| Some(Precondition::OneOf(list.iter().map(|tag| (*tag).to_owned()).collect()));
        assert_eq!(etags("*"), Some(Precondition::Exists));
        assert_eq!(etags(r#""a""#), tags(&["a"]));
        assert_eq!(etags(r#" "a" ,"b,c", ,"" "#), tags(&["a", "b,c", ""]));
        assert_eq!(etags(r#"W/"a""#), tags(&[]), "a weak tag matches nothing");
        assert_eq!(etags(r#"W/"a", "b""#), tags(&["b"]));
        for bad in ["", " ", ",", "a", r#""a"#, r#""a" "b""#, r#""a""b""#, r#"w/"a""#, r#"*, "a""#, "\"a b\""] {
            assert_eq!(etags(bad), None, "{bad:?}");
        }
    }
}
