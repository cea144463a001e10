//! The conventions of every operation that answers in the envelope.

use functions::ROUTES;
use shared::api::{Code, NoQuery, envelope::FieldError, parameters};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        OpenApi, Ref, RefOr,
        path::{Parameter, ParameterIn},
        schema::Components,
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use super::{Error, failures, operations, responses, successes::Envelopes};

/// The name of the security scheme.
const TOKEN: &str = "token";

/// The name of the parameter that chooses a language.
const ACCEPT_LANGUAGE: &str = "AcceptLanguage";

/// The name of the parameter that names the caller, known on every route.
const CALLER_ID: &str = "CallerId";

/// Adds the token, the language, the envelope and the failures to each operation.
pub(crate) fn apply(document: &mut OpenApi) -> Result<(), Error> {
    let mut envelopes = Envelopes::default();
    let mut used = vec![Code::InvalidRequest];
    for (method, path, operation) in operations::each_mut(document) {
        let is_public = ROUTES.iter().any(|route| (route.method, route.path, route.public) == (method, path, true));
        let token = (!is_public).then(|| SecurityRequirement::new(TOKEN, [""; 0]));
        operation.security = Some(token.into_iter().collect());
        let parameters = operation.parameters.get_or_insert_default();
        let is_user_id = |parameter: &RefOr<Parameter>| {
            matches!(parameter, RefOr::T(parameter)
                if parameter.parameter_in == ParameterIn::Query && parameter.name == "userId")
        };
        if !parameters.iter().any(is_user_id) {
            parameters.push(RefOr::Ref(Ref::new(format!("#/components/parameters/{CALLER_ID}"))));
        }
        // A document comes without an envelope, and only its query can be wrong.
        let Some(mut codes) = failures::take(operation)? else {
            responses::add(&mut operation.responses, &[Code::InvalidRequest])?;
            continue;
        };
        codes.extend([Code::InternalServerError, Code::TryAgain]);
        if operation.request_body.is_some() {
            codes.extend([Code::PayloadTooLarge, Code::UnsupportedMediaType]);
        }
        envelopes.wrap(operation)?;
        used.extend(&codes);
        responses::add(&mut operation.responses, &codes)?;
        let language = Ref::new(format!("#/components/parameters/{ACCEPT_LANGUAGE}"));
        operation.parameters.get_or_insert_default().push(RefOr::Ref(language));
    }
    let used: Vec<Code> = Code::ALL.iter().copied().filter(|code| used.contains(code)).collect();
    let components = document.components.get_or_insert_default();
    describe_parts(components, &used)?;
    components.schemas.extend(envelopes.into_schemas());
    responses::drop_unused(document);
    Ok(())
}

/// The parts that operations refer to.
fn describe_parts(components: &mut Components, codes: &[Code]) -> Result<(), Error> {
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("The caller's id is the claim `sub`. Members of the groups `admin` and `seller` (claim `cognito:groups`, unless the deployment names others) are admins and sellers."));
    components.add_security_scheme(TOKEN, SecurityScheme::Http(token.build()));

    for parameter in NoQuery::into_params(|| None) {
        components.parameters.insert(CALLER_ID.to_owned(), parameter.into());
    }
    components.parameters.insert(ACCEPT_LANGUAGE.to_owned(), parameters::accept_language().into());

    components.schemas.insert(FieldError::name().into_owned(), FieldError::schema());
    components.schemas.insert(responses::GATEWAY_MESSAGE.to_owned(), responses::gateway_message());
    responses::describe(components, codes)
}
