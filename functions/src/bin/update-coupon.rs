//! `PATCH /coupons/{couponId}`: an admin changes a campaign.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::coupons::update::handle(shop, request)))
}
