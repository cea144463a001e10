//! `GET /products/best-seller` and `GET /products/top`: the five products sold most in three days.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| {
        Box::pin(functions::http::products::list_bestsellers::handle(shop, request))
    })
}
