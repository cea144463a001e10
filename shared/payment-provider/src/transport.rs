//! One HTTP exchange with a provider.

use std::{fmt, sync::Arc, time::Duration};

use data_encoding::BASE64;
use futures::future::{BoxFuture, FutureExt as _};
use reqwest::{
    Url,
    header::{AUTHORIZATION, CONTENT_TYPE},
    redirect,
};

/// The key by which the provider knows the shop. Its text is in no log.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(String);

impl SecretKey {
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The header `Authorization` with this key as the user of HTTP Basic, without a password.
    pub fn authorization(&self) -> String {
        format!("Basic {}", BASE64.encode(format!("{}:", self.0).as_bytes()))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
}

/// A request to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    /// The path from the root of the provider's API, with its segments escaped.
    pub path: String,
    pub secret: SecretKey,
    /// The header `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// A body of JSON.
    pub body: Option<String>,
}

/// An answer of a provider, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// A request has no whole answer. Its effect is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoAnswer(pub String);

/// Carries requests to a provider.
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends one request, once, and resolves within a time limit of its own.
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Answer, NoAnswer>>;
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Answer, NoAnswer>> {
        (**self).send(request)
    }
}

/// The reason for which no transport can be made.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTransport {
    /// Others on the way could read the secret key.
    #[error("the address of the payment provider must begin with https, or with http and a host of this machine")]
    NotPrivate,
    #[error("TLS cannot be set up: {0}")]
    Tls(reqwest::Error),
}

/// Requests over HTTP.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    client: reqwest::Client,
    /// Without a slash at its end.
    base: String,
}

impl HttpTransport {
    /// The default of the time that an answer may take.
    pub const TIME_LIMIT: Duration = Duration::from_secs(5);

    /// The most bytes of an answer. A payment has a few thousand, with all its cancellations.
    pub const MAX_ANSWER: usize = 64 * 1024;

    /// A transport to the API at this address; each answer may take `time_limit`.
    ///
    /// # Errors
    /// If others on the way to the address could read the requests, or TLS cannot be set up.
    pub fn new(base: &Url, time_limit: Duration) -> Result<Self, InvalidTransport> {
        if !is_private(base) {
            return Err(InvalidTransport::NotPrivate);
        }
        // A redirection could lead the secret key elsewhere, and turns a POST into a GET.
        let client = reqwest::Client::builder().timeout(time_limit).redirect(redirect::Policy::none()).build();
        let base = format!("{}{}", base.origin().ascii_serialization(), base.path().trim_end_matches('/'));
        Ok(Self { client: client.map_err(InvalidTransport::Tls)?, base })
    }

    async fn exchange(&self, request: Request) -> Result<Answer, NoAnswer> {
        let url = format!("{}{}", self.base, request.path);
        let mut sent = match request.method {
            Method::Get => self.client.get(url),
            Method::Post => self.client.post(url),
        };
        sent = sent.header(AUTHORIZATION, request.secret.authorization());
        if let Some(key) = request.idempotency_key {
            sent = sent.header("idempotency-key", key);
        }
        if let Some(body) = request.body {
            sent = sent.header(CONTENT_TYPE, "application/json").body(body);
        }
        // The address may hold a payment key.
        let failed = |error: reqwest::Error| NoAnswer(error.without_url().to_string());
        let mut answer = sent.send().await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > Self::MAX_ANSWER {
                return Err(NoAnswer(format!("an answer of more than {} bytes", Self::MAX_ANSWER)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: answer.status().as_u16(), body })
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Answer, NoAnswer>> {
        self.exchange(request).boxed()
    }
}

/// Whether nobody on the way to the address can read a request: it is encrypted, or stays on this machine.
fn is_private(url: &Url) -> bool {
    let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    url.scheme() == "https" || (url.scheme() == "http" && is_local)
}

#[cfg(test)]
mod tests;
