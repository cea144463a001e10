//! Invariant 7: a hold, an order sheet or a campaign ends soon after its expiry, and has its entry in the expiry index
//! until then.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use shared::{
    domain::sheet::SheetState,
    store::{
        Item,
        keys::{self, Index, IndexKey},
        records::Record,
    },
};

use crate::{
    findings::{Checks, Findings},
    report::{Invariant, Subject},
};

/// The time that something may remain after its expiry. Its own message ends it, or else a sweep, each minute. One
/// sweep may be on its way, one may fail, and the next has a minute to finish.
const GRACE: SignedDuration = SignedDuration::from_mins(3);

/// Checks that a wait until `end` does not go on long after `end`.
pub(crate) fn check_end(end: Timestamp, now: Timestamp, checks: &mut Checks<'_>) {
    let latest = end.saturating_add(GRACE).unwrap_or(Timestamp::MAX);
    if now > latest {
        checks.violated("wait", format_args!("one that ends by {latest}"), format_args!("one that goes on at {now}"));
    }
}

/// The place of an item in an index, if it has one: its partition and sort key there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place(Option<String>, Option<String>);

impl Place {
    pub(crate) fn from_item(item: &Item, index: Index) -> Self {
        let text = |name| item.get(name).and_then(|value: &AttributeValue| value.as_s().ok().cloned());
        Self(text(index.pk), text(index.sk))
    }

    pub(crate) fn is_listed(&self) -> bool {
        *self != Self(None, None)
    }

    pub(crate) fn is_in(&self, partition: &str) -> bool {
        self.0.as_deref() == Some(partition)
    }

    /// The index entry that a record must have; only records with an expiry have one. A campaign that waits no longer
    /// is known by its tickets alone, so its own entry decides.
    fn belonging_to(&self, record: &Record) -> Self {
        let place = match record {
            Record::Order(record) => {
                let order = &record.order;
                let held = order.hold_expires_at.map(|end| keys::hold_by_expiry(&order.order_id, end));
                held.or_else(|| order.refunds_look_at.map(|at| keys::refunds_by_expiry(&order.order_id, at)))
            }
            Record::PlannedConfirmation(planned) => Some(keys::confirmation_by_expiry(&planned.order_id, planned.at)),
            Record::Session(record) => {
                let session = &record.session;
                session.look_at.map(|at| keys::session_by_expiry(&session.payment_id, at))
            }
            Record::Sheet(record) => {
                let sheet = &record.sheet;
                let is_open = sheet.state == SheetState::Open;
                is_open.then(|| keys::sheet_by_expiry(&sheet.order_sheet_id, sheet.expires_at))
            }
            Record::Campaign(campaign) => {
                let expiry = campaign.last_expiry().ok().filter(|_| self.is_in(keys::EXPIRIES));
                let expiry = expiry.map(|expiry| keys::campaign_by_expiry(&campaign.coupon_id, expiry));
                let swept =
                    || keys::campaign_by_sweep(&campaign.coupon_id, campaign.sweep.from.unwrap_or(campaign.issue_from));
                expiry.or_else(|| self.is_listed().then(swept))
            }
            Record::Product(product) => {
                product.sweep.from.map(|from| keys::inventory_by_expiry(&product.product_id, from))
            }
            Record::Erasure(erasure) => Some(keys::erasure_by_expiry(&erasure.user_id, erasure.erase_at)),
            Record::SellerChange { seller, change } => Some(keys::seller_by_expiry(seller, change.changed_at)),
            _ => None,
        };
        place.map_or(Self(None, None), Self::from)
    }

    /// Checks that the record has exactly its own entry in the expiry index.
    pub(crate) fn check(self, record: &Record, findings: &mut Findings) {
        // A line of the desk has no expiry: the index lists all lines in a state. `desk` checks that.
        if matches!(record, Record::DeskRow { .. }) {
            return;
        }
        let belongs = self.belonging_to(record);
        self.check_equals(belongs, "place in the expiry index", Invariant::Holds, record, findings);
    }

    pub(crate) fn check_equals(
        self,
        belongs: Self,
        rule: &str,
        invariant: Invariant,
        record: &Record,
        findings: &mut Findings,
    ) {
        if self != belongs {
            let key = record.key();
            let mut checks = findings.about(invariant, Subject::Item(key.pk, key.sk));
            checks.equal(rule, (belongs.0, belongs.1), (self.0, self.1));
        }
    }
}

impl From<IndexKey> for Place {
    fn from(IndexKey { pk, sk }: IndexKey) -> Self {
        Self(Some(pk), Some(sk))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{SOON, Shop, at, order, sheet, user};

    /// The violations among the holds and sheets of a healthy shop, if no function ran until this instant.
    fn wrong_at(instant: &str) -> Vec<String> {
        Shop::healthy().violations_at(at(instant))
    }

    #[test]
    fn what_waits_ends_soon_after_its_time() {
        assert_eq!(wrong_at(SOON), [] as [&str; 0]);
        assert_eq!(wrong_at("2026-11-20T03:08:00Z"), [] as [&str; 0]);
        let late = "wait: expected one that ends by 2026-11-20T03:08:00Z, \
                    found one that goes on at 2026-11-20T03:08:00.001Z";
        assert_eq!(
            wrong_at("2026-11-20T03:08:00.001Z"),
            [format!("[7 holds] order o4: {late}"), format!("[7 holds] sheet s2: {late}")]
        );
    }

    #[test]
    fn what_waits_is_in_the_index_just_where_it_belongs() {
        let (held, open) = (keys::order(&order("o4")), keys::sheet(&sheet("s2")));
        let later = at("2026-11-20T03:05:00.001Z");
        for (place, found) in [
            (None, "(None, None)"),
            (Some(keys::hold_by_expiry(&order("o4"), later)), r#"(Some("HOLDS#5"), Some("1795143900001#o4"))"#),
        ] {
            let mut shop = Shop::healthy();
            shop.place(held.clone(), place);
            let belongs = r#"(Some("HOLDS#5"), Some("1795143900000#o4"))"#;
            let rule = r#"[7 holds] item "ORDER#o4" "ORDER": place in the expiry index"#;
            assert_eq!(shop.violations(), [format!("{rule}: expected {belongs}, found {found}")]);
        }
        for place in
            [None, Some(keys::sheet_by_expiry(&sheet("s2"), later)), Some(keys::hold_by_expiry(&order("s2"), at(SOON)))]
        {
            let mut shop = Shop::healthy();
            shop.place(open.clone(), place);
            let violations = shop.violations();
            assert_eq!(violations.len(), 1);
            let rule = r#"[7 holds] item "SHEET#s2" "SHEET": place in the expiry index: expected (Some("SHEETS#"#;
            assert!(violations[0].starts_with(rule), "{violations:?}");
        }
    }

    #[test]
    fn what_does_not_wait_is_not_in_the_index() {
        for key in [
            keys::order(&order("o2")),
            keys::order(&order("o5")),
            keys::sheet(&sheet("s1")),
            keys::sheet(&sheet("s3")),
            keys::account(&user("mina")),
        ] {
            let mut shop = Shop::healthy();
            shop.place(key.clone(), Some(keys::hold_by_expiry(&order("o5"), at(SOON))));
            let violations = shop.violations();
            assert_eq!(violations.len(), 1);
            let about = format!("[7 holds] item {:?} {:?}: place in the expiry index: ", key.pk, key.sk);
            assert!(violations[0].starts_with(&(about + "expected (None, None), found (Some(")), "{violations:?}");
        }
    }
}
