//! Publishes what the table's stream tells of orders as events on the bus.

fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::serve::block_on(functions::stream::relay_events::serve())
}
