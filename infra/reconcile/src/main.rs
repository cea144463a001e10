//! `reconcile`: reports whether a provider's statement of a day agrees with the books of a shop.

use std::{
    fs::File,
    io::{self, BufReader, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use audit::{ReadError, ReadPace, Source};
use aws_sdk_dynamodb::Client;
use clap::Parser;
use connection::{Place, PlaceError};
use jiff::civil::Date;
use reconcile::{
    DayOutOfRange, MEMORY, Passes, Report,
    statement::{self, StatementError},
};
use shared::domain::{provider::ProviderName, time::seoul_day};

/// Compares a payment provider's statement of a day with the payments and the ledger of a shop, both ways
///
/// Each line must belong to a payment or a refund of the same amount, and each payment and refund of the day must have its
/// line. Prints a sentence for each difference, then the figures of the statement. Exits with 0 if all agrees, with 1 if
/// there are differences, and with 2 if the statement or the table cannot be read.
///
/// The shop may go on meanwhile. Facts within an hour of midnight that the statement of a neighbouring day may have are
/// printed as hints, and are no differences. Credentials come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
/// AWS_SESSION_TOKEN; an emulator on this machine needs none.
#[derive(Debug, Parser)]
struct Arguments {
    /// The statement, as CSV: paymentKey,merchantOrderId,type,transactionKey,amount,at
    #[arg(value_name = "FILE.csv")]
    statement: PathBuf,

    /// The day in Seoul that the statement is of [default: the day of its first line]
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<Date>,

    /// The table's name
    #[arg(long, required_unless_present = "export")]
    table: Option<String>,

    /// Read these files instead of a table: an export to S3 in DynamoDB's JSON, unpacked, an item a line
    #[arg(long, value_name = "FILES", num_args = 1.., conflicts_with_all = ["table", "endpoint_url", "region"])]
    export: Vec<PathBuf>,

    #[command(flatten)]
    place: Place,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{}: {}", .0.display(), .1)]
    Open(PathBuf, io::Error),
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error("the statement has no line that names its day: name it with --day")]
    NoDay,
    #[error(transparent)]
    Day(#[from] DayOutOfRange),
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the report cannot be written: {0}")]
    Write(#[from] io::Error),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    connection::exit_code_of_check(run(&Arguments::parse()).await)
}

/// Prints the report and returns whether statement and books agree.
async fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let report = reconciled(arguments).await?;
    write!(io::stdout().lock(), "{report}")?;
    Ok(report.is_clean())
}

async fn reconciled(arguments: &Arguments) -> Result<Report, Failure> {
    let day = match arguments.day {
        Some(day) => day,
        None => first_day(&arguments.statement)?,
    };
    let source = match &arguments.table {
        Some(table) => {
            let client = Client::new(&arguments.place.clone().config()?);
            Some(Source::new(client, table.clone(), ReadPace::FAST))
        }
        None => None,
    };
    let mut passes = Passes::new(day, ProviderName::Toss, MEMORY)?;
    while let Some(mut pass) = passes.next_pass() {
        statement::read(open(&arguments.statement)?, |line| pass.add_line(line))?;
        if let Some(source) = &source {
            audit::read_items(source, |item| pass.add_item(item)).await?;
        }
        for file in &arguments.export {
            audit::read_export_items(open(file)?, |item| pass.add_item(item))?;
        }
        passes.add(pass);
    }
    Ok(passes.into_report())
}

/// The day in Seoul of the first line that is well formed.
fn first_day(statement: &Path) -> Result<Date, Failure> {
    let mut first = None;
    statement::read(open(statement)?, |line| {
        if let (None, Ok(line)) = (first, line) {
            first = Some(seoul_day(line.at));
        }
    })?;
    first.ok_or(Failure::NoDay)
}

fn open(path: &Path) -> Result<BufReader<File>, Failure> {
    File::open(path).map(BufReader::new).map_err(|error| Failure::Open(path.to_owned(), error))
}
