//! `PATCH /products/{productId}`: changes a product.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(update_product::handle(shop, request))).await
}
