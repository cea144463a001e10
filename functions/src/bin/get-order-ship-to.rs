//! `GET /orders/{orderId}/ship-to`: the address of an order.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::orders::get_ship_to::handle(shop, request)))
}
