//! `POST /balance/charge`: adds money to a user's balance.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(charge_balance::handle(shop, request))).await
}
