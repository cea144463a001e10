//! `POST /orders/cart`: puts units of a product into the cart.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(add_to_cart::handle(shop, request))).await
}
