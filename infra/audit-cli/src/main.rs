//! `audit`: reports whether the books of a shop are right.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use audit::{Auditor, LOOKS, Looks, ReadError, Report, Scope, Verdict, Violation};
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
/// The shop may go on meanwhile. A table is read item by item, so a write just then can look wrong. Then the table is
/// read up to three times, and a violation is a fault only if each look finds it. The rest is named as in flight.
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

    /// The seconds between two looks at the table
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

/// Looks until no violation remains, or each remaining one has been found often enough. Prints the verdict and returns
/// whether the books are right.
async fn run(arguments: Arguments) -> Result<bool, Failure> {
    let pause = Duration::from_secs(arguments.pause);
    let first = look(&arguments).await?;
    // The first look is the verdict for an export, which has no other look, and for a shop at rest.
    if first.is_clean() {
        write!(io::stdout().lock(), "{first}")?;
        return Ok(true);
    }
    let mut looks = Looks::new(first);
    if arguments.export.is_empty() {
        for number in 2..=LOOKS {
            if looks.is_clean() {
                break;
            }
            eprintln!("something looks wrong, or is in flight: look {number} of {LOOKS} in {} s", arguments.pause);
            tokio::time::sleep(pause).await;
            looks.add(look(&arguments).await?);
        }
    }
    let verdict = looks.verdict();
    show(&verdict, &mut io::stdout().lock())?;
    Ok(verdict.wrong.is_empty() && verdict.omitted == 0)
}

/// Reads every item once.
async fn look(arguments: &Arguments) -> Result<Report, Failure> {
    let Arguments { table, export, place, skip_sales, ledger, user, .. } = arguments;
    let mut auditor = match (user, ledger, skip_sales) {
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
        let client = Client::new(&place.clone().config()?);
        match user {
            Some(user) => audit::read_user(&client, table, user, &mut auditor).await?,
            None => audit::read(&client, table, &mut auditor).await?,
        }
    }
    Ok(auditor.finish(Clock::system().now()))
}

/// The number of subjects of a kind that are named.
const MOST_NAMED: usize = 10;

/// Writes a verdict for a person: each fault in a sentence, then the subjects of the rest.
fn show(verdict: &Verdict, output: &mut impl Write) -> io::Result<()> {
    let Verdict { wrong, moving, in_flight, omitted, figures, looks } = verdict;
    for violation in wrong {
        writeln!(output, "{}", violation.sentence())?;
    }
    if *omitted > 0 {
        writeln!(output, "There are {omitted} more violations.")?;
    }
    if !in_flight.is_empty() {
        let named = subjects(in_flight);
        writeln!(output, "In flight, and right by a later look: {named}.")?;
    }
    if !moving.is_empty() {
        let named = subjects(moving);
        writeln!(
            output,
            "Changed between any two of {looks} looks, so not judged: {named}. Audit again when they are quiet."
        )?;
    }
    if wrong.is_empty() && *omitted == 0 {
        writeln!(output, "No fault was seen at each of {looks} looks. {figures}")?;
    }
    Ok(())
}

/// The subjects of violations, each with the number of rules, the first few by name.
fn subjects(violations: &[Violation]) -> String {
    let mut rules: BTreeMap<String, u32> = BTreeMap::new();
    for violation in violations {
        *rules.entry(violation.subject.to_string()).or_default() += 1;
    }
    let named = rules.iter().take(MOST_NAMED).map(|(subject, rules)| match rules {
        1 => subject.clone(),
        _ => format!("{subject} ({rules} rules)"),
    });
    let mut text = named.collect::<Vec<_>>().join(", ");
    if let more @ 1.. = rules.len().saturating_sub(MOST_NAMED) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

#[cfg(test)]
mod tests {
    use audit::{Figures, Invariant, Subject};

    use super::*;

    #[test]
    fn faults_come_as_sentences_and_what_is_in_flight_by_name() {
        let violation = |subject: Subject, found: &str| Violation {
            invariant: Invariant::Sales,
            subject,
            rule: "units counted by day".to_owned(),
            expected: "7".to_owned(),
            found: found.to_owned(),
        };
        let item = |number: u8| Subject::Item(number.to_string(), "SALES".to_owned());
        let mut verdict = Verdict {
            wrong: vec![violation(Subject::Bestsellers, "3")],
            moving: vec![violation(item(0), "1")],
            in_flight: (0..12).map(|number| violation(item(number), "1")).collect(),
            omitted: 0,
            figures: Figures::default(),
            looks: 3,
        };
        let shown = |verdict: &Verdict| {
            let mut output = Vec::new();
            show(verdict, &mut output).unwrap();
            String::from_utf8(output).unwrap()
        };
        let text = shown(&verdict);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("The books are wrong about the bestsellers: "), "{text}");
        assert!(lines[1].starts_with("In flight, ") && lines[1].ends_with(" and 2 more."), "{text}");
        assert!(lines[2].starts_with("Changed between any two of 3 looks, so not judged: item "), "{text}");
        assert_eq!(lines.len(), 3);
        verdict.wrong.clear();
        assert!(shown(&verdict).contains("No fault was seen at each of 3 looks."));
    }
}
