//! Every answer in a test is checked against the API reference: its status, its code and the shape of its body. Every
//! published event is checked against the contract of its kind and version.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use functions::routes::Route;
use jsonschema::Validator;
use lambda_http::http::HeaderMap;
use serde_json::{Value, json};

use crate::template::project_file;

static REFERENCE: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../shared/contracts/openapi.json")).expect("the reference is JSON")
});

/// Checks an answer of a route.
///
/// # Panics
/// If the answer contradicts the reference.
#[track_caller]
pub(crate) fn check(route: &Route, status: u16, headers: &HeaderMap, body: &Value) {
    let asked = format!("{} {}", route.method, route.path);
    let operation = &REFERENCE["paths"][route.path][route.method.to_lowercase()];
    let response = &operation["responses"][status.to_string()];
    assert!(!response.is_null(), "the reference knows no {status} of {asked}: {body}");
    let response = follow(response);
    let is_tagged = response["headers"]["ETag"].is_object();
    assert_eq!(headers.contains_key("etag"), is_tagged, "whether the {status} of {asked} has an ETag");

    let contents = &response["content"];
    assert!(!contents.is_null() || body.is_null(), "the reference knows no content of the {status} of {asked}: {body}");
    let Some(content) = contents.get("application/json") else {
        return;
    };
    if status >= 400 {
        let examples = content["examples"].as_object();
        let one = content["example"]["code"].as_str();
        let known = examples.map_or_else(|| one == body["code"].as_str(), |all| all.contains_key(code(body)));
        assert!(known, "the reference knows no {} of {asked}: {body}", code(body));
        let unknown = undescribed_details(body);
        assert!(unknown.is_empty(), "the reference describes no details {unknown:?} of {asked}: {body}");
    }
    let problems = problems(&content["schema"], body);
    assert!(problems.is_empty(), "the {status} of {asked} is not as the reference says: {problems:?}: {body}");
}

/// Checks an event as it is on the bus.
///
/// # Panics
/// If the event contradicts its contract, or has none.
#[track_caller]
pub(crate) fn check_event(event: &Value) {
    let name = format!("{}.v{}.json", event["type"].as_str().unwrap_or_default(), event["version"]);
    let problems: Vec<String> = contract(&name).iter_errors(event).map(|problem| problem.to_string()).collect();
    assert!(problems.is_empty(), "{name} does not hold: {problems:?}: {event}");
}

/// Whether the detail of an event from another system holds to the contract of its kind.
///
/// # Panics
/// If the shop takes no such kind.
#[track_caller]
pub fn is_inbound(kind: &str, detail: &Value) -> bool {
    contract(&format!("{kind}.v1.json")).is_valid(detail)
}

/// The contract in a file. It checks formats as well.
#[track_caller]
fn contract(name: &str) -> Arc<Validator> {
    static CONTRACTS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

    let mut contracts = CONTRACTS.lock().expect("no check panics with the lock");
    let contract = contracts.entry(name.to_owned()).or_insert_with(|| {
        let file = project_file("shared/contracts/events/schemas").join(name);
        let text =
            std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("there is no contract {name}: {error}"));
        let schema = serde_json::from_str(&text).expect("a contract is JSON");
        let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012).should_validate_formats(true);
        Arc::new(options.build(&schema).expect("a contract is a schema"))
    });
    Arc::clone(contract)
}

/// The details of a failure that the schema of its code does not have. A schema alone would let them pass: answers may
/// have more fields than it says.
fn undescribed_details(body: &Value) -> Vec<&String> {
    let failures = &REFERENCE["components"]["schemas"];
    let of_code = failures.as_object().into_iter().flat_map(|schemas| schemas.values()).find(|schema| {
        let is_failure = schema["properties"]["requestId"].is_object();
        is_failure && schema["properties"]["code"]["enum"][0].as_str() == Some(code(body))
    });
    let described = of_code.map(|schema| &follow(&schema["properties"]["details"])["properties"]);
    let details = body["details"].as_object().into_iter().flat_map(|details| details.keys());
    details.filter(|name| described.is_none_or(|described| described.get(name.as_str()).is_none())).collect()
}

fn code(body: &Value) -> &str {
    body["code"].as_str().unwrap_or_default()
}

fn follow(value: &'static Value) -> &'static Value {
    let target = value["$ref"].as_str().and_then(|reference| REFERENCE.pointer(reference.strip_prefix('#')?));
    target.unwrap_or(value)
}

fn problems(schema: &'static Value, body: &Value) -> Vec<String> {
    validator(schema).iter_errors(body).map(|problem| problem.to_string()).collect()
}

/// The validator of a schema of the reference. Building one takes longer than most tests, so equal schemas share one. A
/// lookup by content takes longer than the check, so each is cached by its address too.
fn validator(schema: &'static Value) -> Arc<Validator> {
    static BY_PLACE: LazyLock<Mutex<HashMap<usize, Arc<Validator>>>> = LazyLock::new(Mutex::default);
    static BY_SCHEMA: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

    let mut by_place = BY_PLACE.lock().expect("no check panics with the lock");
    let built = by_place.entry(std::ptr::from_ref(schema).addr()).or_insert_with(|| {
        let mut by_schema = BY_SCHEMA.lock().expect("no check panics with the lock");
        let built = by_schema.entry(schema.to_string()).or_insert_with(|| {
            let document = json!({ "allOf": [schema], "components": REFERENCE["components"] });
            Arc::new(jsonschema::draft202012::new(&document).expect("the reference has valid schemas"))
        });
        Arc::clone(built)
    });
    Arc::clone(built)
}
