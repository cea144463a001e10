//! `POST /claims/{claimId}/withdraw`: withdraws a claim.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::claims::withdraw::handle(shop, request)))
}
