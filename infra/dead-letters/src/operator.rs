//! The commands of an operator, over all places of letters.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use crate::{
    bucket::{LetterBucket, Objects, is_letter},
    client::{DeadLetterClient, DeadLetterError, Lease},
    dead_letter::{DeadLetter, is_test, objects_in},
    stack::{LetterPlaces, LetterQueue},
};

/// The most letters of a queue that one command looks at. It ends the command if letters keep coming back.
const MOST: usize = 10_000;

/// The objects read at once.
const AT_ONCE: usize = 10;

/// Carries out commands on the letters of a stack, and writes what they did.
#[derive(Debug)]
pub struct Operator<W> {
    client: DeadLetterClient,
    places: LetterPlaces,
    now: Timestamp,
    out: W,
}

/// A command on letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Redrive,
    Drop,
}

impl Act {
    fn past(self) -> &'static str {
        match self {
            Self::Redrive => "redriven",
            Self::Drop => "dropped",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    #[error(transparent)]
    DeadLetterClient(#[from] DeadLetterError),
    #[error("the stack has no dead-letter queue{0}")]
    NoQueue(String),
    #[error("no such letter, or it is in somebody's hands: look again in two minutes")]
    NoLetter,
    #[error("{0} of the letters are still there")]
    Left(usize),
    #[error("what there is cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// A place with its letters.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    place: String,
    /// The queue or function that a redriven letter returns to.
    destination: String,
    letters: Vec<DeadLetter>,
    /// Whether the place has letters beyond these.
    more: bool,
}

/// The results of a command on a place.
#[derive(Debug, Default, Clone, Copy)]
struct Done {
    done: usize,
    left: usize,
}

impl<W: Write> Operator<W> {
    /// An operator of a stack's letters; of one place only, if it is named.
    ///
    /// # Errors
    /// If there is no such place, or AWS gives no answer.
    pub async fn of(
        client: DeadLetterClient,
        only: Option<&str>,
        now: Timestamp,
        out: W,
    ) -> Result<Self, OperatorError> {
        let mut places = client.places().await?;
        if let Some(name) = only {
            places.queues.retain(|queue| queue.name == name);
            places.bucket = places.bucket.filter(|_| name == LetterBucket::NAME);
        }
        if places.queues.is_empty() && places.bucket.is_none() {
            return Err(OperatorError::NoQueue(only.map(|name| format!(" {name}")).unwrap_or_default()));
        }
        Ok(Self { client, places, now, out })
    }

    /// Lists all places and the letters in them.
    ///
    /// # Errors
    /// If AWS gives no answer.
    pub async fn list(&mut self) -> Result<(), OperatorError> {
        for Listed { place, destination, letters, more } in self.listed().await? {
            let more = if more { " and more" } else { "" };
            writeln!(self.out, "{place} -> {destination}: {}", count(letters.len(), more))?;
            for letter in letters {
                writeln!(self.out, "  {}", line(&letter, self.now))?;
            }
        }
        Ok(())
    }

    /// Lists them as JSON, for programs. The bodies of letters are left out: they can be personal data.
    ///
    /// # Errors
    /// If AWS gives no answer.
    pub async fn list_as_json(&mut self) -> Result<(), OperatorError> {
        let listed = self.listed().await?;
        serde_json::to_writer(&mut self.out, &listed).map_err(io::Error::from)?;
        Ok(writeln!(self.out)?)
    }

    async fn listed(&self) -> Result<Vec<Listed>, OperatorError> {
        let lists = try_join_all(self.places.queues.iter().map(|queue| all_of(&self.client, queue))).await?;
        let mut listed: Vec<_> = self
            .places
            .queues
            .iter()
            .zip(lists)
            .map(|(queue, letters)| Listed {
                place: queue.name.clone(),
                destination: queue.destination.as_ref().map_or("?", |destination| destination.name()).to_owned(),
                letters: letters.into_iter().map(|held| held.letter).collect(),
                more: false,
            })
            .collect();
        let Some(bucket) = &self.places.bucket else { return Ok(listed) };
        let Objects { keys, more } = self.client.objects(bucket).await?;
        let mut letters = Vec::new();
        // Only some objects are read at once.
        for keys in keys.chunks(AT_ONCE) {
            let read = try_join_all(keys.iter().map(|key| self.client.object(bucket, key))).await?;
            letters.extend(read.into_iter().flatten().map(|letter| DeadLetter { body: String::new(), ..letter }));
        }
        let (place, destination) = (LetterBucket::NAME.to_owned(), "the function that failed".to_owned());
        listed.push(Listed { place, destination, letters, more });
        Ok(listed)
    }

    /// Shows a letter whole.
    ///
    /// # Errors
    /// [`OperatorError::NoLetter`].
    pub async fn show(&mut self, id: &str) -> Result<(), OperatorError> {
        if is_letter(id) {
            let bucket = self.places.bucket.as_ref().ok_or(OperatorError::NoLetter)?;
            let letter = self.client.object(bucket, id).await?.ok_or(OperatorError::NoLetter)?;
            return Ok(self.write_whole(LetterBucket::NAME, letter)?);
        }
        for queue in self.places.queues.clone() {
            let letters = all_of(&self.client, &queue).await?;
            if let Some(held) = letters.into_iter().find(|held| held.letter.id == id) {
                return Ok(self.write_whole(&queue.name, held.letter)?);
            }
        }
        Err(OperatorError::NoLetter)
    }

    fn write_whole(&mut self, place: &str, letter: DeadLetter) -> io::Result<()> {
        let body = serde_json::from_str(&letter.body);
        let body = body.and_then(|body: Value| serde_json::to_string_pretty(&body));
        writeln!(self.out, "{}", line(&letter, self.now))?;
        writeln!(self.out, "{place}\n{}", body.unwrap_or(letter.body))
    }

    /// Redrives or drops one letter, or all that were there when the command began. A letter that comes back has
    /// another id.
    ///
    /// The objects of the bucket come last: a notice that is redriven takes its object with it.
    ///
    /// # Errors
    /// [`OperatorError::NoLetter`], or [`OperatorError::Left`] if some are still there.
    pub async fn act(&mut self, id: Option<&str>, act: Act) -> Result<(), OperatorError> {
        let mut total = Done::default();
        let of_object = id.is_some_and(is_letter);
        for queue in self.places.queues.clone().into_iter().filter(|_| !of_object) {
            let Done { done, left } = self.act_on_queue(&queue, id, act).await?;
            total = Done { done: total.done + done, left: total.left + left };
            if done > 0 && id.is_some() {
                break;
            }
        }
        if let Some(bucket) = self.places.bucket.clone().filter(|_| of_object || id.is_none()) {
            let Done { done, left } = self.act_on_bucket(&bucket, id, act).await?;
            total = Done { done: total.done + done, left: total.left + left };
        }
        match total {
            Done { left: 1.., .. } => Err(OperatorError::Left(total.left)),
            Done { done: 0, .. } if id.is_some() => Err(OperatorError::NoLetter),
            Done { .. } => Ok(()),
        }
    }

    async fn act_on_queue(&mut self, queue: &LetterQueue, id: Option<&str>, act: Act) -> Result<Done, OperatorError> {
        let mut wanted: BTreeSet<String> = match id {
            Some(id) => BTreeSet::from([id.to_owned()]),
            None => all_of(&self.client, queue).await?.into_iter().map(|held| held.letter.id).collect(),
        };
        let (mut total, mut taken, mut others) = (Done::default(), 0, Vec::new());
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
                let outcome = match act {
                    Act::Redrive => self.client.redrive(queue, &held, self.now).await,
                    Act::Drop => self.client.drop(queue, &held).await,
                };
                match outcome {
                    Ok(()) => {
                        writeln!(self.out, "{} {} {}", act.past(), queue.name, line(&held.letter, self.now))?;
                        total.done += 1;
                    }
                    Err(error) => {
                        eprintln!("error: {} {}: {error}", queue.name, held.letter.id);
                        others.push(held);
                        total.left += 1;
                    }
                }
            }
        }
        self.client.put_back(queue, &others).await?;
        Ok(total)
    }

    async fn act_on_bucket(
        &mut self,
        bucket: &LetterBucket,
        id: Option<&str>,
        act: Act,
    ) -> Result<Done, OperatorError> {
        let keys = match id {
            Some(id) => vec![id.to_owned()],
            None => self.client.objects(bucket).await?.keys,
        };
        let mut total = Done::default();
        for key in keys {
            let client = &self.client;
            let acted = client.with_object(bucket, &key, self.now, |letter| async move {
                match act {
                    Act::Redrive => client.redrive_object(bucket, &letter).await,
                    Act::Drop => client.drop_object(bucket, &letter).await,
                }
            });
            match acted.await {
                Ok(Some(letter)) => {
                    writeln!(self.out, "{} {} {}", act.past(), LetterBucket::NAME, line(&letter, self.now))?;
                    total.done += 1;
                }
                Ok(None) => {}
                Err(error) => {
                    eprintln!("error: {} {key}: {error}", LetterBucket::NAME);
                    total.left += 1;
                }
            }
        }
        if let Some(notices) = bucket.notices.as_ref().filter(|_| total.done > 0) {
            self.clear_notices(bucket, notices).await?;
        }
        Ok(total)
    }

    /// Deletes the notices of objects that are gone, which would keep the alarm ringing.
    async fn clear_notices(&self, bucket: &LetterBucket, notices: &LetterQueue) -> Result<(), OperatorError> {
        let mut others = Vec::new();
        while others.len() < MOST {
            let page = self.client.take(notices).await?;
            if page.is_empty() {
                break;
            }
            for held in page {
                let mut is_needed = false;
                for key in objects_in(&held.letter.body) {
                    is_needed |= self.client.has_object(bucket, &key).await?;
                }
                if is_needed {
                    others.push(held);
                } else {
                    self.client.drop(notices, &held).await?;
                }
            }
        }
        Ok(self.client.put_back(notices, &others).await?)
    }
}

/// All letters of a queue that no other reader has leased. They are returned to the queue at once. The messages that S3
/// sends when a bucket's notifications are set are no letters, and are deleted.
async fn all_of(client: &DeadLetterClient, queue: &LetterQueue) -> Result<Vec<Lease>, DeadLetterError> {
    let mut letters = Vec::new();
    while letters.len() < MOST {
        let page = client.take(queue).await?;
        if page.is_empty() {
            break;
        }
        for held in page {
            if is_test(&held.letter.body) {
                client.drop(queue, &held).await?;
            } else {
                letters.push(held);
            }
        }
    }
    client.put_back(queue, &letters).await?;
    Ok(letters)
}

fn count(letters: usize, more: &str) -> String {
    match letters {
        0 => "none".to_owned(),
        1 => "1 letter".to_owned(),
        count => format!("{count} letters{more}"),
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
    use super::*;

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
