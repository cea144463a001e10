//! Relations: the items that must agree with each other, by the id that they share.
//!
//! Each check of more than one item belongs to one relation. An audit that has not enough memory for all relations takes
//! them in several passes, by a hash of their ids.

use serde::{Deserialize, Serialize};
use shared::{
    domain::{CouponId, DropId, OrderId, OrderSheetId, PaymentId, ProductId, UserId, WithdrawalId},
    store::keys,
};

use crate::report::Subject;

/// Items that must agree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Relation {
    /// A user's account, profile, ledger and held orders.
    Account(UserId),
    /// A user's profile, account and claims of e-mail addresses.
    Email(UserId),
    /// A seller's account and products.
    Seller(UserId),
    /// A product, its stock, its orders and its count of units sold.
    Product(ProductId),
    /// A campaign, its counters, its tickets, and the shards of its budget.
    Campaign(CouponId),
    /// The budget of a campaign, and its orders.
    Budget(CouponId),
    /// A user's coupons of a campaign, with their tickets and orders.
    Holder(CouponId, UserId),
    /// An order with its payments and its part of the ledger.
    Order(OrderId),
    /// The payment of an external system and the orders that it is for.
    Payment(PaymentId),
    /// A user's payment session and its part of the ledger.
    Session(UserId, PaymentId),
    /// A user's withdrawal and its part of the ledger.
    Withdrawal(UserId, WithdrawalId),
    Sheet(OrderSheetId),
    /// A user's counters of the purchase limits of a product, and the orders that they count.
    Limit(ProductId, UserId),
    /// The quotas of the timed offers of a product, and its orders.
    Quota(ProductId),
    /// A processed-event record and the rebuild of its generation.
    Mark(String),
    /// A drop, its counters and its numbers.
    Drop(DropId),
}

/// The kind and the ids of a relation, borrowed.
type Identity<'a> = (u8, &'a str, &'a str);

impl Relation {
    /// The thing that the relation is about.
    pub(crate) fn subject(&self) -> Subject {
        match self {
            Self::Account(user) | Self::Email(user) | Self::Seller(user) | Self::Limit(_, user) => {
                Subject::User(user.clone())
            }
            Self::Product(product) | Self::Quota(product) => Subject::Product(product.clone()),
            Self::Campaign(coupon) | Self::Budget(coupon) => Subject::Coupon(coupon.clone()),
            Self::Holder(coupon, user) => Subject::UserCoupon(user.clone(), coupon.clone()),
            Self::Order(order) => Subject::Order(order.clone()),
            Self::Payment(payment) => {
                let key = keys::payment_claim(payment);
                Subject::Item(key.pk, key.sk)
            }
            Self::Session(_, payment) => {
                let key = keys::session(payment);
                Subject::Item(key.pk, key.sk)
            }
            Self::Withdrawal(_, withdrawal) => {
                let key = keys::withdrawal(withdrawal);
                Subject::Item(key.pk, key.sk)
            }
            Self::Sheet(sheet) => Subject::Sheet(sheet.clone()),
            Self::Mark(event) => {
                let key = keys::counted(event);
                Subject::Item(key.pk, key.sk)
            }
            Self::Drop(drop) => {
                let key = keys::drop(drop);
                Subject::Item(key.pk, key.sk)
            }
        }
    }

    fn identity(&self) -> Identity<'_> {
        match self {
            Self::Account(user) => account(user),
            Self::Email(user) => email(user),
            Self::Seller(user) => seller(user),
            Self::Product(id) => product(id),
            Self::Campaign(id) => campaign(id),
            Self::Budget(id) => budget(id),
            Self::Holder(coupon, user) => holder(coupon, user),
            Self::Order(id) => order(id),
            Self::Payment(id) => payment(id),
            Self::Session(user, id) => session(user, id),
            Self::Withdrawal(user, id) => withdrawal(user, id),
            Self::Sheet(id) => sheet(id),
            Self::Limit(product, user) => limit(product, user),
            Self::Quota(id) => quota(id),
            Self::Mark(event) => mark(event),
            Self::Drop(id) => drop(id),
        }
    }
}

pub(crate) fn account(user: &UserId) -> Identity<'_> {
    (0, user.as_str(), "")
}

pub(crate) fn email(user: &UserId) -> Identity<'_> {
    (1, user.as_str(), "")
}

pub(crate) fn seller(user: &UserId) -> Identity<'_> {
    (2, user.as_str(), "")
}

pub(crate) fn product(id: &ProductId) -> Identity<'_> {
    (3, id.as_str(), "")
}

pub(crate) fn campaign(id: &CouponId) -> Identity<'_> {
    (4, id.as_str(), "")
}

pub(crate) fn budget(id: &CouponId) -> Identity<'_> {
    (12, id.as_str(), "")
}

pub(crate) fn holder<'a>(coupon: &'a CouponId, user: &'a UserId) -> Identity<'a> {
    (5, user.as_str(), coupon.as_str())
}

pub(crate) fn order(id: &OrderId) -> Identity<'_> {
    (6, id.as_str(), "")
}

pub(crate) fn payment(id: &PaymentId) -> Identity<'_> {
    (7, id.as_str(), "")
}

pub(crate) fn session<'a>(user: &'a UserId, id: &'a PaymentId) -> Identity<'a> {
    (10, user.as_str(), id.as_str())
}

pub(crate) fn withdrawal<'a>(user: &'a UserId, id: &'a WithdrawalId) -> Identity<'a> {
    (11, user.as_str(), id.as_str())
}

pub(crate) fn sheet(id: &OrderSheetId) -> Identity<'_> {
    (8, id.as_str(), "")
}

pub(crate) fn drop(id: &DropId) -> Identity<'_> {
    (13, id.as_str(), "")
}

pub(crate) fn limit<'a>(product: &'a ProductId, user: &'a UserId) -> Identity<'a> {
    (12, product.as_str(), user.as_str())
}

pub(crate) fn quota(id: &ProductId) -> Identity<'_> {
    (14, id.as_str(), "")
}

pub(crate) fn mark(event: &str) -> Identity<'_> {
    (9, event, "")
}

/// A range of the hashes of ids, both ends included: the share that one pass takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashRange {
    pub first: u64,
    pub last: u64,
}

impl HashRange {
    pub const ALL: Self = Self::from_first(0);

    /// All hashes from this one on.
    pub const fn from_first(first: u64) -> Self {
        Self { first, last: u64::MAX }
    }

    /// Whether the hash of the two ids is in the range.
    pub fn has(&self, id: &str, beside: &str) -> bool {
        *self == Self::ALL || (self.first..=self.last).contains(&hash(id, beside))
    }

    /// The first half; nothing if there is only one hash.
    pub fn halved(&self) -> Option<Self> {
        let Self { first, last } = *self;
        (first < last).then(|| Self { first, last: first + (last - first) / 2 })
    }

    /// The first hash behind the range.
    pub fn next(&self) -> Option<u64> {
        self.last.checked_add(1)
    }
}

/// The relations that an auditor checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    Hashes(HashRange),
    One(Relation),
}

impl Selection {
    pub(crate) const ALL: Self = Self::Hashes(HashRange::ALL);

    pub(crate) fn has(&self, identity: Identity<'_>) -> bool {
        match self {
            Self::Hashes(range) => range.has(identity.1, identity.2),
            Self::One(relation) => relation.identity() == identity,
        }
    }

    pub(crate) fn has_relation(&self, relation: &Relation) -> bool {
        self.has(relation.identity())
    }

    /// The first half of the hashes; nothing if there is only one.
    pub(crate) fn halved(&self) -> Option<Self> {
        match self {
            Self::Hashes(range) => range.halved().map(Self::Hashes),
            Self::One(_) => None,
        }
    }
}

/// A hash of two ids, the same in every build: FNV-1a, with the finalizer of MurmurHash3, since a range of hashes goes by
/// the highest bits.
fn hash(id: &str, beside: &str) -> u64 {
    let bytes = id.bytes().chain([b'#']).chain(beside.bytes());
    let mut hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_relation_is_in_one_of_the_halves() {
        let half = HashRange::ALL.halved().expect("halves");
        let rest = HashRange::from_first(half.next().expect("a rest"));
        let ids: Vec<String> = (0..1_000).map(|number| format!("o{number:06}")).collect();
        let in_half = ids.iter().filter(|id| half.has(id, "")).count();
        assert!(ids.iter().all(|id| half.has(id, "") != rest.has(id, "")));
        assert!((400..600).contains(&in_half), "{in_half} of 1,000");
        assert_eq!(HashRange { first: 7, last: 7 }.halved(), None);
    }
}
