//! Finds orders and order sheets that are overdue, and sees to them.

use lambda_runtime::Error;
use serde_json::Value;
use shared::lambda::{Config, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let shop = serve::open_shop(&Config::from_env()?).await?;
    serve::events(|_: Value| sweep_due::handle(&shop)).await
}
