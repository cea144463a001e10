//! `POST /products/{productId}/restock`: adds units to the stock, or takes some away.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::products::restock::handle(shop, request)))
}
