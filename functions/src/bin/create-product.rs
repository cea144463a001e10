//! `POST /products`: a seller or admin adds a product.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::products::create::handle(shop, request)))
}
