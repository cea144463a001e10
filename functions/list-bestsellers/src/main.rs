//! `GET /products/best-seller` and `GET /products/top`: the five products sold most in three days.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(list_bestsellers::handle(shop, request))).await
}
