//! Signatures of deliveries, by the [Standard Webhooks](https://www.standardwebhooks.com) specification.
//!
//! A delivery has three headers: its id, the time of this attempt, and a signature of both with the body. The sender
//! and the receiver share a secret. For a rotation the sender signs with two secrets, and a receiver that knows either
//! accepts.
//!
//! This is a package of its own for the sake of the local stack: there a receiver verifies, and `shared` would bring the
//! AWS SDK into each build of it.

mod secret;

use hmac::Mac as _;

pub use secret::{MalformedSecrets, Secret, Secrets};

/// The header with the id of the delivery, which is the same for each attempt.
pub const ID: &str = "webhook-id";

/// The header with the time of the attempt, in seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";

/// The header with the signatures, separated by spaces.
pub const SIGNATURE: &str = "webhook-signature";

/// The greatest difference of a timestamp to the receiver's clock, in seconds, either way. An older delivery may be a
/// replay of a captured one.
pub const TOLERANCE_SECONDS: u64 = 300;

/// The scheme of the signatures: HMAC with SHA-256.
const SCHEME: &str = "v1";

/// The signed parts of a delivery. They are joined by full stops, so an id must have none.
#[derive(Debug, Clone, Copy)]
pub struct Message<'m> {
    pub id: &'m str,
    /// The time of the attempt, in seconds since 1970.
    pub timestamp: i64,
    pub body: &'m [u8],
}

/// The reason why a delivery is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    #[error("the header {0} is missing")]
    Missing(&'static str),
    #[error("the header webhook-timestamp is not a number of seconds")]
    NoTimestamp,
    #[error("the header webhook-timestamp is more than five minutes off")]
    NotNow,
    #[error("no signature is that of a known secret")]
    NoMatch,
}

impl Secrets {
    /// The value of the header [`SIGNATURE`]: a signature by each secret.
    pub fn sign(&self, message: Message<'_>) -> String {
        let sign = |secret: &Secret| {
            let signature = data_encoding::BASE64.encode(&secret.mac(message).finalize().into_bytes());
            format!("{SCHEME},{signature}")
        };
        self.iter().map(sign).collect::<Vec<_>>().join(" ")
    }

    /// Verifies a delivery with these headers and this body, which arrived at `now` (seconds since 1970). One signature
    /// by one of the secrets is enough. The comparison takes the same time wherever signatures differ.
    ///
    /// # Errors
    /// If the delivery is not to be accepted.
    pub fn verify<'h>(
        &self,
        header: impl Fn(&'static str) -> Option<&'h str>,
        body: &[u8],
        now: i64,
    ) -> Result<(), Unverified> {
        let header = |name| header(name).ok_or(Unverified::Missing(name));
        let (id, timestamp, signatures) = (header(ID)?, header(TIMESTAMP)?, header(SIGNATURE)?);
        let timestamp: i64 = timestamp.parse().map_err(|_| Unverified::NoTimestamp)?;
        if now.abs_diff(timestamp) > TOLERANCE_SECONDS {
            return Err(Unverified::NotNow);
        }
        let message = Message { id, timestamp, body };
        // The body is hashed once for each secret, not for each signature of the header.
        let macs: Vec<_> = self.iter().map(|secret| secret.mac(message)).collect();
        let is_known = |signature: Vec<u8>| macs.iter().any(|mac| mac.clone().verify_slice(&signature).is_ok());
        if signatures.split(' ').filter_map(decode).any(is_known) { Ok(()) } else { Err(Unverified::NoMatch) }
    }
}

/// The bytes of a signature; nothing if it is malformed or of another scheme.
fn decode(signature: &str) -> Option<Vec<u8>> {
    let encoded = signature.strip_prefix(SCHEME)?.strip_prefix(',')?;
    data_encoding::BASE64.decode(encoded.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of the specification's reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const MESSAGE: Message<'_> =
        Message { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: br#"{"test": 2432232314}"# };
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    fn secrets(text: &str) -> Secrets {
        text.parse().unwrap()
    }

    /// Verifies the vector's message with these signatures, at an offset in seconds to its timestamp.
    fn verify(known: &str, signatures: &str, offset: i64) -> Result<(), Unverified> {
        let timestamp = MESSAGE.timestamp.to_string();
        let header = |name| match name {
            ID => Some(MESSAGE.id),
            TIMESTAMP => Some(timestamp.as_str()),
            _ => Some(signatures),
        };
        secrets(known).verify(header, MESSAGE.body, MESSAGE.timestamp + offset)
    }

    #[test]
    fn the_published_vector_holds() {
        assert_eq!(secrets(SECRET).sign(MESSAGE), SIGNED);
        assert_eq!(verify(SECRET, SIGNED, 0), Ok(()));
    }

    #[test]
    fn two_secrets_give_two_signatures_and_a_receiver_with_either_accepts() {
        let both = secrets(&format!("{SECRET} {OTHER}")).sign(MESSAGE);
        assert_eq!(both, format!("{SIGNED} {}", secrets(OTHER).sign(MESSAGE)));
        for known in [SECRET, OTHER, &format!("{OTHER}\n{SECRET}")] {
            assert_eq!(verify(known, &both, 0), Ok(()));
        }
        assert_eq!(verify(OTHER, SIGNED, 0), Err(Unverified::NoMatch));
    }

    #[test]
    fn another_message_or_signature_is_refused() {
        let sign = |message: Message<'_>| secrets(SECRET).sign(message);
        for signatures in [
            String::new(),
            sign(Message { id: "msg_other", ..MESSAGE }),
            sign(Message { timestamp: MESSAGE.timestamp + 1, ..MESSAGE }),
            sign(Message { body: br#"{"test":2432232314}"#, ..MESSAGE }),
            SIGNED.replace("v1,", "v2,"),
            SIGNED.replace("v1,", "v1a,"),
            SIGNED.replace("v1,", "v1"),
            SIGNED.replace("v1,", ""),
            SIGNED.replace('=', ""),
            SIGNED.replace("g0hM", "G0hM"),
            "v1,".to_owned(),
            "v1,????".to_owned(),
        ] {
            assert_eq!(verify(SECRET, &signatures, 0), Err(Unverified::NoMatch), "{signatures}");
            // Signatures that are not understood do not matter beside one that holds.
            assert_eq!(verify(SECRET, &format!("{signatures} {SIGNED}"), 0), Ok(()), "{signatures}");
        }
    }

    #[test]
    fn a_timestamp_is_five_minutes_off_at_most() {
        for offset in [-300, 0, 300] {
            assert_eq!(verify(SECRET, SIGNED, offset), Ok(()), "{offset}");
        }
        for offset in [-301, 301, i64::MAX - MESSAGE.timestamp] {
            assert_eq!(verify(SECRET, SIGNED, offset), Err(Unverified::NotNow), "{offset}");
        }
        let header = |name| if name == TIMESTAMP { Some("soon") } else { Some("") };
        assert_eq!(secrets(SECRET).verify(header, b"", 0), Err(Unverified::NoTimestamp));
    }

    #[test]
    fn every_header_is_required() {
        for missing in [ID, TIMESTAMP, SIGNATURE] {
            let header = |name| (name != missing).then_some("0");
            assert_eq!(secrets(SECRET).verify(header, b"", 0), Err(Unverified::Missing(missing)));
        }
    }
}
