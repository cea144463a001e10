//! `GET /claims/{claimId}`: a claim.

use shared::{
    api::{ApiRequest, ApiResult, Reply, views::ClaimView},
    app::{Shop, orders},
    domain::ClaimId,
};

/// A claim, for its customer, the seller of its lines, and admins.
///
/// An open claim shows the refund that it would come to.
///
/// # Errors
/// 400, 401, 404.
#[utoipa::path(
    get,
    path = "/claims/{claimId}",
    tag = "Claims",
    params(("claimId" = ClaimId, Path)),
    responses((status = 200, description = "The claim.", body = ClaimView)),
)]
pub async fn handle(shop: &Shop, request: &ApiRequest) -> ApiResult {
    let claim_id: ClaimId = request.only_parameter("claimId")?;
    let (order, number) = orders::get_claim(shop, request.caller()?, &claim_id).await?;
    Reply::ok(ClaimView::new(&order, number)?)
}
