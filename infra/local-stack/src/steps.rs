use std::{fmt::Display, time::Instant};

/// Shows the progress: one line a step, with the seconds since the start.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    started: Option<Instant>,
}

impl Steps {
    #[must_use]
    pub fn shown() -> Self {
        Self { started: Some(Instant::now()) }
    }

    #[must_use]
    pub const fn silent() -> Self {
        Self { started: None }
    }

    #[must_use]
    pub const fn are_shown(self) -> bool {
        self.started.is_some()
    }

    /// Shows the step that begins now.
    pub fn begin(self, step: impl Display) {
        if let Some(started) = self.started {
            eprintln!("{:7.1} s  {step}", started.elapsed().as_secs_f64());
        }
    }
}
