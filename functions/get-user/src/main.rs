//! `GET /users/{userId}`: who a user is.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(get_user::handle(shop, request))).await
}
