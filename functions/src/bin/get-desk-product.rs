//! `GET /desk/products/{productId}`: a product of any sale status, for its seller and admins.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::desk::get_product::handle(shop, request)))
}
