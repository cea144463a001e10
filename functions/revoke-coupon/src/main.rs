//! `POST /coupons/revoke`: an admin takes a usable coupon back.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(revoke_coupon::handle(shop, request))).await
}
