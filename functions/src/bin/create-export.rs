//! `POST /exports`: begins an export.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::exports::create::handle(shop, request)))
}
