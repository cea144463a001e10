//! Handles expired orders and order sheets.

fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::serve::block_on(functions::queue::process_expiry::serve())
}
