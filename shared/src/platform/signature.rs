//! Signatures of texts that leave the shop and come back: HMAC with SHA-256.

use std::fmt;

use aws_lc_rs::hmac;
use data_encoding::BASE64_NOPAD;
use serde::{Deserialize, Serialize};

use super::Random;

/// The bytes of a key, and of a signature.
pub const SIGNATURE_LEN: usize = 32;

/// A key that signs texts. Nothing shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SigningKey([u8; SIGNATURE_LEN]);

impl SigningKey {
    /// A new key.
    pub fn generate(random: &Random) -> Self {
        let mut bytes = [0; SIGNATURE_LEN];
        for half in bytes.chunks_exact_mut(16) {
            half.copy_from_slice(&random.bits().to_be_bytes());
        }
        Self(bytes)
    }

    pub fn sign(&self, text: &str) -> [u8; SIGNATURE_LEN] {
        let tag = hmac::sign(&self.key(), text.as_bytes());
        let mut signature = [0; SIGNATURE_LEN];
        signature.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        signature
    }

    /// Whether a text has this signature. The comparison takes the same time wherever signatures differ.
    pub fn verify(&self, text: &str, signature: &[u8; SIGNATURE_LEN]) -> bool {
        hmac::verify(&self.key(), text.as_bytes(), signature).is_ok()
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

impl From<SigningKey> for String {
    fn from(key: SigningKey) -> Self {
        BASE64_NOPAD.encode(&key.0)
    }
}

/// The text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not 32 bytes in Base64")]
pub struct NotASigningKey;

impl TryFrom<String> for SigningKey {
    type Error = NotASigningKey;

    fn try_from(text: String) -> Result<Self, NotASigningKey> {
        let bytes = BASE64_NOPAD.decode(text.as_bytes()).map_err(|_| NotASigningKey)?;
        bytes.try_into().map(Self).map_err(|_| NotASigningKey)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn a_signature_is_of_one_text_and_one_key() {
        let next = AtomicU64::new(1);
        let random = Random::new(move || u128::from(next.fetch_add(1, Ordering::SeqCst)) << 90);
        let (key, other) = (SigningKey::generate(&random), SigningKey::generate(&random));
        let signature = key.sign("drop|mina|7");
        assert!(key.verify("drop|mina|7", &signature));
        assert!(!key.verify("drop|mina|8", &signature) && !other.verify("drop|mina|7", &signature));
        let text = String::from(key.clone());
        assert_eq!(SigningKey::try_from(text.clone()), Ok(key.clone()));
        assert!(!format!("{key:?}").contains(&text));
        assert_eq!(SigningKey::try_from("AAAA".to_owned()), Err(NotASigningKey));
    }
}
