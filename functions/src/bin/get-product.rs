//! `GET /products/{productId}`: a product, with exact stock.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::products::get::handle(shop, request)))
}
