//! `POST /products/{productId}/restock`: puts units on the shelf, or takes some off.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(restock_product::handle(shop, request))).await
}
