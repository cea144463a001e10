//! Descriptions in the API reference of parameters that many endpoints share.

use utoipa::{
    IntoParams, PartialSchema,
    openapi::{
        RefOr, Required, Schema,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
    },
};

use super::{ApiRequest, request::MAX_KEY_LENGTH};
use crate::domain::drops::DropTicket;

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

/// The header that makes a change depend on the state that its caller has read.
#[derive(Debug)]
pub struct IfMatch;

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![optional(
            ApiRequest::IF_MATCH,
            ParameterIn::Header,
            "The `ETag` of an earlier answer, several of them, or `*`. Where the thing has another tag by now, nothing \
             changes and the answer is 412. Weak tags match nothing.",
            text().examples(["\"5a0f5a3f5c1c8d7e4dfb1d320b6e4d3c\""]).build(),
        )]
    }
}

/// The header with the ticket of a drop.
#[derive(Debug)]
pub struct DropTicketHeader;

impl IntoParams for DropTicketHeader {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![optional(
            ApiRequest::DROP_TICKET,
            ParameterIn::Header,
            "The ticket of the drop that guards the product or the campaign. It serves once, in its turn, and only the \
             user who entered. While the drop is enabled, the answer without one is 429 with the drop's id.",
            DropTicket::schema(),
        )]
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
