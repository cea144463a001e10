//! `POST /coupons`: an admin starts a coupon campaign.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::coupons::create::handle(shop, request)))
}
