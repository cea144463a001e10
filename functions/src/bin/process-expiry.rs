//! Sees to orders and order sheets when their time is up.

fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::serve::block_on(functions::queue::process_expiry::serve())
}
