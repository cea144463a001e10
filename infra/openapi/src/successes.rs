//! Successes: handlers name the data, and this puts the envelope around it.

use serde_json::Value;
use shared::api::{
    Language,
    envelope::{Page, SUCCESS, Success},
};
use utoipa::{
    PartialSchema,
    openapi::{
        RefOr, Schema,
        path::Operation,
        schema::{ArrayItems, Object, ObjectBuilder, Type},
    },
};

/// Puts the envelope around what an operation gives; a list becomes a page of one.
pub(crate) fn wrap(operation: &mut Operation) {
    for response in operation.responses.responses.values_mut() {
        let RefOr::T(response) = response else { continue };
        for content in response.content.values_mut() {
            let RefOr::T(content) = content else { continue };
            content.schema = content.schema.take().map(|data| match data {
                RefOr::T(Schema::Array(list)) => envelope(page(list.items)),
                data => envelope(data),
            });
        }
    }
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

fn page(entries: ArrayItems) -> RefOr<Schema> {
    let mut page = object(Page::<Value>::schema());
    page.description = None;
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
