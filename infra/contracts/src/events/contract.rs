//! The contract of a kind of event, for its consumers, or for its producers if the shop takes it.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::events::{Described, Event, EventKind, InboundKind};
use utoipa::openapi::{
    RefOr, Schema,
    schema::{Object, ObjectBuilder, Type},
};

use super::{
    Error,
    samples::{self, InboundSample},
};

/// The contract of a kind of event in the version that the code publishes or takes.
#[derive(Serialize)]
pub struct Contract {
    #[serde(rename = "$schema")]
    dialect: &'static str,
    #[serde(rename = "$id")]
    id: String,
    title: &'static str,
    #[serde(flatten)]
    shape: Object,
    #[serde(rename = "$defs")]
    parts: BTreeMap<String, RefOr<Schema>>,
    examples: [Example; 1],
    #[serde(skip)]
    version: u16,
    #[serde(skip)]
    direction: Direction,
}

/// The direction of an event, which decides whether consumers or producers rely on its contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The shop publishes it.
    Outbound,
    /// The shop takes it.
    Inbound,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Example {
    Outbound(Box<Event>),
    Inbound(InboundSample),
}

/// The prefixes of references: in the description of an API, and in a schema by itself.
const REFERENCES: [&str; 2] = ["#/components/schemas/", "#/$defs/"];

impl Contract {
    fn outbound(kind: EventKind, samples: &[Event]) -> Result<Self, Error> {
        let name = kind.as_str();
        let example = samples.iter().find(|event| event.kind == kind).cloned().ok_or(Error::NoSample(name))?;
        let mut contract = Self::new(Direction::Outbound, name, kind.version(), kind.described(), example.into())?;
        let only = |value: serde_json::Value, of: Type| {
            RefOr::T(Schema::from(ObjectBuilder::new().schema_type(of).enum_values(Some([value]))))
        };
        for (field, schema) in
            [("type", only(name.into(), Type::String)), ("version", only(kind.version().into(), Type::Integer))]
        {
            contract.shape.properties.insert(field.to_owned(), schema);
        }
        // `EventKind` lists the kinds of all events; this contract is of one.
        contract.parts.remove("EventKind");
        Ok(contract)
    }

    fn inbound(kind: InboundKind) -> Result<Self, Error> {
        let example = Example::Inbound(samples::inbound(kind)?);
        Self::new(Direction::Inbound, kind.as_str(), kind.version(), kind.described(), example)
    }

    fn new(
        direction: Direction,
        name: &'static str,
        version: u16,
        described: Described,
        example: Example,
    ) -> Result<Self, Error> {
        let Described { about, shape, parts } = described;
        let RefOr::T(Schema::Object(mut shape)) = shape else { return Err(Error::NoObject(name)) };
        shape.description = Some(about.to_owned());
        Ok(Self {
            dialect: "https://json-schema.org/draft/2020-12/schema",
            id: format!("urn:jangteo:events:{name}:v{version}"),
            title: name,
            shape,
            parts: parts.into_iter().collect(),
            examples: [example],
            version,
            direction,
        })
    }

    /// The kind of its events.
    pub fn title(&self) -> &'static str {
        self.title
    }

    pub fn direction(&self) -> Direction {
        self.direction
    }

    pub fn file(&self) -> String {
        format!("{}.v{}.json", self.title, self.version)
    }

    /// The contract as its file holds it.
    ///
    /// # Errors
    /// If it cannot be serialized.
    pub fn json(&self) -> Result<String, Error> {
        let [from, to] = REFERENCES;
        Ok(serde_json::to_string_pretty(self)?.replace(from, to) + "\n")
    }
}

impl From<Event> for Example {
    fn from(event: Event) -> Self {
        Self::Outbound(Box::new(event))
    }
}

/// The contracts of all events that the code publishes or takes.
///
/// # Errors
/// If a kind has no sample.
pub fn contracts() -> Result<Vec<Contract>, Error> {
    let samples = samples::events()?;
    let outbound = EventKind::ALL.iter().map(|kind| Contract::outbound(*kind, &samples));
    outbound.chain(InboundKind::ALL.iter().map(|kind| Contract::inbound(*kind))).collect()
}
