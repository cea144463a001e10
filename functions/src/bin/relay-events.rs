//! Publishes the changes in the table's stream as events on the bus.

fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::serve::block_on(functions::stream::relay_events::serve())
}
