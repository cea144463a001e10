//! The AsyncAPI document as a page, for people: `docs/events.html`.
//!
//! It is one file without scripts, so that it can be read from a checkout. The style is that of the reference at `/docs`.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::{Error, asyncapi};

/// The file that the page is kept in.
pub const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events.html");

const HEAD: &str = include_str!("page.html");

/// The deepest level of fields within fields.
const DEPTH: usize = 6;

/// The page. Writing into a string cannot fail.
///
/// # Errors
/// As [`asyncapi::json`].
pub fn html() -> Result<String, Error> {
    let document: Value = serde_json::from_str(&asyncapi::json()?)?;
    let (mut contents, mut articles) = (String::new(), String::new());
    for (channel, title) in [("shop", "Events that the shop publishes"), ("payments", "Results that the shop takes")] {
        let channel = at(&document, &format!("/channels/{channel}"));
        let _ = write!(contents, "<h2>{title}</h2>\n<ul>\n");
        let _ = write!(articles, "<section>\n<h2>{title}</h2>\n<p>{}</p>\n", prose(text(at(channel, "/description"))));
        for kind in at(channel, "/messages").as_object().into_iter().flat_map(Map::keys) {
            let _ = writeln!(contents, r##"<li><a href="#{kind}">{kind}</a></li>"##);
            article(&mut articles, &document, kind);
        }
        contents.push_str("</ul>\n");
        articles.push_str("</section>\n");
    }
    let introduction: Vec<String> = text(at(&document, "/info/description")).split("\n\n").map(prose).collect();
    Ok(HEAD
        .replace("<!-- introduction -->", &format!("<p>{}</p>", introduction.join("</p>\n<p>")))
        .replace("<!-- contents -->", contents.trim_end())
        .replace("<!-- events -->", articles.trim_end()))
}

fn article(page: &mut String, document: &Value, kind: &str) {
    let message = at(document, &format!("/components/messages/{kind}"));
    let example = serde_json::to_string_pretty(at(message, "/examples/0/payload")).unwrap_or_default();
    let attributes = at(message, "/x-cloudevents").as_object().into_iter().flatten();
    let attributes: Vec<String> = attributes.map(|(name, place)| format!("{name}: {}", escaped(text(place)))).collect();
    let _ = write!(
        page,
        "<article id=\"{kind}\">\n<h3>{kind}</h3>\n<p>{}</p>\n{}<details>\n<summary>Example</summary>\n\
         <pre>{}</pre>\n</details>\n<details>\n<summary>As a CloudEvent</summary>\n<pre>{}</pre>\n</details>\n</article>\n",
        prose(text(at(message, "/summary"))),
        fields(document, at(message, "/payload"), DEPTH),
        escaped(&example),
        attributes.join("\n"),
    );
}

/// The fields of a schema as a list, or nothing if it has none.
fn fields(document: &Value, schema: &Value, depth: usize) -> String {
    let schema = resolved(document, schema);
    let schema = if at(schema, "/type") == "array" { resolved(document, at(schema, "/items")) } else { schema };
    let schema = schema.pointer("/oneOf/0").map_or(schema, |choice| resolved(document, choice));
    let Some(properties) = at(schema, "/properties").as_object().filter(|_| depth > 0) else { return String::new() };
    let required = at(schema, "/required").as_array();
    let mut list = String::from("<ul class=\"fields\">\n");
    for (name, property) in properties {
        let is_required = required.is_some_and(|required| required.iter().any(|field| field == name));
        let optional = if is_required { "" } else { " <span class=\"optional\">if any</span>" };
        let inner = [at(property, "/oneOf/0/description"), at(resolved(document, property), "/description")];
        let description = [at(property, "/description")].into_iter().chain(inner).find_map(Value::as_str);
        let _ = writeln!(
            list,
            "<li><span class=\"name\">{name}</span> <span class=\"type\">{}</span>{optional}<p>{}</p>{}</li>",
            escaped(&type_of(document, property)),
            prose(description.unwrap_or_default()),
            fields(document, property, depth - 1),
        );
    }
    list + "</ul>\n"
}

/// The type in words.
fn type_of(document: &Value, schema: &Value) -> String {
    let schema = resolved(document, schema);
    if let Some(choices) = at(schema, "/enum").as_array() {
        let choices = choices.iter().map(|choice| choice.as_str().map_or_else(|| choice.to_string(), str::to_owned));
        return choices.collect::<Vec<_>>().join(" | ");
    }
    let any = at(schema, "/oneOf").as_array().or_else(|| at(schema, "/anyOf").as_array());
    if let Some(any) = any {
        return any.iter().map(|choice| type_of(document, choice)).collect::<Vec<_>>().join(" | ");
    }
    match at(schema, "/type") {
        Value::String(one) if one == "array" => format!("list of {}s", type_of(document, at(schema, "/items"))),
        Value::String(one) => one.clone(),
        Value::Array(some) => some.iter().map(text).collect::<Vec<_>>().join(" | "),
        _ => "anything".to_owned(),
    }
}

fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    let target = at(schema, "/$ref").as_str().and_then(|reference| document.pointer(reference.strip_prefix('#')?));
    target.unwrap_or(schema)
}

/// The part of a value at a pointer; null if there is none.
fn at<'v>(value: &'v Value, pointer: &str) -> &'v Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Text with its `code` marked up.
fn prose(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(index, part)| match index % 2 {
        0 => escaped(part),
        _ => format!("<code>{}</code>", escaped(part)),
    });
    parts.collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_page_is_what_the_code_generates() {
        let committed = std::fs::read_to_string(FILE).unwrap();
        assert!(committed == html().unwrap(), "docs/events.html is not that of the code: run `cargo xtask generate`");
    }

    #[test]
    fn markup_stays_text() {
        assert_eq!(prose("a <b> & `<c>`"), "a &lt;b&gt; &amp; <code>&lt;c&gt;</code>");
    }
}
