//! `GET /orders`: a user's orders, newest first.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::orders::list::handle(shop, request)))
}
