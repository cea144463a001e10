//! Successes: handlers name the data, and this module adds the envelope.

use std::collections::BTreeMap;

use serde_json::Value;
use shared::api::{
    Language,
    envelope::{Page, SUCCESS, Success},
    views::{CampaignView, DeskProductView, ProductView, UserView},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Header, Ref, RefOr, Schema,
        header::HeaderBuilder,
        path::{Operation, Parameter},
        schema::{ArrayItems, Object, ObjectBuilder, Type},
    },
};

use super::Error;

/// The envelopes of all successes, each a schema with a name: generators make one type of each.
#[derive(Default)]
pub(crate) struct Envelopes {
    schemas: BTreeMap<String, RefOr<Schema>>,
}

impl Envelopes {
    /// Puts the envelope around the data of an operation; a list becomes a page.
    ///
    /// # Errors
    /// If two different envelopes had one name.
    pub(crate) fn wrap(&mut self, operation: &mut Operation) -> Result<(), Error> {
        let is_recent = takes_stock(operation);
        let operation_name = capitalised(operation.operation_id.as_deref().unwrap_or_default());
        for response in operation.responses.responses.values_mut() {
            let RefOr::T(response) = response else { continue };
            let is_tagged = response.content.values().any(|content| match content {
                RefOr::T(content) => content.schema.as_ref().is_some_and(is_tagged),
                RefOr::Ref(_) => false,
            });
            if is_tagged {
                response.headers.insert("ETag".to_owned(), RefOr::T(etag()));
            }
            for content in response.content.values_mut() {
                let RefOr::T(content) = content else { continue };
                let Some(data) = content.schema.take() else { continue };
                let (name, data) = match data {
                    RefOr::T(Schema::Array(list)) => {
                        let entry = match &list.items {
                            ArrayItems::RefOrSchema(entry) => name_of(entry),
                            ArrayItems::False => None,
                        };
                        let name = format!("{}Page", entry.unwrap_or(&operation_name));
                        let page = self.add(&name, page(list.items, is_recent))?;
                        (name, page)
                    }
                    data => (name_of(&data).unwrap_or(&operation_name).to_owned(), data),
                };
                content.schema = Some(self.add(&format!("{name}Envelope"), envelope(data))?);
            }
        }
        Ok(())
    }

    pub(crate) fn into_schemas(self) -> impl Iterator<Item = (String, RefOr<Schema>)> {
        self.schemas.into_iter()
    }

    /// Keeps a schema and refers to it.
    fn add(&mut self, name: &str, schema: RefOr<Schema>) -> Result<RefOr<Schema>, Error> {
        let known = self.schemas.entry(name.to_owned()).or_insert_with(|| schema.clone());
        if *known != schema {
            return Err(Error::TwoEnvelopes(name.to_owned()));
        }
        Ok(Ref::from_schema_name(name).into())
    }
}

/// The name of a schema that a reference leads to.
fn name_of(schema: &RefOr<Schema>) -> Option<&str> {
    match schema {
        RefOr::Ref(reference) => reference.ref_location.rsplit('/').next(),
        RefOr::T(_) => None,
    }
}

fn capitalised(name: &str) -> String {
    let (initial, rest) = name.split_at(name.len().min(1));
    initial.to_ascii_uppercase() + rest
}

/// Whether a schema has an entity tag: one that a PATCH changes as a whole.
fn is_tagged(schema: &RefOr<Schema>) -> bool {
    let names = [UserView::name(), ProductView::name(), DeskProductView::name(), CampaignView::name()];
    matches!(schema, RefOr::Ref(thing) if names.iter().any(|name| thing.ref_location.ends_with(&format!("/{name}"))))
}

fn etag() -> Header {
    let text = ObjectBuilder::new().schema_type(Type::String).examples(["\"5a0f5a3f5c1c8d7e4dfb1d320b6e4d3c\""]);
    let description =
        "The strong tag of the thing's described fields, for `If-Match`. Stock and counters are none of them.";
    HeaderBuilder::new().schema(Some(text)).description(Some(description)).build()
}

fn envelope(data: RefOr<Schema>) -> RefOr<Schema> {
    let Success { message, .. } = Success::new((), Language::default());
    let code = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([SUCCESS]));
    let mut envelope = object(Success::<Value>::schema());
    envelope.description = None;
    envelope.properties.insert("code".to_owned(), code.into());
    envelope.properties.insert("data".to_owned(), data);
    if let Some(RefOr::T(Schema::Object(text))) = envelope.properties.get_mut("message") {
        text.examples = vec![message.into()];
    }
    RefOr::T(Schema::Object(envelope))
}

/// Whether callers of an operation can ask for recent stock, which is shown as of an instant.
fn takes_stock(operation: &Operation) -> bool {
    let is_stock = |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(parameter) if parameter.name == "stock");
    operation.parameters.iter().flatten().any(is_stock)
}

fn page(entries: ArrayItems, is_recent: bool) -> RefOr<Schema> {
    let mut page = object(Page::<Value>::schema());
    page.description = None;
    if !is_recent {
        page.properties.shift_remove("asOf");
    }
    if let Some(RefOr::T(Schema::Array(items))) = page.properties.get_mut("items") {
        items.items = entries;
    }
    RefOr::T(Schema::Object(page))
}

/// The schema of a struct, which is that of an object.
fn object(schema: RefOr<Schema>) -> Object {
    match schema {
        RefOr::T(Schema::Object(object)) => object,
        _ => Object::new(),
    }
}
