//! `POST /claims/{claimId}/decide`: accepts or refuses a claim.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::claims::decide::handle(shop, request)))
}
