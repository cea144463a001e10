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
    let mut envelope = object(Success::<Value>::schema());
    envelope.description = None;
    set(&mut envelope, "code", |_| {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some([SUCCESS])).into()
    });
    set(&mut envelope, "message", |property| match property {
        RefOr::T(Schema::Object(text)) => RefOr::T(Schema::Object(Object { examples: vec![message.into()], ..text })),
        other => other,
    });
    set(&mut envelope, "data", |_| data);
    RefOr::T(Schema::Object(envelope))
}

fn page(items: ArrayItems) -> RefOr<Schema> {
    let mut page = object(Page::<Value>::schema());
    set(&mut page, "items", |property| match property {
        RefOr::T(Schema::Array(mut list)) => {
            list.items = items;
            RefOr::T(Schema::Array(list))
        }
        other => other,
    });
    RefOr::T(Schema::Object(page))
}

fn object(schema: RefOr<Schema>) -> Object {
    match schema {
        RefOr::T(Schema::Object(object)) => object,
        _ => Object::new(),
    }
}

fn set(object: &mut Object, name: &str, change: impl FnOnce(RefOr<Schema>) -> RefOr<Schema>) {
    if let Some(property) = object.properties.get_mut(name) {
        *property = change(property.clone());
    }
}
