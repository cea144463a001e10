//! `PATCH /orders/{orderId}/items/{itemId}`: moves a line of an order to its next state.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::orders::update_item::handle(shop, request)))
}
