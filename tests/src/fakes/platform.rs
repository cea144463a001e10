//! A data platform in this process. It refuses unsigned requests, keeps the others, and answers them as configured.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Response},
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use webhook::{Secrets, Unverified};

use crate::fakes::parameters::SECRETS;

#[derive(Debug, Clone)]
pub struct Received {
    headers: HeaderMap,
    /// The body; null if there is none.
    pub body: Value,
}

impl Received {
    /// A header; the empty text if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}

/// The reply of a platform to a request.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    said: String,
}

impl Reply {
    /// A status alone.
    pub fn of(status: u16) -> Self {
        Self { status, headers: Vec::new(), said: String::new() }
    }

    /// Adds a body.
    #[must_use]
    pub fn saying(self, said: &str) -> Self {
        Self { said: said.to_owned(), ..self }
    }

    /// Adds a `Retry-After`.
    #[must_use]
    pub fn retry_after(self, wait: &str) -> Self {
        self.with("retry-after", wait)
    }

    /// Adds a `Location`.
    #[must_use]
    pub fn leading_to(self, url: &str) -> Self {
        self.with("location", url)
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

type Replies = Box<dyn FnMut(&Received) -> Reply + Send>;

struct Held {
    received: Vec<Received>,
    secrets: Secrets,
    reply: Replies,
}

/// A platform, until it is dropped.
pub struct Platform {
    port: u16,
    held: Arc<Mutex<Held>>,
    server: JoinHandle<()>,
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Platform")
    }
}

impl Platform {
    /// A platform at a free port, which accepts everything that the secret of a new parameter store signed.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let held = Held { received: Vec::new(), secrets: SECRETS.clone(), reply: Box::new(|_| Reply::of(200)) };
        let held = Arc::new(Mutex::new(held));
        let router = Router::new().fallback(receive).with_state(Arc::clone(&held));
        let server = tokio::spawn(async { axum::serve(listener, router).await.expect("it serves") });
        Self { port, held, server }
    }

    /// The address to deliver events to.
    pub fn url(&self) -> reqwest::Url {
        format!("http://127.0.0.1:{}/events", self.port).parse().expect("a URL")
    }

    /// Sets the reply to each request.
    pub fn reply(&self, choose: impl FnMut(&Received) -> Reply + Send + 'static) {
        self.held.lock().unwrap().reply = Box::new(choose);
    }

    /// Accepts what these secrets sign from now on, and nothing else.
    pub fn trust(&self, secrets: &str) {
        self.held.lock().unwrap().secrets = secrets.parse().expect("secrets are well-formed");
    }

    /// The signed requests so far, with any reply.
    pub fn received(&self) -> Vec<Received> {
        self.held.lock().unwrap().received.clone()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn receive(State(held): State<Arc<Mutex<Held>>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let received = Received { headers, body: serde_json::from_slice(&body).unwrap_or_default() };
    let mut held = held.lock().unwrap();
    let reply = match verify(&held.secrets, &received, &body) {
        Ok(()) => {
            let reply = (held.reply)(&received);
            held.received.push(received);
            reply
        }
        Err(unverified) => Reply::of(401).saying(&unverified.to_string()),
    };
    let response = Response::builder().status(reply.status);
    let response = reply.headers.into_iter().fold(response, |response, (name, value)| response.header(name, value));
    response.body(Body::from(reply.said)).expect("a response")
}

/// Verifies the signature of a request. The clocks of tests differ, so no timestamp is too old.
fn verify(secrets: &Secrets, received: &Received, body: &[u8]) -> Result<(), Unverified> {
    let now = received.header(webhook::TIMESTAMP).parse().unwrap_or_default();
    secrets.verify(|name| received.headers.get(name)?.to_str().ok(), body, now)
}
