//! Rebuilds the bestsellers from the orders, each night.

use lambda_runtime::Error;
use serde_json::Value;
use shared::{
    app::rebuild::Pace,
    lambda::{Config, serve},
    platform::environment,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let shop = serve::open_shop(&Config::from_env()?).await?;
    let settle = environment::seconds("REBUILD_SETTLE_SECONDS", Pace::NIGHTLY.settle)?;
    let pace = Pace { settle, ..Pace::NIGHTLY };
    let (shop, pace) = (&shop, &pace);
    serve::events(move |event: Value| async move { rebuild_sales::run(shop, pace, &event).await }).await
}
