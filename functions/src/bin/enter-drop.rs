//! `POST /drops/{dropId}/entries`: a customer enters the line of a drop.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::drops::enter::handle(shop, request)))
}
