//! Failures as responses. Each code has one schema, and one response that operations refer to. A status with several codes
//! in an operation lists them, with an example of each.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared::api::{Code, Language, envelope::Failure};
use utoipa::{
    PartialSchema,
    openapi::{
        Content, ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Responses, Schema,
        example::ExampleBuilder,
        header::HeaderBuilder,
        schema::{AnyOfBuilder, Components, Discriminator, ObjectBuilder, OneOfBuilder, Type},
    },
};

use super::{Error, details, operations, samples};

/// The schema of the failures that API Gateway gives by itself.
pub(crate) const GATEWAY_MESSAGE: &str = "GatewayMessage";

const RATE_LIMITED: &str = "RateLimited";

const JSON: &str = "application/json";

const RESPONSES: &str = "#/components/responses/";

/// Adds the schemas and responses that stand for one code each, and the response of the gateway alone.
pub(crate) fn describe(components: &mut Components, codes: &[Code]) -> Result<(), Error> {
    for &code in codes {
        components.responses.insert(name(code), response(&[code])?.into());
        components.schemas.insert(failure_name(code), failure(code));
        if let Some(details) = details::of(code) {
            components.schemas.insert(details_name(code), details.schema());
        }
    }
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(GATEWAY_MESSAGE)))
        .example(Some(json!({ "message": "Too Many Requests" })));
    let rate_limited = ResponseBuilder::new()
        .description("The rate limit is exceeded. It is API Gateway that says so: there is no `code`.")
        .content(JSON, content.build());
    components.responses.insert(RATE_LIMITED.to_owned(), rate_limited.build().into());
    Ok(())
}

/// Adds the responses of an operation that fails with these codes.
pub(crate) fn add(responses: &mut Responses, codes: &[Code]) -> Result<(), Error> {
    let mut by_status: BTreeMap<String, Vec<Code>> = BTreeMap::new();
    for code in codes {
        let of_status = by_status.entry(code.status().as_str().to_owned()).or_default();
        if !of_status.contains(code) {
            of_status.push(*code);
        }
    }
    for (status, codes) in by_status {
        let response = match codes.as_slice() {
            [code] => RefOr::Ref(Ref::from_response_name(name(*code))),
            codes => RefOr::T(response(codes)?),
        };
        responses.responses.insert(status, response);
    }
    let rate_limited = Ref::from_response_name(RATE_LIMITED);
    responses.responses.entry("429".to_owned()).or_insert(RefOr::Ref(rate_limited));
    Ok(())
}

/// Drops the responses that no operation refers to: their codes come with others only.
pub(crate) fn drop_unused(document: &mut OpenApi) {
    let operations = operations::each(document);
    let referred =
        operations.flat_map(|(_, _, operation)| operation.responses.responses.values()).filter_map(|response| {
            match response {
                RefOr::Ref(reference) => reference.ref_location.strip_prefix(RESPONSES).map(str::to_owned),
                RefOr::T(_) => None,
            }
        });
    let used: BTreeSet<String> = referred.collect();
    if let Some(components) = &mut document.components {
        components.responses.retain(|name, _| used.contains(name));
    }
}

/// The failures with a code: the envelope of [`Failure`], with the code's own details.
fn failure(code: Code) -> RefOr<Schema> {
    let RefOr::T(Schema::Object(mut schema)) = Failure::schema() else { return Failure::schema() };
    schema.description = None;
    let only = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([code.as_str()]));
    schema.properties.insert("code".to_owned(), only.into());
    if code != Code::InvalidRequest {
        schema.properties.shift_remove("fieldErrors");
    }
    match details::of(code) {
        Some(details) => {
            if details.are_certain() {
                schema.required.push("details".to_owned());
            }
            let details = Ref::from_schema_name(details_name(code));
            schema.properties.insert("details".to_owned(), details.into());
        }
        None => {
            schema.properties.shift_remove("details");
        }
    }
    RefOr::T(Schema::Object(schema))
}

fn failure_name(code: Code) -> String {
    format!("{}Failure", name(code))
}

fn details_name(code: Code) -> String {
    format!("{}Details", name(code))
}

/// The failures with any of some codes. The code tells which.
fn failures(codes: &[Code]) -> RefOr<Schema> {
    if let [code] = codes {
        return Ref::from_schema_name(failure_name(*code)).into();
    }
    let references = || codes.iter().map(|code| (code.as_str(), Ref::from_schema_name(failure_name(*code))));
    let mapping = references().map(|(code, reference)| (code, reference.ref_location));
    let discriminator = Discriminator::with_mapping("code", mapping);
    let one_of = references().fold(OneOfBuilder::new(), |one_of, (_, reference)| one_of.item(reference));
    one_of.discriminator(Some(discriminator)).into()
}

/// The failure that API Gateway gives by itself.
pub(crate) fn gateway_message() -> RefOr<Schema> {
    let message = ObjectBuilder::new().schema_type(Type::String);
    ObjectBuilder::new()
        .description(Some("What API Gateway says of a request that did not reach the shop."))
        .property("message", message)
        .required("message")
        .into()
}

fn response(codes: &[Code]) -> Result<Response, Error> {
    let sentence = |code: &Code| Ok(format!("`{}`: {}", code.as_str(), sample(*code, Language::English)?.message));
    let sentences = codes.iter().map(sentence).collect::<Result<Vec<_>, Error>>()?;
    let mut response = ResponseBuilder::new().description(sentences.join("\n\n")).content(JSON, content(codes)?);
    if codes.iter().any(|code| matches!(code, Code::TryAgain | Code::TooManyRequests)) {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).examples([1]);
        let header = HeaderBuilder::new().schema(Some(seconds)).description(Some("After how many seconds."));
        response = response.header("Retry-After", header.build());
    }
    Ok(response.build())
}

fn content(codes: &[Code]) -> Result<Content, Error> {
    let failure = failures(codes);
    let also_by_the_gateway =
        codes.iter().any(|code| matches!(code, Code::Unauthenticated | Code::TooManyRequests | Code::TryAgain));
    let schema: RefOr<Schema> = if also_by_the_gateway {
        AnyOfBuilder::new().item(failure).item(Ref::from_schema_name(GATEWAY_MESSAGE)).into()
    } else {
        failure
    };
    let content = ContentBuilder::new().schema(Some(schema));
    let example = |code: &Code| -> Result<Value, Error> { Ok(serde_json::to_value(sample(*code, Language::Korean)?)?) };
    if let [code] = codes {
        return Ok(content.example(Some(example(code)?)).build());
    }
    let examples = codes.iter().map(|code| Ok((code.as_str(), ExampleBuilder::new().value(Some(example(code)?)))));
    Ok(content.examples_from_iter(examples.collect::<Result<Vec<_>, Error>>()?).build())
}

fn sample(code: Code, language: Language) -> Result<Failure, Error> {
    Ok(Failure::of(&samples::failure(code)?, language, samples::REQUEST_ID))
}

fn name(code: Code) -> String {
    format!("{code:?}")
}
