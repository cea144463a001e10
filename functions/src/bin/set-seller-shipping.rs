//! `PUT /sellers/{sellerId}/shipping`: sets the terms on which a seller ships.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::sellers::set_shipping::handle(shop, request)))
}
