//! The contract of a kind of event, for its consumers.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::events::{Described, Event, EventKind};
use utoipa::openapi::{
    RefOr, Schema,
    schema::{Object, ObjectBuilder, Type},
};

use super::{Error, samples};

/// The contract of a kind of event in the version that the code publishes.
#[derive(Serialize)]
pub struct Contract {
    #[serde(rename = "$schema")]
    dialect: &'static str,
    #[serde(rename = "$id")]
    id: String,
    title: &'static str,
    #[serde(flatten)]
    envelope: Object,
    #[serde(rename = "$defs")]
    parts: BTreeMap<String, RefOr<Schema>>,
    examples: [Event; 1],
    #[serde(skip)]
    version: u16,
}

/// The prefixes of references: in the description of an API, and in a schema by itself.
const REFERENCES: [&str; 2] = ["#/components/schemas/", "#/$defs/"];

impl Contract {
    fn of(kind: EventKind, samples: &[Event]) -> Result<Self, Error> {
        let (name, version) = (kind.as_str(), kind.version());
        let Described { about, envelope, parts } = kind.described();
        let RefOr::T(Schema::Object(mut envelope)) = envelope else { return Err(Error::NoEnvelope(name)) };
        envelope.description = Some(about.to_owned());
        let only = |value: serde_json::Value, of: Type| {
            RefOr::T(Schema::from(ObjectBuilder::new().schema_type(of).enum_values(Some([value]))))
        };
        for (field, schema) in
            [("type", only(name.into(), Type::String)), ("version", only(version.into(), Type::Integer))]
        {
            envelope.properties.insert(field.to_owned(), schema);
        }
        let example = samples.iter().find(|event| event.kind == kind).cloned().ok_or(Error::NoSample(name))?;
        // `EventKind` lists the kinds of all events; this contract is of one.
        let parts = parts.into_iter().filter(|(name, _)| name != "EventKind").collect();
        Ok(Self {
            dialect: "https://json-schema.org/draft/2020-12/schema",
            id: format!("urn:jangteo:events:{name}:v{version}"),
            title: name,
            envelope,
            parts,
            examples: [example],
            version,
        })
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

/// The contracts of all events that the code publishes.
///
/// # Errors
/// If a kind has no sample.
pub fn contracts() -> Result<Vec<Contract>, Error> {
    let samples = samples::events()?;
    EventKind::ALL.iter().map(|kind| Contract::of(*kind, &samples)).collect()
}
