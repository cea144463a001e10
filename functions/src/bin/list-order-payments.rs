//! `GET /orders/{orderId}/payments`: how an order was paid.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::orders::list_payments::handle(shop, request)))
}
