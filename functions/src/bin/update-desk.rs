//! Keeps the desk's rows of orders and lines.

fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::serve::block_on(functions::queue::update_desk::serve())
}
