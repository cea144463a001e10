//! `GET /desk/claims`: claims of customers, for sellers and admins.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::desk::list_claims::handle(shop, request)))
}
