//! Every path and method that no other function serves.

use shared::{
    api::{ApiError, ApiRequest, ApiResult, routes},
    domain::{Refusal, refusal::Entity},
};

/// 405 where the path has other methods, 404 where there is no such path.
///
/// # Errors
/// Always.
pub fn handle(request: &ApiRequest) -> ApiResult {
    let methods = routes::methods_of(request.path());
    if methods.is_empty() {
        return Err(Refusal::not_found(Entity::Path, request.path()).into());
    }
    Err(ApiError::MethodNotAllowed(methods))
}
