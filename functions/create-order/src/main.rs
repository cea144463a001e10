//! `POST /orders`: places an order in one commit.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(create_order::handle(shop, request))).await
}
