//! Delivers events of orders to the data platform.

use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let worker = deliver_orders::DeliveryWorker::from_env()?;
    shared::lambda::serve::events(|batch| worker.handle(batch)).await
}
