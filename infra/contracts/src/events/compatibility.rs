//! Whether events by one schema are fit for a consumer that reads by another one.
//!
//! A consumer relies on everything that its schema says of a field. So of an event that the shop publishes, a newer
//! schema may promise more, and describe new fields; it may not promise less. An event that the shop takes is the same
//! with the roles changed: the producer keeps to the older schema, and the shop reads by the newer one, which may ask for
//! less and for nothing more. A keyword that this module does not know must not change.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Direction;

/// Keywords that only explain.
const EXPLAINS: [&str; 9] =
    ["$schema", "$id", "$defs", "$comment", "title", "description", "examples", "default", "deprecated"];

/// The greatest depth of nested schemas.
const MAX_DEPTH: usize = 32;

/// The changes in `now` that break a consumer of `before`, or a producer of it if the event is inbound, each with its
/// place. Empty if `now` is compatible.
pub fn breaks(direction: Direction, before: &Value, now: &Value) -> Vec<String> {
    let (consumer, producer) = match direction {
        Direction::Outbound => (before, now),
        Direction::Inbound => (now, before),
    };
    let mut comparison = Comparison { direction, consumer, producer, breaks: Vec::new() };
    comparison.compare("$", consumer, producer, 0);
    comparison.breaks
}

struct Comparison<'a> {
    direction: Direction,
    /// The whole documents, to resolve references.
    consumer: &'a Value,
    producer: &'a Value,
    breaks: Vec<String>,
}

impl Comparison<'_> {
    fn compare(&mut self, at: &str, consumer: &Value, producer: &Value, depth: usize) {
        let (consumer, producer) = (resolve(self.consumer, consumer), resolve(self.producer, producer));
        if depth > MAX_DEPTH {
            return self.report(at, "lies too deep to be compared");
        }
        let (Some(read), Some(written)) = (consumer.as_object(), producer.as_object()) else {
            if consumer != producer {
                self.report(at, "is no schema any more, or was none");
            }
            return;
        };
        let keywords: BTreeSet<&str> = read.keys().chain(written.keys()).map(String::as_str).collect();
        for keyword in keywords.into_iter().filter(|keyword| !EXPLAINS.contains(keyword)) {
            self.keyword(at, keyword, read, written, depth);
        }
    }

    fn keyword(
        &mut self,
        at: &str,
        keyword: &str,
        consumer: &Map<String, Value>,
        producer: &Map<String, Value>,
        depth: usize,
    ) {
        let (read, written) = (consumer.get(keyword), producer.get(keyword));
        match keyword {
            "type" => {
                let (read, written) = (types(read), types(written));
                // An integer is a number.
                let fits = |of: &&str| read.contains(of) || (*of == "integer" && read.contains("number"));
                if !read.is_empty() && (written.is_empty() || !written.iter().all(fits)) {
                    let (was, is) = self.in_order(&read, &written);
                    self.report(at, &format!("was of type {was:?} and is {is:?}"));
                }
            }
            "enum" => match (read.and_then(Value::as_array), written.and_then(Value::as_array)) {
                (Some(read), Some(written)) => {
                    for value in written.iter().filter(|value| !read.contains(value)) {
                        self.report_either(at, &format!("can be {value} now"), &format!("cannot be {value} any more"));
                    }
                }
                (Some(_), None) => self.report_either(at, "can be anything now", "cannot be anything any more"),
                (None, _) => {}
            },
            "required" => {
                for name in names(read).difference(&names(written)) {
                    self.report_either(&format!("{at}.{name}"), "need not be there any more", "must be there now");
                }
            }
            "properties" => {
                let (read, written) = (read.and_then(Value::as_object), written.and_then(Value::as_object));
                for (name, read) in read.into_iter().flatten() {
                    let at = format!("{at}.{name}");
                    match written.and_then(|written| written.get(name)) {
                        Some(written) => self.compare(&at, read, written, depth + 1),
                        None if self.direction == Direction::Outbound => self.report(&at, "is gone"),
                        // Producers do not send what they do not know. A required field is reported as such.
                        None => {}
                    }
                }
            }
            "items" => match (read, written) {
                (Some(read), Some(written)) => self.compare(&format!("{at}[]"), read, written, depth + 1),
                (Some(_), None) => {
                    self.report_either(&format!("{at}[]"), "can be anything now", "cannot be anything any more");
                }
                (None, _) => {}
            },
            "oneOf" | "anyOf" => match (read.and_then(Value::as_array), written.and_then(Value::as_array)) {
                (Some(read), Some(written)) => self.alternatives(at, read, written, depth),
                // A schema without alternatives is the only one.
                (Some(read), None) => self.alternatives(at, read, &[Value::Object(producer.clone())], depth),
                (None, _) => {}
            },
            "minimum" | "minLength" | "minItems" => {
                self.bound(at, keyword, read, written, |read, written| written >= read);
            }
            "maximum" | "maxLength" | "maxItems" => {
                self.bound(at, keyword, read, written, |read, written| written <= read);
            }
            // What the consumer does not rely on may be anything.
            "format" | "pattern" if read.is_none() => {}
            _ if read == written => {}
            _ => self.report(at, &format!("{keyword} has changed")),
        }
    }

    /// Each alternative of the producer must be one for the consumer.
    fn alternatives(&mut self, at: &str, consumer: &[Value], producer: &[Value], depth: usize) {
        for written in producer {
            let fits = consumer.iter().any(|read| {
                let mut attempt = Comparison { breaks: Vec::new(), ..*self };
                attempt.compare(at, read, written, depth + 1);
                attempt.breaks.is_empty()
            });
            if !fits {
                self.report_either(at, &format!("can be {written} now"), &format!("cannot be {written} any more"));
            }
        }
    }

    fn bound(
        &mut self,
        at: &str,
        keyword: &str,
        consumer: Option<&Value>,
        producer: Option<&Value>,
        fits: fn(f64, f64) -> bool,
    ) {
        let number = |bound: Option<&Value>| bound.and_then(Value::as_f64);
        let Some(read) = number(consumer) else { return };
        if !number(producer).is_some_and(|written| fits(read, written)) {
            let loosened = format!("{keyword} has been loosened");
            self.report_either(at, &loosened, &format!("{keyword} has been tightened"));
        }
    }

    /// What the consumer reads and the producer writes, in the order of time.
    fn in_order<T>(&self, consumer: T, producer: T) -> (T, T) {
        match self.direction {
            Direction::Outbound => (consumer, producer),
            Direction::Inbound => (producer, consumer),
        }
    }

    fn report(&mut self, at: &str, what: &str) {
        self.breaks.push(format!("{at} {what}"));
    }

    fn report_either(&mut self, at: &str, outbound: &str, inbound: &str) {
        self.report(at, if self.direction == Direction::Outbound { outbound } else { inbound });
    }
}

/// The part of a document that a schema refers to, or the schema itself.
fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let reference = schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    reference.and_then(|pointer| document.pointer(pointer)).unwrap_or(schema)
}

/// The types that a schema allows; none if it does not restrict them.
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
        breaks(Direction::Outbound, &published(), &now)
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
        let never_null = |now: &mut Value| now["$defs"]["Order"]["properties"]["seller"] = json!({ "type": "string" });
        assert_eq!(broken(never_null), [""; 0]);
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
        assert_eq!(breaks(Direction::Outbound, &endless, &endless).len(), 1);
    }

    /// The breaks that a change to the schema of an event causes for its producers.
    fn broken_for_producers(change: impl Fn(&mut Value)) -> Vec<String> {
        let mut now = published();
        change(&mut now);
        breaks(Direction::Inbound, &published(), &now)
    }

    #[test]
    fn an_inbound_schema_may_ask_for_less() {
        let order = |change: fn(&mut Value)| broken_for_producers(|now| change(&mut now["$defs"]["Order"]));
        for found in [
            broken_for_producers(|_| {}),
            broken_for_producers(|now| now["required"] = json!([])),
            broken_for_producers(|now| without(&mut now["properties"], "traceId")),
            broken_for_producers(|now| without(&mut now["properties"]["eventId"], "maxLength")),
            broken_for_producers(|now| without(&mut now["$defs"]["TraceId"], "pattern")),
            broken_for_producers(|now| now["properties"]["note"] = json!({ "type": "string" })),
            order(|order| without(order, "properties")),
            order(|order| order["properties"]["payable"]["minimum"] = json!(-1)),
            order(|order| order["properties"]["payable"]["type"] = json!(["integer", "null"])),
            order(|order| order["properties"]["payable"]["type"] = json!("number")),
            order(|order| order["properties"]["status"]["enum"] = json!(["PAID", "CANCELLED", "LOST"])),
            order(|order| without(&mut order["properties"]["status"], "enum")),
            order(|order| without(&mut order["properties"]["createdAt"], "format")),
            order(|order| {
                let at = order["properties"]["createdAt"].take();
                order["properties"]["createdAt"] = json!({ "oneOf": [{ "type": "null" }, at] });
            }),
        ] {
            assert_eq!(found, [""; 0]);
        }
    }

    #[test]
    fn an_inbound_schema_may_not_ask_for_more() {
        let order = |change: fn(&mut Value)| broken_for_producers(|now| change(&mut now["$defs"]["Order"]));
        for (found, expected) in [
            (
                broken_for_producers(|now| now["required"] = json!(["eventId", "data", "traceId"])),
                "$.traceId must be there now",
            ),
            (
                broken_for_producers(|now| {
                    now["properties"]["note"] = json!({ "type": "string" });
                    now["required"] = json!(["eventId", "data", "note"]);
                }),
                "$.note must be there now",
            ),
            (
                order(|order| order["properties"]["couponId"]["type"] = json!("string")),
                r#"$.data.couponId was of type {"null", "string"} and is {"string"}"#,
            ),
            (
                order(|order| order["properties"]["status"]["enum"] = json!(["PAID"])),
                r#"$.data.status cannot be "CANCELLED" any more"#,
            ),
            (
                order(|order| order["properties"]["couponId"]["enum"] = json!(["welcome"])),
                "$.data.couponId cannot be anything any more",
            ),
            (
                order(|order| order["properties"]["payable"]["minimum"] = json!(1)),
                "$.data.payable minimum has been tightened",
            ),
            (
                order(|order| order["properties"]["payable"]["maximum"] = json!(9)),
                "$.data.payable maximum has been tightened",
            ),
            (
                broken_for_producers(|now| now["properties"]["eventId"]["maxLength"] = json!(63)),
                "$.eventId maxLength has been tightened",
            ),
            (
                broken_for_producers(|now| now["properties"]["eventId"]["pattern"] = json!("^x")),
                "$.eventId pattern has changed",
            ),
            (
                order(|order| order["properties"]["seller"]["oneOf"] = json!([{ "type": "string" }])),
                r#"$.data.seller cannot be {"type":"null"} any more"#,
            ),
            (
                broken_for_producers(|now| now["additionalProperties"] = json!(false)),
                "$ additionalProperties has changed",
            ),
        ] {
            assert_eq!(found, [expected]);
        }
    }
}
