//! `GET /orders/cart`: the cart.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::cart::get::handle(shop, request)))
}
