//! Query strings.
//!
//! An endpoint declares its parameters once, as the fields of a struct that derives `Deserr` (with
//! `deny_unknown_fields`) and `IntoParams`. The same list refuses unknown parameters and is printed in the reference.

use deserr::Deserr;
use lambda_http::RequestExt;
use serde_json::{Map, Value};
use utoipa::IntoParams;

use super::{ApiRequest, FieldErrors};
use crate::domain::{Invalid, UserId};

/// The query of an endpoint without parameters of its own. `userId` is known on every route: without other identity,
/// the local runner trusts it.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = FieldErrors, rename_all = camelCase, deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct NoQuery {
    /// The caller, for a local shop and only without the header `x-user-id`.
    #[deserr(default)]
    pub user_id: Option<UserId>,
}

impl ApiRequest {
    /// Parses the query. An unknown or duplicate parameter is refused like an unknown field.
    ///
    /// # Errors
    /// If any parameter is wrong: all of them.
    pub fn query<Q: Deserr<FieldErrors>>(&self) -> Result<Q, FieldErrors> {
        let mut errors = FieldErrors::default();
        let mut parameters = Map::new();
        for (name, value) in self.request.query_string_parameters().iter() {
            if parameters.insert(name.to_owned(), Value::from(value)).is_some() {
                errors.push(name, Invalid::Duplicate);
            }
        }
        let parsed = deserr::deserialize(Value::Object(parameters));
        super::both(errors.check(), parsed).map(|((), query)| query)
    }

    /// The user named in the query, if there is one.
    pub(super) fn user_in_query(&self) -> Option<UserId> {
        let parameters = self.request.query_string_parameters();
        UserId::try_from(parameters.first("userId")?.to_owned()).ok()
    }
}
