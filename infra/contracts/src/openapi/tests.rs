//! The reference describes every route of the code, and its examples satisfy its schemas.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use functions::ROUTES;
use serde_json::{Value, json};

use super::{FILE, operations};

fn document() -> Value {
    serde_json::from_str(&super::json().unwrap()).unwrap()
}

#[test]
fn the_committed_document_is_what_the_code_generates() {
    let committed = fs::read_to_string(FILE).unwrap();
    assert!(
        committed == super::json().unwrap(),
        "shared/contracts/openapi.json is not that of the code: run `cargo xtask generate`"
    );
}

#[test]
fn each_route_has_an_operation_and_each_operation_a_route() {
    let document = super::document().unwrap();
    let described: BTreeSet<_> = operations(&document)
        .map(|(method, path, operation)| (method, path, operation.security.as_deref() == Some(&[])))
        .collect();
    let routes: BTreeSet<_> = ROUTES.iter().map(|route| (route.method, route.path, route.public)).collect();
    assert_eq!(described, routes);
}

#[test]
fn each_operation_has_a_name_of_its_own() {
    let document = super::document().unwrap();
    let names: Vec<_> = operations(&document).map(|(_, _, operation)| &operation.operation_id).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
}

#[test]
fn each_parameter_of_a_path_is_described() {
    let document = super::document().unwrap();
    for (method, path, operation) in operations(&document) {
        let operation = serde_json::to_value(operation).unwrap();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let described = parameters.iter().filter(|parameter| parameter["in"] == "path");
        let described: BTreeSet<_> = described.map(|parameter| parameter["name"].as_str().unwrap()).collect();
        let segments = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
        assert_eq!(described, segments.collect(), "{method} {path}");
    }
}

/// The texts of a part of the document, examples apart.
fn texts<'d>(part: &'d Value, found: &mut BTreeSet<&'d str>) {
    const TEXTS: [&str; 2] = ["description", "summary"];
    const NONE: [&str; 3] = ["example", "examples", "x-codeSamples"];
    match part {
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(name, _)| !NONE.contains(&name.as_str())) {
                match value.as_str().filter(|_| TEXTS.contains(&name.as_str())) {
                    Some(text) => _ = found.insert(text),
                    None => texts(value, found),
                }
            }
        }
        Value::Array(parts) => parts.iter().for_each(|part| texts(part, found)),
        _ => {}
    }
}

/// The codes and names in a text, which no translation changes.
fn quoted(text: &str) -> Vec<&str> {
    let mut quoted: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    quoted.sort_unstable();
    quoted
}

#[test]
fn each_text_has_a_korean_translation_and_each_translation_a_text() {
    let (document, file) = (document(), FILE.replace("openapi.json", "openapi.ko.json"));
    let korean: BTreeMap<String, String> = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let mut wanted = BTreeSet::new();
    texts(&document, &mut wanted);
    wanted.extend(document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()));
    let missing: Vec<_> = wanted.iter().filter(|text| !korean.contains_key(**text)).collect();
    assert!(missing.is_empty(), "shared/contracts/openapi.ko.json lacks {missing:#?}");
    let outdated: Vec<_> = korean.keys().filter(|text| !wanted.contains(text.as_str())).collect();
    assert!(outdated.is_empty(), "shared/contracts/openapi.ko.json still has {outdated:#?}");
    for (english, korean) in &korean {
        assert_eq!(quoted(english), quoted(korean), "{korean}");
    }
}

#[test]
fn each_operation_is_described_under_a_known_tag() {
    let document = super::document().unwrap();
    let tags: BTreeSet<_> = document.tags.iter().flatten().map(|tag| tag.name.as_str()).collect();
    for (method, path, operation) in operations(&document) {
        assert!(operation.description.is_some(), "{method} {path} has no second sentence");
        let known = operation.tags.iter().flatten().all(|tag| tags.contains(tag.as_str()));
        assert!(known, "{method} {path}: the tags of {:?} are not in `Heading`", operation.tags);
    }
}

#[test]
fn each_reference_leads_somewhere() {
    let document = document();
    for reference in references(&document) {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

/// The examples are serialized by serde from the very types that functions answer with. So this test also compares the
/// derived schemas with the derived serialization.
#[test]
fn examples_are_true_to_their_schemas() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut checked = 0;
    for (name, schema) in schemas {
        let validator = validator(&document, &json!({ "$ref": format!("#/components/schemas/{name}") }));
        for example in schema["examples"].as_array().into_iter().flatten() {
            let problems: Vec<_> = validator.iter_errors(example).map(|error| error.to_string()).collect();
            assert!(problems.is_empty(), "{name}: {problems:?}");
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked} examples");

    let responses = document["components"]["responses"].as_object().unwrap();
    for (name, response) in responses {
        let content = &response["content"]["application/json"];
        let problems = validator(&document, &content["schema"]).validate(&content["example"]);
        assert!(problems.is_ok(), "{name}: {problems:?}");
    }
    // Codes that come with others only.
    let mut checked = 0;
    for (method, path, operation) in operations(&super::document().unwrap()) {
        let operation = serde_json::to_value(operation).unwrap();
        for response in operation["responses"].as_object().unwrap().values() {
            let content = &response["content"]["application/json"];
            let examples = content["examples"].as_object();
            for (code, example) in examples.into_iter().flatten() {
                let problems = validator(&document, &content["schema"]).validate(&example["value"]);
                assert!(problems.is_ok(), "{method} {path} {code}: {problems:?}");
                checked += 1;
            }
        }
    }
    assert!(checked > 30, "{checked} examples");
}

#[test]
fn schemas_refuse_what_the_parsers_refuse() {
    let document = document();
    for (schema, bad) in [
        ("Charge", json!({ "userId": "mina", "amount": 150 })),
        ("Charge", json!({ "userId": "mina", "amount": 100_000_000 })),
        ("Charge", json!({ "userId": "mi na", "amount": 100 })),
        ("Charge", json!({ "userId": "mina", "amount": 100, "extra": 1 })),
        ("Charge", json!({ "amount": 100 })),
        ("NewOrder", json!({ "userId": "mina", "items": [] })),
        ("NewOrder", json!({ "userId": "mina", "items": [{ "productId": "tea", "quantity": 1_000 }] })),
        ("NewOrder", json!({ "userId": "mina", "items": [{ "productId": "tea", "quantity": 1, "price": 1 }] })),
        ("NewUser", json!({ "name": " ", "email": "mina@example.com" })),
        ("UserChange", json!({})),
        ("ProductChange", json!({ "price": -1 })),
    ] {
        let validator = validator(&document, &json!({ "$ref": format!("#/components/schemas/{schema}") }));
        assert!(!validator.is_valid(&bad), "{schema}: {bad}");
    }
}

/// Checks values against a schema that may refer to the document's.
fn validator(document: &Value, schema: &Value) -> jsonschema::Validator {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    jsonschema::draft202012::new(&schema).unwrap()
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
