//! `audit`: reports whether the books of a shop are right.

use std::{
    fs::File,
    io::{self, BufReader, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use audit::{Auditor, Inspection, Pace, Passes, Progress, ReadError, ReadPace, Report, Scope, Source, Subject};
use aws_sdk_dynamodb::Client;
use clap::Parser;
use connection::{Place, PlaceError};
use shared::{domain::UserId, platform::Clock};

/// Reads the whole table of a shop, or an export of it, and checks that the books are right
///
/// Prints a line of figures and exits with 0 if they are. Otherwise prints a sentence for each fault and exits with 1.
/// Exits with 2 if the table cannot be read. Credentials come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
/// AWS_SESSION_TOKEN; an emulator on this machine needs none.
///
/// The shop may go on meanwhile. A table is read item by item, so a write just then can look wrong. Whatever looks wrong
/// is read again until it is right or wrong; a product that sells all the time can stay undecided.
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

    /// Check accounts and their ledgers only: each entry must chain to the one before
    #[arg(long, conflicts_with = "skip_sales")]
    ledger: bool,

    /// The seconds between two of the eight snapshots of a product that looks wrong
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(..=3_600))]
    pause: u64,

    /// Check the ledger of this user only
    #[arg(long, value_name = "ID", requires = "ledger", value_parser = user_id)]
    user: Option<UserId>,
}

fn user_id(text: &str) -> Result<UserId, &'static str> {
    UserId::try_from(text.to_owned()).map_err(|_| "an id has 1 to 64 letters, digits, `_` and `-`")
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the report cannot be written: {0}")]
    Write(#[from] io::Error),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    connection::exit_code_of_check(run(Arguments::parse()).await)
}

/// Audits what the arguments name. Prints the outcome and returns whether the books are right.
async fn run(arguments: Arguments) -> Result<bool, Failure> {
    let scope = match (arguments.ledger, arguments.skip_sales) {
        (true, _) => Scope::Ledgers,
        (false, true) => Scope::WithoutSales,
        (false, false) => Scope::Everything,
    };
    let Some(table) = &arguments.table else {
        let report = audit_export(&arguments, scope)?;
        write!(io::stdout().lock(), "{report}")?;
        return Ok(report.is_clean());
    };
    let client = Client::new(&arguments.place.clone().config()?);
    let source = Source::new(client, table.clone(), ReadPace::FAST);
    if let Some(user) = &arguments.user {
        let report = audit::audit_user(&source, user, Clock::system().now()).await?;
        write!(io::stdout().lock(), "{report}")?;
        return Ok(report.is_clean());
    }
    let pace = Pace { between_snapshots: Duration::from_secs(arguments.pause), ..Pace::NIGHTLY };
    let clock = Clock::system();
    let inspection = Inspection { source: &source, pace, now: || clock.now() };
    let mut progress = Progress::new(scope, clock.now());
    while !progress.is_done() {
        progress = inspection.advance(&progress).await?;
        if !progress.is_done() {
            eprintln!("{} items read, pass {}", progress.figures.items, progress.passes);
        }
    }
    show(&progress, &mut io::stdout().lock())?;
    Ok(progress.is_clean())
}

/// Reads the files as often as the audit has passes.
fn audit_export(arguments: &Arguments, scope: Scope) -> Result<Report, Failure> {
    let now = Clock::system().now();
    let read = |auditor: &mut Auditor| -> Result<(), ReadError> {
        for file in &arguments.export {
            let file = File::open(file).map_err(ReadError::Export)?;
            audit::read_export(BufReader::new(file), auditor)?;
        }
        Ok(())
    };
    if let Some(user) = &arguments.user {
        let mut auditor = Auditor::of_ledger(user.clone());
        read(&mut auditor)?;
        return Ok(auditor.finish(now));
    }
    let mut passes = Passes::new(scope, Pace::NIGHTLY.memory);
    while let Some(mut auditor) = passes.next_auditor() {
        read(&mut auditor)?;
        passes.add(auditor, now);
    }
    Ok(passes.into_report())
}

/// The number of subjects that are named.
const MOST_NAMED: usize = 10;

/// Writes the outcome for a person: each fault in a sentence, then the subjects that are undecided.
fn show(progress: &Progress, output: &mut impl Write) -> io::Result<()> {
    for violation in &progress.wrong {
        writeln!(output, "{}", violation.sentence())?;
    }
    if progress.omitted > 0 {
        writeln!(output, "There are {} more violations.", progress.omitted)?;
    }
    if !progress.undecided.is_empty() {
        let named = subjects(&progress.undecided, progress.undecided_more);
        writeln!(output, "Too busy to be decided: {named}. Audit again when they are quiet, or an export.")?;
    }
    if progress.is_clean() {
        if progress.in_flight > 0 {
            writeln!(output, "Writes in flight, found right by a second look: {}.", progress.in_flight)?;
        }
        write!(output, "{}", Report::from(progress))?;
    }
    Ok(())
}

/// The first few subjects by name, each with the most units that may be wrong.
fn subjects(undecided: &[(Subject, Option<u64>)], more: u64) -> String {
    let named = undecided.iter().take(MOST_NAMED).map(|(subject, units)| match units {
        Some(units) => format!("{subject} (by {units} units at most)"),
        None => subject.to_string(),
    });
    let mut text = named.collect::<Vec<_>>().join(", ");
    let more = more.saturating_add(u64::try_from(undecided.len().saturating_sub(MOST_NAMED)).unwrap_or(u64::MAX));
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

#[cfg(test)]
mod tests {
    use audit::{Invariant, Violation};

    use super::*;

    #[test]
    fn faults_come_as_sentences_and_what_is_undecided_by_name() {
        let mut progress = Progress::new(Scope::Everything, "2026-11-20T03:00:00Z".parse().unwrap());
        progress.wrong.insert(Violation {
            invariant: Invariant::Sales,
            subject: Subject::Bestsellers,
            rule: "units counted by day".to_owned(),
            expected: "7".to_owned(),
            found: "3".to_owned(),
        });
        let item = |number: u8| (Subject::Item(number.to_string(), "SALES".to_owned()), Some(2));
        progress.undecided = (0..12).map(item).collect();
        let shown = |progress: &Progress| {
            let mut output = Vec::new();
            show(progress, &mut output).unwrap();
            String::from_utf8(output).unwrap()
        };
        let text = shown(&progress);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("The books are wrong about the bestsellers: "), "{text}");
        assert!(lines[1].starts_with("Too busy to be decided: item "), "{text}");
        assert!(lines[1].contains("(by 2 units at most)") && lines[1].contains(" and 2 more"), "{text}");
        assert_eq!(lines.len(), 2);
        progress.wrong.clear();
        progress.in_flight = 3;
        assert!(shown(&progress).contains("found right by a second look: 3.\n0 items in order"));
    }
}
