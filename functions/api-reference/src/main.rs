//! `GET /openapi.json` and `GET /docs`: what the API is, for programs and for people.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http_without_shop(api_reference::handle).await
}
