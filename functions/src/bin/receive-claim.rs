//! `POST /claims/{claimId}/receive`: receives the units of a claim.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::claims::receive::handle(shop, request)))
}
