//! The auditor: takes items, gives a report.

use jiff::Timestamp;
use shared::{
    domain::UserId,
    store::{
        Item, Key,
        keys::{self, BY_EXPIRY, BY_TIME},
        records::{Record, Unreadable},
    },
};

use crate::{
    accounts::Accounts,
    campaigns::Campaigns,
    emails::Emails,
    findings::Findings,
    holds::Place,
    inventory::Inventory,
    lists,
    orders::{self, Orders},
    payments::Payments,
    report::{Figures, Invariant, Report, Subject},
    sales::Sales,
    sellers::Sellers,
    sheets::Sheets,
};

/// The part of a shop that an audit checks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scope {
    /// Everything. The bestsellers follow the orders a moment later, so every sale must have been counted.
    #[default]
    Everything,
    /// Everything but the bestsellers: for a shop with sales that may not be counted yet.
    WithoutSales,
    Ledgers,
}

/// Checks the items of a table. The items come in any order, each once.
///
/// Memory is bounded by the number of users, products, coupons, orders and order sheets, not by the size of the table.
/// Storage keeps an order sheet for a week.
#[derive(Debug)]
pub struct Auditor {
    scope: Scope,
    /// The partition of the one user to audit; `None` audits all.
    only: Option<String>,
    items: u64,
    findings: Findings,
    accounts: Accounts,
    emails: Emails,
    inventory: Inventory,
    campaigns: Campaigns,
    orders: Orders,
    payments: Payments,
    sheets: Sheets,
    sales: Sales,
    sellers: Sellers,
}

impl Auditor {
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            only: None,
            items: 0,
            findings: Findings::default(),
            accounts: Accounts::default(),
            emails: Emails::default(),
            inventory: Inventory::default(),
            campaigns: Campaigns::default(),
            orders: Orders::default(),
            payments: Payments::default(),
            sheets: Sheets::default(),
            sales: Sales::default(),
            sellers: Sellers::default(),
        }
    }

    /// An auditor of the account and ledger of one user. A missing user is a violation.
    pub fn of_ledger(user: UserId) -> Self {
        let mut auditor = Self::new(Scope::Ledgers);
        auditor.only = Some(keys::user_partition(&user));
        auditor.accounts.expect(user);
        auditor
    }

    /// Whether an item is in the scope.
    fn is_asked_for(&self, item: &Item) -> bool {
        let text = |name| item.get(name).and_then(|value| value.as_s().ok());
        let is_of_user = self.only.as_ref().is_none_or(|only| text("pk") == Some(only));
        let is_of_ledger = || text("sk").is_some_and(|sk| sk == "ACCOUNT" || sk.starts_with(keys::LEDGER_PREFIX));
        is_of_user && (self.scope != Scope::Ledgers || is_of_ledger())
    }

    /// Adds an item, if it is in the scope.
    pub fn add(&mut self, item: Item) {
        if !self.is_asked_for(&item) {
            return;
        }
        self.items += 1;
        let (place, listed) = (Place::from_item(&item, BY_EXPIRY), Place::from_item(&item, BY_TIME));
        match Record::read(item) {
            Ok(record) => {
                let is_swept = place.is_in(keys::CAMPAIGNS);
                place.check(&record, &mut self.findings);
                lists::check(listed, &record, &mut self.findings);
                self.enter(record, is_swept);
            }
            Err(unreadable) => report(unreadable, &mut self.findings),
        }
    }

    /// Adds a record to the books that check it. `is_swept` says whether the tickets of a campaign are still swept.
    fn enter(&mut self, record: Record, is_swept: bool) {
        match record {
            Record::Profile(profile) => {
                self.emails.add_profile(&profile);
                self.accounts.add_profile(profile.user_id);
            }
            Record::Account { user, account } => {
                self.emails.add_account(&user, &account);
                self.sellers.add_account(&user, &account);
                self.accounts.add_account(user, account);
            }
            Record::EmailClaim { address, claim } => self.emails.add_claim(claim.user_id, &address),
            Record::LedgerEntry { user, entry } => {
                self.accounts.add_entry(user, entry, self.scope, &mut self.findings);
            }
            Record::IssuedCoupon(coupon) => self.campaigns.add_issued(*coupon),
            Record::ReplacedCoupon(coupon) => self.campaigns.add_replaced(*coupon),
            Record::Order(record) => {
                let order = record.order;
                orders::check(&order, &mut self.findings);
                self.inventory.add_order(&order);
                if self.scope == Scope::Everything {
                    self.sales.add_order(&order);
                }
                self.orders.add(order);
            }
            Record::Payment(payment) => self.payments.add(*payment, &mut self.findings),
            Record::PaymentClaim { payment, claim } => self.payments.add_claim(payment, claim.order_id),
            Record::Sheet(record) => self.sheets.add(record.sheet, &mut self.findings),
            Record::Product(product) => {
                self.sellers.add_product(&product);
                self.inventory.add_product(*product);
            }
            Record::SellerProduct { seller, product } => self.sellers.add_listed(seller, product.product_id),
            Record::SellerChange { seller, change } => self.sellers.add_change(seller, change.changed_at),
            Record::Shard { product, number, shard } => self.inventory.add_shard(product, number, shard),
            Record::UnitClaim { product, shard, place, claim } => {
                self.inventory.add_reservation(product, shard, place, claim)
            }
            Record::Campaign(campaign) => self.campaigns.add_campaign(*campaign, is_swept),
            Record::Counter { coupon, shard, counter } => self.campaigns.add_counter(coupon, shard, counter),
            Record::TicketClaim { coupon, shard, ticket, claim } => {
                self.campaigns.add_claim(coupon, shard, ticket, claim)
            }
            Record::Sales { product, sales } => {
                if self.scope == Scope::Everything {
                    self.sales.add_count(product, &sales);
                }
            }
            Record::Counted { event_id, mark } => self.sales.add_mark(event_id, mark),
            Record::Rebuild(rebuild) => self.sales.add_rebuild(&rebuild),
            // These records have no sums to check: they note progress or an intention.
            Record::Cart { .. }
            | Record::RanksRefreshed(_)
            | Record::Board
            | Record::RebuildTrack { .. }
            | Record::RebuildPart { .. }
            | Record::Request { .. }
            | Record::Migration { .. }
            | Record::Heartbeat(_) => {}
        }
    }

    /// The report, as of the instant `now`.
    pub fn finish(self, now: Timestamp) -> Report {
        let Self {
            scope,
            items,
            mut findings,
            mut accounts,
            emails,
            inventory,
            campaigns,
            orders,
            payments,
            sheets,
            sales,
            sellers,
            ..
        } = self;
        let mut figures = Figures { items, ..Figures::default() };
        if scope == Scope::Everything {
            sales.finish(&inventory, now, &mut findings);
        }
        if scope != Scope::Ledgers {
            accounts.compare(&orders, &mut findings);
            emails.finish(&mut findings);
            sellers.finish(now, &mut findings);
        }
        accounts.finish(&mut findings, &mut figures);
        inventory.finish(&orders, &mut findings, &mut figures);
        campaigns.finish(&orders, now, &mut findings, &mut figures);
        payments.finish(&orders, &mut findings);
        sheets.finish(&orders, now, &mut findings, &mut figures);
        orders.finish(now, &mut findings, &mut figures);
        let (violations, omitted) = findings.into_parts();
        Report { scope, figures, violations, omitted }
    }
}

fn report(unreadable: Unreadable, findings: &mut Findings) {
    let item = |key: Key| Subject::Item(key.pk, key.sk);
    match unreadable {
        Unreadable::NoKey => {
            let mut checks = findings.about(Invariant::Records, Subject::UnknownItem);
            checks.violated("key", "texts pk and sk", "something else");
        }
        Unreadable::UnknownKind(key) => {
            findings.about(Invariant::Records, item(key)).violated("kind", "a known one", "none");
        }
        Unreadable::WrongShape(key) => {
            let mut checks = findings.about(Invariant::Records, item(key));
            checks.violated("shape", "what its key promises", "something else");
        }
        Unreadable::Misplaced { found, belongs } => {
            let mut checks = findings.about(Invariant::Records, item(found.clone()));
            checks.equal("key", (belongs.pk, belongs.sk), (found.pk, found.sk));
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;
    use serde_json::json;
    use shared::store::keys;

    use super::*;
    use crate::fixture::{Shop, user};

    const FIGURES: &str = "50 items in order: 3 users hold 25000 won after 5 ledger entries; \
                           3 products, 21 units in stock, 0 reserved, 9 in live orders; \
                           1 coupon campaigns, 3 issued, 1 tickets orphaned; \
                           5 orders, 1 waiting, 3 paid with 62000 won, 7000 refunded; \
                           1 order sheets open\n";

    #[test]
    fn nothing_is_wrong_with_a_healthy_shop() {
        let report = Shop::healthy().report(Scope::Everything);
        assert!(report.is_clean());
        assert_eq!(report.to_string(), FIGURES);
    }

    #[test]
    fn nothing_is_wrong_with_an_empty_table() {
        assert!(Shop::default().report(Scope::Everything).is_clean());
    }

    #[test]
    fn the_order_of_the_items_makes_no_difference() {
        let mut shop = Shop::healthy();
        assert_eq!(shop.report_read_backwards(Scope::Everything).to_string(), FIGURES);
        shop.remove(keys::ledger_entry(&user("mina"), 1));
        shop.remove(keys::ledger_entry(&user("jun"), 1));
        assert_eq!(shop.report_read_backwards(Scope::Everything), shop.report(Scope::Everything));
    }

    #[test]
    fn every_item_must_be_known_readable_and_in_its_place() {
        let mut shop = Shop::healthy();
        shop.put(Key { pk: "CAT#1\n2".to_owned(), sk: "CAT".to_owned() }, json!({}));
        shop.put(keys::request("d2"), json!({ "outcome": "secret" }));
        shop.put(Key { pk: "PROFILE#1".to_owned(), sk: "PROFILE".to_owned() }, json!({ "name": "Secret" }));
        let entry = json!({
            "entryId": "e", "sequence": 1, "type": "CHARGE", "amount": 0, "balanceAfter": 0, "at": 0
        });
        shop.put(keys::ledger_entry(&user("jun"), 3), entry);
        assert_eq!(
            shop.violations(),
            [
                r#"[records] item "CAT#1\n2" "CAT": kind: expected a known one, found none"#,
                r#"[records] item "PROFILE#1" "PROFILE": kind: expected a known one, found none"#,
                r#"[records] item "REQUEST#d2" "REQUEST": shape: expected what its key promises, found something else"#,
                concat!(
                    r#"[records] item "USER#jun" "LEDGER#000000000003": key: "#,
                    r#"expected ("USER#jun", "LEDGER#000000000001"), found ("USER#jun", "LEDGER#000000000003")"#
                ),
            ]
        );
    }

    #[test]
    fn an_item_without_a_key_is_no_record() {
        let mut auditor = Auditor::new(Scope::Everything);
        auditor.add(Item::from([("pk".to_owned(), AttributeValue::N("1".to_owned()))]));
        let report = auditor.finish(Timestamp::UNIX_EPOCH);
        assert_eq!(report.to_string(), "[records] an item: key: expected texts pk and sk, found something else\n");
    }

    #[test]
    fn sales_are_left_out_on_demand() {
        let mut shop = Shop::healthy();
        shop.remove(keys::sales(&crate::fixture::product("tea")));
        assert!(!shop.report(Scope::Everything).is_clean());
        assert!(shop.report(Scope::WithoutSales).is_clean());
    }
}
