//! For any request and any stored item: nothing panics, nothing answers 500, and a refused request changes nothing.
//!
//! Requests are the reference's own examples, damaged at random. Every answer is checked against the reference, as in
//! all tests.

use aws_sdk_dynamodb::types::AttributeValue;
use functions::{ROUTES, routes::Route};
use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};
use serde_json::{Value, json};
use shared::store::{Item, records::Record};
use tests::{
    TABLE, TestShop,
    steps::{hold, order_with_coupon},
    template::project_file,
};
use tokio::runtime::Runtime;

/// A value that no client would send, or hardly one.
fn odd() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "\\PC{0,20}".prop_map(Value::from),
        "[\\x00-\\x1f\"\\\\\u{202e}\u{feff}]{1,4}".prop_map(Value::from),
        (0_usize..6_000).prop_map(|length| Value::from("가".repeat(length))),
        prop::sample::select(vec![
            "",
            " ",
            "tea",
            "mina",
            "2026-11-20T03:00:00Z",
            "-1",
            "1e9",
            "null",
            "ＯＮ_ＳＡＬＥ",
            "#",
            "a:b"
        ])
        .prop_map(Value::from),
    ];
    let number = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        (-3_i64..3).prop_map(Value::from),
        Just(json!(1.0)),
        Just(json!(i64::MAX)),
    ];
    let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number, text];
    leaf.prop_recursive(6, 30, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{1,8}", inner, 0..5).prop_map(|fields| json!(fields)),
        ]
    })
}

/// A damage to a value, at some place in it.
#[derive(Debug, Clone)]
enum Damage {
    Replace(prop::sample::Index, Value),
    Remove(prop::sample::Index),
    Add(prop::sample::Index, String, Value),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        3 => (any::<prop::sample::Index>(), odd()).prop_map(|(at, value)| Damage::Replace(at, value)),
        1 => any::<prop::sample::Index>().prop_map(Damage::Remove),
        1 => (any::<prop::sample::Index>(), "[a-zA-Z]{1,10}", odd()).prop_map(|(at, name, value)| Damage::Add(at, name, value)),
    ]
}

/// The places in a value, the whole first.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, field)| places(field, &format!("{at}/{name}"), found)),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| places(item, &format!("{at}/{n}"), found)),
        _ => {}
    }
}

/// An object with one of its members twice; any other value unchanged.
fn twice(example: &Value, member: &prop::sample::Index) -> String {
    let members: Vec<(&String, &Value)> = example.as_object().into_iter().flatten().collect();
    if members.is_empty() {
        return example.to_string();
    }
    let (name, value) = member.get(&members);
    example.to_string().replacen('{', &format!("{{{}:{value},", json!(name)), 1)
}

impl Damage {
    fn apply(&self, value: &mut Value) {
        let mut found = Vec::new();
        places(value, "", &mut found);
        match self {
            Self::Replace(at, odd) => *value.pointer_mut(at.get::<String>(&found)).expect("it is there") = odd.clone(),
            Self::Remove(at) => {
                let (of, name) = at.get::<String>(&found).rsplit_once('/').unwrap_or_default();
                if let Some(fields) = value.pointer_mut(of).and_then(Value::as_object_mut) {
                    fields.remove(name);
                }
            }
            Self::Add(at, name, odd) => {
                if let Some(fields) = value.pointer_mut(at.get::<String>(&found)).and_then(Value::as_object_mut) {
                    fields.insert(name.clone(), odd.clone());
                }
            }
        }
    }
}

/// The body of a request.
#[derive(Debug, Clone)]
enum Sent {
    Damaged(Vec<Damage>),
    /// With one of its members twice.
    Twice(prop::sample::Index),
    Other(String),
}

/// A call: a route, its path and query, its body, the caller, and the key.
#[derive(Debug, Clone)]
struct Asked {
    route: Route,
    ids: Vec<String>,
    query: Vec<(prop::sample::Index, String)>,
    body: Sent,
    caller: usize,
    key: Option<String>,
    if_match: Option<String>,
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "mina",
            "tea",
            "welcome",
            "1",
            "nobody",
            "%00",
            "%F0%9F%8D%B5",
            "a%2Fb",
            "-",
            "_",
            "%"
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z0-9._~%-]{1,80}",
    ]
}

fn asked() -> impl Strategy<Value = Asked> {
    let body = prop_oneof![
        8 => prop::collection::vec(damage(), 0..3).prop_map(Sent::Damaged),
        1 => any::<prop::sample::Index>().prop_map(Sent::Twice),
        1 => odd().prop_map(|value| Sent::Other(value.to_string())),
        1 => "\\PC{0,30}".prop_map(Sent::Other),
    ];
    let key = prop_oneof![3 => Just(None), 1 => "[a-z]{1,3}".prop_map(Some), 1 => "[ -~]{0,300}".prop_map(Some)];
    let query = prop::collection::vec((any::<prop::sample::Index>(), id()), 0..4);
    let if_match = prop_oneof![
        4 => Just(None),
        1 => prop::sample::select(vec!["*", "\"a\"", "W/\"a\"", "\"a\", \"b\"", "", "a"]).prop_map(str::to_owned).prop_map(Some),
        1 => "[ -~]{0,40}".prop_map(Some),
    ];
    (prop::sample::select(ROUTES), prop::collection::vec(id(), 2), query, body, 0..4_usize, key, if_match).prop_map(
        |(route, ids, query, body, caller, key, if_match)| Asked { route, ids, query, body, caller, key, if_match },
    )
}

struct Fuzzed {
    runtime: Runtime,
    shop: TestShop,
    reference: Value,
}

impl Fuzzed {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let shop = runtime.block_on(seeded_shop());
        let reference = std::fs::read_to_string(project_file("shared/contracts/openapi.json")).unwrap();
        Self { runtime, shop, reference: serde_json::from_str(&reference).unwrap() }
    }

    /// The example of a route's body, and the names of its query parameters.
    fn example(&self, route: Route) -> (Value, Vec<&str>) {
        let operation = &self.reference["paths"][route.path][route.method.to_lowercase()];
        let schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
        let schema = schema.and_then(|reference| self.reference.pointer(reference.trim_start_matches('#')));
        let example = schema.map_or(Value::Null, |schema| schema["examples"][0].clone());
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let names = parameters
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| parameter["name"].as_str());
        (example, names.collect())
    }

    fn ask(&self, asked: &Asked) -> Result<(), TestCaseError> {
        let Asked { route, ids, query, body, caller, key, if_match } = asked;
        let mut path = route.path.to_owned();
        for id in ids {
            if let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
                path.replace_range(from..=to, id);
            }
        }
        let (mut example, mut names) = self.example(*route);
        names.extend(["userId", "unknown"]);
        if !query.is_empty() {
            let query: Vec<String> =
                query.iter().map(|(name, value)| format!("{}={value}", name.get::<&str>(&names))).collect();
            path = format!("{path}?{}", query.join("&"));
        }
        let call = self.shop.call(route.method, &path);
        let call = match body {
            _ if matches!(route.method, "GET" | "DELETE") => call,
            Sent::Damaged(damages) => {
                damages.iter().for_each(|damage| damage.apply(&mut example));
                call.json(&example)
            }
            Sent::Twice(member) => call.body(twice(&example, member)).header("content-type", "application/json"),
            Sent::Other(text) => call.body(text.clone()).header("content-type", "application/json"),
        };
        let call = match caller {
            0 => call,
            1 => call.as_user("mina"),
            2 => call.as_seller("hana"),
            _ => call.as_admin(),
        };
        let call = key.iter().fold(call, |call, key| call.key(key));
        let call = if_match.iter().fold(call, |call, tags| call.header("if-match", tags));

        let before = self.items();
        let answer = self.runtime.block_on(async { call.await });
        prop_assert!(answer.status < 500, "{} {}", answer.status, answer.body);
        if matches!(body, Sent::Twice(_)) && !example.is_null() && matches!(route.method, "POST" | "PUT" | "PATCH") {
            prop_assert_eq!(answer.status, 400, "{}", answer.body);
        }
        if matches!(answer.status, 400 | 401 | 403 | 404 | 405 | 412 | 422) {
            let mut after = self.items();
            without_new_accesses(&before, &mut after);
            prop_assert_eq!(before, after, "{} {}", answer.status, answer.body);
        }
        Ok(())
    }

    fn items(&self) -> Value {
        self.shop.dynamo().execute("Scan", json!({ "TableName": TABLE })).unwrap()["Items"].take()
    }
}

/// Leaves out the notes of accesses that came since: an admin's change is noted before it is known whether it is refused.
fn without_new_accesses(before: &Value, after: &mut Value) {
    let before = before.as_array().unwrap();
    let is_access = |item: &Value| item["pk"]["S"].as_str().is_some_and(|key| key.starts_with("ACCESS#"));
    after.as_array_mut().unwrap().retain(|item| !is_access(item) || before.contains(item));
}

/// A shop with a thing of every kind.
async fn seeded_shop() -> TestShop {
    let shop = TestShop::new();
    shop.customer("mina", 1_000_000).await;
    shop.customer("hana", 0).await;
    shop.product("tea", 10_000, 100).await;
    let cup = json!({ "productId": "cup", "name": "잔", "price": 3_000, "stock": 9, "stockShards": 3, "flash": true });
    shop.post("/products", cup).as_admin().await.expect(201);
    order_with_coupon(&shop, "mina", "BALANCE").await;
    hold(&shop, "mina", "cup", 2).await.expect(201);
    let items = json!([{ "productId": "tea", "quantity": 1 }]);
    shop.post("/order-sheets", json!({ "userId": "mina", "items": items })).key("sheet").await.expect(201);
    shop.post("/orders/cart", json!({ "userId": "mina", "productId": "tea", "quantity": 1 })).await.expect(200);
    shop.settle().await;
    shop
}

/// The same cases each time: this number, or as many as `PROPTEST_CASES` says.
fn runner(cases: u32) -> TestRunner {
    let usual = Config::default();
    let config = Config { cases: usual.cases.max(cases), failure_persistence: None, max_shrink_iters: 200, ..usual };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[test]
fn damaged_requests_are_answered_and_refusals_change_nothing() {
    let fuzzed = Fuzzed::new();
    runner(1_500).run(&asked(), |asked| fuzzed.ask(&asked)).unwrap_or_else(|failure| panic!("{failure}"));
    fuzzed.runtime.block_on(fuzzed.shop.audit());
}

/// An attribute that no function wrote.
fn odd_attribute() -> impl Strategy<Value = AttributeValue> {
    let leaf = prop_oneof![
        "\\PC{0,12}".prop_map(AttributeValue::S),
        prop::sample::select(vec!["0", "-1", "1.5", "9223372036854775808", "1E100", "", "x"])
            .prop_map(|number| AttributeValue::N(number.to_owned())),
        any::<bool>().prop_map(AttributeValue::Bool),
        Just(AttributeValue::Null(true)),
        "[A-Z_]{1,12}".prop_map(AttributeValue::S),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(AttributeValue::L),
            prop::collection::hash_map("[a-zA-Z]{1,8}", inner, 0..4).prop_map(AttributeValue::M),
        ]
    })
}

/// Any stored item is read, or reported as unreadable, and the auditor comes to its end.
#[test]
fn damaged_records_are_read_or_reported_as_unreadable() {
    let fuzzed = Fuzzed::new();
    let client = fuzzed.shop.dynamo().client();
    let stored: Vec<Item> = fuzzed
        .runtime
        .block_on(async { client.scan().table_name(TABLE).send().await })
        .map(|page| page.items.unwrap_or_default())
        .unwrap();
    assert!(stored.len() > 20, "{} items", stored.len());
    let now = fuzzed.shop.now();
    let index = || any::<prop::sample::Index>();
    let damage = prop::collection::vec((index(), prop::option::weighted(0.8, odd_attribute())), 1..3);
    let cases = (index(), damage);
    let outcome = runner(4_000).run(&cases, |(which, damages)| {
        let mut damaged = which.get::<Item>(&stored).clone();
        let mut names: Vec<String> = damaged.keys().cloned().collect();
        names.sort();
        for (at, odd) in damages {
            match odd {
                Some(odd) => damaged.insert(at.get::<String>(&names).clone(), odd),
                None => damaged.remove(at.get::<String>(&names)),
            };
        }
        let _ = Record::read(damaged.clone());
        let mut auditor = audit::Auditor::new(audit::Scope::Everything);
        stored
            .iter()
            .enumerate()
            .filter(|(n, _)| *n != which.index(stored.len()))
            .for_each(|(_, item)| auditor.add(item.clone()));
        auditor.add(damaged);
        let _ = auditor.finish(now);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
