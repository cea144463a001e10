//! Rebuilds the bestsellers from the orders, each night.

fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::serve::block_on(functions::schedule::rebuild_sales::serve())
}
