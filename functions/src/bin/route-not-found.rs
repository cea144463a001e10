//! Every path and method that no other function serves.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http_without_shop(functions::http::not_found::handle)
}
