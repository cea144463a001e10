//! Entity tags: a client that read a thing can make its change depend on the state that it read.
//!
//! A tag is a digest of the public fields, not the stored version. The version also counts changes that no answer shows
//! (another number of shards, a sweep, a migration). Two states with equal fields share a tag;
//! a client that means one of them means the other as well. Races stay exact because the commit asserts the version of
//! the very record that the tag was computed from.

use std::fmt;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Hexadecimal digits of a tag: 128 bits.
const LENGTH: usize = 32;

/// A strong entity tag, without its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// The tag of a thing with these public fields.
    pub fn from_fields(fields: &Value) -> Self {
        let mut digits = data_encoding::HEXLOWER.encode(&Sha256::digest(fields.to_string()));
        digits.truncate(LENGTH);
        Self(digits)
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The condition of a client on a change (`If-Match`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Precondition {
    #[default]
    None,
    /// The thing exists (`*`).
    Exists,
    /// The thing's tag is one of these. Weak tags are left out: they match nothing.
    OneOf(Vec<String>),
}

/// The thing does not meet the condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mismatch;

impl Precondition {
    /// Checks the condition against the tag of an existing thing.
    ///
    /// # Errors
    /// [`Mismatch`].
    pub fn check(&self, current: &ETag) -> Result<(), Mismatch> {
        match self {
            Self::OneOf(tags) if !tags.contains(&current.0) => Err(Mismatch),
            Self::None | Self::Exists | Self::OneOf(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_fields_have_equal_tags_and_no_others() {
        let tag = ETag::from_fields(&json!(["mina", 1, null]));
        assert_eq!(tag, ETag::from_fields(&json!(["mina", 1, null])));
        assert_eq!(tag.to_string().len(), LENGTH);
        for other in [json!(["mina", 1, ""]), json!(["mina", 2, null]), json!(["mina", "1", null])] {
            assert_ne!(tag, ETag::from_fields(&other), "{other}");
        }
    }

    #[test]
    fn a_precondition_names_the_current_tag_or_any() {
        let current = ETag::from_fields(&json!([1]));
        let one_of = |tags: &[&str]| Precondition::OneOf(tags.iter().map(|tag| (*tag).to_owned()).collect());
        assert_eq!(Precondition::None.check(&current), Ok(()));
        assert_eq!(Precondition::Exists.check(&current), Ok(()));
        assert_eq!(one_of(&["stale", &current.to_string()]).check(&current), Ok(()));
        assert_eq!(one_of(&["stale"]).check(&current), Err(Mismatch));
        assert_eq!(one_of(&[]).check(&current), Err(Mismatch));
    }
}
