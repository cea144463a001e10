//! The withdrawal of a user, and the erasure of their personal data after it.
//!
//! A user with open business cannot withdraw. The look at it is several reads, and an order may be placed meanwhile. The
//! commit of the withdrawal therefore asserts what every new order changes: the sequence of the ledger, which each
//! payment from the balance moves, and the count of holds ever placed. So the account is as it was before the look, and
//! what the look found is all there was. An order at the same time finds the user withdrawn, or makes the withdrawal
//! look again. The index of orders is eventual: orders paid from the balance are looked up by the ledger, too, which is
//! read strongly, and pending ones are counted by the account.
//!
//! | run twice | at the same time | stopped half-way | answer lost |
//! |---|---|---|---|
//! | the second finds the user withdrawn, the data erased | with an order: one of the two is refused or looks again; with itself: the profile's version decides | a planned erasure stays in the expiry index, and the sweep goes on with it | the repetition finds the user withdrawn |

use jiff::Timestamp;

use super::{
    Failure, Shop,
    expiry::{self, Expired, Place},
    listed, personal,
    sweeps::SweepStep,
};
use crate::{
    domain::{
        OrderId, PaymentId, Refusal, UserId,
        account::{Account, Movement},
        desk::Period,
        ledger::{EntryKind, LedgerEntry},
        order::Actor,
        refusal::OpenBusiness,
        text::PhoneKey,
        user::{Profile, UserStatus},
    },
    store::{
        Action, Consistency, Outcome, Transaction,
        exports::{self, UserExports},
        keys, ledger,
        orders::OrderRecord,
        people::{self, Erasure},
        sessions::SessionRecord,
        table::Range,
        users,
    },
};

/// Things of a user that one read takes.
const PAGE: usize = 100;
/// Reads of a list, at most: 10,000 orders.
const PAGES: usize = 100;
/// Addresses that one commit deletes.
const ADDRESSES: usize = 50;

/// Refuses a user with open business, or with money that is not forfeited.
///
/// # Errors
/// [`Refusal::OpenBusiness`]; [`Refusal::LimitExceeded`] for a user with more orders than a request can look at.
pub(super) async fn ensure_free(
    shop: &Shop,
    user: &UserId,
    account: &Account,
    is_forfeited: bool,
) -> Result<(), Failure> {
    let mut open = OpenBusiness { balance: account.balance, ..OpenBusiness::default() };
    let mut seen: Vec<OrderId> = Vec::new();
    let mut after = None;
    for page in 1.. {
        let list = (keys::orders_of(user), |id: &OrderId| keys::order(id));
        let (records, next) =
            listed::newest_first::<_, OrderRecord>(shop, user, list, Period::default(), after, PAGE).await?;
        for record in records {
            open.add_order(&record.order);
            seen.push(record.order.order_id);
        }
        after = next;
        if after.is_none() {
            break;
        }
        if page >= PAGES {
            return Err(too_many());
        }
    }
    for order in recently_paid(shop, user).await?.into_iter().filter(|order| !seen.contains(order)) {
        let record: Option<OrderRecord> = shop.table.get(keys::order(&order), Consistency::Strong).await?;
        if let Some(record) = record {
            open.add_order(&record.order);
        }
    }
    let held = u64::try_from(account.held_orders).unwrap_or_default();
    open.orders = open.orders.max(held);
    let now = shop.clock.now();
    let mut after = None;
    for page in 1.. {
        let list = (keys::sessions_of(user), |id: &PaymentId| keys::session(id));
        let (records, next) =
            listed::newest_first::<_, SessionRecord>(shop, user, list, Period::default(), after, PAGE).await?;
        records.iter().for_each(|record| open.add_session(&record.session, now));
        after = next;
        if after.is_none() {
            break;
        }
        if page >= PAGES {
            return Err(too_many());
        }
    }
    if open.is_only_balance() && (open.balance.is_zero() || is_forfeited) {
        return Ok(());
    }
    Err(Refusal::OpenBusiness(open).into())
}

fn too_many() -> Failure {
    let max = i64::try_from(PAGE.saturating_mul(PAGES)).unwrap_or(i64::MAX);
    Refusal::LimitExceeded { limit: "orders", max }.into()
}

/// The orders of the last payments in the ledger, which is read strongly.
async fn recently_paid(shop: &Shop, user: &UserId) -> Result<Vec<OrderId>, Failure> {
    let range = Range::of_partition(keys::user_partition(user), keys::LEDGER_PREFIX).newest_first();
    let page = shop.table.query::<LedgerEntry>(range, PAGE).await?;
    Ok(page.records.into_iter().filter_map(|entry| entry.order_id).collect())
}

/// Adds the changes of a withdrawal beside the profile, and returns that of the account: withdrawn, without money, and
/// as it was when [`ensure_free`] looked.
pub(super) fn close(
    shop: &Shop,
    user: &UserId,
    account: &Account,
    actor: Actor,
    transaction: &mut Transaction,
) -> Result<Action, Failure> {
    let now = shop.clock.now();
    let erase_at = now.checked_add(shop.policy.people.erase_after);
    let erase_at = erase_at.map_err(|_| Failure::Internal("an erasure is at an instant"))?;
    transaction.add(people::plan_erasure(user, erase_at));
    if account.balance.is_zero() {
        return Ok(users::withdraw(user, account, None));
    }
    let movement = Movement {
        // The ledger has one entry of a sequence number, so the id is unique.
        entry_id: format!("withdrawn-{user}-{}", account.sequence.saturating_add(1)),
        kind: EntryKind::Adjustment,
        amount: account.balance.negated(),
        order_id: None,
        payment_id: None,
        actor,
        reason: None,
        at: now,
    };
    let booked = account.book(user, movement);
    let (after, entry) = booked.map_err(|_| Failure::Internal("a balance can be given up"))?;
    transaction.add(ledger::append(user, &entry));
    Ok(users::withdraw(user, account, Some(&after)))
}

/// A part of the erasures whose instant has come.
///
/// # Errors
/// If the table cannot be reached.
pub async fn planned(shop: &Shop, until: Timestamp, after: Option<Place>) -> Result<Expired<UserId>, Failure> {
    expiry::expired(shop, keys::ERASURES.to_owned(), until, after, keys::erasure).await
}

/// Erases a part of the personal data of a withdrawn user: addresses first, then everything else with the key, in one
/// commit. Nothing happens if no erasure is planned, or its instant has not come.
///
/// # Errors
/// If the table cannot be reached.
pub async fn erase(shop: &Shop, user: UserId) -> Result<SweepStep, Failure> {
    let user = &user;
    let mut backoff = shop.backoff();
    let (erasure, profile) = (keys::erasure(user), keys::profile(user));
    let files = keys::user_exports(user);
    let wanted = [erasure.clone(), profile.clone(), keys::user_key(user), files.clone()];
    let found = shop.table.get_all(&wanted, Consistency::Strong, &mut backoff).await?;
    let Some(planned) = found.get::<Erasure>(&erasure)? else { return Ok(SweepStep::default()) };
    if planned.erase_at > shop.clock.now() {
        return Ok(SweepStep::default());
    }
    let stored: Profile = found.get(&profile)?.ok_or(Failure::Internal("a user who withdrew has a profile"))?;
    let range = Range::of_partition(keys::user_partition(user), keys::ADDRESS_PREFIX);
    let page = shop.table.query::<people::AddressRow>(range, ADDRESSES).await?;
    let numbers: Vec<u64> = page.records.iter().filter_map(people::AddressRow::number).collect();
    let mut transaction = Transaction::new();
    for number in &numbers {
        transaction.add(people::delete_address(user, *number));
    }
    if page.more {
        transaction.add(users::check_status(user, UserStatus::Withdrawn));
        let outcome = shop.table.commit(transaction, &mut backoff).await?;
        return Ok(SweepStep { corrected: 0, more: matches!(outcome, Outcome::Committed) });
    }
    let opened = personal::Seal::new(user, personal::key_in(&found, user)?).open_profile(&stored);
    if let Some(phone) = &opened.phone {
        transaction.add(people::unlist_phone(&PhoneKey::from_number(phone), user));
    }
    transaction.add(users::replace_profile(&stored, &stored.erased(shop.clock.now())));
    transaction.add(users::forget_address(user));
    transaction.add(people::delete_key(user));
    if found.get::<UserExports>(&files)?.is_some() {
        transaction.add(exports::forget(user));
    }
    transaction.add(people::delete_erasure(user));
    let outcome = shop.table.commit(transaction, &mut backoff).await?;
    shop.invalidate_personal(user);
    let is_done = matches!(outcome, Outcome::Committed);
    Ok(SweepStep { corrected: u64::from(is_done), more: false })
}

/// Erases at once what is to be erased at once. The sweep does the rest, so an error does not undo the withdrawal.
pub(super) async fn erase_at_once(shop: &Shop, user: &UserId) {
    for _ in 0..PAGES {
        match erase(shop, user.clone()).await {
            Ok(SweepStep { more: true, .. }) => {}
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(%error, user.id = %user, "the sweep erases the user's data");
                return;
            }
        }
    }
}
