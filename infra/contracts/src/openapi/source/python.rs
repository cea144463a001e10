//! Calls by the standard library of Python.

use super::{Call, address, literal};

/// The statements of a program.
pub(in crate::openapi) fn source(calls: &[Call]) -> String {
    let Some((last, before)) = calls.split_last() else { return String::new() };
    let mut statements: Vec<String> = Vec::new();
    statements.extend(calls.iter().any(needs_json).then(|| "import json".to_owned()));
    statements.push("from urllib.request import Request, urlopen".to_owned());
    statements.extend(calls.iter().any(|call| call.keyed).then(|| "from uuid import uuid4".to_owned()));
    statements.push(String::new());
    statements.extend(before.iter().map(preparing));
    statements.push(format!("answer = {}\nprint(answer.status, answer.read().decode())", open(last)));
    statements.join("\n")
}

fn needs_json(call: &Call) -> bool {
    call.body.is_some() || call.keeps.is_some()
}

fn preparing(call: &Call) -> String {
    let Some(kept) = call.keeps else { return open(call) };
    let envelope = if call.has_envelope() { "[\"data\"]" } else { "" };
    format!("{} = json.load({}){envelope}[\"{}\"]", snake_case(kept.field), open(call), kept.field)
}

fn open(call: &Call) -> String {
    let (address, has_variables) = address(call, |field| format!("{{{}}}", snake_case(field)));
    let f = if has_variables { "f" } else { "" };
    let mut headers: Vec<String> =
        call.identity().into_iter().map(|(name, value)| format!("\"{name}\": \"{value}\"")).collect();
    if call.keyed {
        headers.push("\"Idempotency-Key\": str(uuid4())".to_owned());
    }
    if call.body.is_some() {
        headers.push("\"Content-Type\": \"application/json\"".to_owned());
    }
    let method = call.method();
    let mut arguments: Vec<String> = Vec::new();
    arguments.extend((method != "GET").then(|| format!("  method=\"{method}\",\n")));
    arguments.extend((!headers.is_empty()).then(|| format!("  headers={{{}}},\n", headers.join(", "))));
    let body = |body| literal(body, ["True", "False", "None"], snake_case);
    arguments.extend(call.body.as_ref().map(|sent| format!("  data=json.dumps({}).encode(),\n", body(sent))));
    if arguments.is_empty() {
        return format!("urlopen({f}\"{address}\")");
    }
    format!("urlopen(Request(\n  {f}\"{address}\",\n{}))", arguments.concat())
}

/// `orderId` as `order_id`.
fn snake_case(field: &str) -> String {
    field.chars().fold(String::new(), |mut name, letter| {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
        name
    })
}
