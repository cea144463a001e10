//! `GET /balance/{userId}/entries`: a user's ledger, newest first.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::balance::list_entries::handle(shop, request)))
}
