//! Corrections of the API's schemas that a derive cannot make.

use std::collections::BTreeSet;

use utoipa::openapi::{
    OpenApi, RefOr, Schema,
    schema::{AdditionalProperties, ArrayItems, Object, SchemaType, Type},
};

use super::operations;

const SCHEMAS: &str = "#/components/schemas/";

/// An optional field or body is left out instead of null. A body has no fields but those described.
pub(crate) fn tidy(document: &mut OpenApi) {
    let closed = schemas_of_bodies(document);
    let Some(components) = &mut document.components else { return };
    for (name, schema) in &mut components.schemas {
        leave_out_null(schema);
        if let RefOr::T(Schema::Object(object)) = schema
            && object.schema_type == SchemaType::Type(Type::Object)
            && closed.contains(name)
        {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
    }
    for (_, _, operation) in operations::each_mut(document) {
        for parameter in operation.parameters.iter_mut().flatten() {
            if let RefOr::T(parameter) = parameter {
                parameter.schema = parameter.schema.take().map(without_null);
            }
        }
        let Some(RefOr::T(body)) = &mut operation.request_body else { continue };
        for content in body.content.values_mut() {
            if let RefOr::T(content) = content {
                content.schema = content.schema.take().map(without_null);
            }
        }
    }
}

/// The schemas of bodies, and those they are made of.
fn schemas_of_bodies(document: &OpenApi) -> BTreeSet<String> {
    let bodies = operations::each(document).filter_map(|(_, _, operation)| match &operation.request_body {
        Some(RefOr::T(body)) => Some(body),
        _ => None,
    });
    let contents = bodies.flat_map(|body| body.content.values()).filter_map(|content| match content {
        RefOr::T(content) => content.schema.as_ref(),
        RefOr::Ref(_) => None,
    });
    let mut to_visit: Vec<String> = contents.filter_map(referred).collect();
    let mut found = BTreeSet::new();
    while let Some(name) = to_visit.pop() {
        let schema = document.components.as_ref().and_then(|components| components.schemas.get(&name));
        if let (true, Some(RefOr::T(Schema::Object(object)))) = (found.insert(name), schema) {
            to_visit.extend(object.properties.values().filter_map(referred));
        }
    }
    found
}

/// The name of the schema that a property is, or is a list of, or may be.
fn referred(schema: &RefOr<Schema>) -> Option<String> {
    match schema {
        RefOr::Ref(reference) => reference.ref_location.strip_prefix(SCHEMAS).map(str::to_owned),
        RefOr::T(Schema::Array(list)) => match &list.items {
            ArrayItems::RefOrSchema(items) => referred(items),
            ArrayItems::False => None,
        },
        RefOr::T(Schema::OneOf(one_of)) => one_of.items.iter().find_map(referred),
        RefOr::T(_) => None,
    }
}

fn leave_out_null(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(Object { properties, required, .. })) => {
            for (name, property) in properties {
                if !required.contains(name) {
                    *property = without_null(property.clone());
                }
            }
        }
        RefOr::T(Schema::AllOf(all)) => all.items.iter_mut().for_each(leave_out_null),
        RefOr::T(_) | RefOr::Ref(_) => {}
    }
}

fn without_null(schema: RefOr<Schema>) -> RefOr<Schema> {
    match schema {
        RefOr::T(Schema::OneOf(mut one_of)) => {
            one_of.items.retain(|item| !is_null(item));
            match (one_of.items.len(), one_of.items.pop()) {
                (1, Some(only)) => only,
                (_, last) => {
                    one_of.items.extend(last);
                    RefOr::T(Schema::OneOf(one_of))
                }
            }
        }
        RefOr::T(Schema::Object(mut object)) => {
            object.schema_type = not_null(object.schema_type);
            RefOr::T(Schema::Object(object))
        }
        RefOr::T(Schema::Array(mut list)) => {
            list.schema_type = not_null(list.schema_type);
            RefOr::T(Schema::Array(list))
        }
        other => other,
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null))
}

fn not_null(schema_type: SchemaType) -> SchemaType {
    match schema_type {
        SchemaType::Array(types) => match types.as_slice() {
            [only, Type::Null] | [Type::Null, only] => SchemaType::Type(only.clone()),
            _ => SchemaType::Array(types),
        },
        other => other,
    }
}
