//! Does what is left undone on the shelves of products with several shards or in flash mode.

use lambda_runtime::Error;
use serde_json::Value;
use shared::lambda::{Config, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let shop = serve::open_shop(&Config::from_env()?).await?;
    serve::events(|_: Value| sweep_shelves::handle(&shop)).await
}
