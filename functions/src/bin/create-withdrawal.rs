//! `POST /balance/withdrawals`: cashes out.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::withdrawals::create::handle(shop, request)))
}
