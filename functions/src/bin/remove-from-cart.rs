//! `DELETE /orders/cart/{itemId}`: removes a product from the cart.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::cart::remove::handle(shop, request)))
}
