//! `POST /orders/{orderId}/payment`: pays a pending order.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(pay_order::handle(shop, request))).await
}
