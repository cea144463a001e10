//! `GET /orders/{orderId}`: an order.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::orders::get::handle(shop, request)))
}
