//! The log of functions. A program of its own, for a program has one log.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use functions::queue::deliver_orders::{Circuit, DeliveryWorker, Http};
use serde_json::json;
use shared::{
    events::EventKind,
    lambda::telemetry::Telemetry,
    platform::{
        Clock, Random,
        trace::{self, TraceId},
    },
};
use tests::{
    Bus, TestShop,
    fakes::{
        event_source::EventSource,
        parameters::ParameterStore,
        platform::{Platform, Reply},
        queue::{DeadLetterQueue, Waits, batch, batch_of},
    },
};

/// Keeps the written text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// The lines since the last time, without colours.
    fn lines(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        let mut text = String::from_utf8(bytes).unwrap();
        while let Some(start) = text.find('\u{1b}') {
            let end = start + text[start..].find('m').unwrap();
            text.replace_range(start..=end, "");
        }
        text.lines().map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const TRACE: &str = "5759e988bd862e3fe1be46a994272793";

#[track_caller]
fn all_have(lines: &[String], trace: &str, said: &str) {
    assert!(lines.iter().any(|line| line.contains(said)), "{said}: {lines:#?}");
    for line in lines {
        // The innermost span is the last.
        let last = line.rsplit("trace.id=").next().unwrap();
        assert!(last.starts_with(trace), "{line}");
    }
}

#[tokio::test]
async fn every_line_has_the_trace() {
    let log = Log::default();
    let writer = log.clone();
    Telemetry::start_with(move || writer.clone()).unwrap();

    let shop = TestShop::new();
    shop.customer("mina", 100_000).await;
    shop.product("tea", 10_000, 10).await;
    log.lines();
    let request = shop.order("mina", "tea", 1).header("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793");
    request.await.expect(201);
    all_have(&log.lines(), TRACE, "POST /orders 201");

    // The batch has a trace of its own. An event that is published or delivered has no line: it would cost as much as the
    // event.
    let (bus, own) = (Bus::default(), TraceId::from_invocation(None, "an invocation"));
    let relay = bus.relay(&DeadLetterQueue::default());
    let mut source = EventSource::new("RelayEvents", shop.dynamo().clone());
    trace::of(own.clone(), source.run(|batch| relay.handle(batch))).await;
    assert_eq!(bus.taken().len(), 2);
    assert_eq!(log.lines(), [] as [&str; 0]);

    let platform = Platform::start().await;
    let (queue, dead_letters) = (Waits::default().queue(), DeadLetterQueue::default().queue());
    let http = Http::new(platform.url(), Clock::system()).unwrap();
    let signer = ParameterStore::default().signer(Clock::system());
    let worker =
        DeliveryWorker::new(http, signer, queue, dead_letters, Circuit::new(tests::running_clock()), Random::system());
    let paid: Vec<_> = shop.published().await.into_iter().filter(|event| event.kind == EventKind::OrderPaid).collect();
    log.lines();
    trace::of(own.clone(), worker.handle(batch_of(&paid))).await.unwrap();
    assert_eq!(platform.received().len(), 1);
    assert_eq!(log.lines(), [] as [&str; 0]);

    // An event that is not delivered has a line, with the request's trace.
    platform.reply(|_| Reply::of(503));
    trace::of(own.clone(), worker.handle(batch_of(&paid))).await.unwrap();
    all_have(&log.lines(), TRACE, "an event was not delivered");

    // A secret that is not usable is named by its fault alone, also for those who read the log.
    let store = ParameterStore::default();
    store.set(Some("whsec_hunter2"));
    let (queue, dead_letters) = (Waits::default().queue(), DeadLetterQueue::default().queue());
    let http = Http::new(platform.url(), Clock::system()).unwrap();
    let signer = store.signer(Clock::system());
    let unsigned =
        DeliveryWorker::new(http, signer, queue, dead_letters, Circuit::new(tests::running_clock()), Random::system());
    trace::of(own.clone(), unsigned.handle(batch_of(&paid))).await.unwrap();
    let lines = log.lines();
    all_have(&lines, TRACE, "the parameter /jangteo/data-platform/secrets is malformed: secret 1 is not base64");
    assert!(lines.iter().all(|line| !line.contains("hunter2")), "{lines:#?}");

    // An event without a trace belongs to the function's trace.
    let nothing = batch("jangteo.orders", &[("OrderPaid", json!({}))]);
    trace::of(own.clone(), worker.handle(nothing)).await.unwrap();
    all_have(&log.lines(), &own.to_string(), "a message is no event");
}
