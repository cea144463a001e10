//! Answers by idempotency key.
//!
//! The provider knows a key together with method and path, for 15 days from its first use, and does not compare the
//! bodies.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::{errors::Refusal, http::Request, http::Response};

const VALID_FOR: SignedDuration = SignedDuration::from_hours(15 * 24);

const MAX_LENGTH: usize = 300;

/// The most answers that are kept. The oldest is forgotten first.
const MAX_ANSWERS: usize = 20_000;

/// A key of a request, with its method and path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key(String);

impl Key {
    /// The key of a request, if it has one.
    ///
    /// # Errors
    /// If the provider would not take it.
    pub(crate) fn of(request: &Request) -> Result<Option<Self>, Refusal> {
        match request.header("idempotency-key") {
            Some(key) if request.method == "POST" && (1..=MAX_LENGTH).contains(&key.len()) => {
                Ok(Some(Self(format!("{} {key}", request.path))))
            }
            Some(_) if request.method == "POST" => Err("INVALID_IDEMPOTENCY_KEY".into()),
            _ => Ok(None),
        }
    }
}

/// The first request of a key.
#[derive(Debug, Clone)]
enum First {
    Underway,
    Answered(Response),
}

#[derive(Debug, Default)]
pub(crate) struct Answers {
    by_key: HashMap<Key, First>,
    /// The keys in the order of their first use.
    oldest_first: VecDeque<(Timestamp, Key)>,
}

impl Answers {
    /// The answer to a repetition; none if this is the first request with the key.
    pub(crate) fn repeat(&mut self, key: &Key, now: Timestamp) -> Option<Response> {
        while let Some((at, _)) = self.oldest_first.front()
            && (now.duration_since(*at) >= VALID_FOR || self.oldest_first.len() > MAX_ANSWERS)
            && let Some((_, oldest)) = self.oldest_first.pop_front()
        {
            self.by_key.remove(&oldest);
        }
        self.by_key.get(key).map(|first| match first {
            First::Underway => Refusal::from("IDEMPOTENT_REQUEST_PROCESSING").response(),
            First::Answered(response) => response.clone(),
        })
    }

    /// Notes that the request with this key is being carried out.
    pub(crate) fn begin(&mut self, key: &Key, now: Timestamp) {
        if self.by_key.insert(key.clone(), First::Underway).is_none() {
            self.oldest_first.push_back((now, key.clone()));
        }
    }

    /// Keeps the answer to the first request with this key.
    pub(crate) fn finish(&mut self, key: &Key, response: Response) {
        if let Some(first) = self.by_key.get_mut(key) {
            *first = First::Answered(response);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(path: &str, key: &str) -> Request {
        let headers = vec![("Idempotency-Key".to_owned(), key.to_owned())];
        Request { method: "POST".to_owned(), path: path.to_owned(), headers, body: Vec::new() }
    }

    #[test]
    fn a_key_belongs_to_its_path_and_has_a_length() {
        let key = |path: &str, key: &str| Key::of(&request(path, key));
        assert_eq!(key("/a", "k"), key("/a", "k"));
        assert_ne!(key("/a", "k"), key("/b", "k"));
        assert!(key("/a", &"k".repeat(300)).is_ok());
        assert!(key("/a", &"k".repeat(301)).is_err() && key("/a", "").is_err());
        assert_eq!(Key::of(&Request { method: "GET".to_owned(), ..request("/a", "k") }), Ok(None));
    }

    #[test]
    fn an_answer_is_repeated_for_15_days() {
        let mut answers = Answers::default();
        let key = Key::of(&request("/a", "k")).unwrap().unwrap();
        let start = Timestamp::UNIX_EPOCH;
        assert_eq!(answers.repeat(&key, start), None);
        answers.begin(&key, start);
        assert_eq!(answers.repeat(&key, start).unwrap().status, 409);
        let response = Response::json(200, &json!({ "a": 1 }));
        answers.finish(&key, response.clone());
        let almost = VALID_FOR - SignedDuration::from_millis(1);
        assert_eq!(answers.repeat(&key, start + almost), Some(response));
        assert_eq!(answers.repeat(&key, start + VALID_FOR), None);
    }

    #[test]
    fn the_answers_are_bounded() {
        let mut answers = Answers::default();
        for number in 0..=MAX_ANSWERS + 1 {
            let key = Key::of(&request("/a", &number.to_string())).unwrap().unwrap();
            assert_eq!(answers.repeat(&key, Timestamp::UNIX_EPOCH), None);
            answers.begin(&key, Timestamp::UNIX_EPOCH);
        }
        assert!(answers.by_key.len() <= MAX_ANSWERS + 1, "{}", answers.by_key.len());
    }
}
