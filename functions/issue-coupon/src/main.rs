//! `POST /coupons/issue`: first come, first served.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(issue_coupon::handle(shop, request))).await
}
