//! `PATCH /products/{productId}`: changes a product.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::products::update::handle(shop, request)))
}
