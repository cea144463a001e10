//! Every path and method that no other function serves.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http_without_shop(route_not_found::handle).await
}
