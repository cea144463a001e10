//! `GET /claims/{claimId}`: a claim.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::claims::get::handle(shop, request)))
}
