//! The events as one AsyncAPI 3 document, for generators and catalogues.
//!
//! It says nothing that the contracts do not: each payload is the schema of its contract. Parts of several contracts stand
//! in it once.

use serde_json::{Map, Value, json};

use super::{Contract, Direction, Error, contracts};

/// The file that the document is kept in.
pub const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/contracts/events/asyncapi.json");

const DESCRIPTION: &str = "Events on the EventBridge bus of a shop (the stack's output `EventBusName`). The `detail-type` is the \
    kind, the `detail` is the payload. An event comes at least once and in any order: go by `eventId` and `sequence`.\n\nThe \
    extension `x-cloudevents` of a message maps it to CloudEvents 1.0: attributes are JSON pointers into the entry on the bus, \
    or constants. The shop does not publish in that format, since rules of EventBridge match the entry.";

/// The document as it is kept.
///
/// # Errors
/// If a contract cannot be made, or two contracts have different parts of one name.
pub fn json() -> Result<String, Error> {
    let (mut messages, mut schemas) = (Map::new(), Map::new());
    let (mut published, mut taken) = (Map::new(), Map::new());
    for contract in contracts()? {
        let name = contract.title();
        messages.insert(name.to_owned(), message(&contract, &mut schemas)?);
        let of_direction = match contract.direction() {
            Direction::Outbound => &mut published,
            Direction::Inbound => &mut taken,
        };
        of_direction.insert(name.to_owned(), json!({ "$ref": format!("#/components/messages/{name}") }));
    }
    let document = json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Jangteo events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "contact": { "name": "Jangteo" },
            "license": { "name": "MIT OR Apache-2.0" },
            "tags": [{ "name": "orders" }, { "name": "payments" }],
        },
        "defaultContentType": "application/json",
        "servers": {
            "bus": {
                "host": "events.{region}.amazonaws.com",
                "protocol": "eventbridge",
                "description": "Amazon EventBridge. Consumers get events by rules of their own on the bus.",
                "variables": { "region": { "default": "ap-northeast-2", "description": "The region of the shop." } },
            },
        },
        "channels": {
            "shop": channel("jangteo.orders", "Events that the shop publishes.", published),
            "payments": channel("jangteo.payments", "Results that the shop takes from the payment system.", taken),
        },
        "operations": {
            "publishEvents": operation(
                "send",
                "shop",
                ("The shop publishes an event", "The relay reads the change from the table's stream, and repeats it until the bus has it."),
            ),
            "takeResults": operation(
                "receive",
                "payments",
                ("The shop takes a result", "Only the role of the payment system's adapter may send one. A repetition has no effect."),
            ),
        },
        "components": { "messages": messages, "schemas": schemas },
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// Entries on the bus with a source.
fn channel(source: &str, description: &str, messages: Map<String, Value>) -> Value {
    json!({
        "address": source,
        "description": format!("{description} Entries on the bus with the `source` `{source}`."),
        "servers": [{ "$ref": "#/servers/bus" }],
        "messages": messages,
    })
}

fn operation(action: &str, channel: &str, (summary, description): (&str, &str)) -> Value {
    let channel = json!({ "$ref": format!("#/channels/{channel}") });
    json!({ "action": action, "channel": channel, "summary": summary, "description": description })
}

/// The message of a contract. Its schema and the parts of that are added to `schemas`.
fn message(contract: &Contract, schemas: &mut Map<String, Value>) -> Result<Value, Error> {
    let mut schema = serde_json::to_value(contract)?;
    let fields = schema.as_object_mut().ok_or(Error::NoObject(contract.title()))?;
    let mut take = |name: &str| fields.remove(name).unwrap_or_default();
    let (id, parts, examples) = (take("$id"), take("$defs"), take("examples"));
    let description = fields.get("description").cloned();
    fields.remove("$schema");
    for (name, part) in parts.as_object().into_iter().flatten() {
        let known = schemas.entry(name).or_insert_with(|| part.clone());
        if known != part {
            return Err(Error::TwoParts(name.clone()));
        }
    }
    let name = format!("{}Event", contract.title());
    let payload = json!({ "$ref": format!("#/components/schemas/{name}") });
    schemas.insert(name, schema);
    let example = examples.get(0).cloned();
    Ok(json!({
        "name": contract.title(),
        "title": contract.title(),
        "summary": description,
        "payload": payload,
        "examples": [{ "payload": example }],
        "x-cloudevents": cloud_event(contract.direction(), &id),
    }))
}

/// The attributes of the event in CloudEvents 1.0. A constant has no leading slash.
fn cloud_event(direction: Direction, schema: &Value) -> Value {
    match direction {
        Direction::Outbound => json!({
            "specversion": "1.0",
            "id": "/detail/eventId",
            "source": "/source",
            "type": "/detail-type",
            "time": "/detail/occurredAt",
            "subject": "/detail/aggregateId",
            "datacontenttype": "application/json",
            "dataschema": schema,
            "data": "/detail/data",
        }),
        Direction::Inbound => json!({
            "specversion": "1.0",
            "id": "/id",
            "source": "/source",
            "type": "/detail-type",
            "time": "/detail/at",
            "datacontenttype": "application/json",
            "dataschema": schema,
            "data": "/detail",
        }),
    }
}
