//! `DELETE /orders/cart/{itemId}`: takes a product out of the cart.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(remove_from_cart::handle(shop, request))).await
}
