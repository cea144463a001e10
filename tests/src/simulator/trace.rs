//! The trace of a run, a line for each event: the virtual time, the actor, the event.

use std::{
    fmt::Write,
    sync::{Arc, Mutex},
};

use tokio::time::Instant;

/// The trace of a run, if one is kept.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    began: Instant,
    lines: Option<Arc<Mutex<String>>>,
}

impl Trace {
    /// A trace that begins now; an empty one if none is to be kept.
    pub(super) fn new(is_kept: bool) -> Self {
        Self { began: Instant::now(), lines: is_kept.then(Arc::default) }
    }

    /// Notes an event of an actor.
    pub(super) fn note(&self, who: &str, what: impl FnOnce() -> String) {
        if let Some(lines) = &self.lines {
            let at = self.began.elapsed();
            let line = format!("{:>6}.{:03} {who:<22} {}", at.as_secs(), at.subsec_millis(), what());
            writeln!(lines.lock().unwrap(), "{line}").expect("a text takes all");
        }
    }

    /// Whether the trace is kept.
    pub(super) fn is_kept(&self) -> bool {
        self.lines.is_some()
    }

    pub(super) fn text(&self) -> String {
        self.lines.as_ref().map(|lines| lines.lock().unwrap().clone()).unwrap_or_default()
    }
}
