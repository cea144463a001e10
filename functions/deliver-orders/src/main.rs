//! Delivers events of orders to the data platform.

use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let courier = deliver_orders::Courier::from_env()?;
    shared::runtime::serve::events(|batch| courier.handle(batch)).await
}
