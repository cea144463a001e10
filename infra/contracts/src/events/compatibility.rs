//! Whether events of one schema are fit for a consumer that reads by an older one.
//!
//! A consumer may rely on everything that its schema promises of a field. So a newer schema may promise more, and
//! describe new fields; it may not promise less. A keyword that this module does not know must not change.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Keywords that only explain.
const EXPLAINS: [&str; 9] =
    ["$schema", "$id", "$defs", "$comment", "title", "description", "examples", "default", "deprecated"];

/// The greatest depth of nested schemas.
const MAX_DEPTH: usize = 32;

/// The changes in `now` that break a consumer of `before`, each with its place. Empty if `now` is compatible.
pub fn breaks(before: &Value, now: &Value) -> Vec<String> {
    let mut comparison = Comparison { before, now, breaks: Vec::new() };
    comparison.compare("$", before, now, 0);
    comparison.breaks
}

struct Comparison<'a> {
    /// The whole documents, to resolve references.
    before: &'a Value,
    now: &'a Value,
    breaks: Vec<String>,
}

impl Comparison<'_> {
    fn compare(&mut self, at: &str, before: &Value, now: &Value, depth: usize) {
        let (before, now) = (resolve(self.before, before), resolve(self.now, now));
        if depth > MAX_DEPTH {
            return self.report(at, "lies too deep to be compared");
        }
        let (Some(before), Some(now)) = (before.as_object(), now.as_object()) else {
            if before != now {
                self.report(at, "is no schema any more, or was none");
            }
            return;
        };
        let keywords: BTreeSet<&str> = before.keys().chain(now.keys()).map(String::as_str).collect();
        for keyword in keywords.into_iter().filter(|keyword| !EXPLAINS.contains(keyword)) {
            self.keyword(at, keyword, before, now, depth);
        }
    }

    fn keyword(
        &mut self,
        at: &str,
        keyword: &str,
        before: &Map<String, Value>,
        now: &Map<String, Value>,
        depth: usize,
    ) {
        let (was, is) = (before.get(keyword), now.get(keyword));
        match keyword {
            "type" => {
                let (was, is) = (types(was), types(is));
                if !was.is_empty() && (is.is_empty() || !is.is_subset(&was)) {
                    self.report(at, &format!("was of type {was:?} and is {is:?}"));
                }
            }
            "enum" => match (was.and_then(Value::as_array), is.and_then(Value::as_array)) {
                (Some(was), Some(is)) => {
                    for value in is.iter().filter(|value| !was.contains(value)) {
                        self.report(at, &format!("can be {value} now"));
                    }
                }
                (Some(_), None) => self.report(at, "can be anything now"),
                (None, _) => {}
            },
            "required" => {
                for name in names(was).difference(&names(is)) {
                    self.report(&format!("{at}.{name}"), "need not be there any more");
                }
            }
            "properties" => {
                let (was, is) = (was.and_then(Value::as_object), is.and_then(Value::as_object));
                for (name, was) in was.into_iter().flatten() {
                    let at = format!("{at}.{name}");
                    match is.and_then(|is| is.get(name)) {
                        Some(is) => self.compare(&at, was, is, depth + 1),
                        None => self.report(&at, "is gone"),
                    }
                }
            }
            "items" => match (was, is) {
                (Some(was), Some(is)) => self.compare(&format!("{at}[]"), was, is, depth + 1),
                (Some(_), None) => self.report(&format!("{at}[]"), "can be anything now"),
                (None, _) => {}
            },
            "oneOf" | "anyOf" => match (was.and_then(Value::as_array), is.and_then(Value::as_array)) {
                (Some(was), Some(is)) => self.alternatives(at, was, is, depth),
                (Some(_), None) => self.report(at, &format!("{keyword} has changed")),
                (None, _) => {}
            },
            "minimum" | "minLength" | "minItems" => self.bound(at, keyword, was, is, |was, is| is >= was),
            "maximum" | "maxLength" | "maxItems" => self.bound(at, keyword, was, is, |was, is| is <= was),
            // A new promise breaks no consumer.
            "format" | "pattern" if was.is_none() => {}
            _ if was == is => {}
            _ => self.report(at, &format!("{keyword} has changed")),
        }
    }

    /// Each alternative must be compatible with one of the older ones.
    fn alternatives(&mut self, at: &str, before: &[Value], now: &[Value], depth: usize) {
        for is in now {
            let fits = before.iter().any(|was| {
                let mut attempt = Comparison { before: self.before, now: self.now, breaks: Vec::new() };
                attempt.compare(at, was, is, depth + 1);
                attempt.breaks.is_empty()
            });
            if !fits {
                self.report(at, &format!("can be {is} now"));
            }
        }
    }

    fn bound(&mut self, at: &str, keyword: &str, was: Option<&Value>, is: Option<&Value>, fits: fn(f64, f64) -> bool) {
        let number = |bound: Option<&Value>| bound.and_then(Value::as_f64);
        let Some(was) = number(was) else { return };
        if !number(is).is_some_and(|is| fits(was, is)) {
            self.report(at, &format!("{keyword} has been loosened"));
        }
    }

    fn report(&mut self, at: &str, what: &str) {
        self.breaks.push(format!("{at} {what}"));
    }
}

/// The part of a document that a schema refers to, or the schema itself.
fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let reference = schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    reference.and_then(|pointer| document.pointer(pointer)).unwrap_or(schema)
}

/// The types that a schema allows; none if it does not restrict them. An integer is a number.
fn types(keyword: Option<&Value>) -> BTreeSet<&str> {
    match keyword {
        Some(Value::String(one)) => [one.as_str()].into(),
        several => names(several),
    }
}

fn names(keyword: Option<&Value>) -> BTreeSet<&str> {
    keyword.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn published() -> Value {
        json!({
            "title": "OrderPaid",
            "type": "object",
            "required": ["eventId", "data"],
            "properties": {
                "eventId": { "type": "string", "maxLength": 64 },
                "traceId": { "$ref": "#/$defs/TraceId" },
                "data": { "$ref": "#/$defs/Order" },
            },
            "$defs": {
                "TraceId": { "type": "string", "pattern": "^[0-9a-f]{32}$" },
                "Order": {
                    "type": "object",
                    "required": ["status", "items", "payable"],
                    "properties": {
                        "status": { "type": "string", "enum": ["PAID", "CANCELLED"] },
                        "couponId": { "type": ["string", "null"] },
                        "seller": { "oneOf": [{ "type": "null" }, { "type": "string" }] },
                        "payable": { "type": "integer", "format": "int64", "minimum": 0 },
                        "items": { "type": "array", "items": { "type": "object", "required": ["name"],
                            "properties": { "name": { "type": "string" } } } },
                        "createdAt": { "type": "string", "format": "date-time" },
                    },
                },
            },
        })
    }

    /// The breaks that a change to the schema causes.
    fn broken(change: impl Fn(&mut Value)) -> Vec<String> {
        let mut now = published();
        change(&mut now);
        breaks(&published(), &now)
    }

    fn without(object: &mut Value, name: &str) {
        object.as_object_mut().unwrap().remove(name).unwrap();
    }

    #[test]
    fn what_is_the_same_or_promises_more_is_compatible() {
        assert_eq!(broken(|_| {}), [""; 0]);
        let order = "/$defs/Order";
        assert_eq!(broken(|now| now["$defs"]["Order"]["properties"]["new"] = json!({ "type": "string" })), [""; 0]);
        assert_eq!(
            broken(
                |now| now.pointer_mut(order).unwrap()["required"] = json!(["status", "items", "payable", "couponId"])
            ),
            [""; 0]
        );
        assert_eq!(broken(|now| now["$defs"]["Order"]["properties"]["couponId"]["type"] = json!("string")), [""; 0]);
        assert_eq!(broken(|now| now["$defs"]["Order"]["properties"]["status"]["enum"] = json!(["PAID"])), [""; 0]);
        assert_eq!(broken(|now| now["$defs"]["Order"]["properties"]["payable"]["minimum"] = json!(1)), [""; 0]);
        assert_eq!(broken(|now| now["properties"]["eventId"]["pattern"] = json!("^x")), [""; 0]);
        assert_eq!(
            broken(|now| now["$defs"]["Order"]["properties"]["seller"]["oneOf"] = json!([{ "type": "string" }])),
            [""; 0]
        );
        assert_eq!(broken(|now| now["description"] = json!("Said better.")), [""; 0]);
    }

    #[test]
    fn a_part_under_another_name_is_the_same() {
        let renamed = broken(|now| {
            let part = now["$defs"]["Order"].take();
            now["$defs"] = json!({ "TraceId": now["$defs"]["TraceId"], "Snapshot": part });
            now["properties"]["data"]["$ref"] = json!("#/$defs/Snapshot");
        });
        assert_eq!(renamed, [""; 0]);
    }

    #[test]
    fn what_takes_something_away_breaks() {
        let order = |change: fn(&mut Value)| broken(|now| change(&mut now["$defs"]["Order"]));
        for (found, expected) in [
            (broken(|now| now["required"] = json!(["data"])), vec!["$.eventId need not be there any more"]),
            (broken(|now| without(&mut now["properties"], "eventId")), vec!["$.eventId is gone"]),
            (broken(|now| without(&mut now["properties"], "traceId")), vec!["$.traceId is gone"]),
            (
                order(|order| {
                    let field = order["properties"]["payable"].take();
                    order["properties"].as_object_mut().unwrap().remove("payable");
                    order["properties"]["toPay"] = field;
                    order["required"] = json!(["status", "items", "toPay"]);
                }),
                vec!["$.data.payable is gone", "$.data.payable need not be there any more"],
            ),
            (
                order(|order| order["properties"]["payable"]["type"] = json!("string")),
                vec![r#"$.data.payable was of type {"integer"} and is {"string"}"#],
            ),
            (
                order(|order| order["properties"]["payable"]["type"] = json!(["integer", "null"])),
                vec![r#"$.data.payable was of type {"integer"} and is {"integer", "null"}"#],
            ),
            (
                order(|order| order["properties"]["createdAt"]["format"] = json!("date")),
                vec!["$.data.createdAt format has changed"],
            ),
            (
                order(|order| without(&mut order["properties"]["createdAt"], "format")),
                vec!["$.data.createdAt format has changed"],
            ),
            (
                order(|order| order["properties"]["status"]["enum"] = json!(["PAID", "CANCELLED", "LOST"])),
                vec![r#"$.data.status can be "LOST" now"#],
            ),
            (
                order(|order| without(&mut order["properties"]["status"], "enum")),
                vec!["$.data.status can be anything now"],
            ),
            (
                order(|order| order["properties"]["items"]["items"]["required"] = json!([])),
                vec!["$.data.items[].name need not be there any more"],
            ),
            (
                order(|order| without(&mut order["properties"]["items"], "items")),
                vec!["$.data.items[] can be anything now"],
            ),
            (
                order(|order| order["properties"]["payable"]["minimum"] = json!(-1)),
                vec!["$.data.payable minimum has been loosened"],
            ),
            (
                broken(|now| without(&mut now["properties"]["eventId"], "maxLength")),
                vec!["$.eventId maxLength has been loosened"],
            ),
            (
                order(|order| {
                    order["properties"]["seller"]["oneOf"] = json!([{ "type": "null" }, { "type": "object" }])
                }),
                vec![r#"$.data.seller can be {"type":"object"} now"#],
            ),
            (
                broken(|now| now["$defs"]["TraceId"]["pattern"] = json!("^[0-9]+$")),
                vec!["$.traceId pattern has changed"],
            ),
            // An unknown keyword must not change at all.
            (order(|order| order["not"] = json!({})), vec!["$.data not has changed"]),
        ] {
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn what_lies_in_itself_is_not_compared_for_ever() {
        let endless = json!({ "properties": { "x": { "$ref": "#" } } });
        assert_eq!(breaks(&endless, &endless).len(), 1);
    }
}
