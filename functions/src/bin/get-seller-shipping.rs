//! `GET /sellers/{sellerId}/shipping`: the terms on which a seller ships.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::sellers::get_shipping::handle(shop, request)))
}
