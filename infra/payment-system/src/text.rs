//! Texts made of others: times in Seoul, keys and tokens.

use data_encoding::HEXUPPER;
use jiff::{
    Timestamp,
    civil::Date,
    tz::{Offset, offset},
};
use sha2::{Digest as _, Sha256};

/// Seoul has had no summer time since 1988.
const SEOUL: Offset = offset(9);

/// An instant to the second, as the provider writes it.
pub(crate) fn instant(at: Timestamp) -> String {
    let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
    whole.display_with_offset(SEOUL).to_string()
}

/// The time of day in Seoul, without an offset: the form of notices.
pub(crate) fn local(at: Timestamp) -> String {
    SEOUL.to_datetime(at).to_string()
}

/// The day in Seoul.
pub(crate) fn day(at: Timestamp) -> Date {
    SEOUL.to_datetime(at).date()
}

/// A text of 32 digits that is always the same for these parts.
pub(crate) fn token(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    format!("{:.32}", HEXUPPER.encode(&hash.finalize()))
}
