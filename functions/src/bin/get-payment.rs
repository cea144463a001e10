//! `GET /payments/{paymentId}`: a payment session.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::payments::get::handle(shop, request)))
}
