//! `GET /balance/withdrawals/{withdrawalId}`: a withdrawal.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::withdrawals::get::handle(shop, request)))
}
