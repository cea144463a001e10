//! `GET /desk/lines`: lines of paid orders, for sellers and admins.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::desk::list_lines::handle(shop, request)))
}
