//! `GET /products`: the catalogue, with exact stock.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(list_products::handle(shop, request))).await
}
