//! `GET /orders/{orderId}/history`: every step an order and its lines took.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::orders::get_history::handle(shop, request)))
}
