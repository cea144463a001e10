use std::{fmt::Display, time::Instant};

/// Tells the person waiting what is going on: one line a step, with the seconds since the start.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    started: Option<Instant>,
}

impl Steps {
    /// Steps are shown on standard error.
    #[must_use]
    pub fn shown() -> Self {
        Self { started: Some(Instant::now()) }
    }

    /// Steps are not shown.
    #[must_use]
    pub const fn silent() -> Self {
        Self { started: None }
    }

    /// Whether anybody watches.
    #[must_use]
    pub const fn are_shown(self) -> bool {
        self.started.is_some()
    }

    /// Says what begins now.
    pub fn begin(self, step: impl Display) {
        if let Some(started) = self.started {
            eprintln!("{:7.1} s  {step}", started.elapsed().as_secs_f64());
        }
    }
}
