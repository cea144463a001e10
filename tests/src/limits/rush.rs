//! Many clients at once, until each has asked for all it wants.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::Seen;
use crate::{Answer, Call, TestShop};

/// What became of a rush.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rush {
    /// How often each code was the answer.
    pub codes: BTreeMap<String, u64>,
    /// How long after its beginning each success came, in order.
    pub successes: Vec<Duration>,
    /// How long each call took that succeeded, sorted.
    pub latencies: Vec<Duration>,
    /// What the table saw of it.
    pub seen: Seen,
}

impl Rush {
    /// How many calls succeeded.
    pub fn sold(&self) -> u64 {
        u64::try_from(self.successes.len()).unwrap()
    }

    /// Successes a second while at most nine tenths of them had been had. The last ones are looked for, not sold.
    pub fn per_second(&self) -> f64 {
        let most = self.successes.len() * 9 / 10;
        let time = most.checked_sub(1).map_or(Duration::ZERO, |last| self.successes[last]);
        f64::from(u32::try_from(most).unwrap()) / time.as_secs_f64().max(0.001)
    }

    /// How long calls that succeeded took, of which this part of a hundred took no longer.
    pub fn percentile(&self, percent: usize) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get(last * percent / 100).copied().unwrap_or_default()
    }

    /// How often the code was the answer.
    pub fn count(&self, code: &str) -> u64 {
        self.codes.get(code).copied().unwrap_or_default()
    }
}

/// Lets clients call one call after the other, for as long as `next` gives one for the client, its round, and the answer
/// before. A client that is told to try again does, after the second that it is told to wait.
pub async fn rush(
    shop: &TestShop,
    clients: usize,
    next: impl Fn(usize, usize, Option<&Answer>) -> Option<Call> + Clone + Send + 'static,
) -> Rush {
    let before = shop.limited().seen();
    let begun = Instant::now();
    let rush = Arc::new(Mutex::new(Rush::default()));
    let mut running = JoinSet::new();
    for client in 0..clients {
        let (rush, next) = (Arc::clone(&rush), next.clone());
        running.spawn(async move {
            let mut last = None;
            let mut round = 0;
            while let Some(call) = next(client, round, last.as_ref()) {
                let asked = Instant::now();
                let answer = call.await;
                {
                    let mut rush = rush.lock().unwrap();
                    *rush.codes.entry(answer.code().to_owned()).or_default() += 1;
                    if answer.status < 300 {
                        rush.successes.push(begun.elapsed());
                        rush.latencies.push(asked.elapsed());
                    }
                }
                if answer.status == 503 {
                    sleep(Duration::from_secs(1)).await;
                } else {
                    round += 1;
                }
                last = Some(answer);
            }
        });
    }
    while let Some(done) = running.join_next().await {
        done.expect("a client goes on to its end");
    }
    let mut rush = std::mem::take(&mut *rush.lock().unwrap());
    rush.latencies.sort_unstable();
    rush.seen = shop.limited().seen() - before;
    rush
}
