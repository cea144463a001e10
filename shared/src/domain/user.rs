//! Users: their profiles, roles and statuses.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{ETag, Invalid, UserId, address::Address, invalid::named, text::EmailKey};

/// The role of a user in the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UserKind {
    /// Buys.
    Customer,
    /// Sells products of their own.
    Seller,
    /// Runs the shop.
    Admin,
}

named!(UserKind { "CUSTOMER" => Customer, "SELLER" => Seller, "ADMIN" => Admin });

impl UserKind {
    /// Checks that a seller has a business, and no other user has.
    ///
    /// # Errors
    /// The fault of the field that holds the business.
    pub fn check_business(self, has_business: bool) -> Result<(), Invalid> {
        match (self, has_business) {
            (Self::Seller, false) => Err(Invalid::Required),
            (Self::Customer | Self::Admin, true) => Err(Invalid::OnlyWith("kind SELLER")),
            _ => Ok(()),
        }
    }
}

/// Whether a user may charge, order and get coupons: only while active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UserStatus {
    Active,
    /// Blocked for now.
    Suspended,
    /// Has left.
    Withdrawn,
}

named!(UserStatus { "ACTIVE" => Active, "SUSPENDED" => Suspended, "WITHDRAWN" => Withdrawn });

/// A seller's business.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Seller {
    /// The name of the business.
    pub business_name: String,
    /// Its registration number.
    pub registration_number: String,
    /// The contact of its support.
    pub contact: String,
    /// Its postal address.
    pub address: String,
    /// The goods that it sells.
    pub category: String,
}

/// The personal data of a user. It is apart from the [account](super::account), so that no payment reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    pub user_id: UserId,
    pub name: String,
    pub email: String,
    /// Whether the address is claimed for this user, so that no other user can have it. Not while they are withdrawn,
    /// and not yet in a record of the first stage.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub email_claimed: bool,
    /// The identity of the address where it is stored sealed, for readers without the user's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_key: Option<EmailKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// The number of the address record that orders of now are shipped to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_number: Option<u64>,
    pub kind: UserKind,
    /// Their business, if they are a seller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller: Option<Seller>,
    /// Counts the changes, for optimistic locking.
    pub version: u64,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
    /// Absent in a record of the first stage.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub updated_at: Option<Timestamp>,
    /// The instant at which the personal data was erased for good.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub erased_at: Option<Timestamp>,
}

impl Profile {
    /// The identity of the e-mail address.
    pub fn email_key(&self) -> EmailKey {
        self.email_key.clone().unwrap_or_else(|| EmailKey::from_address(&self.email))
    }

    /// The profile without personal data, for good.
    #[must_use]
    pub fn erased(&self, now: Timestamp) -> Self {
        Self {
            name: String::new(),
            email: String::new(),
            email_claimed: false,
            email_key: None,
            phone: None,
            address: None,
            address_number: None,
            seller: None,
            version: self.version.saturating_add(1),
            updated_at: Some(now.max(self.last_updated())),
            erased_at: Some(now),
            ..self.clone()
        }
    }

    /// The address that an order of now is shipped to.
    pub fn ship_to(&self) -> Option<Address> {
        let address = self.address.clone()?;
        Some(address.or_of_user(&self.name, self.phone.as_deref()))
    }

    /// The instant of the last change, or of the creation if the record has none.
    pub fn last_updated(&self) -> Timestamp {
        self.updated_at.unwrap_or(self.created_at)
    }

    /// The entity tag of the user with this status.
    pub fn etag(&self, status: UserStatus) -> ETag {
        let Self { user_id, name, email, phone, address, kind, seller, created_at, .. } = self;
        let contact = json!([name, email, phone, address]);
        let instants = [*created_at, self.last_updated()].map(Timestamp::as_millisecond);
        ETag::from_fields(&json!([user_id, contact, kind, seller, status, instants]))
    }
}

/// The claim of an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EmailClaim {
    /// The only user with this address.
    pub user_id: UserId,
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;

    fn profile() -> Profile {
        Profile {
            user_id: UserId::try_from("mina".to_owned()).unwrap(),
            name: "Mina".to_owned(),
            email: "mina@example.com".to_owned(),
            email_claimed: true,
            email_key: None,
            phone: None,
            address: None,
            address_number: None,
            kind: UserKind::Customer,
            seller: None,
            version: 1,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: None,
            erased_at: None,
        }
    }

    #[test]
    fn sellers_have_a_business_and_nobody_else() {
        let nobody_else = Err(Invalid::OnlyWith("kind SELLER"));
        for (kind, with, without) in [
            (UserKind::Seller, Ok(()), Err(Invalid::Required)),
            (UserKind::Customer, nobody_else.clone(), Ok(())),
            (UserKind::Admin, nobody_else, Ok(())),
        ] {
            assert_eq!((kind.check_business(true), kind.check_business(false)), (with, without), "{kind:?}");
        }
    }

    #[test]
    fn a_user_without_a_change_was_last_updated_at_joining() {
        let changed_at = Timestamp::UNIX_EPOCH + 1.second();
        assert_eq!(profile().last_updated(), Timestamp::UNIX_EPOCH);
        assert_eq!(Profile { updated_at: Some(changed_at), ..profile() }.last_updated(), changed_at);
    }

    #[test]
    fn the_tag_of_a_user_changes_with_each_described_field_and_the_status() {
        let seller = Seller {
            business_name: "Mina's".to_owned(),
            registration_number: "1".to_owned(),
            contact: "2".to_owned(),
            address: "3".to_owned(),
            category: "tea".to_owned(),
        };
        let described = profile().etag(UserStatus::Active);
        for other in [
            Profile { user_id: UserId::try_from("jun".to_owned()).unwrap(), ..profile() },
            Profile { name: "Jun".to_owned(), ..profile() },
            Profile { email: "jun@example.com".to_owned(), ..profile() },
            Profile { phone: Some("1".to_owned()), ..profile() },
            Profile { address: Some(Address::from_line("1".to_owned())), ..profile() },
            Profile { kind: UserKind::Admin, ..profile() },
            Profile { seller: Some(seller), ..profile() },
            Profile { updated_at: Some(Timestamp::UNIX_EPOCH + 1.second()), ..profile() },
        ] {
            assert_ne!(other.etag(UserStatus::Active), described, "{other:?}");
        }
        assert_ne!(profile().etag(UserStatus::Suspended), described);
        let stored_otherwise = Profile { email_claimed: false, version: 2, ..profile() };
        assert_eq!(stored_otherwise.etag(UserStatus::Active), described);
    }
}
