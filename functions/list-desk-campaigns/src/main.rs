//! `GET /desk/campaigns`: all campaigns, for admins.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(list_desk_campaigns::handle(shop, request))).await
}
