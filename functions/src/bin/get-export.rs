//! `GET /exports/{exportId}`: an export, with a link to its file.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http_with(functions::exports_bucket::with_bucket, |shop, request| {
        Box::pin(functions::http::exports::get::handle(shop, request))
    })
}
