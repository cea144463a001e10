use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr},
};

use axum::Router;
use tokio::{net::TcpListener, runtime};

use crate::error::{Context as _, Result};

/// Runs this crate's own servers and background work on threads of its own. A stack may be started by a test whose
/// runtime ends with it, while the next test shares the stack.
#[derive(Debug)]
pub(crate) struct Servers {
    runtime: Option<runtime::Runtime>,
}

impl Servers {
    pub(crate) fn new() -> Result<Self> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("local-stack")
            .enable_all()
            .build()
            .context("start threads")?;
        Ok(Self { runtime: Some(runtime) })
    }

    /// Serves `router` until this value is dropped, at the port, or at any free one for 0. Returns the port.
    pub(crate) async fn serve(&self, port: u16, router: Router) -> Result<u16> {
        let Some(runtime) = &self.runtime else { return Ok(port) };
        let bound = runtime.spawn(async move {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
            let port = listener.local_addr()?.port();
            // `localhost` means this address first to many clients. A machine without IPv6 goes without.
            if let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
                tokio::spawn(axum::serve(listener, router.clone()).into_future());
            }
            tokio::spawn(axum::serve(listener, router).into_future());
            io::Result::Ok(port)
        });
        let bound = bound.await.unwrap_or_else(|stopped| Err(stopped.into()));
        bound.context(format_args!("listen on port {port}"))
    }

    /// Does work in the background until this value is dropped.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(work);
        }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // The ordinary drop waits, which an asynchronous caller must not.
            runtime.shutdown_background();
        }
    }
}
