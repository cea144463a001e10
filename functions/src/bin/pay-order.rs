//! `POST /orders/{orderId}/payment`: pays a pending order.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::orders::pay::handle(shop, request)))
}
