//! The bus with its rules, and the queues that rules and the relay fill, as in the template.

use std::{
    collections::BTreeMap,
    sync::{LazyLock, Mutex, MutexGuard},
    time::Duration,
};

use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::{plan::FaultKind, world::World};
use crate::{limits::Chance, template::template};

/// The events that go into a queue.
#[derive(Debug)]
struct Rule {
    source: String,
    kinds: Vec<String>,
    queue: String,
}

/// The longest delay of the bus without faults.
const BUS_MS: u64 = 300;

/// The time for which a received message is invisible.
const INVISIBLE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct MessageBus {
    began: Instant,
    /// The delay of a message that is for the end of a hold.
    hold: Duration,
    queues: Mutex<BTreeMap<String, Queue>>,
    /// Wakes the waiters for messages, in order.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    messages: Vec<Message>,
    /// The messages that were received too often.
    dead: Vec<Value>,
    sent: u32,
    /// The most receives of a message.
    most_receives: u32,
}

#[derive(Debug)]
struct Message {
    id: String,
    body: Value,
    visible_from: Duration,
    received: u32,
}

impl MessageBus {
    pub(super) fn new(hold: SignedDuration) -> Self {
        let resources = template()["Resources"].as_object().expect("the template has resources").iter();
        let queue = |(name, queue): (&String, &Value)| {
            let most_receives = queue["Properties"]["RedrivePolicy"]["maxReceiveCount"].as_u64()?;
            let most_receives = u32::try_from(most_receives).expect("a count");
            Some((name.clone(), Queue { most_receives, ..Queue::default() }))
        };
        let queues = resources.filter_map(queue).collect();
        let hold = Duration::try_from(hold).expect("a hold is a time");
        Self { began: Instant::now(), hold, queues: Mutex::new(queues), changed: Notify::new() }
    }

    fn queues(&self) -> MutexGuard<'_, BTreeMap<String, Queue>> {
        self.queues.lock().unwrap()
    }

    /// EventBridge's answer to PutEvents: entries are refused singly.
    pub(super) fn put_events(&self, world: &World, request: &Value, chance: &mut Chance) -> (u16, Value) {
        let is_down = world.is_down(FaultKind::BusDown);
        let mut results = Vec::new();
        for entry in request["Entries"].as_array().into_iter().flatten() {
            if is_down || (world.injects(FaultKind::BusDown) && chance.below(20) == 0) {
                results.push(json!({ "ErrorCode": "ThrottlingException", "ErrorMessage": "Rate exceeded" }));
                continue;
            }
            let detail = serde_json::from_str(entry["Detail"].as_str().unwrap_or_default()).expect("a detail is JSON");
            let (source, kind) = (entry["Source"].as_str(), entry["DetailType"].as_str());
            self.post(world, source.unwrap_or_default(), kind.unwrap_or_default(), detail, chance);
            results.push(json!({ "EventId": "taken" }));
        }
        let failed = results.iter().filter(|result| result["ErrorCode"].is_string()).count();
        (200, json!({ "FailedEntryCount": failed, "Entries": results }))
    }

    /// SQS's answer to SendMessageBatch: messages are refused singly.
    pub(super) fn send_messages(&self, world: &World, request: &Value, chance: &mut Chance) -> (u16, Value) {
        let name = request["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next()).expect("a queue has a name");
        let is_down = world.is_queue_down(name);
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in request["Entries"].as_array().into_iter().flatten() {
            let id = &entry["Id"];
            if is_down || (world.injects(FaultKind::BusDown) && chance.below(20) == 0) {
                failed.push(json!({ "Id": id, "Code": "InternalError", "SenderFault": false }));
                continue;
            }
            let body = serde_json::from_str(entry["MessageBody"].as_str().unwrap_or_default()).expect("a body is JSON");
            self.put(world, name, &body, chance);
            successful.push(json!({ "Id": id, "MessageId": "taken", "MD5OfMessageBody": "" }));
        }
        self.changed.notify_waiters();
        (200, json!({ "Successful": successful, "Failed": failed }))
    }

    /// Puts an event into the queues of its rules.
    pub(super) fn post(&self, world: &World, source: &str, kind: &str, detail: Value, chance: &mut Chance) {
        let body = json!({ "version": "0", "id": "1", "source": source, "detail-type": kind, "detail": detail });
        for rule in RULES.iter().filter(|rule| rule.source == source && rule.kinds.iter().any(|it| it == kind)) {
            self.put(world, &rule.queue, &body, chance);
        }
        self.changed.notify_waiters();
    }

    /// Puts a message into a queue, where it arrives a moment later.
    fn put(&self, world: &World, name: &str, body: &Value, chance: &mut Chance) {
        let is_faulty = world.injects(FaultKind::MessageFaults);
        let copies = match chance.below(10) {
            0 | 1 if is_faulty => 2,
            // The sweep does the work of such a message as well.
            2 if is_faulty && name == "Expiry" => 0,
            _ => 1,
        };
        for _ in 0..copies {
            let way = Duration::from_millis(chance.below(BUS_MS) + if is_faulty { chance.below(3_000) } else { 0 });
            let visible_from = self.began.elapsed() + way + self.delay_of(name);
            let mut queues = self.queues();
            let queue = queues.get_mut(name).expect("the queue is in the template");
            queue.sent += 1;
            let id = format!("{name}-{}", queue.sent);
            queue.messages.push(Message { id, body: body.clone(), visible_from, received: 0 });
        }
    }

    /// Up to so many messages of a queue, in any order, once there are any.
    pub(super) async fn receive(&self, name: &str, most: usize, chance: &mut Chance) -> Vec<Value> {
        loop {
            let next = {
                let now = self.began.elapsed();
                let mut queues = self.queues();
                let queue = queues.get_mut(name).expect("a queue of the template");
                let batch = queue.take(most, now, chance);
                if !batch.is_empty() {
                    return batch;
                }
                queue.messages.iter().map(|message| message.visible_from).min()
            };
            match next {
                Some(at) => tokio::select! {
                    biased;
                    () = self.changed.notified() => {}
                    () = sleep_until(self.began + at) => {}
                },
                None => self.changed.notified().await,
            }
        }
    }

    /// Deletes a handled message from its queue.
    pub(super) fn delete(&self, id: &str) {
        let mut queues = self.queues();
        queues.values_mut().for_each(|queue| queue.messages.retain(|message| message.id != id));
    }

    /// SQS's answer to ChangeMessageVisibility; a receipt handle is a message's id.
    pub(super) fn postpone(&self, request: &Value) -> Value {
        let seconds = request["VisibilityTimeout"].as_u64().expect("a wait");
        let until = self.began.elapsed() + Duration::from_secs(seconds);
        let mut queues = self.queues();
        let mut messages = queues.values_mut().flat_map(|queue| &mut queue.messages);
        if let Some(message) = messages.find(|message| request["ReceiptHandle"] == message.id.as_str()) {
            message.visible_from = until;
        }
        drop(queues);
        self.changed.notify_waiters();
        json!({})
    }

    fn delay_of(&self, queue: &str) -> Duration {
        match &template()["Resources"][queue]["Properties"]["DelaySeconds"] {
            Value::Null => Duration::ZERO,
            _ => self.hold,
        }
    }

    /// The number of messages that wait or are being handled.
    pub(super) fn waiting(&self) -> usize {
        self.queues().values().map(|queue| queue.messages.len()).sum()
    }

    /// The number of messages that are received soon, redelivered ones included.
    pub(super) fn waiting_soon(&self) -> usize {
        let soon = self.began.elapsed() + INVISIBLE;
        self.queues().values().flat_map(|queue| &queue.messages).filter(|message| message.visible_from <= soon).count()
    }

    /// The messages that no function could handle.
    pub(super) fn dead_letters(&self) -> Vec<Value> {
        self.queues().values().flat_map(|queue| queue.dead.clone()).collect()
    }
}

impl Queue {
    fn take(&mut self, most: usize, now: Duration, chance: &mut Chance) -> Vec<Value> {
        let limit = self.most_receives;
        let (dead, alive): (Vec<Message>, Vec<Message>) = std::mem::take(&mut self.messages)
            .into_iter()
            .partition(|message| message.visible_from <= now && message.received >= limit);
        self.dead.extend(dead.into_iter().map(|message| message.body));
        self.messages = alive;
        let mut visible: Vec<&mut Message> =
            self.messages.iter_mut().filter(|message| message.visible_from <= now).collect();
        let mut batch = Vec::new();
        while batch.len() < most && !visible.is_empty() {
            let message = visible.swap_remove(super::plan::pick(chance, visible.len()));
            message.visible_from = now + INVISIBLE;
            message.received += 1;
            batch.push(json!({
                "messageId": message.id, "receiptHandle": message.id, "body": message.body.to_string(),
                "attributes": { "ApproximateReceiveCount": message.received.to_string() }, "messageAttributes": {},
            }));
        }
        batch
    }
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let texts = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let resources = template()["Resources"].as_object().expect("the template has resources").values();
    let leads_to_a_queue = |rule: &&Value| {
        rule["Type"] == "AWS::Events::Rule"
            && template()["Resources"][named(&rule["Properties"]["Targets"][0]["Arn"])]["Type"] == "AWS::SQS::Queue"
    };
    let rules = resources.filter(leads_to_a_queue).map(|rule| {
        let pattern = &rule["Properties"]["EventPattern"];
        let source = texts(&pattern["source"]).remove(0);
        let queue = named(&rule["Properties"]["Targets"][0]["Arn"]);
        Rule { source, kinds: texts(&pattern["detail-type"]), queue }
    });
    rules.collect()
});

/// The resource of an ARN.
pub(super) fn named(arn: &Value) -> String {
    let text = arn["Fn::GetAtt"].as_str().expect("an ARN is got from a resource");
    text.split('.').next().unwrap_or_default().to_owned()
}
