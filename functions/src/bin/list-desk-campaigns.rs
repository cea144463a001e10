//! `GET /desk/campaigns`: all campaigns, for admins.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::desk::list_campaigns::handle(shop, request)))
}
