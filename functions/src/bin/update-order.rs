//! `PATCH /orders/{orderId}`: ships an order to another address.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::orders::update::handle(shop, request)))
}
