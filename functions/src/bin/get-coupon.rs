//! `GET /coupons/{couponId}`: a campaign, with the number of coupons left.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::coupons::get::handle(shop, request)))
}
