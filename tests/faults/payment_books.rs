//! Payment sessions with faults: in the end the provider's books equal the shop's, to the won.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    thread,
};

use tests::{
    night,
    simulator::{Plan, Subject, run},
};

/// Functions die, the provider is silent after it took the money, notices get lost, and customers confirm at once.
#[test]
fn sessions_with_faults_end_with_equal_books() {
    let enough = night::times(100, 1_000);
    let (seed, sessions) = (AtomicU64::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while sessions.load(Ordering::SeqCst) < enough {
                    let seed = seed.fetch_add(1, Ordering::SeqCst);
                    let ended = run(&Plan::about(Subject::Payments, seed), false);
                    assert_eq!(ended.violations, [] as [&str; 0], "seed {seed}");
                    sessions.fetch_add(ended.sessions, Ordering::SeqCst);
                }
            });
        }
    });
}
