//! Texts that people write: names, descriptions, addresses.

use super::Invalid;

/// A text of 1 to `MAX` characters with something other than white space in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<const MAX: usize>(String);

/// The name of a user, product or coupon.
pub type Name = Text<100>;
/// A telephone number as people write it.
pub type Phone = Text<40>;
/// A postal address, or the registration of a business: one line or a few.
pub type Line = Text<300>;
/// A product's category.
pub type Category = Text<60>;
/// A description of a product or coupon.
pub type Description = Text<4000>;

impl<const MAX: usize> Text<MAX> {
    /// The text itself.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl<const MAX: usize> TryFrom<String> for Text<MAX> {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        if text.trim().is_empty() || text.chars().count() > MAX {
            return Err(Invalid::Length { min: 1, max: MAX });
        }
        Ok(Self(text))
    }
}

/// An e-mail address: something, one `@`, something. Whether it exists only a message to it can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// The most characters of an address.
    pub const MAX_LENGTH: usize = 254;

    /// The address itself.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl TryFrom<String> for Email {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        let plausible = text
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
        let printable = !text.chars().any(|c| c.is_whitespace() || c.is_control());
        if plausible && printable && text.len() <= Self::MAX_LENGTH { Ok(Self(text)) } else { Err(Invalid::Email) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_characters() {
        assert!(Text::<3>::try_from("김민수".to_owned()).is_ok());
        assert_eq!(Text::<3>::try_from("김민수씨".to_owned()), Err(Invalid::Length { min: 1, max: 3 }));
        assert!(Text::<3>::try_from("  ".to_owned()).is_err());
    }

    #[test]
    fn an_email_has_two_sides() {
        assert!(Email::try_from("mina@example.com".to_owned()).is_ok());
        for bad in
            ["", "mina", "@example.com", "mina@", "a@b@c", "mi na@example.com", &format!("{}@x", "a".repeat(254))]
        {
            assert_eq!(Email::try_from(bad.to_owned()), Err(Invalid::Email), "{bad:?}");
        }
    }
}
