//! A second look at a relation that looks wrong, exact while the shop goes on.
//!
//! A commit changes all items of a relation at once, and each change gives an item another version, sequence or content.
//! If two reads of all its items, one after the other, find the same items, these are the items of one instant between the
//! two: the audit of that instant is exact. A relation is a few items, so that even a busy one stands still for the
//! milliseconds that this takes.
//!
//! Three relations can have a million items. The tickets of a campaign are given out by counters, and claim records never
//! change: the counters before and after tell which of them belong together. The orders of a product or of a budget take
//! a pass over the table ([`crate::units`]).

use std::{collections::BTreeSet, time::Duration};

use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use shared::{
    domain::{
        CouponId, OrderId, PaymentId, UserId,
        coupon::{Campaign, Counter},
        desk::DeskChange,
        drops::COUNTERS,
        ledger::LedgerEntry,
    },
    store::{Key, desk, keys, records::Record},
};
use tokio::time::sleep;

use crate::{
    Scope,
    auditor::Auditor,
    read::{ReadError, read_ledger},
    relation::Relation,
    report::{Invariant, Violation},
    sessions::withdrawal_of,
    source::{Items, MAX_KEYS, Source},
    units::LATEST_COMMIT,
};

/// The result of a second look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Look {
    /// The relation is right: its items were read at different instants.
    Right,
    Wrong(Vec<Violation>),
    /// It did not stand still at any try, or is too large to be read again.
    Undecided,
}

/// How often a relation is read before it is left undecided, and the wait in between.
const TRIES: u32 = 8;
const WAIT: Duration = Duration::from_millis(300);

/// The wait before a violation is believed: longer than an index lags, and than most consequences of a commit take.
const CONFIRMATION: Duration = Duration::from_secs(5);

/// The age up to which the orders of a user are looked through for held ones: a deposit has up to seven days. Older ones
/// that a scan has seen are added.
const HELD_FOR: SignedDuration = SignedDuration::from_hours(8 * 24);

/// The most tickets of a campaign that are read again.
const MAX_TICKETS: i64 = 2_000_000;

/// The reads of tickets at a time.
const READERS: usize = 16;

/// Looks at relations of a table.
pub(crate) struct SecondLook<'a> {
    pub(crate) source: &'a Source,
    pub(crate) scope: Scope,
    /// The beginning of the scan that found the suspects.
    pub(crate) scanned_from: Timestamp,
    pub(crate) now: &'a (dyn Fn() -> Timestamp + Send + Sync),
}

impl SecondLook<'_> {
    /// Reads a relation until it is right, wrong twice, or has been tried often enough. `seen` are the keys of items that
    /// a scan found.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub(crate) async fn at(&self, relation: Relation, seen: BTreeSet<Key>) -> (Relation, Result<Look, ReadError>) {
        let look = self.look(&relation, &seen).await;
        (relation, look)
    }

    async fn look(&self, relation: &Relation, seen: &BTreeSet<Key>) -> Result<Look, ReadError> {
        let mut before = None;
        for _ in 0..TRIES {
            let look = match relation {
                Relation::Campaign(coupon) => self.at_campaign(coupon, seen).await?,
                _ => self.at_items(relation, seen).await?,
            };
            let Some(violations) = look else {
                before = None;
                sleep(WAIT).await;
                continue;
            };
            if violations.is_empty() {
                return Ok(Look::Right);
            }
            if before.as_ref() == Some(&violations) {
                return Ok(Look::Wrong(violations));
            }
            before = Some(violations);
            sleep(CONFIRMATION).await;
        }
        self.last_resort(relation, seen).await
    }

    /// The violations of a relation that stood still.
    async fn at_items(&self, relation: &Relation, seen: &BTreeSet<Key>) -> Result<Option<Vec<Violation>>, ReadError> {
        let items = self.collect(relation, seen).await?;
        if self.collect(relation, seen).await? != items {
            return Ok(None);
        }
        let is_young = matches!(relation, Relation::Holder(..)) && self.is_issued_since(&items);
        let violations = self.judge(relation, items);
        // The scan may lack the claim record of a coupon that was issued since it began, and its key is not known.
        Ok(Some(if is_young { Vec::new() } else { violations }))
    }

    fn judge(&self, relation: &Relation, items: Items) -> Vec<Violation> {
        let mut auditor = Auditor::of_relation(relation.clone(), None, self.scope);
        items.into_values().for_each(|item| auditor.add(item));
        auditor.finish_pass((self.now)()).0.violations
    }

    fn is_issued_since(&self, items: &Items) -> bool {
        let since = self.scanned_from.checked_sub(LATEST_COMMIT).unwrap_or(Timestamp::MIN);
        items.values().cloned().any(|item| match Record::read(item) {
            Ok(Record::IssuedCoupon(coupon)) => coupon.issued_at >= since,
            _ => false,
        })
    }

    /// An account that changes all the time still has a ledger to its sequence. Its held orders stay undecided.
    async fn last_resort(&self, relation: &Relation, seen: &BTreeSet<Key>) -> Result<Look, ReadError> {
        if !matches!(relation, Relation::Account(_)) {
            return Ok(Look::Undecided);
        }
        let items = self.collect(relation, seen).await?;
        let mut violations = self.judge(relation, items);
        violations.retain(|violation| violation.invariant == Invariant::Balances);
        Ok(if violations.is_empty() { Look::Undecided } else { Look::Wrong(violations) })
    }

    /// Reads the items of a relation.
    async fn collect(&self, relation: &Relation, seen: &BTreeSet<Key>) -> Result<Items, ReadError> {
        let source = self.source;
        let mut items = match relation {
            Relation::Account(user) => return self.collect_account(user, seen).await,
            Relation::Order(order) => return self.collect_order(order, seen).await,
            Relation::Email(user) => {
                source.get([keys::profile(user), keys::account(user), keys::user_key(user)]).await?
            }
            Relation::Seller(user) => {
                let mut items = source.get([keys::account(user)]).await?;
                items.extend(source.partition(keys::seller_partition(user), "").await?);
                items
            }
            Relation::Holder(coupon, user) => {
                source.partition(keys::user_partition(user), &keys::user_coupon(user, coupon).sk).await?
            }
            Relation::Session(user, payment) => {
                self.collect_entries(user, |entry| entry.payment_id.as_ref() == Some(payment), keys::session(payment))
                    .await?
            }
            Relation::Withdrawal(user, withdrawal) => {
                let is_of = |entry: &LedgerEntry| withdrawal_of(entry).as_ref() == Some(withdrawal);
                self.collect_entries(user, is_of, keys::withdrawal(withdrawal)).await?
            }
            Relation::Limit(product, user) => {
                let from = self.scanned_from.checked_sub(LATEST_COMMIT).unwrap_or(Timestamp::UNIX_EPOCH);
                let since = source.listed(keys::orders_of(user), keys::instant(from)).await?;
                let mut items = source.partition(keys::user_partition(user), &keys::limit_prefix(product)).await?;
                items.extend(source.get(since).await?);
                items
            }
            Relation::Payment(payment) => source.get([keys::payment_claim(payment)]).await?,
            Relation::Sheet(sheet) => source.get([keys::sheet(sheet)]).await?,
            Relation::Mark(event) => source.get([keys::counted(event), keys::rebuild()]).await?,
            Relation::Drop(drop) => {
                // A counter moves before its number has a customer: the seen numbers were given out before.
                let counters = (0..COUNTERS).map(|counter| keys::line_counter(drop, counter));
                source.get(counters.chain([keys::drop(drop)])).await?
            }
            Relation::Product(_) | Relation::Campaign(_) | Relation::Budget(_) | Relation::Quota(_) => Items::new(),
        };
        let named = items.values().cloned().filter_map(|item| named_by(Record::read(item).ok()?, relation));
        let more: BTreeSet<Key> = named.chain(seen.iter().cloned()).collect();
        items.extend(source.get(more).await?);
        Ok(items)
    }

    /// Reads an account, then its ledger up to the account's sequence, and the orders that can be held.
    async fn collect_account(&self, user: &UserId, seen: &BTreeSet<Key>) -> Result<Items, ReadError> {
        let mut items = read_ledger(self.source, user).await?;
        if self.scope != Scope::Ledgers {
            let from = (self.now)().checked_sub(HELD_FOR).unwrap_or(Timestamp::UNIX_EPOCH);
            let orders = self.source.listed(keys::orders_of(user), keys::instant(from)).await?;
            items.extend(self.source.get(orders.into_iter().chain(seen.iter().cloned())).await?);
        }
        Ok(items)
    }

    /// Reads an order with its payments and its rows of the desk, and its entries in the ledgers of its user and of those
    /// that were seen.
    async fn collect_order(&self, order: &OrderId, seen: &BTreeSet<Key>) -> Result<Items, ReadError> {
        let mut items = self.source.partition(keys::order_partition(order), "").await?;
        let (mut user, mut rows) = (None, Vec::new());
        if let Some(Ok(Record::Order(record))) = items.get(&keys::order(order)).cloned().map(Record::read) {
            user = Some(keys::account(&record.order.user_id));
            rows = desk::rows(&record.order, &DeskChange::all_rows(&record.order));
        }
        let desk = [keys::desk_heartbeat(), keys::migration(crate::desk::MIGRATION)];
        let desk = desk.into_iter().chain(rows.into_iter().map(|(key, _)| key));
        let is_account = |key: &&Key| key.sk == "ACCOUNT";
        let ledgers: BTreeSet<Key> = seen.iter().filter(is_account).cloned().chain(user).collect();
        for Key { pk, .. } in ledgers {
            let ledger = self.source.partition(pk, keys::LEDGER_PREFIX).await?;
            let of_order = ledger.into_iter().filter(|(_, item)| match Record::read(item.clone()) {
                Ok(Record::LedgerEntry { entry, .. }) => entry.order_id.as_ref() == Some(order),
                _ => false,
            });
            items.extend(of_order);
        }
        let session = PaymentId::from_order(order).map(|payment| keys::session(&payment));
        let others = seen.iter().filter(|key| !is_account(key)).cloned().chain(session).chain(desk);
        items.extend(self.source.get(others).await?);
        Ok(items)
    }

    /// Reads an item, and those entries of a user's ledger that are of it.
    async fn collect_entries(
        &self,
        user: &UserId,
        is_of: impl Fn(&LedgerEntry) -> bool,
        key: Key,
    ) -> Result<Items, ReadError> {
        let mut items = self.source.partition(keys::user_partition(user), keys::LEDGER_PREFIX).await?;
        items.retain(|_, item| match Record::read(item.clone()) {
            Ok(Record::LedgerEntry { entry, .. }) => is_of(&entry),
            _ => false,
        });
        items.extend(self.source.get([key]).await?);
        Ok(items)
    }

    /// Reads a campaign, its counters, and then all tickets that these have given out. A ticket that is voided meanwhile
    /// changes the limit of its counter.
    async fn at_campaign(&self, coupon: &CouponId, seen: &BTreeSet<Key>) -> Result<Option<Vec<Violation>>, ReadError> {
        let is_of_campaign =
            |key: &&Key| matches!(key.sk.as_str(), "COUNTER" | "BUDGET") || key.pk == keys::CAMPAIGN_ROWS;
        let counters: BTreeSet<Key> = seen.iter().filter(is_of_campaign).cloned().collect();
        let before = self.counters(coupon, &counters).await?;
        let tickets: i64 = before.counters.iter().map(|(_, counter)| counter.next.max(0)).sum();
        if tickets > MAX_TICKETS {
            return Ok(None);
        }
        let mut auditor = Auditor::of_relation(Relation::Campaign(coupon.clone()), None, self.scope);
        let given_out = before
            .counters
            .iter()
            .flat_map(|(shard, counter)| (0..counter.next).map(|ticket| keys::ticket_claim(coupon, *shard, ticket)));
        let given_out: Vec<Key> = given_out.collect();
        let batches: Vec<Vec<Key>> = given_out.chunks(MAX_KEYS).map(<[Key]>::to_vec).collect();
        let reads = stream::iter(batches).map(|keys: Vec<Key>| self.source.get(keys));
        let mut reads = std::pin::pin!(reads.buffer_unordered(READERS));
        while let Some(claims) = reads.next().await {
            claims?.into_values().for_each(|claim| auditor.add(claim));
        }
        let after = self.counters(coupon, &counters).await?;
        if !before.stands_still(&after) {
            return Ok(None);
        }
        // A ticket beyond all that have been given out by now.
        let beyond = seen.iter().filter(|key| key.sk == "SLOT" && !after.has_given_out(key));
        let beyond = self.source.get(beyond.cloned()).await?;
        before.items.into_values().chain(beyond.into_values()).for_each(|item| auditor.add(item));
        Ok(Some(auditor.finish_pass((self.now)()).0.violations))
    }

    async fn counters(&self, coupon: &CouponId, seen: &BTreeSet<Key>) -> Result<Counters, ReadError> {
        let mut items = self.source.get([keys::campaign(coupon)]).await?;
        let campaign = items.get(&keys::campaign(coupon)).cloned().map(Record::read);
        let campaign = match campaign {
            Some(Ok(Record::Campaign(campaign))) => Some(*campaign),
            _ => None,
        };
        let shards = campaign.as_ref().map_or(0, Campaign::counters);
        let row = campaign.as_ref().map(|campaign| keys::campaign_row(coupon, campaign.issue_until));
        let budget_shards = campaign.as_ref().and_then(|campaign| campaign.budget_shards).unwrap_or_default();
        let budget = (0..budget_shards).map(|shard| keys::budget(coupon, shard));
        let of_campaign = (0..shards).map(|shard| keys::counter(coupon, shard)).chain(row).chain(budget);
        items.extend(self.source.get(of_campaign.chain(seen.iter().cloned())).await?);
        let counters = items.values().cloned().filter_map(|item| match Record::read(item) {
            Ok(Record::Counter { shard, counter, .. }) => Some((shard, counter)),
            _ => None,
        });
        Ok(Counters { coupon: coupon.clone(), campaign, counters: counters.collect(), items })
    }
}

/// A campaign and its counters.
struct Counters {
    coupon: CouponId,
    campaign: Option<Campaign>,
    counters: Vec<(u16, Counter)>,
    items: Items,
}

impl Counters {
    /// Whether no ticket was voided and no counter moved or changed but by giving out tickets.
    fn stands_still(&self, after: &Self) -> bool {
        let limits = |it: &Self| -> Vec<(u16, i64, u64)> {
            it.counters.iter().map(|(shard, counter)| (*shard, counter.limit, counter.version)).collect()
        };
        self.campaign == after.campaign && limits(self) == limits(after)
    }

    fn has_given_out(&self, claim: &Key) -> bool {
        let is_of = |(shard, counter): &(u16, Counter)| {
            let prefix = keys::ticket_claim(&self.coupon, *shard, 0).pk;
            let prefix = prefix.strip_suffix('0').unwrap_or_default();
            let ticket = claim.pk.strip_prefix(prefix).and_then(|ticket| ticket.parse::<i64>().ok());
            ticket.is_some_and(|ticket| (0..counter.next).contains(&ticket))
        };
        self.counters.iter().any(is_of)
    }
}

/// The key of another item of the relation, which a record names.
fn named_by(record: Record, relation: &Relation) -> Option<Key> {
    match (record, relation) {
        (Record::Profile(profile), Relation::Email(_)) => Some(keys::email(&profile.email_key())),
        (Record::SellerProduct { product, .. }, _) => Some(keys::product(&product.product_id)),
        (Record::IssuedCoupon(coupon), _) => coupon.order_id.as_ref().map(keys::order),
        (Record::PaymentClaim { payment, claim }, _) => Some(keys::payment(&claim.order_id, &payment)),
        (Record::Sheet(record), _) => record.sheet.order_id.as_ref().map(keys::order),
        _ => None,
    }
}
