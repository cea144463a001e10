use std::time::Duration;

/// A token bucket: the capacity of a partition.
#[derive(Debug, Clone)]
pub struct Bucket {
    rate: f64,
    most: f64,
    tokens: f64,
    filled_at: Duration,
}

impl Bucket {
    /// A bucket that takes in `rate` units a second, holds those of `seconds`, and begins full.
    pub fn new(rate: f64, seconds: f64) -> Self {
        Self { rate, most: rate * seconds, tokens: rate * seconds, filled_at: Duration::ZERO }
    }

    /// Whether the bucket holds `units` at this time, counted from any beginning; time never goes back.
    pub fn has(&mut self, units: f64, at: Duration) -> bool {
        let seconds = at.saturating_sub(self.filled_at).as_secs_f64();
        self.filled_at = self.filled_at.max(at);
        self.tokens = (self.tokens + seconds * self.rate).min(self.most);
        self.tokens >= units
    }

    /// Takes units out. A cost that is known only afterwards may leave the bucket in debt.
    pub fn take(&mut self, units: f64) {
        self.tokens -= units;
    }
}
