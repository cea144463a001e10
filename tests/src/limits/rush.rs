//! Many clients at once, until each has made all its calls.

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

/// The result of a rush.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rush {
    /// The number of answers with each code.
    pub codes: BTreeMap<String, u64>,
    /// The time from the beginning to each success, in order.
    pub successes: Vec<Duration>,
    /// The duration of each successful call, sorted.
    pub latencies: Vec<Duration>,
    /// The calls that the table got.
    pub seen: Seen,
}

impl Rush {
    /// The number of successful calls.
    pub fn sold(&self) -> u64 {
        u64::try_from(self.successes.len()).unwrap()
    }

    /// Successes a second, over the first nine tenths of them. The last ones measure the search for units, not the
    /// sale.
    pub fn per_second(&self) -> f64 {
        let most = self.successes.len() * 9 / 10;
        let time = most.checked_sub(1).map_or(Duration::ZERO, |last| self.successes[last]);
        f64::from(u32::try_from(most).unwrap()) / time.as_secs_f64().max(0.001)
    }

    /// The duration that this percentage of the successful calls did not exceed.
    pub fn percentile(&self, percent: usize) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get(last * percent / 100).copied().unwrap_or_default()
    }

    /// The number of answers with this code.
    pub fn count(&self, code: &str) -> u64 {
        self.codes.get(code).copied().unwrap_or_default()
    }
}

/// Lets clients call one call after the other. `next` gives the call for a client, its round, and the answer before;
/// `None` ends the client. A client with a 503 waits a second and repeats its call.
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
