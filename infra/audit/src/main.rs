//! `audit`: tells whether the books of a shop are right.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use audit::{ReadError, Scope};
use aws_sdk_dynamodb::Client;
use clap::Parser;
use connection::{Place, PlaceError};
use shared::runtime::Clock;

/// Reads the whole table of a shop and checks that the books are right
///
/// Prints one line of figures and exits with 0 where they are; otherwise prints one line for each thing that is wrong
/// and exits with 1; exits with 2 where the table cannot be read. Credentials come from AWS_ACCESS_KEY_ID,
/// AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; an emulator on this machine needs none.
///
/// What is written while the table is read can look wrong without being so: let the shop come to rest first, or audit
/// a restored copy.
#[derive(Debug, Parser)]
struct Arguments {
    /// The table's name
    #[arg(long)]
    table: String,

    #[command(flatten)]
    place: Place,

    /// Leave the bestsellers out, which follow the orders a moment later
    #[arg(long)]
    skip_sales: bool,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the report cannot be written: {0}")]
    Write(#[from] io::Error),
}

const VIOLATED: u8 = 1;
const NOT_READ: u8 = 2;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(VIOLATED),
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(NOT_READ)
        }
    }
}

/// Prints the report and tells whether nothing is wrong.
async fn run(arguments: Arguments) -> Result<bool, Failure> {
    let Arguments { table, place, skip_sales } = arguments;
    let scope = if skip_sales { Scope::WithoutSales } else { Scope::Everything };
    let client = Client::new(&place.config()?);
    let report = audit::audit(&client, &table, scope, Clock::system().now()).await?;
    write!(io::stdout().lock(), "{report}")?;
    Ok(report.is_clean())
}
