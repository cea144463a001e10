//! Requests.

use std::sync::OnceLock;

use deserr::Deserr;
use lambda_http::{Body, Request, RequestExt, http::header};

use super::{ApiError, FieldErrors, Language};
use crate::{
    app::{Caller, RequestKey, Role, Shop},
    domain::{Invalid, Refusal, UserId},
    runtime::identity::Identity,
};

/// The largest body taken.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// The longest idempotency key.
pub(super) const MAX_KEY_LENGTH: usize = 255;

/// A request, as endpoints see it.
#[derive(Debug)]
pub struct ApiRequest {
    request: Request,
    identity: Identity,
    language: Language,
    caller: OnceLock<Caller>,
}

impl ApiRequest {
    /// The header that makes a request safe to repeat.
    pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

    /// A request by someone whom the runtime knows as `identity`.
    pub fn new(request: Request, identity: Identity) -> Self {
        let language = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let language = language.map(Language::preferred).unwrap_or_default();
        Self { request, identity, language, caller: OnceLock::new() }
    }

    /// The language of messages.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The method and path, for the log.
    pub(crate) fn line(&self) -> (&str, &str) {
        (self.request.method().as_str(), self.request.uri().path())
    }

    /// The path, as it came: not the URI's, in which `..` has been followed already.
    pub fn path(&self) -> &str {
        let raw = self.request.raw_http_path();
        if raw.is_empty() { self.request.uri().path() } else { raw }
    }

    /// The method.
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

    /// A parameter of the path.
    ///
    /// # Errors
    /// Where it is not of the type.
    pub fn parameter<T: TryFrom<String, Error = Invalid>>(&self, name: &str) -> Result<T, FieldErrors> {
        let parameters = self.request.path_parameters();
        let text = parameters.first(name).unwrap_or_default().to_owned();
        T::try_from(text).map_err(|invalid| FieldErrors::one(name, invalid))
    }

    /// A parameter of the query, if it is there.
    ///
    /// # Errors
    /// Where it is not of the type.
    pub fn query<T: TryFrom<String, Error = Invalid>>(&self, name: &str) -> Result<Option<T>, FieldErrors> {
        let parameters = self.request.query_string_parameters();
        let Some(text) = parameters.first(name).map(str::to_owned) else {
            return Ok(None);
        };
        T::try_from(text).map(Some).map_err(|invalid| FieldErrors::one(name, invalid))
    }

    /// The body, and the idempotency key in the header if it is well-formed.
    ///
    /// # Errors
    /// Where it is too large, not JSON, or has fields that are wrong.
    pub fn body<T: Deserr<FieldErrors>>(&self) -> Result<Result<T, FieldErrors>, ApiError> {
        let bytes: &[u8] = match self.request.body() {
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
            _ => &[],
        };
        if bytes.len() > MAX_BODY_BYTES {
            return Err(ApiError::TooLarge);
        }
        if !self.says_json() {
            return Err(ApiError::NotJson);
        }
        // API Gateway replaces bytes that are not UTF-8. What they said is lost, so nothing is made of the rest.
        if std::str::from_utf8(bytes).is_ok_and(|text| text.contains(char::REPLACEMENT_CHARACTER)) {
            return Ok(Err(FieldErrors::one("body", Invalid::Json)));
        }
        let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes) else {
            return Ok(Err(FieldErrors::one("body", Invalid::Json)));
        };
        Ok(super::both(self.idempotency_key(), deserr::deserialize(value)).map(|(_, body)| body))
    }

    /// A parameter of the path and a body that can be left out.
    ///
    /// # Errors
    /// As [`Self::parameter`] and [`Self::body`], with everything that is wrong with either.
    pub fn parameter_and_body<P, T>(&self, name: &str) -> Result<(P, T), ApiError>
    where
        P: TryFrom<String, Error = Invalid>,
        T: Deserr<FieldErrors> + Default,
    {
        let bytes: &[u8] = self.request.body();
        let body = if bytes.is_empty() { self.idempotency_key().map(|_| T::default()) } else { self.body::<T>()? };
        Ok(super::both(self.parameter(name), body)?)
    }

    /// A body with nothing else of the request to be checked.
    ///
    /// # Errors
    /// As [`Self::body`].
    pub fn only_body<T: Deserr<FieldErrors>>(&self) -> Result<T, ApiError> {
        Ok(self.body()??)
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

    /// Who asks, where the request names no user.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`].
    pub fn caller(&self) -> Result<&Caller, Refusal> {
        let asked: Option<UserId> = self.query("userId").ok().flatten();
        self.identify(asked.as_ref())
    }

    /// Who asks, for things of `user`, whom the request names.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`]; [`Refusal::Forbidden`] where `user` is somebody else and the caller no admin.
    pub fn caller_for(&self, user: &UserId) -> Result<&Caller, Refusal> {
        let caller = self.identify(Some(user))?;
        if caller.may_act_for(user) { Ok(caller) } else { Err(Refusal::Forbidden) }
    }

    /// Whose things are asked for: the user named, or else the caller themselves.
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

    /// Lets a request pass that names nobody: only under the local runner.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`].
    pub fn allow_unnamed(&self) -> Result<(), Refusal> {
        if self.identity == Identity::Claimed { Ok(()) } else { Err(Refusal::Unauthenticated) }
    }

    /// Who asks, if it is known before anything of the request is believed.
    pub fn known(&self) -> Option<&Caller> {
        match &self.identity {
            Identity::Known(caller) => Some(self.caller.get_or_init(|| caller.clone())),
            Identity::Anonymous | Identity::Claimed => None,
        }
    }

    /// Who asks, if they have one of these roles.
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
            (Identity::Claimed, Some(user)) => {
                let caller = Caller { user_id: user.clone(), role: Role::Customer };
                Ok(self.caller.get_or_init(|| caller))
            }
            (Identity::Claimed, None) | (Identity::Anonymous, _) => Err(Refusal::Unauthenticated),
        }
    }

    /// What a request that names nobody is known again by.
    pub fn key_of_nobody(&self, shop: &Shop) -> RequestKey {
        self.key_of(shop, "")
    }

    /// What the request is known again by.
    pub fn key(&self, shop: &Shop, caller: &UserId) -> RequestKey {
        self.key_of(shop, caller.as_str())
    }

    fn key_of(&self, shop: &Shop, caller: &str) -> RequestKey {
        let (method, path) = self.line();
        // The same request means the same to us whatever its white space and order of fields; and no body the same as an
        // empty one.
        let bytes: &[u8] = self.request.body();
        let mut value: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_else(|_| serde_json::json!({}));
        value.sort_all_objects();
        let payload = value.to_string().into_bytes();
        match self.idempotency_key() {
            Ok(Some(key)) => RequestKey::given(caller, &format!("{method} {path}"), key, &payload),
            Ok(None) | Err(_) => RequestKey::fresh(shop, &payload),
        }
    }
}
