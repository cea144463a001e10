//! Texts written by people: names, descriptions, addresses.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Invalid, characters};

/// A text of 1 to `MAX` characters in Normalization Form C, with something visible in it. Its length is measured after
/// normalization. Control characters and overrides of the text's direction are refused; tabs and line breaks are
/// allowed in a `LONG` text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<const MAX: usize, const LONG: bool = false>(String);

/// The name of a user, product or coupon.
pub type Name = Text<100>;
/// A telephone number as people write it.
pub type Phone = Text<40>;
/// A postal address, or the registration of a business: one line or a few.
pub type Line = Text<300, true>;
/// A product's category.
pub type Category = Text<60>;
/// A description of a product or coupon.
pub type Description = Text<4000, true>;

impl<const MAX: usize, const LONG: bool> Text<MAX, LONG> {
    pub fn into_string(self) -> String {
        self.0
    }
}

impl<const MAX: usize, const LONG: bool> TryFrom<String> for Text<MAX, LONG> {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let text = characters::normalize(&text).into_owned();
        let is_refused = |c: char| {
            let is_control = c.is_control() || characters::is_layout(c);
            characters::is_bidi_control(c) || is_control && !(LONG && characters::is_layout(c))
        };
        if text.is_empty() || text.chars().count() > MAX {
            return Err(Invalid::Length { min: 1, max: MAX });
        }
        if text.chars().any(is_refused) {
            return Err(Invalid::Characters);
        }
        if !text.chars().any(characters::is_visible) {
            return Err(Invalid::Blank);
        }
        Ok(Self(text))
    }
}

/// An e-mail address: something, one `@`, something. Only a message can tell whether it exists. It is in Normalization
/// Form C and has visible characters only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    pub const MAX_LENGTH: usize = 254;

    pub fn into_string(self) -> String {
        self.0
    }
}

impl TryFrom<String> for Email {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let text = characters::normalize(&text).into_owned();
        let plausible = text
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
        let visible = text.chars().all(characters::is_visible);
        if plausible && visible && text.len() <= Self::MAX_LENGTH { Ok(Self(text)) } else { Err(Invalid::Email) }
    }
}

/// The identity of an e-mail address in any case: a digest, so that no key of the table holds an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EmailKey(String);

impl EmailKey {
    /// The identity of an address. Letters are folded one by one, by way of their upper case (`ſ`, `S` and `s` are one
    /// letter), since a whole word's lower case depends on its neighbours (`ς`, `σ`).
    pub fn from_address(address: &str) -> Self {
        let address = characters::normalize(address);
        let folded: String = address.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
        Self(data_encoding::HEXLOWER.encode(&Sha256::digest(characters::normalize(&folded).as_bytes())))
    }

    /// The identity as text: 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for EmailKey {
    fn from(digits: String) -> Self {
        Self(digits)
    }
}

/// The identity of a telephone number: a digest of its digits, so that no key of the table holds a number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneKey(String);

impl PhoneKey {
    /// The identity of a number. Marks between the digits do not count; the Korean country code stands for a zero.
    pub fn from_number(number: &str) -> Self {
        let digits: String = characters::normalize(number).chars().filter(char::is_ascii_digit).collect();
        let is_foreign = number.trim_start().starts_with('+');
        let national = digits.strip_prefix("82").filter(|_| is_foreign).map(|rest| format!("0{rest}"));
        let text = format!("jangteo.phone.1|{}", national.unwrap_or(digits));
        Self(data_encoding::HEXLOWER.encode(&Sha256::digest(text.as_bytes())))
    }

    /// The identity as text: 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for PhoneKey {
    fn from(digits: String) -> Self {
        Self(digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_characters() {
        assert!(Text::<3>::try_from("김민수".to_owned()).is_ok());
        assert_eq!(Text::<3>::try_from("김민수씨".to_owned()), Err(Invalid::Length { min: 1, max: 3 }));
        assert_eq!(Text::<3>::try_from(String::new()), Err(Invalid::Length { min: 1, max: 3 }));
    }

    #[test]
    fn length_is_measured_after_normalization() {
        let decomposed = "\u{1100}\u{1175}\u{11B7}".repeat(50);
        assert_eq!(Text::<50>::try_from(decomposed).unwrap().into_string(), "김".repeat(50));
    }

    #[test]
    fn controls_and_overrides_are_refused() {
        for bad in ["a\0b", "a\u{7F}", "a\u{85}", "a\u{1B}[0m", "a\u{202E}b", "\u{2066}a\u{2069}"] {
            assert_eq!(Name::try_from(bad.to_owned()), Err(Invalid::Characters), "{bad:?}");
            assert_eq!(Description::try_from(bad.to_owned()), Err(Invalid::Characters), "{bad:?}");
        }
        for layout in ["a\nb", "a\tb", "a\r\nb", "a\u{2028}b"] {
            assert_eq!(Name::try_from(layout.to_owned()), Err(Invalid::Characters), "{layout:?}");
            assert!(Description::try_from(layout.to_owned()).is_ok(), "{layout:?}");
        }
        for good in ["שלום\u{200F}!", "👨\u{200D}👩\u{200D}👧", "می\u{200C}خواهم"] {
            assert!(Name::try_from(good.to_owned()).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn an_invisible_text_is_blank() {
        for blank in [" ", "\u{200B}", "\u{3164}", "\u{200F} \u{2060}", "\u{FE0F}"] {
            assert_eq!(Name::try_from(blank.to_owned()), Err(Invalid::Blank), "{blank:?}");
        }
        assert_eq!(Description::try_from("\n\t".to_owned()), Err(Invalid::Blank));
    }

    #[test]
    fn an_email_has_two_sides() {
        let of_length = |length: usize| format!("{}@x", "a".repeat(length - 2));
        for good in ["mina@example.com".to_owned(), of_length(254)] {
            assert_eq!(Email::try_from(good.clone()).map(Email::into_string), Ok(good));
        }
        for bad in ["", "mina", "@example.com", "mina@", "a@b@c", "mi na@example.com", &of_length(255)] {
            assert_eq!(Email::try_from(bad.to_owned()), Err(Invalid::Email), "{bad:?}");
        }
        for bad in ["mi\u{200B}na@example.com", "mina@example.com\0", "\u{202E}mina@example.com", "mina\u{AD}@x"] {
            assert_eq!(Email::try_from(bad.to_owned()), Err(Invalid::Email), "{bad:?}");
        }
    }

    #[test]
    fn a_number_is_one_whatever_is_written_between_its_digits() {
        let key = PhoneKey::from_number;
        assert_eq!(key("010-1234-5678"), key("01012345678"));
        assert_eq!(key("+82 10 1234 5678"), key("010-1234-5678"));
        assert_ne!(key("010-1234-5678"), key("010-1234-5679"));
        assert_ne!(key("8210"), key("010"));
    }

    #[test]
    fn an_email_is_one_whatever_its_case_and_form() {
        let key = EmailKey::from_address;
        assert_eq!(key("Mina@Example.COM"), key("mina@example.com"));
        assert_eq!(key("STRASSE@x"), key("straße@x"));
        assert_eq!(key("ΟΔΟΣ@x"), key("οδος@x"));
        assert_eq!(key("\u{1106}\u{1175}@x"), key("미@x"));
        assert_ne!(key("mina@example.com"), key("mina@example.org"));
        assert_eq!(key("a@x").as_str().len(), 64);
        assert_eq!(EmailKey::from(key("a@x").as_str().to_owned()), key("a@x"), "as it is stored");
    }
}
