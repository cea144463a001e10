//! `POST /orders/cart`: puts units of a product into the cart.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::cart::add::handle(shop, request)))
}
