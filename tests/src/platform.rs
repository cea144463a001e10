//! A data platform in this process, that keeps what it was sent.

use std::sync::{Arc, Mutex};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    headers: HeaderMap,
    /// Its body.
    pub body: Value,
}

impl Received {
    /// A header; nothing is the empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}

type Requests = Arc<Mutex<Vec<Received>>>;

/// A platform that takes everything, until it is dropped.
#[derive(Debug)]
pub struct Platform {
    port: u16,
    received: Requests,
    server: JoinHandle<()>,
}

impl Platform {
    /// A platform at a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let received = Requests::default();
        let router = Router::new().fallback(receive).with_state(Arc::clone(&received));
        let server = tokio::spawn(async { axum::serve(listener, router).await.expect("it serves") });
        Self { port, received, server }
    }

    /// Where it takes events.
    pub fn url(&self) -> reqwest::Url {
        format!("http://127.0.0.1:{}/events", self.port).parse().expect("a URL")
    }

    /// What it was sent so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn receive(State(received): State<Requests>, headers: HeaderMap, body: Bytes) {
    let body = serde_json::from_slice(&body).expect("events are JSON");
    received.lock().unwrap().push(Received { headers, body });
}
