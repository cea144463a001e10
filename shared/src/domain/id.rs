//! Identifiers: opaque strings of 1–64 characters of `[A-Za-z0-9_-]`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Invalid;

pub const MAX_LENGTH: usize = 64;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
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

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
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
    /// The id of a user, and of their account.
    UserId
}
id! {
    /// The id of a product.
    ProductId
}
id! {
    /// The id of a coupon campaign.
    CouponId
}
id! {
    /// The id of an order.
    OrderId
}
id! {
    /// The id of a line within its order: its number.
    OrderItemId
}
id! {
    /// The id of a parcel within its order: its number.
    ParcelId
}
id! {
    /// The id of a claim: its order, and its number in it.
    ClaimId
}
id! {
    /// The id of an order sheet.
    OrderSheetId
}
id! {
    /// The id of a payment: the shop chooses it for a payment session, else the external payment system.
    PaymentId
}

id! {
    /// The id of a withdrawal.
    WithdrawalId
}

id! {
    /// The id of an export.
    ExportId
}

id! {
    /// The id of a drop.
    DropId
}

impl OrderItemId {
    /// The number of the line with this id, from 1; nothing if no line can have it.
    pub fn number(&self) -> Option<usize> {
        part_number(&self.0)
    }
}

impl ParcelId {
    /// The number of the parcel with this id, from 1; nothing if no parcel can have it.
    pub fn number(&self) -> Option<usize> {
        part_number(&self.0)
    }
}

impl ClaimId {
    /// The id of the claim with a number, from 1, in an order.
    pub fn from_order(order: &OrderId, number: usize) -> Option<Self> {
        Self::try_from(format!("{CLAIM}{number}_{order}")).ok()
    }

    /// The order and the number of the claim with this id; nothing if no claim can have it.
    pub fn parts(&self) -> Option<(OrderId, usize)> {
        let (number, order) = self.0.strip_prefix(CLAIM)?.split_once('_')?;
        Some((OrderId::try_from(order.to_owned()).ok()?, part_number(number)?))
    }
}

const CLAIM: &str = "claim_";

fn part_number(id: &str) -> Option<usize> {
    id.parse().ok().filter(|number: &usize| *number > 0 && number.to_string() == id)
}

impl PaymentId {
    /// The id of the session in which an order is paid. No other payment has an id that begins so.
    pub fn from_order(order: &OrderId) -> Option<Self> {
        Self::try_from(format!("{ORDER_SESSION}{order}")).ok()
    }

    /// The order that is paid in the session with this id, if it is one of an order.
    pub fn order(&self) -> Option<OrderId> {
        OrderId::try_from(self.0.strip_prefix(ORDER_SESSION)?.to_owned()).ok()
    }
}

const ORDER_SESSION: &str = "order_";

/// One of `count` buckets, always the same for an id. All spreading over partitions uses it.
pub fn bucket(id: &str, count: u16) -> u16 {
    let sum = id.bytes().fold(0_u16, |sum, byte| sum.wrapping_mul(31).wrapping_add(u16::from(byte)));
    sum.checked_rem(count).unwrap_or(0)
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
    fn ids_spread_over_the_buckets() {
        let mut ids = [0; 16];
        for number in 0..16_000 {
            ids[usize::from(bucket(&format!("order{number}"), 16))] += 1;
        }
        assert!(ids.iter().all(|&count| (700..1_300).contains(&count)), "{ids:?}");
        assert_eq!(bucket("order", 0), 0);
    }

    #[test]
    fn a_line_is_named_by_its_number_in_one_way() {
        let number = |text: &str| OrderItemId::try_from(text.to_owned()).unwrap().number();
        assert_eq!((number("1"), number("50")), (Some(1), Some(50)));
        for nobody in ["0", "01", "-1", "one", "99999999999999999999999"] {
            assert_eq!(number(nobody), None, "{nobody}");
        }
    }
}
