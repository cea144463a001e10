//! Builds the files of exports.

fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::serve::block_on(functions::queue::build_exports::serve())
}
