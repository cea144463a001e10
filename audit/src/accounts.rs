//! Invariant 1: the balance of each user is the sum of the ledger and not below zero. Each entry chains to the next by
//! its balance after and its hash. For each order the ledger has exactly the amounts paid and refunded.

use std::{
    collections::{BTreeMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use shared::{
    domain::{
        OrderId, UserId, Won,
        account::Account,
        caps::Held,
        ledger::{EntryKind, LedgerEntry},
        order::{Order, PaymentMethod},
    },
    store::keys,
};

use crate::{
    Scope,
    findings::{Checks, Findings},
    ledger::{Ledger, Link},
    orders::{Known, Orders},
    relation::{self, Relation, Selection},
    report::{Invariant, Subject},
};

/// The account and the ledger of each user, with the movements for each order.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    users: BTreeMap<UserId, User>,
    movements: BTreeMap<(OrderId, UserId), Movements>,
    charges: usize,
}

#[derive(Debug, Default)]
struct User {
    is_expected: bool,
    has_profile: bool,
    account: Option<Account>,
    ledger: Ledger,
    /// The charges, each as 8 bytes of a hash of its id. The id of a charge comes from its key, so a second charge with
    /// the same id is a second effect of one key. A collision among a million charges of a user happens once in millions
    /// of audits.
    charges: HashSet<u64>,
    /// The pending orders that the user's account counts, with their units and whether they wait for deposits.
    held: BTreeMap<OrderId, (i64, bool)>,
}

/// The movements of a user's ledger for one order.
#[derive(Debug, Default)]
struct Movements {
    payments: u64,
    paid: i128,
    refunded: i128,
}

impl Accounts {
    pub(crate) fn add_profile(&mut self, user: UserId, selection: &Selection) {
        if let Some(user) = self.of(&user, selection) {
            user.has_profile = true;
        }
    }

    pub(crate) fn add_account(&mut self, user: &UserId, account: Account, selection: &Selection) {
        if let Some(user) = self.of(user, selection) {
            user.account = Some(account);
        }
    }

    /// Expects a user of this name: a missing account is a violation.
    pub(crate) fn expect(&mut self, user: UserId) {
        self.users.entry(user).or_default().is_expected = true;
    }

    /// Adds the part of an order that its user's account counts while the order is pending.
    pub(crate) fn add_order(&mut self, order: &Order, selection: &Selection) {
        let Some(held) = order.held() else { return };
        if let Some(user) = self.of(&order.user_id, selection) {
            user.held.insert(order.order_id.clone(), (held.units, order.awaits_deposit));
        }
    }

    fn of(&mut self, user: &UserId, selection: &Selection) -> Option<&mut User> {
        selection.has(relation::account(user)).then(|| self.users.entry(user.clone()).or_default())
    }

    /// Adds an entry to the ledger of its user. The order that it names is compared only if orders are in the scope.
    pub(crate) fn add_entry(
        &mut self,
        user: UserId,
        entry: LedgerEntry,
        scope: Scope,
        selection: &Selection,
        findings: &mut Findings,
    ) {
        if let Some(of_user) = self.of(&user, selection) {
            let relation = Relation::Account(user.clone());
            let mut checks = findings.between(Invariant::Balances, Subject::User(user.clone()), relation);
            if entry.kind == EntryKind::Charge {
                let is_new = of_user.charges.insert(fingerprint(&user, &entry.entry_id));
                if !is_new {
                    let rule = format_args!("entry {}: charge of its key", entry.sequence);
                    checks.violated(rule, "the only one", "another one");
                }
            }
            of_user.ledger.add(Link::new(&user, &entry), &mut checks);
            self.charges += usize::from(entry.kind == EntryKind::Charge);
        }
        if scope == Scope::Ledgers {
            return;
        }
        let amount = i128::from(entry.amount.get());
        if let Some(order) = entry.order_id.filter(|order| selection.has(relation::order(order))) {
            let moved = self.movements.entry((order, user)).or_default();
            match entry.kind {
                EntryKind::Payment => {
                    moved.payments += 1;
                    moved.paid -= amount;
                }
                EntryKind::Refund => moved.refunded += amount,
                EntryKind::Charge | EntryKind::Adjustment | EntryKind::Withdrawal => {}
            }
        }
    }

    /// Drops the relations that are not selected.
    pub(crate) fn narrow(&mut self, selection: &Selection) {
        self.users.retain(|user, _| selection.has(relation::account(user)));
        self.movements.retain(|(order, _), _| selection.has(relation::order(order)));
        self.charges = self.users.values().map(|user| user.charges.len()).sum();
    }

    /// The memory in use, about, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.users.len() * 520 + self.movements.len() * 240 + self.charges * 20
    }

    /// Checks the accounts against the profiles and the orders.
    pub(crate) fn compare(&mut self, orders: &Orders, findings: &mut Findings) {
        let mut movements = std::mem::take(&mut self.movements);
        for (id, order) in orders.iter() {
            let moved = movements.remove(&(id.clone(), order.user.clone())).unwrap_or_default();
            let relation = Relation::Order(id.clone());
            moved.check(order, &mut findings.between(Invariant::Balances, Subject::Order(id.clone()), relation));
        }
        for (order, user) in movements.into_keys() {
            let named = vec![keys::account(&user)];
            let relation = Relation::Order(order.clone());
            let mut checks = findings.between(Invariant::Balances, Subject::User(user), relation).with(named);
            checks.violated("order that the ledger names", format_args!("{order}, by this user"), "none");
        }
        for (id, user) in &self.users {
            let Some(account) = user.account else { continue };
            let held = sum_of(user.held.values());
            let deposits = sum_of(user.held.values().filter(|(_, awaits_deposit)| *awaits_deposit));
            let (subject, relation) = (Subject::User(id.clone()), Relation::Account(id.clone()));
            let keys = user.held.keys().map(keys::order).collect();
            let mut checks = findings.between(Invariant::Holds, subject.clone(), relation.clone()).with(keys);
            checks.equal("orders that its account holds", held.orders, account.held_orders);
            checks.equal("units that its account holds", held.units, account.held_units);
            checks.equal("orders that wait for deposits", deposits.orders, account.deposit_orders);
            checks.equal("units that wait for deposits", deposits.units, account.deposit_units);
            let mut checks = findings.between(Invariant::Balances, subject, relation);
            checks.equal("profiles", 1, u8::from(user.has_profile));
        }
    }

    pub(crate) fn finish(self, findings: &mut Findings) {
        for (id, user) in self.users.into_iter().filter(|(_, user)| user.is_there()) {
            let relation = Relation::Account(id.clone());
            user.check(&mut findings.between(Invariant::Balances, Subject::User(id), relation));
        }
    }
}

fn sum_of<'h>(held: impl Iterator<Item = &'h (i64, bool)>) -> Held {
    held.fold(Held { orders: 0, units: 0 }, |sum, (units, _)| Held { orders: sum.orders + 1, units: sum.units + units })
}

fn fingerprint(user: &UserId, entry_id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (user.as_str(), entry_id).hash(&mut hasher);
    hasher.finish()
}

/// The kind of an entry decides its sign, and whether there is an order to it.
pub(crate) fn check_entry(entry: &LedgerEntry, checks: &mut Checks<'_>) {
    let (sequence, amount) = (entry.sequence, entry.amount.get());
    let (gain, of_order) = match entry.kind {
        EntryKind::Charge => (amount, false),
        EntryKind::Payment => (amount.saturating_neg(), true),
        // A top-up that goes back leaves the balance.
        EntryKind::Refund if entry.payment_id.is_some() => (0, false),
        EntryKind::Refund => (amount, true),
        EntryKind::Adjustment | EntryKind::Withdrawal => (0, false),
    };
    if gain < 0 {
        let kind = entry.kind;
        checks.violated(format_args!("entry {sequence}: sign"), format_args!("that of a {kind:?}"), amount);
    }
    checks.equal(format_args!("entry {sequence}: names an order"), of_order, entry.order_id.is_some());
    checks.not_negative(format_args!("entry {sequence}: balance after"), entry.balance_after.get());
}

impl Movements {
    /// The ledger of its user has one payment of an order that the balance pays, in whole or in part, and the refunds to
    /// the balance.
    fn check(&self, order: &Known, checks: &mut Checks<'_>) {
        let from_balance = order.is_paid && order.payment == PaymentMethod::Balance;
        let due = if from_balance { order.paid } else { order.balance_amount };
        let is_due = from_balance || due > Won::ZERO;
        checks.equal("payments in its user's ledger", u64::from(is_due), self.payments);
        checks.equal("won paid in its user's ledger", i128::from(due.get()), self.paid);
        let returned = i128::from(order.returned_to_balance.get());
        checks.equal("won refunded in its user's ledger", returned, self.refunded);
    }
}

impl User {
    /// Whether there is more of a user than orders that name them.
    fn is_there(&self) -> bool {
        self.is_expected || self.has_profile || self.account.is_some() || self.ledger.entries > 0
    }

    fn check(self, checks: &mut Checks<'_>) {
        let Some(account) = self.account else {
            checks.violated("account", "one", "none");
            return;
        };
        checks.not_negative("balance", account.balance.get());
        self.ledger.end(&account, checks);
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        domain::{inventory::Shard, order::Actor, text::EmailKey},
        store::keys,
    };

    use super::*;
    use crate::fixture::{Shop, TODAY, at, cancelled, entry, product, user};

    fn change_account(shop: &mut Shop, change: impl FnOnce(&mut Account)) {
        shop.change(keys::account(&user("mina")), change);
    }

    fn change_entry(shop: &mut Shop, sequence: u64, change: impl FnOnce(&mut LedgerEntry)) {
        shop.change(keys::ledger_entry(&user("mina"), sequence), change);
    }

    fn charge(shop: &mut Shop, sequence: u64, amount: i64, after: i64) {
        let key = keys::ledger_entry(&user("mina"), sequence);
        shop.put(key, entry(sequence, EntryKind::Charge, amount, after, None));
    }

    #[test]
    fn the_balance_is_the_sum_of_the_ledger() {
        let mut shop = Shop::healthy();
        change_account(&mut shop, |account| account.balance = Won::new(5_100));
        assert_eq!(
            shop.chained().violations(),
            ["[1 balances] user mina: balance as the sum of the ledger: expected 5000, found 5100"]
        );
    }

    #[test]
    fn no_balance_is_below_zero() {
        let mut shop = Shop::healthy();
        shop.put(keys::ledger_entry(&user("mina"), 3), entry(3, EntryKind::Charge, -6_000, -1_000, None));
        change_account(&mut shop, |account| (account.balance, account.sequence) = (Won::new(-1_000), 3));
        assert_eq!(
            shop.chained().violations(),
            [
                "[1 balances] user mina: balance: expected at least 0, found -1000",
                "[1 balances] user mina: entry 3: balance after: expected at least 0, found -1000",
                "[1 balances] user mina: entry 3: sign: expected that of a Charge, found -6000",
            ]
        );
    }

    #[test]
    fn the_sequence_is_the_number_of_entries() {
        let mut shop = Shop::healthy();
        change_account(&mut shop, |account| account.sequence = 3);
        assert_eq!(
            shop.chained().violations(),
            ["[1 balances] user mina: sequence as the number of entries: expected 2, found 3"]
        );
    }

    #[test]
    fn entries_have_no_gap() {
        let mut shop = Shop::healthy();
        charge(&mut shop, 4, 100, 5_100);
        charge(&mut shop, 5, 100, 5_200);
        change_account(&mut shop, |account| (account.balance, account.sequence) = (Won::new(5_200), 4));
        assert_eq!(shop.chained().violations(), ["[1 balances] user mina: next entry: expected 3, found 4"]);
        // The entry behind the gap must chain again.
        charge(&mut shop, 5, 200, 5_200);
        change_account(&mut shop, |account| account.balance = Won::new(5_300));
        assert_eq!(
            shop.chained().violations(),
            [
                "[1 balances] user mina: entry 5: balance before and amount: expected 5300, found 5200",
                "[1 balances] user mina: next entry: expected 3, found 4",
            ]
        );
    }

    #[test]
    fn every_balance_after_chains_to_the_next() {
        let mut shop = Shop::healthy();
        change_entry(&mut shop, 1, |entry| entry.balance_after = Won::new(30_001));
        assert_eq!(
            shop.chained().violations(),
            [
                "[1 balances] user mina: entry 1: balance before and amount: expected 30000, found 30001",
                "[1 balances] user mina: entry 2: balance before and amount: expected 5001, found 5000",
            ]
        );
    }

    #[test]
    fn an_entry_that_comes_twice_is_told() {
        let shop = Shop::healthy();
        let mut auditor = crate::Auditor::new(Scope::WithoutSales);
        let is_entry = |item: &shared::store::Item| {
            item["pk"].as_s().is_ok_and(|pk| pk == "USER#mina") && item.contains_key("balanceAfter")
        };
        shop.items()
            .chain(shop.items().filter(|item| is_entry(item)).take(1))
            .for_each(|item| auditor.add(item.clone()));
        let report = auditor.finish(jiff::Timestamp::UNIX_EPOCH);
        let found: Vec<_> = report.violations.iter().map(|violation| violation.rule.as_str()).collect();
        assert_eq!(
            found,
            [
                "balance as the sum of the ledger",
                "entry 1",
                "entry 1: charge of its key",
                "sequence as the number of entries"
            ]
        );
    }

    #[test]
    fn a_key_charges_once() {
        let mut shop = Shop::healthy();
        let again = LedgerEntry { entry_id: "e1".to_owned(), ..entry(3, EntryKind::Charge, 100, 5_100, None) };
        shop.put(keys::ledger_entry(&user("mina"), 3), again);
        change_account(&mut shop, |account| (account.balance, account.sequence) = (Won::new(5_100), 3));
        assert_eq!(
            shop.chained().violations(),
            ["[1 balances] user mina: entry 3: charge of its key: expected the only one, found another one"]
        );
    }

    #[test]
    fn payments_and_refunds_name_their_order_and_charges_none() {
        let mut shop = Shop::healthy();
        change_entry(&mut shop, 1, |entry| entry.order_id = Some(crate::fixture::order("o1")));
        change_entry(&mut shop, 2, |entry| entry.order_id = None);
        assert_eq!(
            shop.chained().violations(),
            [
                "[1 balances] user mina: entry 1: names an order: expected false, found true",
                "[1 balances] user mina: entry 2: names an order: expected true, found false",
                "[1 balances] order o1: payments in its user's ledger: expected 1, found 0",
                "[1 balances] order o1: won paid in its user's ledger: expected 25000, found 0",
            ]
        );
    }

    #[test]
    fn a_user_has_profile_and_account() {
        let mut shop = Shop::healthy();
        shop.remove(keys::profile(&user("mina")));
        shop.remove(keys::email(&EmailKey::from_address("mina@example.com")));
        shop.remove(keys::account(&user("jun")));
        assert_eq!(
            shop.chained().violations(),
            [
                "[1 balances] user jun: account: expected one, found none",
                "[1 balances] user mina: profiles: expected 1, found 0",
            ]
        );
    }

    #[test]
    fn a_paid_order_is_paid_once_and_in_full() {
        let mut shop = Shop::healthy();
        shop.put(keys::ledger_entry(&user("mina"), 3), entry(3, EntryKind::Payment, -5_000, 0, Some("o1")));
        change_account(&mut shop, |account| (account.balance, account.sequence) = (Won::ZERO, 3));
        assert_eq!(
            shop.chained().violations(),
            [
                "[1 balances] order o1: payments in its user's ledger: expected 1, found 2",
                "[1 balances] order o1: won paid in its user's ledger: expected 25000, found 30000",
            ]
        );
    }

    #[test]
    fn an_order_that_was_not_paid_took_no_money() {
        let mut shop = Shop::healthy();
        shop.put(keys::ledger_entry(&user("jun"), 2), entry(2, EntryKind::Payment, -13_000, 0, Some("o2")));
        assert_eq!(
            shop.chained().violations(),
            [
                "[1 balances] order o2: payments in its user's ledger: expected 0, found 1",
                "[1 balances] order o2: won paid in its user's ledger: expected 0, found 13000",
                "[1 balances] order o3: payments in its user's ledger: expected 1, found 0",
                "[1 balances] order o3: won paid in its user's ledger: expected 13000, found 0",
            ]
        );
    }

    #[test]
    fn an_order_is_paid_by_who_ordered_it() {
        let mut shop = Shop::healthy();
        shop.put(keys::ledger_entry(&user("mina"), 3), entry(3, EntryKind::Payment, 0, 5_000, Some("o3")));
        shop.put(keys::ledger_entry(&user("mina"), 4), entry(4, EntryKind::Payment, 0, 5_000, Some("nowhere")));
        change_account(&mut shop, |account| account.sequence = 4);
        assert_eq!(
            shop.chained().violations(),
            [
                "[1 balances] user mina: order that the ledger names: expected nowhere, by this user, found none",
                "[1 balances] user mina: order that the ledger names: expected o3, by this user, found none",
            ]
        );
    }

    #[test]
    fn what_an_order_refunded_is_in_the_ledger() {
        let mut shop = Shop::healthy();
        shop.change_order("o3", |order| *order = cancelled(order, 1, 1));
        shop.change(keys::stock(&product("cup"), 0), |shard: &mut Shard| shard.remaining = 8);
        assert_eq!(
            shop.chained().violations(),
            ["[1 balances] order o3: won refunded in its user's ledger: expected 5000, found 0"]
        );
        shop.put(keys::ledger_entry(&user("jun"), 3), entry(3, EntryKind::Refund, 5_000, 5_000, Some("o3")));
        let account = |account: &mut Account| (account.balance, account.sequence) = (Won::new(5_000), 3);
        shop.change(keys::account(&user("jun")), account);
        assert_eq!(shop.chained().violations(), [] as [&str; 0]);
    }

    /// Pays an order from the balance and refunds all of it, although the order was not to be paid from the balance.
    fn pay_and_refund(shop: &mut Shop, of: &str) {
        let moved = [(2, EntryKind::Payment, -16_000, 4_000), (3, EntryKind::Refund, 16_000, 20_000)];
        for (sequence, kind, amount, after) in moved {
            let entry = entry(sequence, kind, amount, after, Some(of));
            shop.put(keys::ledger_entry(&user("sora"), sequence), entry);
        }
        shop.change(keys::account(&user("sora")), |account: &mut Account| account.sequence = 3);
    }

    #[test]
    fn an_order_that_waits_or_is_paid_outside_moves_no_balance() {
        for id in ["o4", "o5"] {
            let mut shop = Shop::healthy();
            pay_and_refund(&mut shop, id);
            assert_eq!(
                shop.chained().violations(),
                [
                    format!("[1 balances] order {id}: payments in its user's ledger: expected 0, found 1"),
                    format!("[1 balances] order {id}: won paid in its user's ledger: expected 0, found 16000"),
                    format!("[1 balances] order {id}: won refunded in its user's ledger: expected 0, found 16000"),
                ]
            );
        }
    }

    #[test]
    fn an_order_that_is_paid_later_is_paid_from_the_balance_like_any_other() {
        let mut shop = Shop::healthy();
        shop.change_order("o4", |order| *order = order.pay(Actor::Customer, at(TODAY)).unwrap());
        let balances = |shop: &Shop| -> Vec<String> {
            shop.chained().violations().into_iter().filter(|line| line.contains("[1 balances]")).collect()
        };
        assert_eq!(
            balances(&shop),
            [
                "[1 balances] order o4: payments in its user's ledger: expected 1, found 0",
                "[1 balances] order o4: won paid in its user's ledger: expected 16000, found 0",
            ]
        );
        shop.put(keys::ledger_entry(&user("sora"), 2), entry(2, EntryKind::Payment, -16_000, 4_000, Some("o4")));
        let account = |account: &mut Account| (account.balance, account.sequence) = (Won::new(4_000), 2);
        shop.change(keys::account(&user("sora")), account);
        assert_eq!(balances(&shop), [] as [&str; 0]);
    }
}
