//! `dlq`: dead letters are a workflow.

use std::{io, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use connection::{Place, PlaceError, exit_code};
use dead_letters::{Act, DeadLetterClient, Operator, OperatorError};
use shared::platform::{Clock, environment::optional};

/// Look at messages that could not be handled, redrive them, or drop them
///
/// Finds the dead-letter queues and the failures bucket of a stack by itself. Credentials come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
/// and AWS_SESSION_TOKEN; an emulator on this machine needs none. No other reader sees a letter that is looked at, for
/// two minutes at most.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    /// The stack's name [default: STACK_NAME]
    #[arg(long, global = true)]
    stack: Option<String>,

    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the dead-letter queues and the failures bucket, and the letters in them: id, age, event, why
    List {
        /// As JSON: a list of places, each with its letters
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        place: Where,
    },
    /// Show a letter whole
    Show {
        /// The letter's id, or the object's key
        id: String,
    },
    /// Redrive letters: back into their queue, or to their function
    Redrive(Which),
    /// Delete letters for good, and print them
    Drop(Which),
}

#[derive(Debug, Args)]
struct Where {
    /// Only this queue or bucket, by its name in the template
    #[arg(long)]
    queue: Option<String>,
}

#[derive(Debug, Args)]
struct Which {
    /// The letter's id, or the object's key
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    id: Option<String>,

    /// All letters that were there when the command began
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    place: Where,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error("say which shop's: --stack NAME, or STACK_NAME")]
    NoStack,
    #[error(transparent)]
    Operator(#[from] OperatorError),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    exit_code(run(Arguments::parse()).await)
}

async fn run(Arguments { command, stack, place }: Arguments) -> Result<(), Failure> {
    let stack = stack.or_else(|| optional("STACK_NAME")).ok_or(Failure::NoStack)?;
    let client = DeadLetterClient::new(&place.config()?, stack);
    let only = match &command {
        Command::List { place, .. } => place.queue.as_deref(),
        Command::Redrive(which) | Command::Drop(which) => which.place.queue.as_deref(),
        Command::Show { .. } => None,
    };
    let mut operator = Operator::of(client, only, Clock::system().now(), io::stdout()).await?;
    match command {
        Command::List { json: true, .. } => operator.list_as_json().await?,
        Command::List { json: false, .. } => operator.list().await?,
        Command::Show { id } => operator.show(&id).await?,
        Command::Redrive(which) => operator.act(which.id.as_deref(), Act::Redrive).await?,
        Command::Drop(which) => operator.act(which.id.as_deref(), Act::Drop).await?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
        for wrong in [&["dlq", "drop"][..], &["dlq", "redrive"], &["dlq", "drop", "id", "--all"], &["dlq", "show"]] {
            assert!(Arguments::try_parse_from(wrong).is_err(), "{wrong:?}");
        }
        assert!(Arguments::try_parse_from(["dlq", "drop", "--all", "--queue", "Expiry", "--stack", "s"]).is_ok());
    }
}
