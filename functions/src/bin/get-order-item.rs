//! `GET /orders/{orderId}/items/{itemId}`: a line of an order.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::orders::get_item::handle(shop, request)))
}
