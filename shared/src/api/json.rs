//! JSON bodies, strictly: an object with a duplicate key is refused, at any depth. `serde_json` alone keeps the last.
//!
//! A body is parsed once. The value serves both the fields and the digest of the idempotency key.

use std::{cell::RefCell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::FieldErrors;
use crate::domain::Invalid;

/// The most duplicates that an answer lists, so that its size stays in proportion to that of the body.
const MAX_DUPLICATES: usize = 50;

/// The most characters of a path in an answer, for the same reason.
const MAX_PATH: usize = 300;

/// Reads a body.
///
/// # Errors
/// If it is not JSON, or an object in it has a duplicate key.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, FieldErrors> {
    let duplicates = RefCell::new(Vec::new());
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let parsed = Strict { path: String::new(), duplicates: &duplicates }.deserialize(&mut deserializer);
    let Some(mut value) = parsed.and_then(|value| deserializer.end().map(|()| value)).ok() else {
        return Err(FieldErrors::one("body", Invalid::Json));
    };
    let mut errors = FieldErrors::default();
    duplicates.into_inner().into_iter().for_each(|path| errors.push(path, Invalid::Duplicate));
    errors.check()?;
    // The order of fields does not change the meaning of a request.
    value.sort_all_objects();
    Ok(value)
}

/// Reads the value at a path, and collects the duplicates below it.
struct Strict<'d> {
    path: String,
    duplicates: &'d RefCell<Vec<String>>,
}

impl Strict<'_> {
    fn below(&self, path: String) -> Strict<'_> {
        Strict { path, duplicates: self.duplicates }
    }

    fn member(&self, key: &str) -> String {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        path.chars().take(MAX_PATH).collect()
    }

    fn note_duplicate(&self, key: &str) {
        let mut duplicates = self.duplicates.borrow_mut();
        let path = self.member(key);
        if duplicates.len() < MAX_DUPLICATES && !duplicates.contains(&path) {
            duplicates.push(path);
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a number of JSON"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(self.below(format!("{}[{}]", self.path, values.len())))? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            if object.contains_key(&key) {
                self.note_duplicate(&key);
            }
            let value = members.next_value_seed(self.below(self.member(&key)))?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn duplicates(body: &str) -> Vec<String> {
        parse(body.as_bytes()).unwrap_err().names().map(str::to_owned).collect()
    }

    #[test]
    fn a_body_without_duplicates_is_read_as_serde_json_reads_it() {
        for body in [
            r#"{"b":[1,-1,1.5,true,null,"a\u0041",{"x":{}}],"a":18446744073709551615}"#,
            "[]",
            "1e3",
            r#""\ud83d\ude00""#,
            "  null ",
        ] {
            assert_eq!(parse(body.as_bytes()).unwrap(), serde_json::from_str::<Value>(body).unwrap(), "{body}");
        }
        assert_eq!(parse(br#"{"b":1,"a":2}"#).unwrap().to_string(), json!({ "a": 2, "b": 1 }).to_string());
    }

    #[test]
    fn a_key_named_twice_is_refused_at_any_depth() {
        assert_eq!(duplicates(r#"{"amount":100,"amount":99999900}"#), ["amount"]);
        assert_eq!(duplicates(r#"{"amount":100,"\u0061mount":100,"amount":1}"#), ["amount"]);
        let nested = r#"{"items":[{"a":1},{"productId":"tea","productId":"cup","x":{"y":1,"y":1}}],"items":[]}"#;
        assert_eq!(duplicates(nested), ["items[1].productId", "items[1].x.y", "items"]);
        assert_eq!(duplicates(r#"[{"a":1,"a":1}]"#), ["[0].a"]);
    }

    #[test]
    fn a_body_that_is_not_json_is_said_to_be_so() {
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        for body in ["", "{", "{}{}", "nonsense", r#"{"a":1,}"#, "1e999", r#""\ud800""#, "\u{0}", deep.as_str()] {
            assert_eq!(duplicates(body), ["body"], "{:.20}", body);
        }
    }

    #[test]
    fn the_answer_to_many_duplicates_stays_small() {
        let long = "k".repeat(20_000);
        let pairs: Vec<String> = (0..2_000).map(|n| format!(r#""{n}":1,"{n}":1"#)).collect();
        let found = duplicates(&format!(r#"{{"{long}":{{{}}}}}"#, pairs.join(",")));
        assert!(found.len() <= MAX_DUPLICATES && found.iter().all(|path| path.len() <= MAX_PATH), "{}", found.len());
    }
}
