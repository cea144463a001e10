//! `POST /payment-notices/{provider}`: takes a notice of the payment provider.

use shared::{
    api::{ApiRequest, ApiResult, Reply},
    app::{
        Failure, Shop,
        payments::{self, Noticed},
    },
    domain::{Refusal, provider::ProviderName, refusal::Entity},
    store::StoreError,
};

/// Takes a notice, of any shape. It is only a hint: the shop looks the payment up at the provider. 503 means that the
/// provider is to send it again.
///
/// # Errors
/// 400, 404 for an unknown provider, 413, 503.
#[utoipa::path(
    post,
    path = "/payment-notices/{provider}",
    tag = "Payments",
    params(("provider" = String, Path, description = "The provider, in small letters.", example = "toss")),
    request_body(content = Object, description = "The notice, as the provider sends it."),
    responses((status = 200, description = "There is nothing left to do about it.", body = Object)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let body = request.raw_body()?;
    let name = request.path().rsplit('/').next().unwrap_or_default();
    let is_small = name.bytes().all(|byte| byte.is_ascii_lowercase());
    let provider = ProviderName::try_from(name.to_ascii_uppercase()).ok().filter(|_| is_small);
    let provider = provider.ok_or_else(|| Refusal::not_found(Entity::Path, request.path()))?;
    match payments::notice(shop, provider, body).await? {
        Noticed::Done => Reply::ok(serde_json::Map::new()),
        Noticed::AskAgain => {
            Err(Failure::from(StoreError::Busy("the provider did not answer a look-up".to_owned())).into())
        }
    }
}
