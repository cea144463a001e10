//! Every path and method that no other function serves.

use shared::{
    api::{ApiError, ApiRequest, ApiResult, Reply},
    domain::{Refusal, refusal::Entity},
};

use crate::routes;

/// 204 for `OPTIONS` of a path, 405 for any other method that it does not have.
///
/// # Errors
/// 404 if there is no such path, 405.
pub fn handle(request: &ApiRequest) -> ApiResult {
    let methods = routes::methods_of(request.path());
    if methods.is_empty() {
        return Err(Refusal::not_found(Entity::Path, request.path()).into());
    }
    if request.method() == "OPTIONS" {
        return Ok(Reply::methods(methods));
    }
    Err(ApiError::MethodNotAllowed(methods))
}
