//! `POST /balance/adjustments`: corrects a user's balance.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::balance::adjust::handle(shop, request)))
}
