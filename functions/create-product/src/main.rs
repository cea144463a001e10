//! `POST /products`: a seller or admin adds a product.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(create_product::handle(shop, request))).await
}
