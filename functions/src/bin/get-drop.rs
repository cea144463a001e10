//! `GET /drops/{dropId}`: the waiting line before a product or a campaign.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::drops::get::handle(shop, request)))
}
