//! Every crash point: each function dies at each call it makes, before it is sent and after it was carried out. Then
//! its caller repeats the request: the client with the same key, Lambda with the same batch, the clock a minute later.
//!
//! No list of the points is needed: each scenario is run once to record its calls. One effect and one answer means that
//! the answer, the table, and the published events equal those of a run without a death.

mod claims;
mod exports;
mod payments;
mod prepared;
mod scenarios;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use functions::{queue::deliver_orders, schedule::sweep, stream::relay_events::WorkQueue};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tests::{
    Answer, Bus, Call, TABLE, TestShop,
    deaths::{Deaths, Side},
    fakes::queue::{DeadLetterQueue, Waits},
    permissions::running_as,
};

use self::scenarios::scenarios;

/// The arguments of a function, and the services that it reaches.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The shop, through an instance with an empty cache.
    pub shop: TestShop,
    /// The data that was prepared.
    pub given: Value,
    pub deaths: Deaths,
    pub bus: Bus,
    pub waits: Waits,
    pub platform: Platform,
}

/// Performs the scenario on a stage, and returns the answer.
type Operation = Box<dyn Fn(Stage) -> BoxFuture<'static, Value>>;

/// One task of a function.
pub struct Scenario {
    pub function: &'static str,
    /// Its description.
    pub description: &'static str,
    pub prepare: Box<dyn Fn(TestShop) -> BoxFuture<'static, Value>>,
    pub operation: Operation,
    /// The key prefixes of items that may differ: only their sums count.
    pub except: &'static [&'static str],
    /// Whether its caller can repeat it. A client without a key may only look.
    pub repeats: bool,
    /// Whether sweeps of the next minutes end what it began, at other instants: only the money must be equal.
    pub is_swept: bool,
}

impl Scenario {
    /// The binary of the function. A task of the sweep follows its name.
    fn binary(&self) -> &'static str {
        self.function.split(' ').next().unwrap()
    }
}

/// A data platform that keeps the ids of its events, and refuses events of orders that it calls bad.
#[derive(Debug, Clone, Default)]
pub struct Platform {
    pub got: Arc<Mutex<BTreeSet<String>>>,
    pub dead_letters: DeadLetterQueue,
    pub deaths: Deaths,
}

impl deliver_orders::Platform for Platform {
    async fn post(&self, delivery: deliver_orders::Delivery) -> Result<deliver_orders::Answer, lambda_runtime::Error> {
        let take = async {
            if delivery.event_id.starts_with("bad") {
                return Ok(deliver_orders::Answer::of(400));
            }
            self.got.lock().unwrap().insert(delivery.event_id.clone());
            Ok(deliver_orders::Answer::of(200))
        };
        self.deaths.call("POST", take).await
    }
}

/// The relevant part of an answer of the API.
pub fn comparable(answer: Answer) -> Value {
    let mut body = answer.body;
    body["requestId"] = Value::Null;
    json!({ "status": answer.status, "body": body })
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq)]
struct Outcome {
    answer: Option<Value>,
    items: Vec<String>,
    published: Vec<String>,
}

impl Outcome {
    /// The parts that are not in the other one.
    fn without(&self, other: &Self) -> Self {
        let only = |these: &[String], those: &[String]| {
            these.iter().filter(|item| !those.contains(item)).cloned().collect::<Vec<_>>()
        };
        Self {
            answer: self.answer.clone().filter(|_| self.answer != other.answer),
            items: only(&self.items, &other.items),
            published: only(&self.published, &other.published),
        }
    }
}

struct Played {
    outcome: Outcome,
    /// The calls of the function, of which it may have died.
    deaths: Deaths,
    died: bool,
}

async fn play(scenario: &Scenario, point: Option<(usize, Side)>) -> Played {
    let shop = TestShop::new();
    let given = (scenario.prepare)(shop.clone()).await;
    let (bus, waits, platform) = (Bus::default(), Waits::default(), Platform::default());
    let stage = |deaths: Deaths| Stage {
        shop: shop.watched_by(&deaths),
        given: given.clone(),
        bus: bus.clone(),
        waits: waits.clone(),
        platform: Platform { deaths: deaths.clone(), ..platform.clone() },
        deaths,
    };
    let deaths = point.map_or_else(Deaths::default, |(call, side)| Deaths::at(call, side));
    let function = scenario.binary();
    let first = deaths.run(running_as(function, (scenario.operation)(stage(deaths.clone())))).await;
    let died = first.is_none();
    let answer = match first {
        Some(answer) => Some(answer),
        None if scenario.repeats => Some(running_as(function, (scenario.operation)(stage(Deaths::default()))).await),
        None => None,
    };
    // Sweeps recover tickets and reservations that died before their claim.
    for minute in 2..=4 {
        if !scenario.except.is_empty() {
            shop.set_clock(&format!("2026-11-20T03:0{minute}:00Z"));
            sweep::tickets::run(shop.instance()).await.unwrap();
            sweep::inventory::run(shop.instance()).await.unwrap();
        }
    }
    if scenario.is_swept {
        payments::sweep(&shop).await;
    }
    let figures = shop.audit().await;
    assert_eq!((figures.tickets_orphaned, figures.units_unclaimed), (0, 0));
    let mut published: Vec<String> = shop.published().await.iter().map(|event| masked(&event.event_id)).collect();
    published.extend(bus.taken().iter().map(|entry| masked(entry["Detail"].as_str().unwrap())));
    let messages = WorkQueue::ALL.into_iter().flat_map(|queue| bus.messages(queue));
    published.extend(messages.map(|message| masked(&format!("a message of {message}"))));
    published.extend(platform.got.lock().unwrap().iter().map(|id| masked(id)));
    published.extend(platform.dead_letters.taken().iter().map(|(letter, reason)| format!("{reason} {letter}")));
    published.sort();
    published.dedup();
    let answer = answer.map(without_sheet_id);
    let items = if scenario.is_swept { payments::money(&shop) } else { items(&shop, scenario.except) };
    let outcome = Outcome { answer, items, published };
    Played { outcome, deaths, died }
}

/// The answer without the id of an order sheet, which is new each time.
fn without_sheet_id(mut answer: Value) -> Value {
    if let Some(sheet) = answer.pointer_mut("/body/data").and_then(Value::as_object_mut) {
        sheet.remove("orderSheetId");
    }
    answer
}

/// The items of the table, except those that may differ.
fn items(shop: &TestShop, except: &[&str]) -> Vec<String> {
    let all = shop.dynamo().execute("Scan", json!({ "TableName": TABLE })).unwrap();
    let all = all["Items"].as_array().unwrap().iter();
    // Each look is an entry of the log, also that of a request which died.
    let all = all.filter(|item| !item["pk"]["S"].as_str().unwrap().starts_with("ACCESS#"));
    let counted = all.filter(|item| except.iter().all(|kind| !item["pk"]["S"].as_str().unwrap().starts_with(kind)));
    let mut items: Vec<String> = counted.map(|item| masked(&without_version(item).to_string())).collect();
    items.sort();
    items
}

/// An order keeps its version: changing it twice is a fault. A profile or a product may be replaced by an equal one.
fn without_version(item: &Value) -> Value {
    let mut item = item.clone();
    mask_sealed(&mut item);
    if item["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("ADDRESS#")) {
        item["sk"] = json!("ADDRESS#");
    }
    if let Some(attributes) = item.as_object_mut() {
        for random in ["addressNumber", "shipTo", "key"] {
            if let Some(value) = attributes.get_mut(random) {
                *value = json!("random");
            }
        }
    }
    let is_sheet = item["sk"]["S"] == "SHEET";
    if item["sk"]["S"] != "ORDER"
        && let Some(attributes) = item.as_object_mut()
    {
        attributes.remove("version");
        attributes.remove("offerVersion");
        // A sheet has a new id each time, and its bucket by it.
        if is_sheet {
            attributes.remove("byDuePk");
        }
        // A look of the sweep was planned for sooner, perhaps for nothing.
        if attributes.contains_key("sweepFrom") {
            for plan in ["sweepFrom", "idleSweeps", "byDueSk"] {
                attributes.remove(plan);
            }
        }
    }
    item
}

/// Replaces each sealed text, which is another each time.
fn mask_sealed(value: &mut Value) {
    match value {
        Value::String(text) if text.starts_with('\u{1}') => *value = json!("sealed"),
        Value::Object(fields) => fields.values_mut().for_each(mask_sealed),
        Value::Array(items) => items.iter_mut().for_each(mask_sealed),
        _ => {}
    }
}

/// The text without random ids and traces.
fn masked(text: &str) -> String {
    let is_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let mut masked = String::new();
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        if is_id(c) {
            word.push(c);
            continue;
        }
        masked.push_str(if matches!(word.len(), 26 | 32 | 64) { "…" } else { &word });
        word.clear();
        masked.push(c);
    }
    masked
}

#[tokio::test(start_paused = true)]
async fn a_repeated_request_after_a_death_at_any_call_has_one_effect_and_one_answer() {
    let (mut points, mut functions) = (0, BTreeSet::new());
    for scenario in scenarios() {
        let name = format!("{}: {}", scenario.function, scenario.description);
        let (before, _) = untouched(&scenario).await;
        let whole = play(&scenario, None).await;
        assert!(!whole.died, "{name}");
        let calls = whole.deaths.calls();
        for (call, side) in whole.deaths.points() {
            let at = format!("{name}, dying {side:?} {} ({call} of {calls:?})", calls[call]);
            let played = play(&scenario, Some((call, side))).await;
            assert!(played.died, "{at}");
            if scenario.repeats {
                assert_eq!(played.outcome.without(&whole.outcome), whole.outcome.without(&played.outcome), "{at}");
            } else {
                let items = &played.outcome.items;
                assert!(*items == whole.outcome.items || *items == before, "{at}: {items:?}");
            }
            points += 1;
        }
        functions.insert(scenario.function);
    }
    println!("{points} crash points of {} functions", functions.len());
}

/// The table before the scenario.
async fn untouched(scenario: &Scenario) -> (Vec<String>, Value) {
    let shop = TestShop::new();
    let given = (scenario.prepare)(shop.clone()).await;
    shop.settle().await;
    (items(&shop, scenario.except), given)
}

/// A new function needs a scenario, unless it makes no calls or only looks.
#[test]
fn every_function_has_a_scenario() {
    const CHANGE_NOTHING: [&str; 3] = ["api-reference", "route-not-found", "watch"];
    let covered: BTreeSet<&str> = scenarios().iter().map(Scenario::binary).chain(CHANGE_NOTHING).collect();
    let resources = tests::template::template()["Resources"].as_object().unwrap().values();
    let functions = resources.filter(|resource| resource["Type"] == "AWS::Serverless::Function");
    let names: BTreeSet<&str> = functions.map(tests::template::binary_of).collect();
    assert_eq!(covered, names);
}

/// A scenario of the API: prepared, then called.
pub fn api<P, F>(
    function: &'static str,
    description: &'static str,
    prepare: P,
    call: impl Fn(&TestShop, &Value) -> Call + Copy + Send + Sync + 'static,
) -> Scenario
where
    P: Fn(TestShop) -> F + 'static,
    F: Future<Output = Value> + Send + 'static,
{
    scenario(function, description, prepare, move |stage: Stage| async move {
        comparable(call(&stage.shop, &stage.given).await)
    })
}

/// Any scenario.
pub fn scenario<P, F, A, G>(function: &'static str, description: &'static str, prepare: P, operation: A) -> Scenario
where
    P: Fn(TestShop) -> F + 'static,
    F: Future<Output = Value> + Send + 'static,
    A: Fn(Stage) -> G + 'static,
    G: Future<Output = Value> + Send + 'static,
{
    Scenario {
        function,
        description,
        prepare: Box::new(move |shop| Box::pin(prepare(shop))),
        operation: Box::new(move |stage| Box::pin(operation(stage))),
        except: &[],
        repeats: true,
        is_swept: false,
    }
}
