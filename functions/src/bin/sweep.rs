//! Finishes, each minute, work that requests and messages have left undone.

fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::serve::block_on(functions::schedule::sweep::serve())
}
