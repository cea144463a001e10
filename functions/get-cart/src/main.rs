//! `GET /orders/cart`: the cart.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(get_cart::handle(shop, request))).await
}
