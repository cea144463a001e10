//! `GET /balance/{userId}`: a user's balance.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(get_balance::handle(shop, request))).await
}
