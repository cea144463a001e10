//! Settles orders by the results of the external payment system.

use lambda_runtime::Error;
use shared::lambda::{Config, queue::Queue, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (shop, queue) = (serve::open_shop(&Config::from_env()?).await?, Queue::from_env()?);
    serve::events(|batch| settle_payments::handle(&shop, &queue, batch)).await
}
