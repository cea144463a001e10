//! `GET /coupons`: the coupons that a user has.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(list_coupons::handle(shop, request))).await
}
