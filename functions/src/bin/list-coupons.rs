//! `GET /coupons`: the coupons that a user has.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::coupons::list::handle(shop, request)))
}
