//! `GET /openapi.json` and `GET /docs`: the API reference, for programs and for people.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http_without_shop(functions::http::reference::handle)
}
