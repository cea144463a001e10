//! Each event reaches the data platform once, or ends as a dead letter with its reason, for any answer of the platform.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lambda_events::sqs::SqsBatchResponse;
use functions::queue::deliver_orders::{self, Answer, Circuit, Delivery, DeliveryWorker, Http};
use futures::future::join_all;
use lambda_http::Error;
use serde_json::{Value, json};
use shared::{
    events::{Event, EventKind},
    platform::{Clock, Random},
};
use tests::{
    Bus, BusFault, TestShop,
    fakes::{
        event_source::EventSource,
        platform::{Platform, Reply},
        queue::{DeadLetterQueue, Waits, batch, batch_of},
        queue_source::QueueSource,
    },
    limits::Chance,
};
use tokio::time::{Instant, sleep};

/// A worker to a platform, its queue and its dead dead_letters.
struct Way {
    worker: DeliveryWorker<Http>,
    waits: Waits,
    dead_letters: DeadLetterQueue,
}

impl Way {
    fn to(url: reqwest::Url) -> Self {
        let (waits, dead_letters) = (Waits::default(), DeadLetterQueue::default());
        let platform = Http::new(url, Clock::new(|| "2026-11-20T03:00:00Z".parse().unwrap())).unwrap();
        let worker = DeliveryWorker::new(
            platform,
            waits.queue(),
            dead_letters.queue(),
            Circuit::default(),
            Random::new(|| 7 << 64),
        );
        Self { worker, waits, dead_letters }
    }

    /// Lets the worker deliver events with these ids, and returns those that are to come again.
    async fn deliver(&self, ids: &[&str]) -> Vec<String> {
        let event = |id: &&str| ("OrderPaid", json!({ "eventId": id, "aggregateId": "o" }));
        let events: Vec<(&str, Value)> = ids.iter().map(event).collect();
        again(&self.worker.handle(batch("jangteo.orders", &events)).await.unwrap())
    }
}

fn again(answer: &SqsBatchResponse) -> Vec<String> {
    answer.batch_item_failures.iter().map(|failure| failure.item_identifier.clone()).collect()
}

#[tokio::test]
async fn a_refused_event_is_a_dead_letter_at_once_with_the_reason() {
    for status in [400, 401, 404, 409, 422] {
        let platform = Platform::start().await;
        let way = Way::to(platform.url());
        platform.reply(move |event| {
            if event.body["eventId"] == "bad" { Reply::of(status).saying("no such\nthing") } else { Reply::of(200) }
        });
        assert_eq!(way.deliver(&["good", "bad", "better"]).await, [""; 0], "{status}: all of it is done");
        assert_eq!(platform.received().len(), 3);
        let [(letter, reason)] = &way.dead_letters.taken()[..] else { panic!("{status}: one dead letter") };
        assert_eq!((&letter["detail"]["eventId"], &letter["detail-type"]), (&json!("bad"), &json!("OrderPaid")));
        assert_eq!(*reason, format!("the data platform answered {status}: no suchthing"));
        assert_eq!(way.waits.taken(), [0; 0]);
    }
}

#[tokio::test]
async fn a_temporary_refusal_is_retried() {
    let now = |status: u16| Reply::of(status);
    let replies = [
        (now(408), 2),
        (now(429), 2),
        (now(500), 2),
        (now(503), 2),
        (now(429).retry_after("120"), 120),
        (now(503).retry_after("1"), 2),
        (now(503).retry_after("Fri, 20 Nov 2026 03:05:00 GMT"), 300),
        // An hour would be too long a silence if the platform comes up earlier.
        (now(503).retry_after("3600"), 900),
        (now(503).retry_after("soon"), 2),
    ];
    for (reply, wait) in replies {
        let platform = Platform::start().await;
        let way = Way::to(platform.url());
        let answered = reply.clone();
        platform.reply(move |_| answered.clone());
        assert_eq!(way.deliver(&["e1"]).await, ["0"], "{reply:?}");
        assert_eq!(way.waits.taken(), [wait], "{reply:?}");
        assert_eq!(way.dead_letters.taken(), []);
    }
}

/// A redirected delivery would become a GET, be answered 200, and be lost.
#[tokio::test]
async fn a_redirection_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let platform = Platform::start().await;
        let way = Way::to(platform.url());
        platform.reply(move |_| Reply::of(status).leading_to("/elsewhere"));
        assert_eq!(way.deliver(&["e1"]).await, ["0"], "{status}");
        assert_eq!(platform.received().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unanswered_delivery_is_retried() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap()).parse().unwrap();
    let way = Way::to(url);
    assert_eq!(way.deliver(&["e1", "e2"]).await, ["0", "1"]);
    drop(silent);
    assert_eq!(way.deliver(&["e1"]).await, ["0"]);
    assert_eq!((way.waits.taken(), way.dead_letters.taken()), (vec![2, 2, 2], vec![]));
}

#[tokio::test]
async fn a_refusal_without_a_reachable_dead_letter_queue_is_retried() {
    let platform = Platform::start().await;
    let way = Way::to(platform.url());
    platform.reply(|_| Reply::of(400));
    way.dead_letters.set_down(true);
    assert_eq!(way.deliver(&["e1"]).await, ["0"]);
    way.dead_letters.set_down(false);
    assert_eq!(way.deliver(&["e1"]).await, [""; 0]);
    assert_eq!(way.dead_letters.taken().len(), 1);
}

#[tokio::test]
async fn an_invalid_event_is_a_dead_letter_without_a_delivery() {
    let platform = Platform::start().await;
    let way = Way::to(platform.url());
    let answer = way.worker.handle(batch("jangteo.orders", &[("OrderPaid", json!({ "aggregateId": "o" }))])).await;
    assert_eq!(again(&answer.unwrap()), [""; 0]);
    assert_eq!(platform.received().len(), 0);
    let [(letter, reason)] = &way.dead_letters.taken()[..] else { panic!("one dead letter") };
    assert_eq!(letter["detail"], json!({ "aggregateId": "o" }));
    assert!(reason.starts_with("it is no event: missing field `eventId`"), "{reason}");
}

#[tokio::test]
async fn repeated_failures_open_the_circuit() {
    let platform = Platform::start().await;
    let way = Way::to(platform.url());
    platform.reply(|_| Reply::of(503));
    let all: Vec<String> = (0..9).map(|place| place.to_string()).collect();
    assert_eq!(way.deliver(&["e"; 9]).await, all);
    assert_eq!(platform.received().len(), 5, "four were not even tried");
    assert_eq!(way.waits.taken(), [2, 2, 2, 2, 2, 5, 5, 5, 5]);
    platform.reply(|_| Reply::of(200));
    assert_eq!(way.deliver(&["e"]).await, ["0"]);
    assert_eq!(platform.received().len(), 5);
}

/// A platform with a clock of its own, and slow answers.
#[derive(Debug, Clone, Default)]
struct Slow(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    down: bool,
    /// The number of times that it took each event.
    taken: BTreeMap<String, u32>,
    refused: u32,
}

impl deliver_orders::Platform for Slow {
    async fn post(&self, delivery: Delivery) -> Result<Answer, Error> {
        sleep(Duration::from_millis(20)).await;
        let mut known = self.0.lock().unwrap();
        if known.down {
            known.refused += 1;
            return Ok(Answer::of(503));
        }
        *known.taken.entry(delivery.event_id).or_default() += 1;
        Ok(Answer::of(200))
    }
}

/// The events of so many paid orders, equal but for their ids.
async fn paid_orders(count: usize) -> Vec<Event> {
    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 1_000, 10).await;
    shop.order("mina", "tea", 1).await.expect(201);
    let paid = shop.published().await.into_iter().find(|event| event.kind == EventKind::OrderPaid).unwrap();
    (0..count).map(|number| Event { event_id: format!("{}-{number}", paid.event_id), ..paid.clone() }).collect()
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_was_down_all_night_gets_each_order_once() {
    const HOURS: u32 = 12;
    const ENVIRONMENTS: u32 = 5;
    let events = paid_orders(200).await;
    assert_eq!(events.len(), 200);
    let (platform, source, dead_letters) =
        (Slow::default(), QueueSource::of("DeliverOrders"), DeadLetterQueue::default());
    platform.0.lock().unwrap().down = true;
    source.put(batch_of(&events));
    let environments = (0..ENVIRONMENTS).map(|_| {
        let random = Random::new(|| 7 << 64);
        let worker =
            DeliveryWorker::new(platform.clone(), source.queue(), dead_letters.queue(), Circuit::default(), random);
        let source = source.clone();
        async move { source.process(|batch| async { worker.handle(batch).await.unwrap() }).await }
    });
    let outage = async {
        sleep(Duration::from_secs(u64::from(HOURS) * 3_600)).await;
        platform.0.lock().unwrap().down = false;
        (Instant::now(), source.most_received())
    };
    let ((up, received), _) = tokio::join!(outage, join_all(environments));
    let known = platform.0.lock().unwrap();
    let expected: BTreeMap<String, u32> = events.iter().map(|event| (event.event_id.clone(), 1)).collect();
    assert_eq!(known.taken, expected, "each once");
    assert_eq!(dead_letters.taken(), []);
    // Each environment tries once a minute at most, after its first failures.
    assert!(known.refused <= ENVIRONMENTS * (10 + HOURS * 60), "{} posts in vain", known.refused);
    // No event waits longer than the longest wait, and then for a successful trial.
    assert!(up.elapsed() <= Duration::from_secs(960), "{:?}", up.elapsed());
    println!("{} posts in vain, {received} receives at most, all there after {:?}", known.refused, up.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_repeated_event_has_the_same_key() {
    let events = paid_orders(3).await;
    let (platform, waits, dead_letters) = (Slow::default(), Waits::default(), DeadLetterQueue::default());
    for _ in 0..2 {
        let random = Random::new(|| 7 << 64);
        let worker =
            DeliveryWorker::new(platform.clone(), waits.queue(), dead_letters.queue(), Circuit::default(), random);
        assert_eq!(again(&worker.handle(batch_of(&events)).await.unwrap()), [""; 0]);
    }
    let known = platform.0.lock().unwrap();
    assert_eq!(known.taken.values().collect::<Vec<_>>(), [&2; 3]);
}

/// A platform with random answers. It never refuses an event that it has.
#[derive(Debug, Clone)]
struct Moody(Slow, Arc<Mutex<Chance>>);

impl deliver_orders::Platform for Moody {
    async fn post(&self, delivery: Delivery) -> Result<Answer, Error> {
        let Self(slow, chance) = self;
        let mood = chance.lock().unwrap().below(8);
        let is_known = slow.0.lock().unwrap().taken.contains_key(&delivery.event_id);
        match mood {
            0 if !is_known => Ok(Answer::of(422)),
            1 | 2 => Ok(Answer::of(503)),
            3 => Err("nobody answered".into()),
            // It has the event, and the answer gets lost.
            4 => slow.post(delivery).await.and(Err("the answer got lost".into())),
            _ => slow.post(delivery).await,
        }
    }
}

/// All the way from the table: the bus is down for an hour, then the platform answers at random.
#[tokio::test(start_paused = true)]
async fn every_paid_order_is_at_the_platform_or_on_its_way_or_a_dead_letter() {
    let shop = TestShop::new();
    shop.customer("mina", 90_000_000).await;
    shop.product("tea", 1_000, 10_000).await;
    for _ in 0..20 {
        shop.order("mina", "tea", 1).await.expect(201);
    }
    let bus = Bus::default();
    let relay = bus.relay(&DeadLetterQueue::default());
    let mut stream = EventSource::new("RelayEvents", shop.dynamo().clone());
    bus.fail(|| BusFault::Down);
    let up_again = async {
        sleep(Duration::from_secs(3_600)).await;
        bus.fail(|| BusFault::None);
    };
    tokio::join!(up_again, stream.run(|batch| bus.handle(&relay, batch)));
    let paid: Vec<Value> = bus.events().into_iter().filter(|event| event["type"] == "OrderPaid").collect();
    let all: BTreeSet<String> = paid.iter().map(|event| event["eventId"].as_str().unwrap().to_owned()).collect();
    assert_eq!((paid.len(), all.len()), (20, 20));

    for seed in 0..8 {
        let (source, dead_letters) = (QueueSource::of("DeliverOrders"), DeadLetterQueue::default());
        let platform = Moody(Slow::default(), Arc::new(Mutex::new(Chance::new(seed))));
        let events: Vec<(&str, Value)> = paid.iter().map(|event| ("OrderPaid", event.clone())).collect();
        source.put(batch("jangteo.orders", &events));
        let environments = (0..3).map(|_| {
            let random = Random::new(|| 7 << 64);
            let worker =
                DeliveryWorker::new(platform.clone(), source.queue(), dead_letters.queue(), Circuit::default(), random);
            let source = source.clone();
            async move { source.process(|batch| async { worker.handle(batch).await.unwrap() }).await }
        });
        let id = |body: &Value| body["detail"]["eventId"].as_str().unwrap().to_owned();
        let watch = async {
            loop {
                let is_over = source.waiting() == 0;
                let taken: BTreeSet<String> = platform.0.0.lock().unwrap().taken.keys().cloned().collect();
                let dead: BTreeSet<String> = dead_letters.taken().iter().map(|(body, _)| id(body)).collect();
                let waiting = source.bodies().into_iter().map(|body| id(&body));
                let found: BTreeSet<String> =
                    waiting.chain(taken.iter().cloned()).chain(dead.iter().cloned()).collect();
                assert_eq!(found, all, "seed {seed}");
                if is_over {
                    return (taken, dead);
                }
                sleep(Duration::from_secs(5)).await;
            }
        };
        let ((taken, dead), _) = tokio::join!(watch, join_all(environments));
        // In the end each event is in one place: the platform never refuses an event that it has taken.
        assert!(taken.is_disjoint(&dead) && !taken.is_empty() && !dead.is_empty(), "seed {seed}");
        assert!(dead_letters.taken().iter().all(|(_, reason)| reason.starts_with("the data platform answered 422")));
    }
}
