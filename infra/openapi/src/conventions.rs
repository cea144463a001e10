//! What holds for every operation that answers in the envelope.

use shared::api::{Code, envelope, parameters, routes::ROUTES};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        OpenApi, Ref, RefOr,
        schema::Components,
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use crate::{Error, failures, operations, responses, successes};

/// The name of the security scheme.
const TOKEN: &str = "token";

/// The name of the parameter that chooses a language.
const ACCEPT_LANGUAGE: &str = "AcceptLanguage";

/// Adds the token, the language, the envelope and the failures to each operation.
pub(crate) fn apply(document: &mut OpenApi) -> Result<(), Error> {
    describe_parts(document.components.get_or_insert_default())?;
    for (method, path, operation) in operations::each_mut(document) {
        if ROUTES.iter().any(|route| (route.method, route.path, route.public) == (method, path, false)) {
            operation.security = Some(vec![SecurityRequirement::new(TOKEN, [""; 0])]);
        }
        // What cannot fail has no envelope: it is a document.
        let Some(mut codes) = failures::take(operation)? else {
            continue;
        };
        codes.extend([Code::InternalServerError, Code::TryAgain]);
        if operation.request_body.is_some() {
            codes.extend([Code::PayloadTooLarge, Code::UnsupportedMediaType]);
        }
        successes::wrap(operation);
        responses::add(&mut operation.responses, &codes)?;
        let language = Ref::new(format!("#/components/parameters/{ACCEPT_LANGUAGE}"));
        operation.parameters.get_or_insert_default().push(RefOr::Ref(language));
    }
    Ok(())
}

/// The parts that operations refer to.
fn describe_parts(components: &mut Components) -> Result<(), Error> {
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("The caller's id is the claim `sub`. Members of the groups `admin` and `seller` (claim `cognito:groups`, unless the deployment names others) are admins and sellers."));
    components.add_security_scheme(TOKEN, SecurityScheme::Http(token.build()));

    components.parameters.insert(ACCEPT_LANGUAGE.to_owned(), parameters::accept_language().into());

    let mut schemas = vec![(envelope::Failure::name().into_owned(), envelope::Failure::schema())];
    envelope::Failure::schemas(&mut schemas);
    schemas.push((responses::GATEWAY_MESSAGE.to_owned(), responses::gateway_message()));
    components.schemas.extend(schemas);

    responses::describe(components)
}
