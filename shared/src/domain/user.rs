//! Users: their profiles, roles and statuses.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    ETag, Invalid, UserId, Won,
    caps::{Caps, Held, Window},
    invalid::named,
    ledger::EntryHash,
};

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

/// The personal data of a user. It is apart from the [`Account`], so that no payment reads it.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
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
}

impl Profile {
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

/// The account of a user: the data that every payment reads and changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    pub status: UserStatus,
    /// The balance: always the sum of the ledger.
    pub balance: Won,
    /// The number of entries in the ledger. Every change of the balance adds one, so an unchanged sequence is an
    /// unchanged balance.
    pub sequence: u64,
    /// The hash of the last of them, for the next to chain to. It changes with the sequence only.
    #[serde(default)]
    pub head: EntryHash,
    /// Pending orders.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub held_orders: i64,
    /// Units held by these.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub held_units: i64,
    /// The hour, since 1970, of the last order refused for an insufficient balance.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed_hour: i64,
    /// The number of these orders in that hour.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed_payments: i64,
}

impl Account {
    /// The account of a new user: empty.
    pub const NEW: Self = Self {
        status: UserStatus::Active,
        balance: Won::ZERO,
        sequence: 0,
        head: EntryHash::NONE,
        held_orders: 0,
        held_units: 0,
        failed_hour: 0,
        failed_payments: 0,
    };

    /// Whether there is room for the hold of a new order.
    pub fn can_hold(&self, more: Held, caps: &Caps) -> bool {
        self.held_orders.saturating_add(more.orders) <= caps.pending_orders
            && self.held_units.saturating_add(more.units) <= caps.held_units
    }

    /// The account with another order of this hour refused for an insufficient balance.
    #[must_use]
    pub fn failed_again(self, hour: Window) -> Self {
        let failed_payments = self.failed_in(hour).saturating_add(1);
        Self { failed_hour: hour.number, failed_payments, ..self }
    }

    /// The number of orders of this hour refused for an insufficient balance.
    pub fn failed_in(&self, hour: Window) -> i64 {
        if self.failed_hour == hour.number { self.failed_payments } else { 0 }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(count: &i64) -> bool {
    *count == 0
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
            phone: None,
            address: None,
            kind: UserKind::Customer,
            seller: None,
            version: 1,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: None,
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
            Profile { address: Some("1".to_owned()), ..profile() },
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

    #[test]
    fn pending_orders_hold_up_to_each_cap_and_no_more() {
        let caps = Caps { pending_orders: 3, held_units: 10, ..Caps::DEFAULT };
        let account = Account { held_orders: 2, held_units: 6, ..Account::NEW };
        for (orders, units, is_room) in [(1, 4, true), (1, 5, false), (2, 4, false), (0, 0, true)] {
            assert_eq!(account.can_hold(Held { orders, units }, &caps), is_room, "{orders} {units}");
        }
    }

    #[test]
    fn failed_payments_are_counted_within_an_hour_of_the_clock() {
        let hour = |number| Window { number, left_s: 1 };
        let failed = Account::NEW.failed_again(hour(7)).failed_again(hour(7));
        assert_eq!((failed.failed_in(hour(7)), failed.failed_in(hour(8))), (2, 0));
        let later = failed.failed_again(hour(8));
        assert_eq!((later.failed_in(hour(7)), later.failed_in(hour(8))), (0, 1));
    }

    #[test]
    fn the_record_of_an_account_leaves_out_what_is_zero() {
        for count in [0, 1] {
            let account = Account { held_orders: count, held_units: count, failed_hour: count, ..Account::NEW };
            let record = json!(account);
            for name in ["heldOrders", "heldUnits", "failedHour"] {
                assert_eq!(record.get(name).is_some(), count != 0, "{name} {count}");
            }
        }
    }
}
