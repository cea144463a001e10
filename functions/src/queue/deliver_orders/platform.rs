//! The data platform, as the worker sees it.

use std::{future::Future, time::Duration};

use jiff::fmt::rfc2822;
use lambda_runtime::Error;
use reqwest::{Response, header::RETRY_AFTER, redirect};
use shared::platform::Clock;

/// How long the platform may take for one event.
pub const TIMEOUT: Duration = Duration::from_secs(3);

/// The most bytes that are kept of what a platform says.
const MAX_SAID: usize = 500;

/// An event on its way to the platform.
#[derive(Debug)]
pub struct Delivery {
    /// What names the event, however often it comes.
    pub event_id: String,
    /// The trace that it follows from, as W3C writes it.
    pub traceparent: Option<String>,
    /// The event, as it was published.
    pub event: String,
}

/// What the platform answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// For how long it wants to be left alone.
    pub retry_after: Option<Duration>,
    /// How its words begin, where it refuses.
    pub said: String,
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It has the event.
    Taken,
    /// It will never take this event.
    Refused,
    /// It may take it later.
    NotNow,
}

impl Answer {
    /// Just a status.
    pub fn of(status: u16) -> Self {
        Self { status, retry_after: None, said: String::new() }
    }

    /// What it means. A redirection is nobody's answer to an event: the address has to be mended, and until then it waits.
    pub(crate) fn verdict(&self) -> Verdict {
        match self.status {
            200..300 => Verdict::Taken,
            // It was too slow to read the request, or is asked too much.
            408 | 429 => Verdict::NotNow,
            400..500 => Verdict::Refused,
            _ => Verdict::NotNow,
        }
    }
}

/// Where events are delivered to.
pub trait Platform {
    /// Posts an event; what is answered within [`TIMEOUT`].
    fn post(&self, delivery: Delivery) -> impl Future<Output = Result<Answer, Error>>;
}

/// A platform at an address.
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
    /// If TLS cannot be set up.
    pub fn new(url: reqwest::Url, clock: Clock) -> Result<Self, Error> {
        // Followed, a redirection would turn a POST into a GET that takes no event and answers 200.
        let client = reqwest::Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none()).build()?;
        Ok(Self { client, url, clock })
    }
}

impl Platform for Http {
    async fn post(&self, Delivery { event_id, traceparent, event }: Delivery) -> Result<Answer, Error> {
        let mut request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("idempotency-key", event_id)
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

/// How a body begins, as far as it comes. What says little is not worth a failure: the status has come.
async fn beginning(mut answer: Response) -> String {
    let mut said = Vec::new();
    while said.len() < MAX_SAID
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        said.extend(chunk.iter().take(MAX_SAID - said.len()));
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// The wait that a `Retry-After` asks for: in seconds, or until an instant.
fn wait(retry_after: &str, clock: &Clock) -> Option<Duration> {
    let seconds = retry_after.trim().parse().ok().map(Duration::from_secs);
    seconds.or_else(|| {
        let until = rfc2822::DateTimeParser::new().parse_timestamp(retry_after).ok()?;
        // What is over asks for nothing.
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
