//! Delivers events of orders to the data platform.

fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::serve::block_on(functions::queue::deliver_orders::serve())
}
