//! `POST /orders/{orderId}/parcels`: ships units of an order in a parcel.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::orders::create_parcel::handle(shop, request)))
}
