//! Counts what the table's stream tells was sold, and keeps the bestsellers.

use lambda_runtime::Error;
use shared::runtime::{Config, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let shop = serve::open_shop(&Config::from_env()?).await?;
    serve::events(|event| count_sales::handle(&shop, event)).await
}
