//! The rounds that sweeps make: through a list of what is to be swept, each thing part by part.

use std::{fmt::Display, time::Duration};

use tokio::time::Instant;

use super::{
    Failure,
    due::{Overdue, Place},
};

/// What was done of one thing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Part {
    /// What had been drawn and came to nothing, and was reclaimed: tickets, or units.
    pub reclaimed: u64,
    /// Whether there is more to be swept already.
    pub more: bool,
}

impl Part {
    /// Both parts together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { reclaimed: self.reclaimed.saturating_add(other.reclaimed), more: self.more || other.more }
    }
}

/// What a round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// What was reclaimed in all.
    pub reclaimed: u64,
    /// How many things could not be swept.
    pub failed: u32,
}

/// Sweeps everything on a list, beginning with something new only as long as `patience` lasts. What fails is told and left
/// for the next round; it keeps nothing else from being swept.
///
/// # Errors
/// Where the list cannot be read.
pub async fn round<I, L, S>(
    patience: Duration,
    list: impl Fn(Option<Place>) -> L,
    sweep: impl Fn(I) -> S,
) -> Result<Round, Failure>
where
    I: Display + Clone,
    L: Future<Output = Result<Overdue<I>, Failure>>,
    S: Future<Output = Result<Part, Failure>>,
{
    let started = Instant::now();
    let (mut round, mut after) = (Round::default(), None);
    loop {
        let Overdue { items, next } = list(after).await?;
        for (_, item) in items {
            let mut more = true;
            while more && started.elapsed() <= patience {
                more = match sweep(item.clone()).await {
                    Ok(part) => {
                        round.reclaimed = round.reclaimed.saturating_add(part.reclaimed);
                        part.more
                    }
                    Err(error) => {
                        round.failed = round.failed.saturating_add(1);
                        tracing::warn!(%error, %item, "was not swept");
                        false
                    }
                };
            }
        }
        if next.is_none() || started.elapsed() > patience {
            return Ok(round);
        }
        after = next;
    }
}
