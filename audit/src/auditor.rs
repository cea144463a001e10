//! The auditor: takes items, gives a report.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::{
    domain::{
        ProductId, UserId,
        order::{Order, OrderStatus},
    },
    store::{
        Item, Key,
        keys::{self, BY_EXPIRY, BY_TIME},
        records::{Record, Unreadable},
    },
};

use crate::{
    accounts::{self, Accounts},
    budgets::Budgets,
    campaigns::Campaigns,
    desk::Desk,
    drops::Drops,
    emails::Emails,
    findings::Findings,
    holds::Place,
    inventory::Inventory,
    limits::Limits,
    lists,
    orders::{self, Orders},
    payments::{self, Payments},
    quotas::Quotas,
    relation::{HashRange, Relation, Selection},
    report::{Figures, Invariant, Report, Subject},
    sales::Sales,
    sellers::Sellers,
    sessions::{self, Sessions},
    sheets::{self, Sheets},
    units::Known,
};

/// The part of a shop that an audit checks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
/// Memory is bounded. If the relations do not fit, the auditor goes on with the half of them that comes first by hash,
/// and the next pass over the table begins with the rest ([`Passes`](crate::Passes)).
#[derive(Debug)]
pub struct Auditor {
    scope: Scope,
    /// The partition of the one user to audit; `None` audits all.
    only: Option<String>,
    selection: Selection,
    /// Whether items are checked by themselves and counted, as the first pass over a table does.
    is_first: bool,
    /// The memory for relations, about, in bytes.
    memory: usize,
    added: u64,
    figures: Figures,
    findings: Findings,
    accounts: Accounts,
    emails: Emails,
    inventory: Inventory,
    campaigns: Campaigns,
    budgets: Budgets,
    orders: Orders,
    payments: Payments,
    sessions: Sessions,
    sheets: Sheets,
    limits: Limits,
    quotas: Quotas,
    sales: Sales,
    sellers: Sellers,
    desk: Desk,
    drops: Drops,
}

/// The number of items between two looks at the memory in use.
const ITEMS_BETWEEN_LOOKS: u64 = 100;

impl Auditor {
    /// An auditor of all relations, in as much memory as they take.
    pub fn new(scope: Scope) -> Self {
        Self::of(scope, Selection::ALL, usize::MAX)
    }

    pub(crate) fn of(scope: Scope, selection: Selection, memory: usize) -> Self {
        Self {
            scope,
            only: None,
            is_first: matches!(selection, Selection::Hashes(HashRange { first: 0, .. })),
            selection,
            memory,
            added: 0,
            figures: Figures::default(),
            findings: Findings::default(),
            accounts: Accounts::default(),
            emails: Emails::default(),
            inventory: Inventory::default(),
            campaigns: Campaigns::default(),
            budgets: Budgets::default(),
            orders: Orders::default(),
            payments: Payments::default(),
            sessions: Sessions::default(),
            sheets: Sheets::default(),
            limits: Limits::default(),
            quotas: Quotas::default(),
            sales: Sales::default(),
            sellers: Sellers::default(),
            desk: Desk::default(),
            drops: Drops::default(),
        }
    }

    /// An auditor of the account and ledger of one user. A missing user is a violation.
    pub fn of_ledger(user: UserId) -> Self {
        let mut auditor = Self::new(Scope::Ledgers);
        auditor.only = Some(keys::user_partition(&user));
        auditor.accounts.expect(user);
        auditor
    }

    /// An auditor of one relation, with the units of a product as far as they are known.
    pub(crate) fn of_relation(relation: Relation, known: Option<Known>, scope: Scope) -> Self {
        let mut auditor = Self::of(scope, Selection::One(relation.clone()), usize::MAX);
        match (relation, known) {
            (Relation::Account(user), _) => auditor.accounts.expect(user),
            (Relation::Product(product), Some(known)) => {
                auditor.inventory.set_in_orders(&product, known.live);
                auditor.sales.set_by_day(&product, known.by_day);
            }
            _ => {}
        }
        auditor
    }

    /// The units of a product that are missing, at least and at most.
    pub(crate) fn missing_units(&self, product: &ProductId) -> Option<(i128, i128)> {
        self.inventory.missing(product)
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
        let (place, listed) = (Place::from_item(&item, BY_EXPIRY), Place::from_item(&item, BY_TIME));
        let record = Record::read(item);
        if self.is_first {
            self.figures.items += 1;
        }
        match record {
            Ok(record) => {
                let is_swept = place.is_in(keys::CAMPAIGNS);
                if self.is_first {
                    place.check(&record, &mut self.findings);
                    lists::check(listed, &record, &mut self.findings);
                    self.check(&record);
                }
                self.enter(record, is_swept);
            }
            Err(unreadable) if self.is_first => report(unreadable, &mut self.findings),
            Err(_) => {}
        }
        self.added += 1;
        if self.added.is_multiple_of(ITEMS_BETWEEN_LOOKS) {
            self.stay_within_memory();
        }
    }

    /// Checks a record by itself and counts it.
    fn check(&mut self, record: &Record) {
        let (findings, figures) = (&mut self.findings, &mut self.figures);
        match record {
            Record::Account { account, .. } => {
                figures.users += 1;
                figures.held_won += i128::from(account.balance.get());
            }
            Record::LedgerEntry { user, entry } => {
                figures.ledger_entries += 1;
                let mut checks = findings.about(Invariant::Balances, Subject::User(user.clone()));
                accounts::check_entry(entry, &mut checks);
            }
            Record::IssuedCoupon(_) => figures.coupons_issued += 1,
            Record::Order(record) => {
                orders::check(&record.order, findings);
                orders::count(&record.order, figures);
                figures.units_in_orders += units_in(&record.order);
            }
            Record::Payment(payment) => payments::check(payment, findings),
            Record::Session(record) => sessions::check(&record.session, findings),
            Record::Sheet(record) => {
                sheets::check(&record.sheet, findings);
                sheets::count(&record.sheet, figures);
            }
            Record::Product(_) => figures.products += 1,
            Record::Shard { shard, .. } => figures.units_in_stock += i128::from(shard.remaining),
            Record::Campaign(_) => figures.campaigns += 1,
            _ => {}
        }
    }

    /// Adds a record to the books that check its relations. `is_swept` says whether the tickets of a campaign are still
    /// swept.
    fn enter(&mut self, record: Record, is_swept: bool) {
        let selection = &self.selection;
        match record {
            Record::Profile(profile) => {
                self.emails.add_profile(&profile, selection);
                self.accounts.add_profile(profile.user_id, selection);
            }
            Record::Account { user, account } => {
                self.emails.add_account(&user, &account, selection);
                self.sellers.add_account(&user, &account, selection);
                self.accounts.add_account(&user, account, selection);
            }
            Record::UserKey { user } => self.emails.add_key(&user, selection),
            Record::EmailClaim { address, claim } => self.emails.add_claim(&claim.user_id, address, selection),
            Record::LedgerEntry { user, entry } => {
                if self.scope != Scope::Ledgers {
                    self.sessions.add_entry(&user, &entry, selection);
                }
                self.accounts.add_entry(user, entry, self.scope, selection, &mut self.findings);
            }
            Record::IssuedCoupon(coupon) => self.campaigns.add_issued(*coupon, selection),
            Record::ReplacedCoupon(coupon) => self.campaigns.add_replaced(*coupon, selection),
            Record::Order(record) => {
                let order = record.order;
                self.accounts.add_order(&order, selection);
                self.campaigns.add_order(&order, selection);
                self.budgets.add_order(&order, selection);
                self.sheets.add_order(&order, selection);
                self.limits.add_order(&order, selection);
                self.quotas.add_order(&order, selection);
                self.inventory.add_order(&order, selection);
                if self.scope == Scope::Everything {
                    self.sales.add_order(&order, selection);
                }
                if self.scope != Scope::Ledgers {
                    self.desk.add_order(&order, selection);
                }
                self.orders.add(order, selection);
            }
            Record::Payment(payment) => self.payments.add(*payment, selection),
            Record::PlannedConfirmation(planned) => self.orders.add_confirmation(planned.order_id, selection),
            Record::PaymentClaim { payment, claim } => self.payments.add_claim(payment, claim.order_id, selection),
            Record::Session(record) => {
                self.payments.add_session(&record.session, selection);
                self.sessions.add(&record.session, selection);
            }
            Record::Withdrawal(record) => self.sessions.add_withdrawal(&record.withdrawal, selection),
            Record::Sheet(record) => self.sheets.add(record.sheet, selection),
            Record::Limit { user, product, period, count } => {
                self.limits.add_count((user, product), period, count, selection);
            }
            Record::Quota { product, id, count, .. } => self.quotas.add_count(&product, id, count, selection),
            Record::Product(product) => {
                self.sellers.add_product(&product, selection);
                self.quotas.add_product(&product, selection);
                self.inventory.add_product(*product, selection);
            }
            Record::SellerProduct { seller, product } => {
                self.sellers.add_listed(&seller, product.product_id, selection);
            }
            Record::SellerChange { seller, change } => self.sellers.add_change(&seller, change.changed_at, selection),
            Record::Shard { product, number, shard } => self.inventory.add_shard(&product, number, shard, selection),
            Record::UnitClaim { product, shard, place, claim } => {
                self.inventory.add_reservation(&product, (shard, place), &claim, selection);
            }
            Record::Campaign(campaign) => {
                self.budgets.add_campaign(&campaign, selection);
                self.campaigns.add_campaign(*campaign, is_swept, selection);
            }
            Record::CampaignRow(row) => self.campaigns.add_row(*row, selection),
            Record::Counter { coupon, shard, counter } => {
                self.campaigns.add_counter(&coupon, shard, counter, selection);
            }
            Record::Budget { coupon, shard, budget } => {
                self.budgets.add_shard(&coupon, budget, selection);
                self.campaigns.add_budget(&coupon, shard, budget, selection);
            }
            Record::TicketClaim { coupon, shard, ticket, claim } => {
                self.campaigns.add_claim(coupon, (shard, ticket), claim, selection);
            }
            Record::Sales { product, sales } => {
                if self.scope == Scope::Everything {
                    self.sales.add_count(product, &sales, selection);
                }
            }
            Record::Counted { event_id, mark } => self.sales.add_mark(event_id, mark, selection),
            Record::Rebuild(rebuild) => self.sales.add_rebuild(&rebuild),
            Record::DeskRow { key, order, row, .. } => self.desk.add_row(order, key, *row, selection),
            Record::DeskHeartbeat(heartbeat) => self.desk.add_heartbeat(&heartbeat),
            Record::Migration { step, progress } => self.desk.add_migration(&step, &progress),
            Record::Drop(state) => self.drops.add(&state, selection),
            Record::LineCounter { drop, counter, record } => {
                self.drops.add_counter(&drop, counter, record, selection);
            }
            Record::DropEntry(entry) => self.drops.add_entry(entry, selection),
            Record::DropPlace { drop, place, served } => self.drops.add_served(drop, place, served, selection),
            // These records have no sums to check: they note progress or an intention.
            Record::Cart { .. }
            | Record::Address { .. }
            | Record::Erasure(_)
            | Record::Export(_)
            | Record::UserExports { .. }
            | Record::Phone { .. }
            | Record::Access { .. }
            | Record::RanksRefreshed(_)
            | Record::Board
            | Record::RebuildTrack { .. }
            | Record::RebuildPart { .. }
            | Record::Request { .. }
            | Record::SellerShipping(_)
            | Record::PaymentKeyClaim { .. }
            | Record::Audit(_)
            | Record::Heartbeat(_) => {}
        }
    }

    /// Leaves half of the relations to a later pass, if all do not fit.
    fn stay_within_memory(&mut self) {
        while self.weight() > self.memory {
            let Some(half) = self.selection.halved() else { return };
            self.accounts.narrow(&half);
            self.emails.narrow(&half);
            self.inventory.narrow(&half);
            self.campaigns.narrow(&half);
            self.budgets.narrow(&half);
            self.orders.narrow(&half);
            self.payments.narrow(&half);
            self.sessions.narrow(&half);
            self.sheets.narrow(&half);
            self.limits.narrow(&half);
            self.quotas.narrow(&half);
            self.sales.narrow(&half);
            self.sellers.narrow(&half);
            self.desk.narrow(&half);
            self.drops.narrow(&half);
            self.findings.narrow(&half);
            self.selection = half;
        }
    }

    fn weight(&self) -> usize {
        self.accounts.weight()
            + self.emails.weight()
            + self.inventory.weight()
            + self.campaigns.weight()
            + self.budgets.weight()
            + self.orders.weight()
            + self.payments.weight()
            + self.sessions.weight()
            + self.sheets.weight()
            + self.limits.weight()
            + self.quotas.weight()
            + self.sales.weight()
            + self.sellers.weight()
            + self.desk.weight()
            + self.drops.weight()
    }

    /// The report on the whole table, as of the instant `now`.
    pub fn finish(self, now: Timestamp) -> Report {
        let mut report = self.finish_pass(now).0;
        report.close();
        report
    }

    /// The report on the relations that fitted, and the first hash of the rest if there is a rest.
    pub(crate) fn finish_pass(self, now: Timestamp) -> (Report, Option<u64>) {
        let Self {
            scope,
            selection,
            mut figures,
            mut findings,
            mut accounts,
            emails,
            inventory,
            campaigns,
            budgets,
            orders,
            payments,
            sessions,
            sheets,
            limits,
            quotas,
            sales,
            sellers,
            desk,
            drops,
            ..
        } = self;
        let mut best = None;
        if scope == Scope::Everything {
            best = Some(sales.finish(&inventory, now, &mut findings));
        }
        if scope != Scope::Ledgers {
            accounts.compare(&orders, &mut findings);
            emails.finish(&mut findings);
            sellers.finish(now, &mut findings);
            desk.finish(now, &mut findings);
            drops.finish(&orders, &mut findings);
        }
        accounts.finish(&mut findings);
        inventory.finish(&orders, &mut findings, &mut figures);
        campaigns.finish(now, &mut findings, &mut figures);
        budgets.finish(&mut findings);
        payments.finish(&orders, &mut findings);
        sessions.finish(now, &mut findings);
        sheets.finish(now, &mut findings);
        limits.finish(now, &mut findings);
        quotas.finish(&mut findings);
        orders.finish(now, &mut findings);
        let rest = match selection {
            Selection::Hashes(range) => range.next(),
            Selection::One(_) => None,
        };
        (Report::of_pass(scope, figures, findings.into_found(), best), rest)
    }
}

/// The live units of an order.
fn units_in(order: &Order) -> i128 {
    let lines = order.items.iter().filter(|_| order.status != OrderStatus::PaymentFailed);
    lines.map(|line| i128::from(line.live_units())).sum()
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

    const FIGURES: &str = "51 items in order: 3 users hold 25000 won after 5 ledger entries; \
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
    fn relations_that_do_not_fit_are_left_to_a_later_pass() {
        let mut shop = Shop::healthy();
        shop.remove(keys::ledger_entry(&user("mina"), 1));
        let whole = shop.report(Scope::Everything);
        let mut passes = crate::Passes::new(Scope::Everything, 2_000);
        let mut shares = vec![passes.share()];
        while let Some(mut auditor) = passes.next_auditor() {
            for item in shop.items().cloned() {
                auditor.add(item);
                auditor.stay_within_memory();
            }
            passes.add(auditor, crate::fixture::at(crate::fixture::NOW));
            shares.push(passes.share());
        }
        assert!(passes.done() > 3, "{} passes", passes.done());
        // Some ranges here are smaller than what a share can tell apart.
        assert!(shares.is_sorted() && shares.iter().any(|share| (0.1..0.9).contains(share)), "{shares:?}");
        assert_eq!((shares.first(), shares.last()), (Some(&0.0), Some(&1.0)));
        assert_eq!(passes.into_report(), whole);
    }

    #[test]
    fn sales_are_left_out_on_demand() {
        let mut shop = Shop::healthy();
        shop.remove(keys::sales(&crate::fixture::product("tea")));
        assert!(!shop.report(Scope::Everything).is_clean());
        assert!(shop.report(Scope::WithoutSales).is_clean());
    }
}
