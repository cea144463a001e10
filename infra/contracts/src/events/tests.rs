//! The contracts cover every kind, agree with the events, and break no consumer or producer of a released version.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};
use shared::events::{EventKind, InboundKind};

use super::{Direction, PUBLISHED, SCHEMAS, asyncapi, compatibility::breaks, contracts};

fn files(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn read(folder: &str, file: &str) -> String {
    fs::read_to_string(Path::new(folder).join(file)).unwrap_or_else(|error| panic!("{folder}/{file}: {error}"))
}

#[test]
fn the_committed_contracts_are_what_the_code_generates() {
    let mut generated = BTreeSet::new();
    for contract in contracts().unwrap() {
        let committed = read(SCHEMAS, &contract.file());
        assert!(
            committed == contract.json().unwrap(),
            "{} is not that of the code: run `cargo xtask generate`",
            contract.file()
        );
        generated.insert(contract.file());
    }
    assert_eq!(files(SCHEMAS), generated);
}

#[test]
fn the_committed_asyncapi_document_is_what_the_code_generates() {
    let committed = fs::read_to_string(asyncapi::FILE).unwrap();
    assert!(
        committed == asyncapi::json().unwrap(),
        "asyncapi.json is not that of the code: run `cargo xtask generate`"
    );
}

#[test]
fn the_asyncapi_document_has_every_kind_once_and_each_reference_leads_somewhere() {
    let document: Value = serde_json::from_str(&asyncapi::json().unwrap()).unwrap();
    for (channel, expected) in [
        ("shop", EventKind::ALL.iter().map(|kind| kind.as_str()).collect::<BTreeSet<_>>()),
        ("payments", InboundKind::ALL.iter().map(|kind| kind.as_str()).collect()),
    ] {
        let messages = document["channels"][channel]["messages"].as_object().unwrap();
        assert_eq!(messages.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected);
    }
    for message in document["components"]["messages"].as_object().unwrap().values() {
        let mut schema = message["payload"].clone();
        schema["components"] = document["components"].clone();
        let validator = jsonschema::draft7::new(&schema).unwrap();
        let example = &message["examples"][0]["payload"];
        assert!(validator.is_valid(example), "{}: {example}", message["name"]);
        // Each attribute that is a pointer has a value in an entry on the bus.
        let entry = json!({ "id": "e", "source": "s", "detail-type": "t", "detail": example });
        for (attribute, place) in message["x-cloudevents"].as_object().unwrap() {
            let place = place.as_str().unwrap();
            let is_there = !place.starts_with('/') || entry.pointer(place).is_some();
            assert!(is_there, "{}: {attribute} at {place}", message["name"]);
        }
    }
}

/// If this fails, consumers or producers would break. Make the change additive; of an inbound event, accept all that was
/// accepted. Otherwise raise the version in the list of `shared/src/events/kind.rs`, or take another kind of event
/// (`shared/src/events/inbound.rs`).
#[test]
fn what_was_released_can_be_relied_on() {
    for contract in contracts().unwrap() {
        let released: Value = serde_json::from_str(&read(PUBLISHED, &contract.file())).unwrap();
        let now: Value = serde_json::from_str(&contract.json().unwrap()).unwrap();
        assert_eq!(breaks(contract.direction(), &released, &now), [""; 0], "{}", contract.file());
    }
}

/// The earlier versions too: consumers that still have events of them read by these.
#[test]
fn every_version_is_kept() {
    let released = files(PUBLISHED);
    let outbound = EventKind::ALL.iter().map(|kind| (kind.as_str(), kind.version()));
    let inbound = InboundKind::ALL.iter().map(|kind| (kind.as_str(), kind.version()));
    let mut expected = BTreeSet::new();
    for (kind, newest) in outbound.chain(inbound) {
        expected.extend((1..=newest).map(|version| format!("{kind}.v{version}.json")));
    }
    assert_eq!(released, expected);
}

#[test]
fn examples_are_true_to_their_schemas() {
    for contract in contracts().unwrap() {
        let schema: Value = serde_json::from_str(&contract.json().unwrap()).unwrap();
        let [example] = schema["examples"].as_array().unwrap().as_slice() else { panic!("one example") };
        for schema in [schema.clone(), closed(&schema)] {
            let validator = jsonschema::draft202012::new(&schema).unwrap();
            let problems: Vec<_> = validator.iter_errors(example).map(|error| error.to_string()).collect();
            assert!(problems.is_empty(), "{}: {problems:?}", contract.file());
        }
        if contract.direction() == Direction::Inbound {
            continue;
        }
        // An event of one kind does not satisfy the contract of another.
        let mut other = example.clone();
        other["type"] = json!("Other");
        assert!(!jsonschema::draft202012::new(&schema).unwrap().is_valid(&other), "{}", contract.file());
    }
}

/// The schema without room for undescribed properties.
fn closed(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let mut closed: serde_json::Map<_, _> =
                fields.iter().map(|(name, value)| (name.clone(), closed(value))).collect();
            if fields.get("properties").is_some_and(Value::is_object) && fields.get("type") == Some(&json!("object")) {
                closed.insert("additionalProperties".to_owned(), json!(false));
            }
            closed.into()
        }
        Value::Array(items) => items.iter().map(closed).collect(),
        other => other.clone(),
    }
}

#[test]
fn each_reference_leads_somewhere() {
    for contract in contracts().unwrap() {
        let schema: Value = serde_json::from_str(&contract.json().unwrap()).unwrap();
        for reference in references(&schema) {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(schema.pointer(pointer).is_some(), "{}: {reference}", contract.file());
        }
    }
}

fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str);
            own.into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}
