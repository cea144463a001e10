//! Tests that repeat what they do: by day enough to find a fault that is there in most runs, at night more. The night is
//! `JANGTEO_TESTS=night`, as in the nightly workflow.

use std::env;

/// Whether tests take the time of a night.
pub fn is_night() -> bool {
    env::var_os("JANGTEO_TESTS").is_some_and(|size| size == "night")
}

/// The repetitions of a test.
pub fn times(by_day: usize, by_night: usize) -> usize {
    if is_night() { by_night } else { by_day }
}
