//! `POST /payments`: creates a payment session, for a top-up or for an order.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::payments::create::handle(shop, request)))
}
