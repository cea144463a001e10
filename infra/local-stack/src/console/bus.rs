use std::{
    collections::{HashSet, VecDeque},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{Json, Router, extract::State, routing::get};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::now;
use crate::{
    aws::{Aws, EVENTS, SQS},
    data_platform::DataPlatform,
    emulator::REGION,
    error::{Context as _, Result},
    queue,
};

/// The most events that are kept.
const KEPT: usize = 500;

/// The wait before a repetition of a call that failed: the emulator is down, or restarts.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The queue, and the rule that fills it. They are no part of the template.
const NAME: &str = "jangteo-console-events";

/// The last events on the bus.
#[derive(Clone, Debug)]
pub(crate) struct Bus {
    aws: Aws,
    name: String,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    events: VecDeque<Seen>,
    /// The ids of all messages above: the queue may bring one again.
    ids: HashSet<String>,
}

#[derive(Clone, Debug)]
struct Seen {
    id: String,
    at: Timestamp,
    source: String,
    kind: String,
    detail: Value,
}

impl Bus {
    /// The bus of this name.
    pub(crate) fn new(aws: Aws, name: String) -> Self {
        Self { aws, name, kept: Arc::default() }
    }

    /// Listens for as long as it is polled.
    pub(crate) async fn work(self) {
        let mut queue: Option<String> = None;
        loop {
            let heard = match &queue {
                Some(url) => self.receive(url).await,
                None => self.subscribe().await.map(|url| queue = Some(url)),
            };
            if heard.is_err() {
                // The emulator may have lost the queue in a crash.
                queue = None;
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }

    /// Creates the queue and its rule, unless an earlier start did. Returns the queue's address.
    async fn subscribe(&self) -> Result<String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Queue {
            queue_url: String,
        }
        let retention = json!({ "MessageRetentionPeriod": "3600" });
        let created =
            self.aws.call(&SQS, "CreateQueue", &json!({ "QueueName": NAME, "Attributes": retention })).await?;
        let Queue { queue_url } = serde_json::from_slice(&created).map_err(io::Error::other).context("read a queue")?;
        let pattern = json!({ "source": [{ "prefix": "jangteo." }] }).to_string();
        let rule = json!({ "Name": NAME, "EventBusName": self.name, "EventPattern": pattern, "State": "ENABLED" });
        self.aws.call(&EVENTS, "PutRule", &rule).await?;
        let arn = format!("arn:aws:sqs:{REGION}:000000000000:{NAME}");
        let targets = json!({ "Rule": NAME, "EventBusName": self.name, "Targets": [{ "Id": "queue", "Arn": arn }] });
        self.aws.call(&EVENTS, "PutTargets", &targets).await?;
        Ok(queue_url)
    }

    async fn receive(&self, queue_url: &str) -> Result<()> {
        for message in queue::receive(&self.aws, queue_url).await? {
            self.keep(&message.body);
            queue::delete(&self.aws, queue_url, &message).await?;
        }
        Ok(())
    }

    /// Keeps the event of a message, in the form of the bus. Other messages are none of ours.
    fn keep(&self, message: &str) {
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case")]
        struct FromBus {
            id: String,
            source: String,
            detail_type: String,
            detail: Value,
        }
        let Ok(FromBus { id, source, detail_type: kind, detail }) = serde_json::from_str(message) else { return };
        let mut kept = self.kept();
        if !kept.ids.insert(id.clone()) {
            return;
        }
        kept.events.push_back(Seen { id, at: now(), source, kind, detail });
        if kept.events.len() > KEPT
            && let Some(oldest) = kept.events.pop_front()
        {
            kept.ids.remove(&oldest.id);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // No holder of the lock can leave a change half-made.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `GET /_dev/events`: the events, newest first, each with its way.
    pub(super) fn router(&self, platform: DataPlatform) -> Router {
        Router::new().route("/_dev/events", get(list)).with_state((self.clone(), platform))
    }
}

async fn list(State((bus, platform)): State<(Bus, DataPlatform)>) -> Json<Value> {
    let events = bus.kept().events.clone();
    let arrivals = platform.arrivals();
    let shown = events.iter().rev().map(|Seen { id: _, at, source, kind, detail }| {
        let arrived_at = detail.get("eventId").and_then(Value::as_str).and_then(|id| arrivals.get(id));
        json!({ "seenAt": at, "source": source, "kind": kind, "event": detail, "arrivedAt": arrived_at })
    });
    Json(json!({ "events": shown.collect::<Vec<_>>(), "platformStatus": platform.status().as_u16() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_event_that_comes_again_is_kept_once_and_the_oldest_leaves_first() {
        let bus = Bus::new(Aws::new(String::new()).unwrap(), "bus".to_owned());
        let message = |id: usize| {
            let detail = json!({ "eventId": format!("event-{id}") });
            json!({ "id": id.to_string(), "source": "jangteo.orders", "detail-type": "OrderPaid", "detail": detail })
        };
        bus.keep("no event");
        for id in (0..=KEPT).chain([KEPT]) {
            bus.keep(&message(id).to_string());
        }
        let listed = list(State((bus, DataPlatform::default()))).await.0;
        let events = listed["events"].as_array().unwrap();
        let [newest, oldest] = [&events[0], &events[KEPT - 1]].map(|seen| &seen["event"]["eventId"]);
        assert_eq!((events.len(), newest, oldest), (KEPT, &json!("event-500"), &json!("event-1")));
        assert_eq!(events[0]["arrivedAt"], Value::Null);
    }
}
