//! A user's ledger, followed entry by entry: it has no gap, and each balance and hash follows from those before.

use std::collections::BTreeMap;

use shared::domain::{
    UserId, Won,
    account::Account,
    ledger::{EntryHash, LedgerEntry},
};

use crate::findings::Checks;

/// The fields of an entry that the chain is computed from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    sequence: u64,
    amount: Won,
    balance_after: Won,
    before: EntryHash,
    hash: EntryHash,
}

impl Link {
    pub(crate) fn new(user: &UserId, entry: &LedgerEntry) -> Self {
        let &LedgerEntry { sequence, amount, balance_after, before, .. } = entry;
        Self { sequence, amount, balance_after, before, hash: entry.hash(user) }
    }
}

/// The last entry that has been checked.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    sequence: u64,
    balance: Won,
    hash: EntryHash,
}

impl From<Link> for Place {
    fn from(Link { sequence, balance_after, hash, .. }: Link) -> Self {
        Self { sequence, balance: balance_after, hash }
    }
}

/// A user's ledger. Entries that are read in order are checked at once; early ones wait for those before them.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) entries: u64,
    sum: i128,
    last: Place,
    waiting: BTreeMap<u64, Link>,
}

impl Ledger {
    pub(crate) fn add(&mut self, link: Link, checks: &mut Checks<'_>) {
        self.entries += 1;
        self.sum += i128::from(link.amount.get());
        if link.sequence <= self.last.sequence || self.waiting.insert(link.sequence, link).is_some() {
            checks.violated(format_args!("entry {}", link.sequence), "once", "more than once");
        }
        while let Some(next) = self.waiting.remove(&self.last.sequence.saturating_add(1)) {
            self.follow(next, checks);
        }
    }

    fn follow(&mut self, link: Link, checks: &mut Checks<'_>) {
        let sequence = link.sequence;
        let expected = i128::from(self.last.balance.get()) + i128::from(link.amount.get());
        let found = i128::from(link.balance_after.get());
        checks.equal(format_args!("entry {sequence}: balance before and amount"), expected, found);
        checks.equal(format_args!("entry {sequence}: hash of the entry before"), self.last.hash, link.before);
        self.last = link.into();
    }

    /// Continues behind the gaps that were not closed, and compares the last entry with the account.
    pub(crate) fn end(mut self, account: &Account, checks: &mut Checks<'_>) {
        self.skip_gaps(checks);
        checks.equal("balance as the sum of the ledger", self.sum, i128::from(account.balance.get()));
        checks.equal("sequence as the number of entries", self.entries, account.sequence);
        checks.equal("hash of the last entry", self.last.hash, account.head);
    }

    fn skip_gaps(&mut self, checks: &mut Checks<'_>) {
        while let Some((sequence, link)) = self.waiting.pop_first() {
            let expected = self.last.sequence.saturating_add(1);
            if sequence == expected {
                self.follow(link, checks);
            } else {
                checks.equal("next entry", expected, sequence);
                self.last = link.into();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::{domain::ledger::EntryKind, store::keys};

    use super::*;
    use crate::{
        Scope,
        fixture::{Shop, TODAY, at, user},
    };

    type Tamper = fn(&mut LedgerEntry);

    /// Mina and Jun have charged five times each, differently.
    fn shop() -> Shop {
        let mut shop = Shop::default();
        for (name, amount) in [("mina", 1_000), ("jun", 700)] {
            let user = user(name);
            let mut account = Account::NEW;
            for number in 1..=5 {
                let (entry_id, kind, amount) =
                    (format!("{name}-{number}"), EntryKind::Charge, Won::new(amount * number));
                let movement = shared::domain::account::Movement {
                    entry_id,
                    kind,
                    amount,
                    order_id: None,
                    payment_id: None,
                    actor: shared::domain::order::Actor::Customer,
                    reason: None,
                    at: at(TODAY),
                };
                let (after, entry) = account.book(&user, movement).unwrap();
                shop.put(keys::ledger_entry(&user, entry.sequence), entry);
                account = after;
            }
            shop.put(keys::account(&user), account);
        }
        shop
    }

    fn entry(shop: &Shop, name: &str, sequence: u64) -> LedgerEntry {
        shop.get(&keys::ledger_entry(&user(name), sequence))
    }

    fn put(shop: &mut Shop, name: &str, entry: LedgerEntry) {
        shop.put(keys::ledger_entry(&user(name), entry.sequence), entry);
    }

    fn change(shop: &mut Shop, sequence: u64, change: impl FnOnce(&mut LedgerEntry)) {
        shop.change(keys::ledger_entry(&user("mina"), sequence), change);
    }

    /// The violations in Mina's ledger, without the hashes themselves.
    fn wrong(shop: &Shop) -> Vec<String> {
        let report = shop.report(Scope::Ledgers);
        assert_eq!(report, shop.report_read_backwards(Scope::Ledgers), "read backwards");
        let about_mina = |violation: &&crate::Violation| violation.subject.to_string() == "user mina";
        report.violations.iter().filter(about_mina).map(|violation| violation.rule.clone()).collect()
    }

    #[test]
    fn what_was_booked_chains() {
        let report = shop().report(Scope::Ledgers);
        assert_eq!(report.to_string(), "10 ledger entries of 2 users chain, 25500 won held\n");
    }

    /// Changes that leave every balance as it must be.
    #[test]
    fn a_changed_entry_is_found() {
        let changes: [(&str, Tamper); 4] = [
            ("id", |entry| entry.entry_id.push('0')),
            ("instant", |entry| entry.at = jiff::Timestamp::UNIX_EPOCH),
            ("kind", |entry| entry.kind = EntryKind::Refund),
            ("order", |entry| entry.order_id = Some(crate::fixture::order("o1"))),
        ];
        for (what, tamper) in changes {
            let mut shop = shop();
            change(&mut shop, 3, tamper);
            assert!(wrong(&shop).contains(&"entry 4: hash of the entry before".to_owned()), "{what}");
            let mut shop = self::shop();
            change(&mut shop, 5, tamper);
            assert!(wrong(&shop).contains(&"hash of the last entry".to_owned()), "{what} of the last");
        }
        let mut shop = shop();
        change(&mut shop, 3, |entry| entry.before = EntryHash::NONE);
        assert_eq!(wrong(&shop), ["entry 3: hash of the entry before", "entry 4: hash of the entry before"]);
    }

    /// Amounts that add up again two entries later.
    #[test]
    fn amounts_that_were_shifted_are_found() {
        let mut shop = shop();
        change(&mut shop, 2, |entry| (entry.amount, entry.balance_after) = (Won::new(2_001), Won::new(3_001)));
        change(&mut shop, 3, |entry| entry.amount = Won::new(2_999));
        assert_eq!(wrong(&shop), ["entry 3: hash of the entry before", "entry 4: hash of the entry before"]);
    }

    #[test]
    fn a_removed_entry_is_found() {
        let mut shop = shop();
        shop.remove(keys::ledger_entry(&user("mina"), 3));
        assert!(wrong(&shop).contains(&"next entry".to_owned()));
        // The same, with the later entries moved up and all sums corrected.
        for (from, balance) in [(4, 7_000), (5, 12_000)] {
            let moved = entry(&shop, "mina", from);
            put(&mut shop, "mina", LedgerEntry { sequence: from - 1, balance_after: Won::new(balance), ..moved });
        }
        shop.remove(keys::ledger_entry(&user("mina"), 5));
        shop.change(keys::account(&user("mina")), |account: &mut Account| {
            (account.balance, account.sequence) = (Won::new(12_000), 4);
        });
        assert_eq!(
            wrong(&shop),
            ["entry 3: hash of the entry before", "entry 4: hash of the entry before", "hash of the last entry"]
        );
    }

    #[test]
    fn an_inserted_entry_is_found() {
        let mut shop = shop();
        for from in [5, 4, 3] {
            let moved = entry(&shop, "mina", from);
            put(&mut shop, "mina", LedgerEntry { sequence: from + 1, ..moved });
        }
        let (entry_id, before) = ("new".to_owned(), entry(&shop, "mina", 2).hash(&user("mina")));
        let inserted = LedgerEntry { entry_id, amount: Won::ZERO, sequence: 3, before, ..entry(&shop, "mina", 2) };
        put(&mut shop, "mina", inserted);
        shop.change(keys::account(&user("mina")), |account: &mut Account| account.sequence = 6);
        assert_eq!(
            wrong(&shop),
            [
                "entry 4: hash of the entry before",
                "entry 5: hash of the entry before",
                "entry 6: hash of the entry before",
                "hash of the last entry",
            ]
        );
    }

    #[test]
    fn entries_that_changed_places_are_found() {
        let mut shop = shop();
        // With corrected sums and chained hashes too: 1,000 won, then 3,000, then 2,000.
        let (second, third) = (entry(&shop, "mina", 2), entry(&shop, "mina", 3));
        let first = LedgerEntry { sequence: 2, balance_after: Won::new(4_000), before: second.before, ..third.clone() };
        let then = LedgerEntry { sequence: 3, balance_after: Won::new(6_000), before: third.before, ..second };
        put(&mut shop, "mina", first);
        put(&mut shop, "mina", then);
        assert_eq!(wrong(&shop), ["entry 3: hash of the entry before", "entry 4: hash of the entry before"]);
    }

    #[test]
    fn a_truncated_ledger_is_found() {
        let mut shop = shop();
        shop.remove(keys::ledger_entry(&user("mina"), 5));
        shop.change(keys::account(&user("mina")), |account: &mut Account| {
            (account.balance, account.sequence) = (Won::new(10_000), 4);
        });
        assert_eq!(wrong(&shop), ["hash of the last entry"]);
    }

    #[test]
    fn a_ledger_that_lost_its_beginning_is_found() {
        let mut shop = shop();
        shop.remove(keys::ledger_entry(&user("mina"), 1));
        assert!(wrong(&shop).contains(&"next entry".to_owned()));
    }

    #[test]
    fn the_ledger_of_somebody_else_is_found() {
        let mut shop = shop();
        for sequence in 1..=5 {
            let other = entry(&shop, "jun", sequence);
            put(&mut shop, "mina", other);
        }
        let account: Account = shop.get(&keys::account(&user("jun")));
        shop.put(keys::account(&user("mina")), account);
        assert_eq!(wrong(&shop).len(), 5, "each entry but the first, and the account");
    }
}
