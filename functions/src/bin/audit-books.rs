//! Audits the books of the shop, each night.

fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::serve::block_on(functions::schedule::audit_books::serve())
}
