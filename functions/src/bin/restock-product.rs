//! `POST /products/{productId}/restock`: puts units on the shelf, or takes some off.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::products::restock::handle(shop, request)))
}
