//! `POST /users`: a user joins.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::users::create::handle(shop, request)))
}
