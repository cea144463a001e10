//! `POST /orders/{orderId}/cancel`: cancels an order, whole or in part.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::orders::cancel::handle(shop, request)))
}
