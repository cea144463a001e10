//! Calls by `fetch`, for browsers and Node.js. The source is JavaScript as well.

use super::{Call, address, literal};

/// The statements of a module.
pub(in crate::openapi) fn source(calls: &[Call]) -> String {
    let Some((last, before)) = calls.split_last() else { return String::new() };
    let mut statements: Vec<String> = before.iter().map(preparing).collect();
    statements.push(format!("const answer = await {};\nconsole.log(answer.status, await answer.text());", fetch(last)));
    statements.join("\n")
}

fn preparing(call: &Call) -> String {
    let Some(kept) = call.keeps else { return format!("await {};", fetch(call)) };
    let envelope = if call.has_envelope() { ".data" } else { "" };
    let answer = format!("await (await {}).json()", fetch(call));
    if envelope.is_empty() {
        format!("const {{ {} }} = {answer};", kept.field)
    } else {
        format!("const {{ {} }} = ({answer}){envelope};", kept.field)
    }
}

fn fetch(call: &Call) -> String {
    let (address, has_variables) = address(call, |field| format!("${{{field}}}"));
    let quote = if has_variables { '`' } else { '"' };
    let mut headers: Vec<String> =
        call.identity().into_iter().map(|(name, value)| format!("\"{name}\": \"{value}\"")).collect();
    if call.keyed {
        headers.push("\"Idempotency-Key\": crypto.randomUUID()".to_owned());
    }
    if call.body.is_some() {
        headers.push("\"Content-Type\": \"application/json\"".to_owned());
    }
    let method = call.method();
    let mut options: Vec<String> = Vec::new();
    options.extend((method != "GET").then(|| format!("  method: \"{method}\",\n")));
    options.extend((!headers.is_empty()).then(|| format!("  headers: {{ {} }},\n", headers.join(", "))));
    let body = |body| literal(body, ["true", "false", "null"], str::to_owned);
    options.extend(call.body.as_ref().map(|sent| format!("  body: JSON.stringify({}),\n", body(sent))));
    let options = options.concat();
    if options.is_empty() {
        format!("fetch({quote}{address}{quote})")
    } else {
        format!("fetch({quote}{address}{quote}, {{\n{options}}})")
    }
}
