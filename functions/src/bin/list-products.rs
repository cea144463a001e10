//! `GET /products`: the catalogue, with exact stock.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::products::list::handle(shop, request)))
}
