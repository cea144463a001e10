//! `dlq`: dead letters are a workflow.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use connection::{Place, PlaceError, exit_code};
use dead_letters::{DeadLetter, DeadLetterClient, DeadLetterError, Lease, LetterQueue};
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use shared::platform::{Clock, environment::optional};

/// Look at messages that could not be handled, redrive them, or drop them
///
/// Finds the dead-letter queues of a stack by itself. Credentials come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
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
    /// List the dead-letter queues, and the letters in them: id, age, event, why
    List(Where),
    /// Show a letter whole
    Show {
        /// The letter's id
        id: String,
    },
    /// Redrive letters: back into their queue, or to their function
    Redrive(Which),
    /// Delete letters for good, and print them
    Drop(Which),
}

#[derive(Debug, Args)]
struct Where {
    /// Only this queue, by its name in the template
    #[arg(long)]
    queue: Option<String>,
}

#[derive(Debug, Args)]
struct Which {
    /// The letter's id
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
    DeadLetterClient(#[from] DeadLetterError),
    #[error("the stack {0} has no dead-letter queue{1}")]
    NoQueue(String, String),
    #[error("no such letter, or it is in somebody's hands: look again in two minutes")]
    NoLetter,
    #[error("{0} of the letters are still there")]
    Left(usize),
    #[error("what there is cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// The most letters of a queue that one command looks at. It ends the command if letters keep coming back.
const MOST: usize = 10_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    exit_code(run(Arguments::parse()).await)
}

async fn run(Arguments { command, stack, place }: Arguments) -> Result<(), Failure> {
    let stack = stack.or_else(|| optional("STACK_NAME")).ok_or(Failure::NoStack)?;
    let client = DeadLetterClient::new(&place.config()?, stack.clone());
    let wanted = match &command {
        Command::List(place) => place.queue.as_ref(),
        Command::Redrive(which) | Command::Drop(which) => which.place.queue.as_ref(),
        Command::Show { .. } => None,
    };
    let mut queues = client.queues().await?;
    queues.retain(|queue| wanted.is_none_or(|name| queue.name == *name));
    if queues.is_empty() {
        return Err(Failure::NoQueue(stack, wanted.map(|name| format!(" {name}")).unwrap_or_default()));
    }
    let round = SweepReport { client, queues, now: Clock::system().now() };
    match command {
        Command::List(_) => round.list().await,
        Command::Show { id } => round.show(&id).await,
        Command::Redrive(which) => round.act(which.id.as_deref(), Act::Redrive).await,
        Command::Drop(which) => round.act(which.id.as_deref(), Act::Drop).await,
    }
}

struct SweepReport {
    client: DeadLetterClient,
    queues: Vec<LetterQueue>,
    now: Timestamp,
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Redrive,
    Drop,
}

impl SweepReport {
    async fn list(&self) -> Result<(), Failure> {
        let lists = try_join_all(self.queues.iter().map(|queue| self.all_of(queue))).await?;
        let mut out = io::stdout().lock();
        for (queue, letters) in self.queues.iter().zip(lists) {
            let belongs = queue.destination.as_ref().map_or("?", |destination| destination.name());
            let count = match letters.len() {
                0 => "none".to_owned(),
                1 => "1 letter".to_owned(),
                count => format!("{count} letters"),
            };
            writeln!(out, "{} -> {belongs}: {count}", queue.name)?;
            for Lease { letter, .. } in letters {
                writeln!(out, "  {}", line(&letter, self.now))?;
            }
        }
        Ok(())
    }

    /// All letters of a queue that no other reader has leased. They are returned to the queue at once.
    async fn all_of(&self, queue: &LetterQueue) -> Result<Vec<Lease>, Failure> {
        let mut letters = Vec::new();
        while letters.len() < MOST {
            let page = self.client.take(queue).await?;
            if page.is_empty() {
                break;
            }
            letters.extend(page);
        }
        self.client.put_back(queue, &letters).await?;
        Ok(letters)
    }

    async fn show(&self, id: &str) -> Result<(), Failure> {
        for queue in &self.queues {
            let letters = self.all_of(queue).await?;
            let Some(held) = letters.into_iter().find(|held| held.letter.id == id) else { continue };
            let body = serde_json::from_str(&held.letter.body);
            let body = body.and_then(|body: Value| serde_json::to_string_pretty(&body));
            let mut out = io::stdout().lock();
            writeln!(out, "{}", line(&held.letter, self.now))?;
            writeln!(out, "{}\n{}", queue.name, body.unwrap_or(held.letter.body))?;
            return Ok(());
        }
        Err(Failure::NoLetter)
    }

    /// Redrives or drops one letter, or all that were there when the command began. A letter that comes back has
    /// another id.
    async fn act(&self, id: Option<&str>, act: Act) -> Result<(), Failure> {
        let (mut done, mut left) = (0, 0);
        for queue in &self.queues {
            let mut wanted: BTreeSet<String> = match id {
                Some(id) => BTreeSet::from([id.to_owned()]),
                None => self.all_of(queue).await?.into_iter().map(|held| held.letter.id).collect(),
            };
            let (mut taken, mut others) = (0, Vec::new());
            while taken < MOST && !wanted.is_empty() {
                let page = self.client.take(queue).await?;
                if page.is_empty() {
                    break;
                }
                taken += page.len();
                for held in page {
                    if !wanted.remove(&held.letter.id) {
                        others.push(held);
                        continue;
                    }
                    let (outcome, what) = match act {
                        Act::Redrive => (self.client.redrive(queue, &held).await, "redriven"),
                        Act::Drop => (self.client.drop(queue, &held).await, "dropped"),
                    };
                    match outcome {
                        Ok(()) => {
                            writeln!(io::stdout().lock(), "{what} {} {}", queue.name, line(&held.letter, self.now))?;
                            done += 1;
                        }
                        Err(error) => {
                            eprintln!("error: {} {}: {error}", queue.name, held.letter.id);
                            others.push(held);
                            left += 1;
                        }
                    }
                }
            }
            self.client.put_back(queue, &others).await?;
            if done > 0 && id.is_some() {
                break;
            }
        }
        if left > 0 {
            return Err(Failure::Left(left));
        }
        if done == 0 && id.is_some() {
            return Err(Failure::NoLetter);
        }
        Ok(())
    }
}

/// A letter in one line.
fn line(letter: &DeadLetter, now: Timestamp) -> String {
    let DeadLetter { id, reason, sent_at, event_id, kind, .. } = letter;
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let age = sent_at.map_or_else(|| "-".to_owned(), |sent_at| age(now.duration_since(sent_at)));
    format!("{id}  {age}  {}  {}  {reason}", or_none(kind), or_none(event_id))
}

/// An age in its largest unit.
fn age(age: SignedDuration) -> String {
    let seconds = age.as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
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

    #[test]
    fn ages_are_told_in_their_largest_unit() {
        let age_of = |seconds| age(SignedDuration::from_secs(seconds));
        let seconds = [-5, 59, 60, 3_599, 3_600, 172_799, 172_800];
        assert_eq!(seconds.map(age_of), ["0 s", "59 s", "1 min", "59 min", "1 h", "47 h", "2 days"]);
    }

    #[test]
    fn a_letter_is_told_in_a_line() {
        let letter = DeadLetter {
            id: "m".to_owned(),
            body: String::new(),
            reason: "so".to_owned(),
            sent_at: Some("2026-11-20T02:00:00Z".parse().unwrap()),
            event_id: None,
            kind: Some("OrderPaid".to_owned()),
        };
        assert_eq!(line(&letter, "2026-11-20T03:00:00Z".parse().unwrap()), "m  1 h  OrderPaid  -  so");
    }
}
