//! Identifiers: opaque strings of 1–64 characters of `[A-Za-z0-9_-]`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Invalid;

/// Ids that stand for something else in a path, so that no product can have them.
pub const RESERVED: [&str; 3] = ["top", "best-seller", "cart"];

/// The most characters of an id.
pub const MAX_LENGTH: usize = 64;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                check(&text)?;
                Ok(Self(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// Names a user, and with it their account.
    UserId
}
id! {
    /// Names a product.
    ProductId
}
id! {
    /// Names a coupon campaign.
    CouponId
}
id! {
    /// Names an order.
    OrderId
}

impl ProductId {
    /// Whether the id is taken by a path of the API, such as `/products/top`.
    pub fn is_reserved(&self) -> bool {
        RESERVED.contains(&self.as_str())
    }
}

fn check(text: &str) -> Result<(), Invalid> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if text.is_empty() || text.len() > MAX_LENGTH || !text.bytes().all(allowed) {
        return Err(Invalid::Id);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<UserId, Invalid> {
        UserId::try_from(text.to_owned())
    }

    #[test]
    fn takes_letters_digits_dash_and_underscore() {
        assert_eq!(parse("Kim_min-su-01").unwrap().as_str(), "Kim_min-su-01");
        assert!(parse(&"x".repeat(64)).is_ok());
    }

    #[test]
    fn refuses_anything_else() {
        for text in ["", "a b", "a/b", "a%20b", "김", "a#b", &"x".repeat(65)] {
            assert_eq!(parse(text), Err(Invalid::Id), "{text:?}");
        }
    }

    #[test]
    fn stored_ids_are_checked_too() {
        assert!(serde_json::from_str::<UserId>("\"a b\"").is_err());
    }

    #[test]
    fn paths_are_reserved() {
        assert!(ProductId::try_from("best-seller".to_owned()).unwrap().is_reserved());
        assert!(!ProductId::try_from("best-sellers".to_owned()).unwrap().is_reserved());
    }
}
