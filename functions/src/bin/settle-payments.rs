//! Settles orders by the results of the external payment system.

fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::serve::block_on(functions::queue::settle_payments::serve())
}
