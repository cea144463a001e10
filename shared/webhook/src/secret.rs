//! Secrets, and the text in which they are kept.

use std::{fmt, str::FromStr};

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::Message;

const PREFIX: &str = "whsec_";

/// The bytes of a secret, as the specification bounds them.
const MIN_BYTES: usize = 24;
const MAX_BYTES: usize = 64;

/// The most secrets at a time: the old and the new one of a rotation.
const MAX_SECRETS: usize = 2;

/// A secret that sender and receiver share. It is kept as the state of its signature; nothing shows it.
#[derive(Clone)]
pub struct Secret(Hmac<Sha256>);

/// One secret, or the two of a rotation.
#[derive(Debug, Clone)]
pub struct Secrets(Vec<Secret>);

/// The fault of a text that should hold secrets. It names the fault and never the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedSecrets {
    #[error("there are {0} secrets, instead of one or two")]
    Count(usize),
    #[error("secret {0} does not begin with whsec_")]
    Prefix(usize),
    #[error("secret {0} is not base64 after whsec_")]
    Base64(usize),
    #[error("secret {place} has {bytes} bytes, instead of 24 to 64")]
    Length { place: usize, bytes: usize },
}

impl Secret {
    /// The text of a secret with these bytes, which must be random.
    pub fn text(random: &[u8; 32]) -> String {
        format!("{PREFIX}{}", BASE64.encode(random))
    }

    /// Parses the secret at this place, from 1, of a text.
    fn parse(place: usize, text: &str) -> Result<Self, MalformedSecrets> {
        let encoded = text.strip_prefix(PREFIX).ok_or(MalformedSecrets::Prefix(place))?;
        let key = BASE64.decode(encoded.as_bytes()).map_err(|_| MalformedSecrets::Base64(place))?;
        let length = MalformedSecrets::Length { place, bytes: key.len() };
        if !(MIN_BYTES..=MAX_BYTES).contains(&key.len()) {
            return Err(length);
        }
        Hmac::new_from_slice(&key).map(Self).map_err(|_| length)
    }

    pub(crate) fn mac(&self, Message { id, timestamp, body }: Message<'_>) -> Hmac<Sha256> {
        self.0.clone().chain_update(format!("{id}.{timestamp}.")).chain_update(body)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secrets {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter()
    }
}

/// One or two secrets, separated by white space: `whsec_` and the base64 of 24 to 64 bytes each.
impl FromStr for Secrets {
    type Err = MalformedSecrets;

    fn from_str(text: &str) -> Result<Self, MalformedSecrets> {
        let count = text.split_whitespace().count();
        if !(1..=MAX_SECRETS).contains(&count) {
            return Err(MalformedSecrets::Count(count));
        }
        (1..)
            .zip(text.split_whitespace())
            .map(|(place, text)| Secret::parse(place, text))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(bytes: usize) -> String {
        format!("whsec_{}", BASE64.encode(&vec![7; bytes]))
    }

    fn parse(text: &str) -> Result<usize, MalformedSecrets> {
        text.parse().map(|secrets: Secrets| secrets.iter().count())
    }

    #[test]
    fn one_or_two_secrets_are_separated_by_white_space() {
        assert_eq!(parse(&secret(24)), Ok(1));
        assert_eq!(parse(&format!("  {}\n", secret(64))), Ok(1));
        assert_eq!(parse(&format!("{}\t\r\n{}", secret(32), secret(24))), Ok(2));
        assert_eq!(parse(&Secret::text(&[7; 32])), Ok(1));
    }

    #[test]
    fn a_malformed_text_is_refused_with_its_fault() {
        let good = secret(24);
        for (text, fault) in [
            ("", MalformedSecrets::Count(0)),
            (" \n", MalformedSecrets::Count(0)),
            (&format!("{good} {good} {good}"), MalformedSecrets::Count(3)),
            ("C2FVsBQIhrscChlQIMV+b5sSYspob7oD", MalformedSecrets::Prefix(1)),
            (&good.to_uppercase(), MalformedSecrets::Prefix(1)),
            (&format!("{good} whpk_{good}"), MalformedSecrets::Prefix(2)),
            ("whsec_C2FVsBQI-hrsc", MalformedSecrets::Base64(1)),
            (secret(25).trim_end_matches('='), MalformedSecrets::Base64(1)),
            ("whsec_", MalformedSecrets::Length { place: 1, bytes: 0 }),
            (&secret(23), MalformedSecrets::Length { place: 1, bytes: 23 }),
            (&format!("{good} {}", secret(65)), MalformedSecrets::Length { place: 2, bytes: 65 }),
        ] {
            assert_eq!(parse(text), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn nothing_shows_a_secret() {
        let text = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        assert_eq!(format!("{:?}", text.parse::<Secrets>().unwrap()), "Secrets([Secret, Secret])");
        for malformed in ["whsec_hunter2", "hunter2", "whsec_aHVudGVyMg=="] {
            let shown = malformed.parse::<Secrets>().unwrap_err();
            let shown = format!("{shown} {shown:?}");
            assert!(!shown.contains("unter") && !shown.contains("aHVu"), "{shown}");
        }
    }
}
