//! Counts what the table's stream tells was sold, and keeps the bestsellers.

use lambda_runtime::Error;
use shared::lambda::{Config, dead_letters::DeadLetters, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (shop, dead_letters) = (serve::open_shop(&Config::from_env()?).await?, DeadLetters::from_env()?);
    serve::events(|batch| count_sales::handle(&shop, &dead_letters, batch)).await
}
