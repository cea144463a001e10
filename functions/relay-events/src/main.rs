//! Publishes what the table's stream tells of orders as events on the bus.

use lambda_runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let relay = relay_events::Relay::from_env()?;
    shared::lambda::serve::events(|event| relay.handle(event)).await
}
