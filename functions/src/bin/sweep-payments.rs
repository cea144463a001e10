//! Asks the payment provider about payments that are open, and sends money back.

fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::serve::block_on(functions::schedule::sweep_payments::serve())
}
