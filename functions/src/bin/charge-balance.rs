//! `POST /balance/charge`: adds money to a user's balance.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::balance::charge::handle(shop, request)))
}
