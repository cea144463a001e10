//! `GET /users/{userId}`: a user.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::users::get::handle(shop, request)))
}
