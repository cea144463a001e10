//! The report of an audit.

use std::fmt;

use crate::{
    Progress, Scope,
    findings::{Found, Suspects},
    sales::Best,
};
use serde::{Deserialize, Serialize};
use shared::domain::{CouponId, OrderId, OrderSheetId, ProductId, UserId};

/// The result of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub scope: Scope,
    /// The figures of the audited items.
    pub figures: Figures,
    /// The violations, in the order of the invariants; at most the first 10,000.
    pub violations: Vec<Violation>,
    /// The number of violations beyond those.
    pub omitted: u64,
    /// Those of the violations that one item shows by itself, so that no concurrent write explains them.
    pub(crate) certain: Vec<Violation>,
    /// The relations of the others.
    pub(crate) suspects: Suspects,
    /// The number of suspects beyond those.
    pub(crate) unnamed: u64,
    pub(crate) best: Option<Best>,
}

/// The number of violations that are kept of several passes, as of one.
const MAX_KEPT: usize = 10_000;

impl Report {
    pub(crate) fn of_pass(scope: Scope, figures: Figures, found: Found, best: Option<Best>) -> Self {
        let Found { certain, apparent, suspects, omitted, unnamed } = found;
        let mut violations: Vec<Violation> = certain.iter().cloned().chain(apparent).collect();
        violations.sort();
        Self { scope, figures, violations, omitted, certain, suspects, unnamed, best }
    }

    /// Adds the report of another pass over the same table.
    pub(crate) fn add(&mut self, other: Self) {
        self.figures.add(&other.figures);
        self.violations.extend(other.violations);
        self.violations.sort();
        let beyond = self.violations.len().saturating_sub(MAX_KEPT);
        self.violations.truncate(MAX_KEPT);
        self.omitted += other.omitted + u64::try_from(beyond).unwrap_or(u64::MAX);
        self.certain.extend(other.certain);
        self.suspects.extend(other.suspects);
        self.unnamed += other.unnamed;
        if let Some((best, other)) = self.best.as_mut().zip(other.best) {
            best.add(other);
        }
    }

    /// Checks that need all passes.
    pub(crate) fn close(&mut self) {
        let Some(best) = self.best.take() else { return };
        let certain = best.violations();
        self.certain.extend(certain.iter().cloned());
        self.violations.extend(certain);
        self.violations.sort();
    }

    /// Whether there is no violation.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty() && self.omitted == 0
    }
}

impl From<&Progress> for Report {
    fn from(progress: &Progress) -> Self {
        let certain = progress.wrong.iter().cloned().collect();
        let found = Found { certain, omitted: progress.omitted, ..Found::default() };
        Self::of_pass(progress.scope, progress.figures, found, None)
    }
}

/// One line for each violation; one line of figures if there is none.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() && self.scope == Scope::Ledgers {
            let Figures { users, held_won, ledger_entries, .. } = self.figures;
            return writeln!(f, "{ledger_entries} ledger entries of {users} users chain, {held_won} won held");
        }
        if self.is_clean() {
            return writeln!(f, "{}", self.figures);
        }
        for violation in &self.violations {
            writeln!(f, "{violation}")?;
        }
        if self.omitted > 0 {
            writeln!(f, "and {} more", self.omitted)?;
        }
        Ok(())
    }
}

/// A rule of the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Invariant {
    /// Every item can be read as the kind that its key names. The other invariants cover readable items only.
    Records,
    /// 1: a balance is the sum of its ledger.
    Balances,
    /// 2: received units are in stock, reserved, or in live orders.
    Stock,
    /// 3: a campaign issues no more than it has, one coupon to a user, each used once.
    Coupons,
    /// 4: an order adds up, and its history explains it.
    Orders,
    /// 5: the bestsellers equal a recount of the orders.
    Sales,
    /// 7: a hold or an order sheet ends soon after its expiry.
    Holds,
    /// A product or campaign is in the index by time where its list is read.
    Lists,
    /// Payments of the external system and their orders agree.
    Payments,
    /// The counters of purchase limits equal the live units of the orders.
    Limits,
    /// The quotas of timed offers have the units of the orders, and no more than they may.
    Quotas,
    /// Order sheets and their orders agree.
    Sheets,
    /// An e-mail address has one user.
    Emails,
    /// Products are paused while their sellers are not active.
    Sellers,
    /// Sealed personal data has a key, and erased data has none.
    PersonalData,
    /// The desk's rows equal a recount of the orders.
    Desk,
    /// A number of a drop's line has one customer, and serves one order of theirs.
    Drops,
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Records => "records",
            Self::Balances => "1 balances",
            Self::Stock => "2 stock",
            Self::Coupons => "3 coupons",
            Self::Orders => "4 orders",
            Self::Sales => "5 sales",
            Self::Holds => "7 holds",
            Self::Lists => "lists",
            Self::Payments => "payments",
            Self::Limits => "limits",
            Self::Quotas => "quotas",
            Self::Sheets => "sheets",
            Self::Emails => "emails",
            Self::Sellers => "sellers",
            Self::PersonalData => "personal data",
            Self::Desk => "desk",
            Self::Drops => "drops",
        })
    }
}

/// The thing that a violation is about. Only ids: a report holds no personal data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Subject {
    /// An item, by partition key and sort key.
    Item(String, String),
    /// An item that has no key.
    UnknownItem,
    User(UserId),
    Product(ProductId),
    Coupon(CouponId),
    UserCoupon(UserId, CouponId),
    Order(OrderId),
    Sheet(OrderSheetId),
    Bestsellers,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Escaped, so that an unknown key stays on its line.
            Self::Item(pk, sk) => write!(f, "item {pk:?} {sk:?}"),
            Self::UnknownItem => f.write_str("an item"),
            Self::User(user) => write!(f, "user {user}"),
            Self::Product(product) => write!(f, "product {product}"),
            Self::Coupon(coupon) => write!(f, "coupon {coupon}"),
            Self::UserCoupon(user, coupon) => write!(f, "coupon {coupon} of user {user}"),
            Self::Order(order) => write!(f, "order {order}"),
            Self::Sheet(sheet) => write!(f, "sheet {sheet}"),
            Self::Bestsellers => f.write_str("the bestsellers"),
        }
    }
}

/// One broken rule for one subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Violation {
    pub invariant: Invariant,
    pub subject: Subject,
    /// The value that was checked.
    pub rule: String,
    /// The value that the rule requires.
    pub expected: String,
    /// The value in the table.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { invariant, subject, rule, expected, found } = self;
        write!(f, "[{invariant}] {subject}: {rule}: expected {expected}, found {found}")
    }
}

impl Violation {
    /// The violation in a sentence, for a person.
    pub fn sentence(&self) -> String {
        let Self { invariant, subject, rule, expected, found } = self;
        let (expected, found) = (plain(expected), plain(found));
        format!(
            "The books are wrong about {subject}: \"{rule}\" should be {expected} and is {found} (invariant {invariant})."
        )
    }
}

/// The value without Rust's notation (`Some(…)`, quotes, `true`).
fn plain(value: &str) -> &str {
    match value {
        "None" => return "none",
        "true" => return "yes",
        "false" => return "no",
        _ => {}
    }
    let inner = value.strip_prefix("Some(").and_then(|rest| rest.strip_suffix(')'));
    let inner = inner.or_else(|| value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')));
    inner.filter(|inner| !inner.is_empty()).map_or(value, plain)
}

/// The totals of a table. They show at a glance that the auditor read the right table, and all of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Items of every kind.
    pub items: u64,
    /// Users with an account.
    pub users: u64,
    /// The sum of all balances, in won.
    pub held_won: i128,
    pub ledger_entries: u64,
    pub products: u64,
    /// Units in stock, over all shards.
    pub units_in_stock: i128,
    /// Reserved units that belong to no order and are not back in stock yet.
    pub units_unclaimed: i128,
    /// Units of orders that hold them or have paid for them.
    pub units_in_orders: i128,
    pub campaigns: u64,
    /// Coupons that were issued.
    pub coupons_issued: u64,
    /// Orphaned tickets: allocated, without a coupon, and not made good yet.
    pub tickets_orphaned: i128,
    /// Orders, failed ones included.
    pub orders: u64,
    /// Orders that wait for their payment.
    pub orders_waiting: u64,
    pub orders_paid: u64,
    /// The sum paid for orders, in won.
    pub paid_won: i128,
    /// The sum refunded of it, in won.
    pub refunded_won: i128,
    /// Order sheets that can be ordered, or could until a moment ago.
    pub sheets_open: u64,
}

impl Figures {
    /// Adds the figures of another pass. Each item counts in one of them.
    pub(crate) fn add(&mut self, other: &Self) {
        self.items += other.items;
        self.users += other.users;
        self.held_won += other.held_won;
        self.ledger_entries += other.ledger_entries;
        self.products += other.products;
        self.units_in_stock += other.units_in_stock;
        self.units_unclaimed += other.units_unclaimed;
        self.units_in_orders += other.units_in_orders;
        self.campaigns += other.campaigns;
        self.coupons_issued += other.coupons_issued;
        self.tickets_orphaned += other.tickets_orphaned;
        self.orders += other.orders;
        self.orders_waiting += other.orders_waiting;
        self.orders_paid += other.orders_paid;
        self.paid_won += other.paid_won;
        self.refunded_won += other.refunded_won;
        self.sheets_open += other.sheets_open;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { items, users, held_won, ledger_entries, products, units_in_stock, .. } = self;
        let Self { units_unclaimed, units_in_orders, campaigns, coupons_issued, tickets_orphaned, .. } = self;
        let Self { orders, orders_waiting, orders_paid, paid_won, refunded_won, sheets_open, .. } = self;
        write!(
            f,
            "{items} items in order: {users} users hold {held_won} won after {ledger_entries} ledger entries; \
             {products} products, {units_in_stock} units in stock, {units_unclaimed} reserved, {units_in_orders} in live orders; \
             {campaigns} coupon campaigns, {coupons_issued} issued, {tickets_orphaned} tickets orphaned; \
             {orders} orders, {orders_waiting} waiting, {orders_paid} paid with {paid_won} won, {refunded_won} refunded; \
             {sheets_open} order sheets open"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_is_a_sentence() {
        let violation = Violation {
            invariant: Invariant::Coupons,
            subject: Subject::Bestsellers,
            rule: "order that its coupon names".to_owned(),
            expected: "Some(\"o1\")".to_owned(),
            found: "None".to_owned(),
        };
        assert_eq!(
            violation.sentence(),
            "The books are wrong about the bestsellers: \"order that its coupon names\" should be o1 and is none (invariant 3 coupons)."
        );
    }
}
