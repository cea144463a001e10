//! Audits the books of the shop, each night.

use audit_books::Books;
use lambda_runtime::Error;
use serde_json::Value;
use shared::lambda::serve;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let books = Books::from_env()?;
    serve::events(|_: Value| books.audit()).await
}
