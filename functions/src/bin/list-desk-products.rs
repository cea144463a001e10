//! `GET /desk/products`: products of any sale status, for sellers and admins.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::desk::list_products::handle(shop, request)))
}
