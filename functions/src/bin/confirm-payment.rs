//! `POST /payments/{paymentId}/confirm`: takes the money of a payment.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http_with_provider(functions::provider::from_env, |shop, request| {
        Box::pin(functions::http::payments::confirm::handle(shop, request))
    })
}
