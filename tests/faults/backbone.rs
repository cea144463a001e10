//! Every record of the stream reaches the bus, the work queues and the counts, through any failure on the way. The functions
//! are driven as Lambda drives them, with the template's settings.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use functions::stream::{
    count_sales,
    relay_events::WorkQueue::{self, Expiry, ShippingInstructions},
};
use serde_json::{Value, json};
use shared::events::EventKind;
use tests::{
    Bus, BusFault, Fault, TestShop,
    fakes::{event_source::EventSource, queue::DeadLetterQueue, stream::Consumers},
    limits::Chance,
};
use tokio::time::sleep;

/// A shop with coupons and money to order with.
async fn shop() -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", 90_000_000).await;
    shop.product("tea", 1_000, 10_000).await;
    for number in 0..3 {
        shop.coupon(&format!("c{number}"), 10).await;
        shop.issue("mina", &format!("c{number}")).await.expect(201);
    }
    shop
}

/// An order that is placed, paid, and cancelled unit by unit: five events, or more.
async fn live(shop: &TestShop, units: i64) {
    let items = json!([{ "productId": "tea", "quantity": units }]);
    let order = shop.post("/orders", json!({ "userId": "mina", "items": items, "payment": "LATER" })).await.expect(201);
    let path = format!("/orders/{}", order["orderId"].as_str().unwrap());
    shop.post(&format!("{path}/payment"), json!({})).as_user("mina").await.expect(200);
    for _ in 1..units {
        let part = json!({ "items": [{ "itemId": "1", "quantity": 1 }] });
        shop.post(&format!("{path}/cancel"), part).as_user("mina").await.expect(200);
    }
}

/// The ids of all events that follow from the stored records, each once.
async fn expected(shop: &TestShop) -> BTreeSet<String> {
    let mut consumers = Consumers::new(shop.dynamo().clone());
    consumers.catch_up(shop.instance()).await;
    let ids: Vec<String> = consumers.published.iter().map(|event| event.event_id.clone()).collect();
    let unique: BTreeSet<String> = ids.iter().cloned().collect();
    assert_eq!(unique.len(), ids.len(), "an event has its id to itself");
    unique
}

/// The events on a bus, each at its first arrival. Asserts the order within each aggregate.
fn first_come(bus: &Bus) -> BTreeMap<String, Value> {
    let mut first: BTreeMap<String, Value> = BTreeMap::new();
    let mut reached: BTreeMap<String, u64> = BTreeMap::new();
    for event in bus.events() {
        let id = event["eventId"].as_str().unwrap().to_owned();
        if let Some(before) = first.get(&id) {
            assert_eq!(*before, event, "an event that comes again is the same");
            continue;
        }
        let aggregate = event["aggregateId"].as_str().unwrap().to_owned();
        let sequence = event["sequence"].as_u64().unwrap();
        let reached = reached.entry(aggregate).or_default();
        assert!(*reached <= sequence, "{id} was overtaken");
        *reached = sequence;
        first.insert(id, event);
    }
    first
}

fn ids(events: &BTreeMap<String, Value>) -> BTreeSet<String> {
    events.keys().cloned().collect()
}

/// The place of an event among those of its aggregate, and the places that it goes to.
fn way_of(event: &Value) -> (String, u64, BTreeSet<Option<String>>) {
    let kind: EventKind = serde_json::from_value(event["type"].clone()).unwrap();
    let queue = WorkQueue::of(kind).map(|queue| Some(queue.name().to_owned()));
    let places = [None].into_iter().chain(queue).collect();
    (event["aggregateId"].as_str().unwrap().to_owned(), event["sequence"].as_u64().unwrap(), places)
}

/// An event, and the queue that it goes to, if it does not go to the bus.
type Sent = (String, Option<String>);

/// Asserts that each work queue has its events and no others, and that no event was sent anywhere before the earlier ones
/// of its aggregate were everywhere.
fn assert_queues_filled_in_order(bus: &Bus) {
    let events = first_come(bus);
    // The messages of the desk are not events.
    for queue in WorkQueue::ALL.into_iter().filter(|queue| *queue != WorkQueue::Desk) {
        let messages = bus.messages(queue);
        let got: BTreeSet<&str> = messages.iter().map(|message| message["id"].as_str().unwrap()).collect();
        let is_of_queue = |event: &Value| way_of(event).2.contains(&Some(queue.name().to_owned()));
        let expected = events.iter().filter(|(_, event)| is_of_queue(event)).map(|(id, _)| id.as_str()).collect();
        assert_eq!(got, expected, "{queue:?}");
    }
    let mut missing: BTreeMap<String, BTreeMap<u64, BTreeSet<Sent>>> = BTreeMap::new();
    for (id, event) in &events {
        let (aggregate, sequence, places) = way_of(event);
        let of_sequence = missing.entry(aggregate).or_default().entry(sequence).or_default();
        of_sequence.extend(places.into_iter().map(|place| (id.clone(), place)));
    }
    for (id, place) in bus.order() {
        let (aggregate, sequence, _) = way_of(&events[&id]);
        let of_aggregate = missing.get_mut(&aggregate).unwrap();
        let earlier = of_aggregate.range(..sequence).find(|(_, missing)| !missing.is_empty());
        assert_eq!(earlier, None, "{id} went to {place:?} before");
        of_aggregate.get_mut(&sequence).unwrap().remove(&(id, place));
    }
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_is_down_for_an_hour_loses_nothing() {
    let shop = shop().await;
    let bus = Bus::default();
    let relay = bus.relay(&DeadLetterQueue::default());
    let mut source = EventSource::new("RelayEvents", shop.dynamo().clone());
    bus.fail(|| BusFault::Down);
    let customers = async {
        for _ in 0..50 {
            live(&shop, 2).await;
            sleep(Duration::from_secs(60)).await;
        }
    };
    let outage = async {
        sleep(Duration::from_secs(3_600)).await;
        assert_eq!(bus.taken().len(), 0);
        bus.fail(|| BusFault::None);
    };
    let relaying = async {
        // It ends when it has handled every record, which may be before the bus has an event.
        while bus.taken().is_empty() {
            source.run(|batch| bus.handle(&relay, batch)).await;
            sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::join!(customers, outage, relaying);
    source.run(|batch| bus.handle(&relay, batch)).await;
    assert_eq!(ids(&first_come(&bus)), expected(&shop).await);
    assert_eq!(bus.taken().len(), 50 * 5 + 3, "none twice");
    assert_eq!(source.given_up, [Value::Null; 0]);
    assert_queues_filled_in_order(&bus);
    assert_eq!((bus.messages(Expiry).len(), bus.messages(ShippingInstructions).len()), (50, 100), "none twice");
}

/// The bus is a batch ahead of the queue at most, and does not get the batch's events each time it comes again.
#[tokio::test(start_paused = true)]
async fn a_queue_that_is_down_for_an_hour_loses_nothing() {
    let shop = shop().await;
    let bus = Bus::default();
    let relay = bus.relay(&DeadLetterQueue::default());
    let mut source = EventSource::new("RelayEvents", shop.dynamo().clone());
    bus.fail_anywhere(|queue| if queue == Some("ShippingInstructions") { BusFault::Down } else { BusFault::None });
    let customers = async {
        for _ in 0..50 {
            live(&shop, 2).await;
            sleep(Duration::from_secs(60)).await;
        }
    };
    let outage = async {
        sleep(Duration::from_secs(3_600)).await;
        assert!(!bus.taken().is_empty());
        assert_eq!(bus.messages(ShippingInstructions).len(), 0);
        bus.fail(|| BusFault::None);
    };
    let relaying = async {
        while bus.messages(ShippingInstructions).is_empty() {
            source.run(|batch| bus.handle(&relay, batch)).await;
            sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::join!(customers, outage, relaying);
    source.run(|batch| bus.handle(&relay, batch)).await;
    assert_eq!(ids(&first_come(&bus)), expected(&shop).await);
    assert_queues_filled_in_order(&bus);
    assert_eq!(bus.taken().len(), 50 * 5 + 3, "none twice");
    assert_eq!((bus.messages(Expiry).len(), bus.messages(ShippingInstructions).len()), (50, 100), "none twice");
    assert_eq!(source.given_up, [Value::Null; 0]);
}

/// A record that got too old is kept whole before the stream drops it, and the rest goes on.
#[tokio::test(start_paused = true)]
async fn records_past_their_age_are_kept_whole() {
    let shop = shop().await;
    let bus = Bus::default();
    let relay = bus.relay(&DeadLetterQueue::default());
    let mut source = EventSource::new("RelayEvents", shop.dynamo().clone());
    source.settings.max_age = Duration::from_secs(600);
    bus.fail(|| BusFault::Down);
    live(&shop, 2).await;
    let outage = async {
        sleep(Duration::from_secs(900)).await;
        live(&shop, 3).await;
        sleep(Duration::from_secs(60)).await;
        bus.fail(|| BusFault::None);
    };
    let relaying = async {
        while bus.taken().is_empty() {
            source.run(|batch| bus.handle(&relay, batch)).await;
            sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::join!(outage, relaying);
    assert_eq!(source.given_up.len(), 3 + 3, "three coupons, and three changes of the first order");
    let late = tests::fakes::stream::batch(&source.given_up);
    bus.handle(&relay, late).await.unwrap();
    assert_eq!(ids(&first_come(&bus)), expected(&shop).await);
}

#[tokio::test(start_paused = true)]
async fn entries_refused_at_random_arrive_in_order() {
    for seed in 0..8 {
        let shop = shop().await;
        for units in [1, 4, 2, 3] {
            live(&shop, units).await;
        }
        let bus = Bus::default();
        let mut chance = Chance::new(seed);
        bus.refuse_anywhere_if(move |_, _| chance.below(3) == 0);
        let relay = bus.relay(&DeadLetterQueue::default());
        let mut source = EventSource::new("RelayEvents", shop.dynamo().clone());
        source.run(|batch| bus.handle(&relay, batch)).await;
        let expected = expected(&shop).await;
        assert_eq!(ids(&first_come(&bus)), expected, "seed {seed}");
        assert_eq!(bus.taken().len(), expected.len(), "seed {seed}: none twice");
        assert_queues_filled_in_order(&bus);
    }
}

/// It dies before and after calls to the bus and to queues, answers get lost, batches are cut anew, records come up to five
/// times, entries are refused.
#[tokio::test(start_paused = true)]
async fn a_relay_that_dies_anywhere_publishes_everything_in_order() {
    for seed in 0..8 {
        let shop = shop().await;
        for units in [3, 1, 2, 4] {
            live(&shop, units).await;
        }
        let (bus, mut faults, mut refusals) = (Bus::default(), Chance::new(seed), Chance::new(seed + 100));
        bus.fail_anywhere(move |_| match faults.below(14) {
            0 => BusFault::DiesBefore,
            1 => BusFault::DiesAfter,
            2 => BusFault::Down,
            3 => BusFault::Throttled,
            4 => BusFault::LostAnswer,
            _ => BusFault::None,
        });
        bus.refuse_anywhere_if(move |_, _| refusals.below(6) == 0);
        let relay = bus.relay(&DeadLetterQueue::default());
        let mut source = EventSource::new("RelayEvents", shop.dynamo().clone()).unruly(seed);
        source.run(|batch| bus.handle(&relay, batch)).await;
        assert_eq!(ids(&first_come(&bus)), expected(&shop).await, "seed {seed}");
        assert!(source.batches.len() > 2 && source.given_up.is_empty(), "seed {seed}: {:?}", source.batches);
        assert_queues_filled_in_order(&bus);
    }
}

/// Unreadable records lie among good ones, and the relay dies now and then.
#[tokio::test(start_paused = true)]
async fn an_unreadable_record_holds_up_nothing() {
    for seed in 0..4 {
        let shop = shop().await;
        for units in [3, 1, 2, 4] {
            live(&shop, units).await;
        }
        let (bus, dead_letters, mut faults) = (Bus::default(), DeadLetterQueue::default(), Chance::new(seed));
        bus.fail(move || if faults.below(6) == 0 { BusFault::DiesAfter } else { BusFault::None });
        let relay = bus.relay(&dead_letters);
        let mut source = EventSource::new("RelayEvents", shop.dynamo().clone()).unruly(seed);
        let (poisoned, count) = (RefCell::new(BTreeMap::new()), RefCell::new(0));
        source.poll_changed(|record| {
            *count.borrow_mut() += 1;
            if *count.borrow() % 4 == 0 {
                let number = record["dynamodb"]["SequenceNumber"].as_str().unwrap().to_owned();
                poisoned.borrow_mut().insert(number, record.clone());
                record["dynamodb"]["NewImage"]["userId"] = json!({ "N": "1" });
            }
        });
        source.run(|batch| bus.handle(&relay, batch)).await;
        let poisoned = poisoned.into_inner();
        let kept: BTreeSet<String> = dead_letters
            .taken()
            .iter()
            .map(|(record, _)| {
                assert_eq!(record["dynamodb"]["NewImage"]["userId"], json!({ "N": "1" }));
                record["dynamodb"]["SequenceNumber"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(kept, poisoned.keys().cloned().collect(), "seed {seed}");
        let whole = expected(&shop).await;
        let got = ids(&first_come(&bus));
        assert!(got.is_subset(&whole) && got.len() < whole.len(), "seed {seed}");
        // Repaired and redriven, each by itself.
        bus.fail(|| BusFault::None);
        for record in poisoned.values() {
            relay.handle(tests::fakes::stream::batch(&[record])).await.unwrap();
        }
        let all: BTreeSet<String> =
            bus.events().iter().map(|event| event["eventId"].as_str().unwrap().to_owned()).collect();
        assert_eq!(all, whole, "seed {seed}");
    }
}

/// The other consumer of the stream: cut anew, up to five times, with answers of the table that get lost.
#[tokio::test(start_paused = true)]
async fn sales_count_once_for_any_delivery_of_the_stream() {
    for seed in 0..4 {
        let shop = shop().await;
        for units in [3, 1, 2, 4] {
            live(&shop, units).await;
        }
        let (dead_letters, mut faults) = (DeadLetterQueue::default(), Chance::new(seed));
        shop.dynamo().fail(move |_| if faults.below(5) == 0 { Fault::LostReply } else { Fault::None });
        let mut source = EventSource::new("CountSales", shop.dynamo().clone()).unruly(seed);
        source.run(|batch| count_sales(&shop, &dead_letters, batch)).await;
        shop.dynamo().fail(|_| Fault::None);
        assert_eq!(source.given_up, [Value::Null; 0]);
        let top = shop.get("/products/top").await.expect(200);
        assert_eq!(top["items"][0]["soldQuantity"], 4, "seed {seed}: a unit of each order is left");
        shop.audit().await;
    }
}

async fn count_sales(
    shop: &TestShop,
    dead_letters: &DeadLetterQueue,
    batch: shared::lambda::stream::Batch,
) -> Result<aws_lambda_events::streams::DynamoDbEventResponse, lambda_http::Error> {
    count_sales::handle(shop.instance(), &dead_letters.of_stream(), batch).await
}
