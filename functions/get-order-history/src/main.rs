//! `GET /orders/{orderId}/history`: every step an order and its lines took.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(get_order_history::handle(shop, request))).await
}
