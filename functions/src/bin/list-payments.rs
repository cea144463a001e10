//! `GET /payments`: a user's payment sessions, newest first.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::payments::list::handle(shop, request)))
}
