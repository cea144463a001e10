//! `POST /orders`: places an order in one commit.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::orders::create::handle(shop, request)))
}
