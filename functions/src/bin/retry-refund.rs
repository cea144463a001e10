//! `POST /orders/{orderId}/refunds/{refundId}/retry`: sends a failed refund again.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::orders::retry_refund::handle(shop, request)))
}
