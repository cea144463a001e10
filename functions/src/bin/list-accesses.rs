//! `GET /desk/audit-log`: the accesses to the personal data of a user.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::desk::list_accesses::handle(shop, request)))
}
