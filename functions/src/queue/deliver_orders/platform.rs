//! The client of the data platform.

use std::{future::Future, time::Duration};

use jiff::fmt::rfc2822;
use lambda_runtime::Error;
use reqwest::{Response, header::RETRY_AFTER, redirect};
use shared::platform::Clock;

use super::Signed;

/// The longest time that the platform may take for one event.
pub const TIMEOUT: Duration = Duration::from_secs(3);

/// The most bytes that are kept of a refusal's body.
const MAX_SAID: usize = 500;

/// An event on its way to the platform.
#[derive(Debug)]
pub struct Delivery {
    /// The id of the event, the same in every delivery.
    pub event_id: String,
    /// The proof of this attempt's sender.
    pub signed: Signed,
    /// The trace of the event, in the format of W3C.
    pub traceparent: Option<String>,
    /// The event, as it was published.
    pub event: String,
}

/// An answer of the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// The pause that it asks for.
    pub retry_after: Option<Duration>,
    /// The beginning of its body, if it refuses.
    pub said: String,
}

/// The meaning of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The platform has the event.
    Taken,
    /// The platform will never take this event.
    Refused,
    /// The platform may take the event later.
    NotNow,
}

impl Answer {
    /// An answer with only a status.
    pub fn of(status: u16) -> Self {
        Self { status, retry_after: None, said: String::new() }
    }

    /// The meaning of the answer. A redirection does not accept the event: the configured address is wrong, and until
    /// it is corrected the event waits.
    pub(crate) fn verdict(&self) -> Verdict {
        match self.status {
            200..300 => Verdict::Taken,
            // The platform was too slow to read the request, or is overloaded.
            408 | 429 => Verdict::NotNow,
            400..500 => Verdict::Refused,
            _ => Verdict::NotNow,
        }
    }
}

/// The platform that events are delivered to.
pub trait Platform {
    /// Posts an event; resolves within [`TIMEOUT`].
    fn post(&self, delivery: Delivery) -> impl Future<Output = Result<Answer, Error>>;
}

/// A platform over HTTP.
#[derive(Debug)]
pub struct Http {
    client: reqwest::Client,
    url: reqwest::Url,
    clock: Clock,
}

impl Http {
    /// A platform at this address.
    ///
    /// # Errors
    /// If others on the way to the address could read the events, or TLS cannot be set up.
    pub fn new(url: reqwest::Url, clock: Clock) -> Result<Self, Error> {
        if !is_private(&url) {
            // The address itself may hold a secret.
            return Err("DATA_PLATFORM_URL must begin with https, or with http and a host of this machine".into());
        }
        // A followed redirection would turn the POST into a GET, which takes no event and answers 200.
        let client = reqwest::Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none()).build()?;
        Ok(Self { client, url, clock })
    }
}

impl Platform for Http {
    async fn post(&self, Delivery { event_id, signed, traceparent, event }: Delivery) -> Result<Answer, Error> {
        let mut request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("idempotency-key", &event_id)
            .header(webhook::ID, event_id)
            .header(webhook::TIMESTAMP, signed.timestamp)
            .header(webhook::SIGNATURE, signed.signature)
            .body(event);
        if let Some(traceparent) = traceparent {
            request = request.header("traceparent", traceparent);
        }
        // The platform's address may hold a secret.
        let answer = request.send().await.map_err(reqwest::Error::without_url)?;
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|value| wait(value, &self.clock));
        let status = answer.status();
        let said = if status.is_client_error() { beginning(answer).await } else { String::new() };
        Ok(Answer { status: status.as_u16(), retry_after, said })
    }
}

/// Whether nobody on the way to the address can read a request: it is encrypted, or stays on this machine.
fn is_private(url: &reqwest::Url) -> bool {
    let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    url.scheme() == "https" || (url.scheme() == "http" && is_local)
}

/// The beginning of a body, as far as it arrives. A broken body is no failure: the status has arrived.
async fn beginning(mut answer: Response) -> String {
    let mut said = Vec::new();
    while said.len() < MAX_SAID
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        said.extend(chunk.iter().take(MAX_SAID - said.len()));
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// The wait in a `Retry-After`: in seconds, or until an instant.
fn wait(retry_after: &str, clock: &Clock) -> Option<Duration> {
    let seconds = retry_after.trim().parse().ok().map(Duration::from_secs);
    seconds.or_else(|| {
        let until = rfc2822::DateTimeParser::new().parse_timestamp(retry_after).ok()?;
        // An instant in the past asks for no wait.
        Some(Duration::try_from(until.duration_since(clock.now())).unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_never_succeed_is_refused() {
        let verdict = |status| Answer::of(status).verdict();
        assert!([200, 201, 202, 204, 299].map(verdict).iter().all(|it| *it == Verdict::Taken));
        assert!([400, 401, 403, 404, 409, 410, 413, 422, 499].map(verdict).iter().all(|it| *it == Verdict::Refused));
        let not_now = [100, 301, 302, 307, 408, 429, 500, 502, 503, 504, 599, 600];
        assert!(not_now.map(verdict).iter().all(|it| *it == Verdict::NotNow));
    }

    #[test]
    fn an_address_is_encrypted_or_on_this_machine() {
        let start =
            |url: &str| Http::new(url.parse().unwrap(), Clock::system()).map(drop).map_err(|error| error.to_string());
        for private in [
            "https://platform.example/orders?key=secret",
            "HTTPS://platform.example",
            "http://localhost:9100",
            "http://LOCALHOST",
            "http://127.0.0.1:9100/orders",
            "http://[::1]:9100",
        ] {
            assert_eq!(start(private), Ok(()), "{private}");
        }
        for open in [
            "http://platform.example/?key=secret",
            "http://localhost.platform.example",
            "http://localhost@platform.example",
            "http://127.0.0.1.platform.example",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://[::]",
            "ftp://localhost",
            "file:///localhost",
            "wss://platform.example",
        ] {
            let refused = start(open).unwrap_err();
            assert!(
                refused.starts_with("DATA_PLATFORM_URL must begin with https") && !refused.contains("secret"),
                "{open}"
            );
        }
    }

    #[test]
    fn a_wait_is_in_seconds_or_until_an_instant() {
        let clock = Clock::new(|| "2026-11-20T03:00:00Z".parse().unwrap());
        let seconds = |text: &str| wait(text, &clock).map(|wait| wait.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds(" 0 "), Some(0));
        assert_eq!(seconds("Fri, 20 Nov 2026 03:02:00 GMT"), Some(120));
        assert_eq!(seconds("Fri, 20 Nov 2026 02:00:00 GMT"), Some(0));
        for nothing in ["", "soon", "-1", "1.5", "99999999999999999999999"] {
            assert_eq!(seconds(nothing), None, "{nothing}");
        }
    }
}
