//! Prints the cost of each operation next to its budget: `cargo xtask bench cost`.

// All operations are measured in one future.
#![recursion_limit = "256"]

use tests::costs;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!("{}", costs::HEADING);
    for row in costs::measure().await {
        println!("{row}");
    }
}
