//! Counts what the table's stream tells was sold, and keeps the bestsellers.

fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::serve::block_on(functions::stream::count_sales::serve())
}
