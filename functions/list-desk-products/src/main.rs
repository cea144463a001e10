//! `GET /desk/products`: products of any sale status, for sellers and admins.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(list_desk_products::handle(shop, request))).await
}
