//! `POST /orders/{orderId}/claims`: returns or exchanges units of an order.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::orders::create_claim::handle(shop, request)))
}
