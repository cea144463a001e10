//! Counts the units sold in the changes of the table's stream, and keeps the bestsellers.

fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::serve::block_on(functions::stream::count_sales::serve())
}
