//! Time and randomness: passed in, so that a test can decide them.

use std::{fmt, sync::Arc};

use jiff::Timestamp;

/// A clock with the precision of everything stored: milliseconds.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is where time comes in")]
    pub fn system() -> Self {
        Self::new(Timestamp::now)
    }

    /// A clock that returns the instants of `now`.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub fn now(&self) -> Timestamp {
        let now = (self.0)();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

#[derive(Clone)]
pub struct Random(Arc<dyn Fn() -> u128 + Send + Sync>);

impl Random {
    /// The operating system's randomness, through a generator fit for secrets.
    #[expect(clippy::disallowed_methods, reason = "this is where randomness comes in")]
    pub fn system() -> Self {
        Self::new(rand::random)
    }

    /// A source that returns the bits of `next`.
    pub fn new(next: impl Fn() -> u128 + Send + Sync + 'static) -> Self {
        Self(Arc::new(next))
    }

    pub fn bits(&self) -> u128 {
        (self.0)()
    }

    /// A new id: 26 characters.
    pub fn id(&self) -> String {
        super::ids::encode(&self.bits().to_be_bytes())
    }

    /// A number from 0 to just below `bound`; 0 if `bound` is 0.
    pub fn below(&self, bound: u64) -> u64 {
        let remainder = self.bits() % u128::from(bound.max(1));
        u64::try_from(remainder).unwrap_or(0)
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random")
    }
}
