//! Each event reaches the data platform once, or ends as a dead letter with its reason, for any answer of the platform.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use aws_lambda_events::sqs::SqsBatchResponse;
use functions::queue::deliver_orders::{self, Answer, Circuit, Delivery, DeliveryWorker, Http, Signer};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
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
        parameters::{ParameterStore, SECRET},
        platform::{Platform, Received, Reply},
        queue::{DeadLetterQueue, Waits, batch, batch_of},
        queue_source::QueueSource,
    },
    limits::Chance,
    template::template,
};
use tokio::time::{Instant, sleep};

fn start() -> Timestamp {
    "2026-11-20T03:00:00Z".parse().unwrap()
}

/// A signer of its own, whose clock goes with tokio's.
fn signer(store: &ParameterStore) -> Signer {
    let began = Instant::now();
    store.signer(Clock::new(move || start() + SignedDuration::try_from(began.elapsed()).unwrap()))
}

/// A worker to a platform, its secrets, its queue and its dead letters.
struct Way {
    worker: DeliveryWorker<Http>,
    secrets: ParameterStore,
    waits: Waits,
    dead_letters: DeadLetterQueue,
    /// The seconds since the start.
    seconds: Arc<AtomicI64>,
}

impl Way {
    fn to(url: reqwest::Url) -> Self {
        let (secrets, waits, dead_letters) = (ParameterStore::default(), Waits::default(), DeadLetterQueue::default());
        let seconds = Arc::new(AtomicI64::new(0));
        let elapsed = Arc::clone(&seconds);
        let clock = Clock::new(move || start() + SignedDuration::from_secs(elapsed.load(Ordering::SeqCst)));
        let circuit = Circuit::new(clock.clone());
        let worker = DeliveryWorker::new(
            Http::new(url, clock.clone()).unwrap(),
            secrets.signer(clock),
            waits.queue(),
            dead_letters.queue(),
            circuit,
            Random::new(|| 7 << 64),
        );
        Self { worker, secrets, waits, dead_letters, seconds }
    }

    /// Sets the clock to so many seconds after the start.
    fn at(&self, seconds: i64) -> &Self {
        self.seconds.store(seconds, Ordering::SeqCst);
        self
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

const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// The headers of a delivery that are new with each attempt, or not.
fn signed(received: &Received) -> [&str; 3] {
    [webhook::ID, webhook::TIMESTAMP, webhook::SIGNATURE].map(|name| received.header(name))
}

#[tokio::test]
async fn each_attempt_is_signed_with_a_timestamp_of_its_own() {
    let platform = Platform::start().await;
    let way = Way::to(platform.url());
    platform.reply(|_| Reply::of(503));
    assert_eq!(way.at(0).deliver(&["e1"]).await, ["0"]);
    platform.reply(|_| Reply::of(200));
    assert_eq!(way.at(2).deliver(&["e1"]).await, [""; 0]);
    let received = platform.received();
    let [first, second] = [&received[0], &received[1]].map(signed);
    assert_eq!((first[0], first[1]), ("e1", start().as_second().to_string().as_str()));
    assert_eq!((second[0], second[1]), ("e1", (start().as_second() + 2).to_string().as_str()));
    assert_ne!(first[2], second[2]);
    assert!(received.iter().all(|delivery| delivery.header("idempotency-key") == "e1"));
    assert_eq!(way.secrets.reads(), 1);
}

/// The receiver knows the old secret, then the new one. At no step does it refuse a delivery.
#[tokio::test]
async fn a_rotation_of_the_secret_interrupts_no_delivery() {
    let platform = Platform::start().await;
    let way = Way::to(platform.url());
    let signatures = async |at: i64, signatures: usize| {
        assert_eq!(way.at(at).deliver(&["e"]).await, [""; 0], "{at}");
        let last = platform.received().pop().unwrap();
        assert_eq!(last.header(webhook::SIGNATURE).split(' ').count(), signatures, "{at}");
    };
    signatures(0, 1).await;
    // The worker signs with both within five minutes. Until then the receiver keeps the old one.
    way.secrets.set(Some(&format!("{SECRET}\n{OTHER}\n")));
    signatures(299, 1).await;
    signatures(300, 2).await;
    platform.trust(OTHER);
    signatures(301, 2).await;
    way.secrets.set(Some(OTHER));
    signatures(599, 2).await;
    signatures(600, 1).await;
    assert_eq!((platform.received().len(), way.secrets.reads()), (6, 3));
    assert_eq!((way.waits.taken(), way.dead_letters.taken()), (vec![], vec![]));
    // The old secret counts no more.
    platform.trust(SECRET);
    assert_eq!(way.deliver(&["e"]).await, [""; 0]);
    let [(_, reason)] = &way.dead_letters.taken()[..] else { panic!("one dead letter") };
    assert_eq!(*reason, "the data platform answered 401: no signature is that of a known secret");
}

#[tokio::test]
async fn an_outage_of_the_parameter_store_stops_deliveries_after_an_hour() {
    let platform = Platform::start().await;
    let way = Way::to(platform.url());
    way.deliver(&["e"]).await;
    way.secrets.set_down(true);
    for at in [299, 300, 309, 3_590, 3_599] {
        assert_eq!(way.at(at).deliver(&["e"]).await, [""; 0], "{at}");
    }
    // One read at first, and one each at 300 and 3,590 seconds. The pause after it spares the others.
    assert_eq!((platform.received().len(), way.secrets.reads()), (6, 3));
    assert_eq!(way.at(3_600).deliver(&["e1", "e2", "e3"]).await, ["0", "1", "2"]);
    assert_eq!((platform.received().len(), way.secrets.reads()), (6, 4));
    way.secrets.set_down(false);
    assert_eq!(way.at(3_610).deliver(&["e1", "e2", "e3"]).await, [""; 0]);
    assert_eq!((way.waits.taken(), way.dead_letters.taken()), (vec![10; 3], vec![]));
    assert_eq!((platform.received().len(), way.secrets.reads()), (9, 5));
}

#[tokio::test]
async fn secrets_read_at_the_start_serve_the_first_delivery() {
    let platform = Platform::start().await;
    let way = Way::to(platform.url());
    way.worker.connect().await;
    assert_eq!(way.deliver(&["e"]).await, [""; 0]);
    assert_eq!((platform.received().len(), way.secrets.reads()), (1, 1));
}

/// The first delivery asks again at once, without the pause after a failure.
#[tokio::test]
async fn an_outage_at_the_start_holds_nothing_up() {
    let platform = Platform::start().await;
    let way = Way::to(platform.url());
    way.secrets.set_down(true);
    way.worker.connect().await;
    way.secrets.set_down(false);
    assert_eq!(way.deliver(&["e"]).await, [""; 0]);
    assert_eq!((platform.received().len(), way.secrets.reads()), (1, 2));
}

/// The messages stay in the queue, and the circuit stays closed.
#[tokio::test]
async fn nothing_is_posted_without_a_usable_secret() {
    for value in [None, Some(""), Some("whsec_"), Some("hunter2"), Some("whsec_aHVudGVyMg==")] {
        let platform = Platform::start().await;
        let way = Way::to(platform.url());
        way.secrets.set(value);
        assert_eq!(way.deliver(&["e"; 9]).await.len(), 9, "{value:?}");
        assert_eq!((platform.received().len(), way.secrets.reads()), (0, 1), "{value:?}");
        assert_eq!((way.waits.taken(), way.dead_letters.taken()), (vec![10; 9], vec![]), "{value:?}");
        way.secrets.set(Some(SECRET));
        assert_eq!(way.at(10).deliver(&["e"]).await, [""; 0], "{value:?}");
        // A worker that has secrets does not go on with them either.
        way.secrets.set(value);
        assert_eq!(way.at(310).deliver(&["e"]).await, ["0"], "{value:?}");
        assert_eq!(platform.received().len(), 1, "{value:?}");
    }
}

#[tokio::test]
async fn repeated_failures_open_the_circuit() {
    let platform = Platform::start().await;
    let way = Way::to(platform.url());
    platform.reply(|_| Reply::of(503));
    let all: Vec<String> = (0..9).map(|place| place.to_string()).collect();
    assert_eq!(way.deliver(&["e"; 9]).await, all);
    assert_eq!(platform.received().len(), 9, "a batch is posted at once");
    assert_eq!(way.deliver(&["e"; 9]).await, all);
    assert_eq!(platform.received().len(), 9, "none was even tried");
    assert_eq!(way.waits.taken(), [[2; 9], [5; 9]].concat(), "nine failures make one pause");
    // Half open: of a batch, one tries. If it fails, no other does.
    let way = way.at(5);
    assert_eq!(way.deliver(&["e"; 9]).await, all);
    assert_eq!(platform.received().len(), 10);
    // If it succeeds, the others follow.
    platform.reply(|_| Reply::of(200));
    assert_eq!(way.at(15).deliver(&["e"; 9]).await, [""; 0]);
    assert_eq!(platform.received().len(), 19);
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
    let secrets = ParameterStore::default();
    platform.0.lock().unwrap().down = true;
    source.put(batch_of(&events));
    let environments = (0..ENVIRONMENTS).map(|_| {
        let random = Random::new(|| 7 << 64);
        let signer = signer(&secrets);
        let (queue, dead_letters) = (source.queue(), dead_letters.queue());
        let worker = DeliveryWorker::new(
            platform.clone(),
            signer,
            queue,
            dead_letters,
            Circuit::new(tests::running_clock()),
            random,
        );
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
    // Each environment reads the secrets once in five minutes.
    let reads = secrets.reads();
    assert!(reads <= usize::try_from(ENVIRONMENTS * (HOURS * 12 + 5)).unwrap(), "{reads} reads of the secrets");
    println!(
        "{} posts in vain, {received} receives at most, {reads} reads of the secrets, all there after {:?}",
        known.refused,
        up.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_repeated_event_has_the_same_key() {
    let events = paid_orders(3).await;
    let (platform, waits, dead_letters) = (Slow::default(), Waits::default(), DeadLetterQueue::default());
    for _ in 0..2 {
        let random = Random::new(|| 7 << 64);
        let signer = signer(&ParameterStore::default());
        let (queue, dead_letters) = (waits.queue(), dead_letters.queue());
        let worker = DeliveryWorker::new(
            platform.clone(),
            signer,
            queue,
            dead_letters,
            Circuit::new(tests::running_clock()),
            random,
        );
        assert_eq!(again(&worker.handle(batch_of(&events)).await.unwrap()), [""; 0]);
    }
    let known = platform.0.lock().unwrap();
    assert_eq!(known.taken.values().collect::<Vec<_>>(), [&2; 3]);
}

/// A platform that takes 100 ms for each event, and counts the posts under way.
#[derive(Debug, Clone, Default)]
struct Counting(Arc<Mutex<Posts>>);

#[derive(Debug, Default)]
struct Posts {
    under_way: usize,
    most_under_way: usize,
    taken: BTreeMap<String, u32>,
}

impl deliver_orders::Platform for Counting {
    async fn post(&self, delivery: Delivery) -> Result<Answer, Error> {
        {
            let mut posts = self.0.lock().unwrap();
            posts.under_way += 1;
            posts.most_under_way = posts.most_under_way.max(posts.under_way);
        }
        sleep(Duration::from_millis(100)).await;
        let mut posts = self.0.lock().unwrap();
        posts.under_way -= 1;
        *posts.taken.entry(delivery.event_id).or_default() += 1;
        Ok(Answer::of(200))
    }
}

/// As many functions as the template allows by default post a whole batch each.
#[tokio::test(start_paused = true)]
async fn all_messages_of_all_functions_are_posted_at_once() {
    let functions = template()["Parameters"]["DeliveryConcurrency"]["Default"].as_u64().unwrap();
    let (platform, source) = (Counting::default(), QueueSource::of("DeliverOrders"));
    source.put(batch_of(&paid_orders(2_000).await));
    let began = Instant::now();
    let environments = (0..functions).map(|_| {
        let signer = signer(&ParameterStore::default());
        let (queue, dead_letters) = (source.queue(), DeadLetterQueue::default().queue());
        let (circuit, random) = (Circuit::new(tests::running_clock()), Random::new(|| 7 << 64));
        let worker = DeliveryWorker::new(platform.clone(), signer, queue, dead_letters, circuit, random);
        let source = source.clone();
        async move { source.process(|batch| async { worker.handle(batch).await.unwrap() }).await }
    });
    join_all(environments).await;
    let posts = platform.0.lock().unwrap();
    println!("{} posts at once, 2,000 deliveries in {:?}", posts.most_under_way, began.elapsed());
    assert_eq!((functions, posts.most_under_way), (20, 200));
    assert!(posts.taken.len() == 2_000 && posts.taken.values().all(|times| *times == 1));
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
            let signer = signer(&ParameterStore::default());
            let (queue, dead_letters) = (source.queue(), dead_letters.queue());
            let worker = DeliveryWorker::new(
                platform.clone(),
                signer,
                queue,
                dead_letters,
                Circuit::new(tests::running_clock()),
                random,
            );
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
