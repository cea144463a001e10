//! `GET /coupons`: the coupons of a user.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::coupons::list::handle(shop, request)))
}
