//! `POST /users/{userId}/withdraw`: a user leaves.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::users::withdraw::handle(shop, request)))
}
