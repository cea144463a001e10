//! `GET /coupons/{couponId}`: a campaign, with what remains of it.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(get_coupon::handle(shop, request))).await
}
