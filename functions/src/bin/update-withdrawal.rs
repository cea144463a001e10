//! `PATCH /balance/withdrawals/{withdrawalId}`: records that a withdrawal was paid out, or came back.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::withdrawals::update::handle(shop, request)))
}
