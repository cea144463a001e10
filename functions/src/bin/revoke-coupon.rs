//! `POST /coupons/revoke`: an admin revokes a usable coupon.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::coupons::revoke::handle(shop, request)))
}
