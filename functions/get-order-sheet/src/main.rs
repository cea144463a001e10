//! `GET /order-sheets/{orderSheetId}`: an order sheet.

use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(get_order_sheet::handle(shop, request))).await
}
