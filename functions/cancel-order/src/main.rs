//! `POST /orders/{orderId}/cancel`: cancels an order, whole or in part.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(cancel_order::handle(shop, request))).await
}
