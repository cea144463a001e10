//! `GET /users`: users by e-mail address or telephone number, for admins.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::users::list::handle(shop, request)))
}
