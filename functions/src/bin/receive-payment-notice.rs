//! `POST /payment-notices/{provider}`: takes a notice of the payment provider.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http_with_provider(functions::provider::from_env, |shop, request| {
        Box::pin(functions::http::payments::receive_notice::handle(shop, request))
    })
}
