//! `GET /products/{productId}/yours`: the part of a product that a user may still order.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::products::get_yours::handle(shop, request)))
}
