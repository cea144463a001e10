//! `GET /coupons/campaigns`: the campaigns that issue coupons now.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::coupons::list_open::handle(shop, request)))
}
