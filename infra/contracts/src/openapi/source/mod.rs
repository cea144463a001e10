//! Calls as source code that can be pasted and run.

pub(super) mod python;
pub(super) mod shell;
pub(super) mod typescript;

use serde_json::Value;

use super::commands::{Call, VARIABLES};

/// The longest body that stands in one line.
const ONE_LINE: usize = 64;

/// A JSON value as a literal. A text that is a variable's name becomes what `variable` makes of its field, and words of JSON
/// become those of the language.
fn literal(value: &Value, words: [&str; 3], variable: fn(&str) -> String) -> String {
    let short = render(value, words, variable, None);
    if short.chars().count() <= ONE_LINE { short } else { render(value, words, variable, Some(1)) }
}

/// The literal in one line, or with a line for each entry at a depth of indentation.
fn render(value: &Value, words: [&str; 3], variable: fn(&str) -> String, depth: Option<usize>) -> String {
    let [yes, no, null] = words;
    let inner = depth.map(|depth| depth + 1);
    let list = |open: &str, entries: Vec<String>, close: &str| match depth {
        Some(depth) if !entries.is_empty() => {
            let (pad, end) = ("  ".repeat(depth + 1), "  ".repeat(depth));
            let lines: String = entries.iter().map(|entry| format!("{pad}{entry},\n")).collect();
            format!("{open}\n{lines}{end}{close}")
        }
        _ => format!("{open}{}{close}", entries.join(", ")),
    };
    match value {
        Value::Bool(true) => yes.to_owned(),
        Value::Bool(false) => no.to_owned(),
        Value::Null => null.to_owned(),
        Value::Object(fields) => {
            let entry =
                |(name, value): (&String, &Value)| format!("\"{name}\": {}", render(value, words, variable, inner));
            let entries = fields.iter().map(entry).collect();
            if depth.is_some() { list("{", entries, "}") } else { list("{ ", entries, " }") }
        }
        Value::Array(entries) => list("[", entries.iter().map(|it| render(it, words, variable, inner)).collect(), "]"),
        Value::String(text) => match VARIABLES.iter().find(|known| known.name == text) {
            Some(known) => variable(known.field),
            None => value.to_string(),
        },
        Value::Number(_) => value.to_string(),
    }
}

/// The address of a call, with its variables written as `variable` says; whether there are any.
fn address(call: &Call, variable: fn(&str) -> String) -> (String, bool) {
    let plain = format!("{}{}", call.server, call.path);
    let with = VARIABLES.iter().fold(plain.clone(), |text, known| text.replace(known.name, &variable(known.field)));
    let has_some = with != plain;
    (with, has_some)
}
