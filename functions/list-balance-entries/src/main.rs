//! `GET /balance/{userId}/entries`: a user's ledger, newest first.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(list_balance_entries::handle(shop, request))).await
}
