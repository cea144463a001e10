//! `GET /desk/products/{productId}`: a product of any sale status, for its seller and admins.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(get_desk_product::handle(shop, request))).await
}
