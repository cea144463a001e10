//! `POST /coupons/issue`: issues a coupon, first come, first served.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::coupons::issue::handle(shop, request)))
}
