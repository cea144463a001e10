//! `GET /products/{productId}`: a product, with exact stock.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(get_product::handle(shop, request))).await
}
