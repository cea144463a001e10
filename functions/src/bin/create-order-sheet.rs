//! `POST /order-sheets`: creates an order sheet.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::order_sheets::create::handle(shop, request)))
}
