//! `PATCH /orders/{orderId}/parcels/{parcelId}`: moves a parcel on.

fn main() -> Result<(), lambda_http::Error> {
    shared::lambda::serve::http(|shop, request| Box::pin(functions::http::orders::update_parcel::handle(shop, request)))
}
