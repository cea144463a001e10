//! Looks at the queues that only a person empties.

fn main() -> Result<(), lambda_runtime::Error> {
    shared::lambda::serve::block_on(functions::schedule::watch::serve())
}
