//! `audit`: tells whether the books of a shop are right.

use std::{
    fs::File,
    io::{self, BufReader, Write},
    path::PathBuf,
    process::ExitCode,
};

use audit::{Auditor, ReadError, Scope};
use aws_sdk_dynamodb::Client;
use clap::Parser;
use connection::{Place, PlaceError};
use shared::{domain::UserId, runtime::Clock};

/// Reads the whole table of a shop, or an export of it, and checks that the books are right
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
    #[arg(long, required_unless_present = "export")]
    table: Option<String>,

    /// Read these files instead of a table: an export to S3 in DynamoDB's JSON, unpacked, an item a line
    #[arg(long, value_name = "FILES", num_args = 1.., conflicts_with_all = ["table", "endpoint_url", "region"])]
    export: Vec<PathBuf>,

    #[command(flatten)]
    place: Place,

    /// Leave the bestsellers out, which follow the orders a moment later
    #[arg(long)]
    skip_sales: bool,

    /// Check accounts and their ledgers only: that each entry chains to the one before
    #[arg(long, conflicts_with = "skip_sales")]
    ledger: bool,

    /// Check the ledger of this user only
    #[arg(long, value_name = "ID", requires = "ledger", value_parser = user_id)]
    user: Option<UserId>,
}

fn user_id(text: &str) -> Result<UserId, &'static str> {
    UserId::try_from(text.to_owned()).map_err(|_| "an id has 1 to 64 letters, digits, `_` and `-`")
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
    let Arguments { table, export, place, skip_sales, ledger, user } = arguments;
    let mut auditor = match (&user, ledger, skip_sales) {
        (Some(user), _, _) => Auditor::of_ledger(user.clone()),
        (None, true, _) => Auditor::new(Scope::Ledgers),
        (None, false, true) => Auditor::new(Scope::WithoutSales),
        (None, false, false) => Auditor::new(Scope::Everything),
    };
    for file in export {
        let file = File::open(file).map_err(ReadError::Export)?;
        audit::read_export(BufReader::new(file), &mut auditor)?;
    }
    if let Some(table) = table {
        let client = Client::new(&place.config()?);
        match &user {
            Some(user) => audit::read_user(&client, &table, user, &mut auditor).await?,
            None => audit::read(&client, &table, &mut auditor).await?,
        }
    }
    let report = auditor.finish(Clock::system().now());
    write!(io::stdout().lock(), "{report}")?;
    Ok(report.is_clean())
}
