//! `GET /balance/{userId}`: a user's balance.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::balance::get::handle(shop, request)))
}
