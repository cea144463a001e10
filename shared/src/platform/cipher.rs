//! Texts that are sealed: encrypted by AES-256-GCM, in a form that fits wherever the plain text was stored.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use data_encoding::BASE64_NOPAD;
use serde::{Deserialize, Serialize};

use super::Random;

/// The first character of a sealed text. No text of a client has a control character there, so a sealed text cannot be
/// taken for a plain one.
const MARK: char = '\u{1}';

const KEY_LEN: usize = 32;

/// Whether a stored text is sealed. Texts of the first stage are not.
pub fn is_sealed(text: &str) -> bool {
    text.starts_with(MARK)
}

/// A key that seals texts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CipherKey([u8; KEY_LEN]);

impl CipherKey {
    /// A new key.
    pub fn generate(random: &Random) -> Self {
        let mut bytes = [0; KEY_LEN];
        for half in bytes.chunks_exact_mut(16) {
            half.copy_from_slice(&random.bits().to_be_bytes());
        }
        Self(bytes)
    }

    /// Seals a text. `place` names the record and the field of the text: the sealed text opens nowhere else.
    pub fn seal(&self, random: &Random, place: &str, text: &str) -> Option<String> {
        let mut nonce = [0; NONCE_LEN];
        nonce.iter_mut().zip(random.bits().to_be_bytes()).for_each(|(to, from)| *to = from);
        let mut sealed = text.as_bytes().to_vec();
        let key = self.cipher()?;
        let nonce_used = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(nonce_used, Aad::from(place.as_bytes()), &mut sealed).ok()?;
        let mut bytes = nonce.to_vec();
        bytes.append(&mut sealed);
        Some(format!("{MARK}{}", BASE64_NOPAD.encode(&bytes)))
    }

    /// The plain text; none if it was sealed with another key or for another place, or changed since.
    pub fn open(&self, place: &str, sealed: &str) -> Option<String> {
        let bytes = BASE64_NOPAD.decode(sealed.strip_prefix(MARK)?.as_bytes()).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let text = self.cipher()?.open_in_place(nonce, Aad::from(place.as_bytes()), &mut sealed).ok()?;
        String::from_utf8(text.to_vec()).ok()
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, &self.0).ok().map(LessSafeKey::new)
    }
}

impl fmt::Debug for CipherKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CipherKey")
    }
}

impl From<CipherKey> for String {
    fn from(key: CipherKey) -> Self {
        BASE64_NOPAD.encode(&key.0)
    }
}

/// The text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not 32 bytes in Base64")]
pub struct NotAKey;

impl TryFrom<String> for CipherKey {
    type Error = NotAKey;

    fn try_from(text: String) -> Result<Self, NotAKey> {
        let bytes = BASE64_NOPAD.decode(text.as_bytes()).map_err(|_| NotAKey)?;
        bytes.try_into().map(Self).map_err(|_| NotAKey)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn counter() -> Random {
        let next = AtomicU64::new(1);
        Random::new(move || u128::from(next.fetch_add(1, Ordering::SeqCst)) << 90)
    }

    #[test]
    fn a_sealed_text_opens_with_its_key_in_its_place_only() {
        let random = counter();
        let (key, other) = (CipherKey::generate(&random), CipherKey::generate(&random));
        let sealed = key.seal(&random, "mina|PROFILE|name", "김민아").unwrap();
        assert!(is_sealed(&sealed) && !sealed.contains("김민아"));
        assert_eq!(key.open("mina|PROFILE|name", &sealed).as_deref(), Some("김민아"));
        assert_eq!(key.open("jun|PROFILE|name", &sealed), None);
        assert_eq!(other.open("mina|PROFILE|name", &sealed), None);
        assert_ne!(key.seal(&random, "mina|PROFILE|name", "김민아").unwrap(), sealed, "a nonce serves once");
        let mut changed = sealed.clone();
        let last = if changed.pop() == Some('A') { 'B' } else { 'A' };
        changed.push(last);
        assert_eq!(key.open("mina|PROFILE|name", &changed), None);
        for damaged in ["", "\u{1}", "\u{1}AAAA", "plain"] {
            assert_eq!(key.open("mina|PROFILE|name", damaged), None, "{damaged:?}");
        }
    }

    #[test]
    fn a_key_is_stored_as_text_and_never_shown() {
        let key = CipherKey::generate(&counter());
        let text = String::from(key.clone());
        assert_eq!(CipherKey::try_from(text.clone()), Ok(key.clone()));
        assert!(!format!("{key:?}").contains(&text));
        assert_eq!(CipherKey::try_from("AAAA".to_owned()), Err(NotAKey));
    }
}
