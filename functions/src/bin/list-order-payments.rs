//! `GET /orders/{orderId}/payments`: the payments of an order.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::orders::list_payments::handle(shop, request)))
}
