//! `PATCH /users/{userId}`: changes a user.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(update_user::handle(shop, request))).await
}
