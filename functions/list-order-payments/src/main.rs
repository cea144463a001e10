//! `GET /orders/{orderId}/payments`: how an order was paid.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(list_order_payments::handle(shop, request))).await
}
