//! `GET /orders`: a user's orders, newest first.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(list_orders::handle(shop, request))).await
}
