//! `PATCH /orders/{orderId}/items/{itemId}`: moves a line of an order along.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(update_order_item::handle(shop, request))).await
}
