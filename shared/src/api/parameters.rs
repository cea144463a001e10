//! What the API reference says of parameters that many endpoints take.

use utoipa::{
    IntoParams, PartialSchema,
    openapi::{
        RefOr, Required, Schema,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
    },
};

use super::{ApiRequest, Cursor, Limit, request::MAX_KEY_LENGTH};

/// The header of every request that changes something and can be repeated.
#[derive(Debug)]
pub struct IdempotencyKey;

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let key = text().min_length(Some(1)).max_length(Some(MAX_KEY_LENGTH)).pattern(Some("^[!-~]+$"));
        let key = key.examples(["5f0c6e9a-7d1b-4c55-9a55-0c8f6f1d2b3e"]);
        vec![optional(
            ApiRequest::IDEMPOTENCY_KEY,
            ParameterIn::Header,
            "Makes the request safe to repeat: with the same key and payload nothing happens twice, and the answer \
             names the same thing, as it is now. The same key with another payload is a 422. Without the header each \
             request is a new one.",
            key.build(),
        )]
    }
}

/// The query of a list that goes on by cursor.
#[derive(Debug)]
pub struct PageParameters;

impl IntoParams for PageParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            optional(
                "cursor",
                ParameterIn::Query,
                "The `nextCursor` of the part before; without it, the list's beginning.",
                Cursor::schema(),
            ),
            optional("limit", ParameterIn::Query, "How many entries to give.", Limit::schema()),
        ]
    }
}

/// The header that chooses the language of messages. Every endpoint with an envelope takes it.
pub fn accept_language() -> Parameter {
    let language = text().default(Some("ko".into())).examples(["en"]);
    optional(
        "Accept-Language",
        ParameterIn::Header,
        "The language of messages: Korean, or English where it is preferred.",
        language.build(),
    )
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn optional(name: &str, location: ParameterIn, description: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(location)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}
