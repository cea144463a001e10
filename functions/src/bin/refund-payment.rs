//! `POST /payments/{paymentId}/refund`: sends money of a top-up back to where it came from.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::payments::refund::handle(shop, request)))
}
