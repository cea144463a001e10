//! `GET /drops/{dropId}/entries`: the standing of a ticket in the line of a drop.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::drops::get_entry::handle(shop, request)))
}
