//! Payment sessions and withdrawals: money that comes from outside is in the ledger once, or goes back; money that leaves
//! has left the ledger once.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shared::{
    domain::{
        PaymentId, UserId, WithdrawalId,
        ledger::{EntryKind, LedgerEntry},
        session::{PaymentSession, Purpose, SessionStatus},
        withdrawal::{Withdrawal, WithdrawalStatus},
    },
    store::keys,
};

use crate::{
    findings::{Checks, Findings},
    holds,
    relation::{self, Relation, Selection},
    report::{Invariant, Subject},
};

/// The sessions and withdrawals of all users, each with its part of the ledger.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    sessions: BTreeMap<(UserId, PaymentId), Session>,
    withdrawals: BTreeMap<(UserId, WithdrawalId), Withdrawn>,
}

#[derive(Debug, Default)]
struct Session {
    known: Option<Known>,
    charges: u64,
    charged: i128,
    sent_back: i128,
}

#[derive(Debug)]
struct Known {
    credited: i128,
    sent_back: i128,
    look_at: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Withdrawn {
    known: Option<(i128, bool)>,
    entries: u64,
    moved: i128,
}

impl Sessions {
    pub(crate) fn add(&mut self, session: &PaymentSession, selection: &Selection) {
        if selection.has(relation::session(&session.user_id, &session.payment_id)) {
            let (credited, sent_back) =
                (session.credited().get().into(), session.sent_back_from_balance().get().into());
            let key = (session.user_id.clone(), session.payment_id.clone());
            self.sessions.entry(key).or_default().known = Some(Known { credited, sent_back, look_at: session.look_at });
        }
    }

    pub(crate) fn add_withdrawal(&mut self, withdrawal: &Withdrawal, selection: &Selection) {
        if selection.has(relation::withdrawal(&withdrawal.user_id, &withdrawal.withdrawal_id)) {
            let is_back = withdrawal.status == WithdrawalStatus::Returned;
            let key = (withdrawal.user_id.clone(), withdrawal.withdrawal_id.clone());
            self.withdrawals.entry(key).or_default().known = Some((withdrawal.amount.get().into(), is_back));
        }
    }

    /// Adds the entry of a user's ledger, if a session or a withdrawal moved the money.
    pub(crate) fn add_entry(&mut self, user: &UserId, entry: &LedgerEntry, selection: &Selection) {
        let amount = i128::from(entry.amount.get());
        match (&entry.payment_id, entry.kind) {
            (Some(payment), kind) if selection.has(relation::session(user, payment)) => {
                let session = self.sessions.entry((user.clone(), payment.clone())).or_default();
                match kind {
                    EntryKind::Charge => {
                        session.charges += 1;
                        session.charged += amount;
                    }
                    _ => session.sent_back -= amount,
                }
            }
            (None, EntryKind::Withdrawal) => {
                let Some(id) = withdrawal_of(entry).filter(|id| selection.has(relation::withdrawal(user, id))) else {
                    return;
                };
                let withdrawn = self.withdrawals.entry((user.clone(), id)).or_default();
                withdrawn.entries += 1;
                withdrawn.moved += amount;
            }
            _ => {}
        }
    }

    /// Drops the relations that are not selected.
    pub(crate) fn narrow(&mut self, selection: &Selection) {
        self.sessions.retain(|(user, payment), _| selection.has(relation::session(user, payment)));
        self.withdrawals.retain(|(user, withdrawal), _| selection.has(relation::withdrawal(user, withdrawal)));
    }

    /// The memory in use, about, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.sessions.len() * 300 + self.withdrawals.len() * 260
    }

    pub(crate) fn finish(self, now: Timestamp, findings: &mut Findings) {
        for ((user, payment), session) in self.sessions {
            let key = keys::session(&payment);
            let subject = Subject::Item(key.pk, key.sk);
            let relation = Relation::Session(user, payment);
            if let Some(at) = session.known.as_ref().and_then(|known| known.look_at) {
                let mut checks = findings.between(Invariant::Holds, subject.clone(), relation.clone());
                holds::check_end(at, now, &mut checks);
            }
            session.check(&mut findings.between(Invariant::Payments, subject, relation));
        }
        for ((user, withdrawal), withdrawn) in self.withdrawals {
            let key = keys::withdrawal(&withdrawal);
            let subject = Subject::Item(key.pk, key.sk);
            let relation = Relation::Withdrawal(user, withdrawal);
            withdrawn.check(&mut findings.between(Invariant::Payments, subject, relation));
        }
    }
}

/// The withdrawal that an entry names.
pub(crate) fn withdrawal_of(entry: &LedgerEntry) -> Option<WithdrawalId> {
    let id = entry.entry_id.split('-').next().filter(|_| entry.kind == EntryKind::Withdrawal)?;
    WithdrawalId::try_from(id.to_owned()).ok()
}

impl Session {
    fn check(&self, checks: &mut Checks<'_>) {
        let Some(known) = &self.known else {
            checks.violated("session that the ledger names", "one, of this user", "none");
            return;
        };
        checks.equal("charges in its user's ledger", u64::from(known.credited > 0), self.charges);
        checks.equal("won charged in its user's ledger", known.credited, self.charged);
        checks.equal("won sent back in its user's ledger", known.sent_back, self.sent_back);
    }
}

impl Withdrawn {
    fn check(&self, checks: &mut Checks<'_>) {
        let Some((amount, is_back)) = self.known else {
            checks.violated("withdrawal that the ledger names", "one, of this user", "none");
            return;
        };
        checks.equal("entries in its user's ledger", 1 + u64::from(is_back), self.entries);
        checks.equal("won moved in its user's ledger", if is_back { 0 } else { -amount }, self.moved);
    }
}

/// Checks a session by itself.
pub(crate) fn check(session: &PaymentSession, findings: &mut Findings) {
    let key = keys::session(&session.payment_id);
    let mut checks = findings.about(Invariant::Payments, Subject::Item(key.pk, key.sk));
    checks.equal("has the instant of its payment, as one with money", session.has_money(), session.paid_at.is_some());
    let is_asked = !matches!(session.status, SessionStatus::Ready);
    checks.equal("names a payment key, as one that was confirmed", is_asked, session.payment_key.is_some());
    let waits = session.is_confirming()
        || session.status == SessionStatus::WaitingForDeposit
        || session.open_refunds().next().is_some();
    if waits {
        checks.equal("is to be looked at, as one that waits", true, session.look_at.is_some());
    }
    let order = match &session.purpose {
        Purpose::Order { order_id } => Some(order_id.clone()),
        Purpose::TopUp => None,
    };
    checks.equal("order of its id", order, session.payment_id.order());
    let back = session.refunds.iter().map(|refund| i128::from(refund.amount.get())).sum::<i128>();
    if session.status == SessionStatus::Refunded {
        checks.equal("has a refund", true, back > 0);
    }
    if session.credited().is_zero() && !session.has_money() {
        checks.equal("won sent back without money", 0, back);
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        domain::{Won, account::Account, provider::ProviderName},
        store::sessions::SessionRecord,
    };

    use super::*;
    use crate::fixture::{DAYS_AGO, Shop, at, entry, payment, user};

    /// A shop with a top-up of 500 won by mina that is paid, credited by her third entry.
    fn topped_up() -> Shop {
        let mut shop = Shop::healthy();
        let session = PaymentSession::new(
            payment("top"),
            user("mina"),
            (Purpose::TopUp, Won::new(500)),
            ProviderName::Toss,
            (at(DAYS_AGO), at(DAYS_AGO)),
        );
        let session = PaymentSession {
            status: SessionStatus::Paid,
            payment_key: Some("k1".to_owned().try_into().unwrap()),
            paid_at: Some(at(DAYS_AGO)),
            ..session
        };
        let (key, place) = (keys::session(&payment("top")), place());
        shop.put(key.clone(), SessionRecord::new(session, "p".to_owned()));
        shop.list(key, Some(place));
        credit(&mut shop, 3, 500, 5_500);
        shop
    }

    fn place() -> keys::IndexKey {
        keys::session_by_time(&user("mina"), at(DAYS_AGO), &payment("top"))
    }

    fn credit(shop: &mut Shop, sequence: u64, amount: i64, after: i64) {
        let entry = entry(sequence, EntryKind::Charge, amount, after, None);
        let entry = LedgerEntry { payment_id: Some(payment("top")), ..entry };
        shop.put(keys::ledger_entry(&user("mina"), sequence), entry);
        shop.change(keys::account(&user("mina")), |account: &mut Account| {
            (account.balance, account.sequence) = (Won::new(after), sequence);
        });
    }

    fn change(shop: &mut Shop, change: impl FnOnce(&mut PaymentSession)) {
        shop.change(keys::session(&payment("top")), |record: &mut SessionRecord| change(&mut record.session));
    }

    const TOP: &str = r#"[payments] item "SESSION#top" "SESSION":"#;

    #[test]
    fn a_paid_top_up_is_in_the_ledger_once() {
        let mut shop = topped_up();
        assert_eq!(shop.chained().violations(), [] as [&str; 0]);
        credit(&mut shop, 4, 500, 6_000);
        assert_eq!(
            shop.chained().violations(),
            [
                format!("{TOP} charges in its user's ledger: expected 1, found 2"),
                format!("{TOP} won charged in its user's ledger: expected 500, found 1000"),
            ]
        );
    }

    #[test]
    fn the_amount_credited_is_the_amount_paid() {
        let mut shop = topped_up();
        change(&mut shop, |session| session.amount = Won::new(499));
        assert_eq!(
            shop.chained().violations(),
            [format!("{TOP} won charged in its user's ledger: expected 499, found 500")]
        );
    }

    #[test]
    fn a_session_without_money_credits_nothing() {
        let mut shop = topped_up();
        change(&mut shop, |session| (session.status, session.paid_at) = (SessionStatus::Declined, None));
        assert_eq!(
            shop.chained().violations(),
            [
                format!("{TOP} charges in its user's ledger: expected 0, found 1"),
                format!("{TOP} won charged in its user's ledger: expected 0, found 500"),
            ]
        );
        shop.remove(keys::session(&payment("top")));
        let missing = format!("{TOP} session that the ledger names: expected one, of this user, found none");
        assert_eq!(shop.chained().violations(), [missing]);
    }

    #[test]
    fn a_session_that_waits_is_looked_at() {
        let mut shop = topped_up();
        change(&mut shop, |session| (session.status, session.paid_at) = (SessionStatus::Confirming, None));
        let found = shop.chained().violations();
        let rule = format!("{TOP} is to be looked at, as one that waits: expected true, found false");
        assert!(found.contains(&rule), "{found:?}");
    }
}
