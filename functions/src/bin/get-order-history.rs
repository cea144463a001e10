//! `GET /orders/{orderId}/history`: every change of an order and its lines.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::orders::get_history::handle(shop, request)))
}
