//! `POST /orders/cart`: adds units of a product to the cart.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::cart::add::handle(shop, request)))
}
