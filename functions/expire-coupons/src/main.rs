//! Marks coupons whose validity has ended as expired.

use lambda_runtime::Error;
use serde_json::Value;
use shared::lambda::{Config, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let shop = serve::open_shop(&Config::from_env()?).await?;
    serve::events(|_: Value| expire_coupons::handle(&shop)).await
}
