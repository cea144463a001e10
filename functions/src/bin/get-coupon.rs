//! `GET /coupons/{couponId}`: a campaign, with what remains of it.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::coupons::get::handle(shop, request)))
}
