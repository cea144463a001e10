//! `POST /coupons`: an admin starts a coupon campaign.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(create_coupon::handle(shop, request))).await
}
