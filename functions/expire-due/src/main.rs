//! Sees to orders and order sheets when their time is up.

use lambda_runtime::Error;
use shared::lambda::{Config, queue::Queue, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (shop, queue) = (serve::open_shop(&Config::from_env()?).await?, Queue::from_env()?);
    serve::events(|batch| expire_due::handle(&shop, &queue, batch)).await
}
